/* SPDX-License-Identifier: ISC */
/*
 * store_load.c - store_load HOME: what calls of the store take, on an account made in HOME (a new
 * directory).  Medians.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/incoming.h"
#include "store/name.h"
#include "store/store.h"
#include "tls/hash.h"

enum {
	MESSAGES = 100000,
	FLAGGED = 10000,
	MAILBOXES = 200,
	ROUNDS = 51,
	MESSAGE_BYTES = 4096
};

static struct store *s;
static char message[MESSAGE_BYTES];
static int64_t begin_us, took_us[ROUNDS];

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void
said(const char *what, size_t n)
{
	qsort(took_us, n, sizeof *took_us, by_size);
	printf("%-40s %8lld us  (least %lld, most %lld)\n", what,
	    (long long)took_us[n / 2], (long long)took_us[0],
	    (long long)took_us[n - 1]);
}

static void
must(int ok)
{
	if (!ok) {
		fprintf(stderr, "a call failed\n");
		exit(1);
	}
}

#define TIMED(round, call)                                                             \
	do {                                                                           \
		begin_us = clock_mono_us();                                            \
		must(call);                                                            \
		took_us[round] = clock_mono_us() - begin_us;                           \
	} while (0)

static bool
synced_file(void)
{
	int fd = open("tmp/x", O_WRONLY | O_CREAT | O_EXCL, 0600);
	bool ok =
	    write(fd, message, sizeof message) == sizeof message && fsync(fd) == 0;
	close(fd);
	unlink("tmp/x");
	return ok;
}

static bool
append(const char *mailbox, size_t n)
{
	static struct incoming all[STORE_APPENDS_MOST];
	for (size_t i = 0; i < n; i++)
		must(incoming_begin(s, &all[i]) == E_OK &&
		     incoming_write(&all[i], span_make(message, sizeof message)) ==
			 E_OK &&
		     incoming_end(&all[i]) == E_OK);
	bool ok = store_append(s, span_of(mailbox), all, n, NULL, NULL) == STORE_DONE;
	for (size_t i = 0; i < n; i++)
		incoming_drop(&all[i]);
	return ok;
}

static int
nothing(void *ctx, const struct store_mailbox *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return E_OK;
}

static bool
flag(uint32_t mailbox, uint32_t n, unsigned round)
{
	struct numset uids = {0};
	struct store_change c = {
	    .how = round % 2 ? STORE_REMOVE : STORE_ADD, .flags = FLAG_SEEN};
	must(numset_add(&uids, 1, n) == E_OK);
	bool ok = store_flags(s, mailbox, &uids, &c, NULL) == STORE_DONE;
	numset_free(&uids);
	return ok;
}

static void
fill(const char *mailbox, uint32_t id)
{
	struct numset all = {0};
	struct store_copied c;
	must(append(mailbox, 500) && numset_add(&all, 1, 500) == E_OK);
	for (unsigned n = 500; n < MESSAGES; n += 500) {
		must(
		    store_copy(s, id, &all, span_of(mailbox), false, &c) == STORE_DONE);
		numset_free(&c.from);
		numset_free(&c.to);
	}
	numset_free(&all);
}

/* From the file's last byte to the waiting session. */
static void
push(unsigned round)
{
	struct store_view v;
	struct pollfd p = {.events = POLLIN};
	struct file_name f = {
	    .id = file_id_of(id_new(), 7), .size_bytes = sizeof message};
	struct buf path = {0};
	must(store_select(s, SPAN("INBOX"), true, &v) == E_OK &&
	     store_watch(s, &v, v.modseq, &p.fd) == E_OK);
	buf_str(&path, "new/");
	file_name_put(&path, &f);
	int fd = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_EXCL, 0600);
	must(write(fd, message, sizeof message) == sizeof message);
	TIMED(round, close(fd) == 0 && poll(&p, 1, 5000) == 1);
	store_unselect(s, &v);
	buf_free(&path);
}

int
main(int argc, char **argv)
{
	struct store_mailbox m;
	struct store_view v;
	unsigned n = 0;
	if (argc != 2)
		return 64;
	memset(message, 'x', sizeof message);
	pid_t pid = fork();
	if (pid == 0)
		_exit(store_create(argv[1]) == E_OK ? 0 : 1);
	must(waitpid(pid, NULL, 0) == pid && store_open(argv[1], &s) == E_OK);
	must(store_mailbox(s, SPAN("Archive"), &m) == E_OK);

	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, synced_file());
	said("a file of 4 KB, synced", ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, append("INBOX", 1));
	said("append of 4 KB", ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++)
		push(i);
	said("delivery to push", ROUNDS);

	fill("Archive", m.id);
	TIMED(0, store_select(s, SPAN("Archive"), true, &v) == E_OK);
	said("select of 100,000, not loaded", 1);
	store_unselect(s, &v);
	for (unsigned i = 0; i < ROUNDS; i++) {
		TIMED(i, store_select(s, SPAN("Archive"), true, &v) == E_OK);
		store_unselect(s, &v);
	}
	said("select of 100,000, loaded", ROUNDS);
	must(store_select(s, SPAN("Archive"), true, &v) == E_OK);
	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, flag(m.id, FLAGGED, i));
	said("flags of 10,000", ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, flag(m.id, 1, i));
	said("flags of 1", ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, store_sync(s) == E_OK);
	said("sync (NOOP)", ROUNDS);
	for (unsigned i = 6; i < MAILBOXES; i++) {
		char name[64];
		snprintf(name, sizeof name, "projects/a folder with number %u", i);
		must(store_mailbox_create(s, span_of(name), NULL, NULL) == STORE_DONE);
	}
	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, store_mailboxes(s, nothing, &n) == E_OK);
	said("mailboxes, 200 of them", ROUNDS);
	for (unsigned i = 0; i < ROUNDS; i++)
		TIMED(i, store_mailbox(
			     s, SPAN("projects/a folder with number 199"), &m) == E_OK);
	said("one mailbox", ROUNDS);
	store_close(&s);
	return 0;
}
