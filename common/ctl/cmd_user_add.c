/* SPDX-License-Identifier: ISC */
/*
 * cmd_user_add.c - new accounts, one or thousands.  A mailbox is made by a process of its own uid;
 * several work at once.  The table of accounts is written at the end: what a crash leaves are
 * mailboxes without an account, and the next attempt says so.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/password.h"
#include "ctl/user.h"

enum { WORKERS = 4, LINE_BYTES_MAX = ACCOUNT_ADDRESS_MAX + PASSWORD_BYTES_MAX + 2 };

struct adding {
	struct merpati *ctl;
	struct accounts *accounts;      /* own: who is there already */
	struct accounts_writer *writer; /* own */
	struct account like;            /* what all of them get */

	struct {
		pid_t pid;
		char *address;
	} workers[WORKERS]; /* own */

	size_t n_begun; /* worker i of n stands at i % WORKERS */
	void *seen;     /* own: tree of addresses of this run */
	unsigned n_added;
	int status; /* the first thing that went wrong */
};

static void
failed(struct adding *a, int status)
{
	if (a->status == EX_OK)
		a->status = status;
}

static void
end_worker(struct adding *a, size_t slot)
{
	if (!a->workers[slot].address)
		return;
	int status = mailbox_end(a->workers[slot].address, a->workers[slot].pid);
	if (status == EX_OK) {
		a->n_added++;
	} else {
		failed(a, status);
		if (account_remove(a->writer, span_of(a->workers[slot].address)) !=
		    E_OK)
			failed(a, EX_IOERR);
	}
	mem_free(&a->workers[slot].address);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Said once, whether the table or this run has it. */
static int
check_new(struct adding *a, const char *address)
{
	struct arena arena = {0};
	struct account have;
	int err = account_get(a->accounts, span_of(address), &arena, &have);
	arena_reset(&arena);
	if (err == E_IO) {
		ctl_say("the table of accounts cannot be read");
		return EX_NOINPUT;
	}
	if (err == E_OK || tfind(address, &a->seen, compare)) {
		ctl_say("there is an account %s already", address);
		return EX_DATAERR;
	}
	if (!tsearch(mem_dup(address), &a->seen, compare))
		bug("out of memory");
	return EX_OK;
}

static int
put_account(struct adding *a, struct account *new, struct span password)
{
	int err = E_OK;
	if (geteuid() == 0)
		err = account_uid_new(a->writer, &new->uid);
	else
		new->uid = geteuid();
	if (err == E_LIMIT) {
		ctl_say("no uid is left between uid_first and uid_last; set uid_last "
			"higher");
		return EX_UNAVAILABLE;
	}
	new->created_sec = clock_wall_sec();
	new->gid = geteuid() == 0 ? (gid_t) new->uid : getegid();
	if (err == E_OK)
		err = account_put(a->writer, new);
	if (err == E_OK)
		err = account_secret_put(a->writer, new->address, password);
	if (err != E_OK)
		ctl_say("%.*s could not be written: %s", SPAN_ARG(new->address),
		    err_name(err));
	return err == E_OK ? EX_OK : EX_IOERR;
}

static int
begin_worker(struct adding *a, const struct account *new, const char *address)
{
	size_t slot = a->n_begun % WORKERS;
	end_worker(a, slot);
	int status = mailbox_begin(a->ctl->conf, new, &a->workers[slot].pid);
	if (status != EX_OK)
		return status;
	a->workers[slot].address = mem_dup(address);
	a->n_begun++;
	return EX_OK;
}

static void
add_one(struct adding *a, const char *text, struct span password)
{
	struct buf address = {0}, home = {0};
	struct account new = a->like;
	int status =
	    mailbox_address(a->ctl->conf, text, &address) == E_OK ? EX_OK : EX_DATAERR;
	if (status == EX_OK)
		status = password_check(password, text);
	if (status == EX_OK)
		status = check_new(a, buf_cstr(&address));
	if (status == EX_OK) {
		mailbox_home(buf_as_span(&address), &home);
		new.address = buf_as_span(&address);
		new.home = buf_as_span(&home);
		status = put_account(a, &new, password);
		if (status == EX_OK)
			status = begin_worker(a, &new, buf_cstr(&address));
		if (status != EX_OK && account_remove(a->writer, new.address) == E_IO)
			status = EX_IOERR;
	}
	failed(a, status);
	buf_free(&address);
	buf_free(&home);
}

/* Lines "address password"; empty ones and comments are skipped. */
static void
add_from(struct adding *a, FILE *f)
{
	char line[LINE_BYTES_MAX];
	unsigned number = 0;
	while (fgets(line, sizeof line, f)) {
		struct span rest = span_of(line);
		number++;
		if (rest.n && line[rest.n - 1] == '\n')
			line[--rest.n] = '\0';
		if (rest.n == 0 || line[0] == '#')
			continue;
		size_t blank = span_find(rest, ' ');
		if (blank == rest.n || rest.n + 1 == sizeof line) {
			ctl_say("line %u: right would be \"address password\"", number);
			failed(a, EX_DATAERR);
			continue;
		}
		line[blank] = '\0';
		add_one(a, line, span_from(rest, blank + 1));
	}
	mem_wipe(line, sizeof line);
}

static int
add_from_file(struct adding *a, const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!f) {
		ctl_say("%s: %m", path);
		return EX_NOINPUT;
	}
	add_from(a, f);
	if (f != stdin)
		fclose(f);
	return a->status;
}

/* The mailboxes first, then who has them: an account always has a mailbox. */
static void
finish(struct adding *a)
{
	for (size_t i = 0; i < WORKERS; i++)
		end_worker(a, i);
	int status = a->n_added ? mailbox_sync(a->ctl->conf) : EX_OK;
	int written = user_written(&a->writer, E_OK);
	failed(a, status != EX_OK ? status : written);
	accounts_close(&a->accounts);
	tdestroy(a->seen, free);
}

static int
begin(struct adding *a)
{
	int status = user_writer(a->ctl, &a->writer);
	if (status == EX_OK)
		status = user_accounts(a->ctl, &a->accounts);
	if (status != EX_OK && a->writer && user_written(&a->writer, E_OK) != EX_OK)
		status = EX_IOERR;
	return status;
}

int
cmd_user_add(struct merpati *c, int argc, char **argv)
{
	struct password_opts from = {.file = NULL};
	struct user_opts settings = {.quota = NULL};
	const char *list = NULL;
	const struct opt opts[] = {{"--password-stdin", &from.is_stdin, NULL},
	    {"--password-file", NULL, &from.file}, {"--from", NULL, &list},
	    USER_OPT_ROWS(&settings)};
	struct adding a = {.ctl = c, .like = {.pop3_keep_days = POP3_KEEP_ALWAYS}};
	struct buf password = {0}, address = {0};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, 1);
	if (status == EX_OK && (argc == 1) == (list != NULL))
		status = ctl_usage(c, "right would be one address, or --from FILE");
	if (status == EX_OK)
		status = user_opts_apply(c, &settings, &a.like);
	if (status == EX_OK && !list &&
	    mailbox_address(c->conf, argv[0], &address) != E_OK)
		status = EX_DATAERR;
	if (status == EX_OK && !list)
		status = password_read(&from, argv[0], &password);
	if (status == EX_OK)
		status = begin(&a);
	if (status == EX_OK) {
		if (list)
			failed(&a, add_from_file(&a, list));
		else
			add_one(&a, argv[0], buf_as_span(&password));
		finish(&a);
		status = a.status;
	}
	buf_free(&address);
	buf_wipe(&password);
	return status;
}
