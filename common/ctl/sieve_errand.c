/* SPDX-License-Identifier: ISC */
/* sieve_errand.c - what is to be done in the folder of an account's scripts and lists. */
#include "ctl/sieve_errand.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/user.h"
#include "ctl/worker.h"

/* the noun stands between them */
static const struct {
	int err, status;
	const char *before, *behind;
} results[] = {
    {E_OK, EX_OK, NULL, NULL},
    {E_MORE, EX_NOINPUT, "there is no ", " of that name"},
    {E_BAD, EX_DATAERR, "this can be no name of a ", ""},
    {E_DENY, EX_UNAVAILABLE, "it is the active ", ": deactivate it first"},
    {E_LIMIT, EX_CANTCREAT, "too many of them, too large a ",
	", or there is no room on the disk"},
    {E_IO, EX_IOERR, "no ", " can be reached; the log says why"},
};

/* ---- in the worker ---- */

int
errand_answer(struct errand *e)
{
	int err = buf_done(&e->text);
	return err == E_OK ? file_write(e->out, buf_as_span(&e->text)) : err;
}

static int
work(int chan, const char *home, void *ctx)
{
	struct errand *e = ctx;
	struct sieve_scripts s = {.dir = -1};
	int dir = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = dir >= 0 ? sieve_scripts_open(dir, true, &s) : E_IO;
	(void)chan;
	if (err == E_OK)
		err = e->fn(e, &s);
	sieve_scripts_close(&s);
	for (size_t i = 0; i < COUNT(results); i++)
		if (results[i].err == err)
			return results[i].status;
	return EX_SOFTWARE;
}

/* ---- in the command ---- */

static void
say(const struct account *a, const struct errand *e, int status)
{
	for (size_t i = 0; i < COUNT(results); i++)
		if (results[i].status == status && results[i].before)
			ctl_say("%.*s: %s%s%s", SPAN_ARG(a->address), results[i].before,
			    e->noun, results[i].behind);
}

static int
run_worker(struct merpati *c, const struct account *a, struct errand *e)
{
	struct worker w;
	int status = worker_start(c->conf, a, work, e, &w);
	if (status != EX_OK)
		return status;
	status = worker_serve(&w, NULL, 0, NULL);
	say(a, e, status);
	buf_reset(&e->text);
	e->text.max = e->answer_max;
	if (status == EX_OK && e->answer_max &&
	    (lseek(e->out, 0, SEEK_SET) != 0 || file_read(e->out, &e->text) != E_OK))
		status = EX_SOFTWARE;
	return status;
}

int
errand_run(struct merpati *c, const char *address, struct errand *e)
{
	struct accounts *accounts = NULL;
	struct arena arena = {0};
	struct account a;
	int status = user_accounts(c, &accounts);
	if (status == EX_OK)
		status = user_find(c, accounts, address, &arena, &a);
	accounts_close(&accounts); /* no table is open while a worker is forked */
	e->out = memfd_create("sieve", MFD_CLOEXEC);
	if (e->out < 0)
		bug("no memory for a file");
	if (status == EX_OK)
		status = run_worker(c, &a, e);
	close(e->out);
	arena_reset(&arena);
	return status;
}

int
errand_table(struct merpati *c, int argc, char **argv, struct errand *e,
    struct table *t, void (*row)(struct table *, struct rd *))
{
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = errand_run(c, argv[0], e);
	struct rd r = rd_of(buf_as_span(&e->text));
	while (status == EX_OK && r.in.n && r.err == E_OK)
		row(t, &r);
	if (status == EX_OK && rd_end(&r) != E_OK)
		status = EX_SOFTWARE;
	if (status == EX_OK)
		table_print(t, c->is_json);
	table_free(t);
	buf_free(&e->text);
	return status == EX_OK ? ctl_done() : status;
}
