/* SPDX-License-Identifier: ISC */
/* test_files.c - messages with files of their own: large ones, deferred ones, damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/files.h"
#include "scratch.h"
#include "tls/hash.h"

struct place {
	char dir[64];
	struct files files;
};

static struct rcpt rcpts[3] = {{.address = {"a@example.org", 13}},
    {.address = {"b@example.org", 13}, .state = RCPT_DONE},
    {.address = {"c@example.org", 13}}};

static int
setup(void **state)
{
	struct place *p = mem_new(sizeof *p);
	log_level(LOG_EMERG);
	strcpy(p->dir, "/tmp/test_files.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(files_open(p->dir, &p->files), E_OK);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	close(p->files.dir);
	close(p->files.large);
	close(p->files.deferred);
	close(p->files.corrupt);
	scratch_remove(p->dir);
	mem_free(state);
	return 0;
}

static struct envelope
envelope_of(unsigned char n, struct span message)
{
	struct envelope e = {
	    .id = {{n, 2, 3}}, .size_bytes = message.n, .n_rcpts = 3, .rcpts = rcpts};
	sha256(message, e.sha256);
	return e;
}

static void
defer(struct place *p, unsigned char n, const uint8_t *states, struct span message)
{
	struct envelope e = envelope_of(n, message);
	struct buf b = {0};
	envelope_put(&b, &e);
	assert_int_equal(deferred_write(&p->files, buf_as_span(&b), states,
			     states ? e.n_rcpts : 0, message),
	    E_OK);
	assert_int_equal(deferred_settle(&p->files, &e.id, 1), E_OK);
	buf_free(&b);
}

/* States of the three recipients in the file, as three digits. */
static int
states_of(struct place *p, unsigned char n)
{
	struct deferred d;
	struct envelope e;
	struct arena a = {.max_bytes = 0};
	assert_int_equal(deferred_read(&p->files, (struct id){{n, 2, 3}}, &d), E_OK);
	assert_int_equal(envelope_get(buf_as_span(&d.envelope), &a, &e), E_OK);
	assert_int_equal(e.n_rcpts, 3);
	int s = e.rcpts[0].state * 100 + e.rcpts[1].state * 10 + e.rcpts[2].state;
	arena_reset(&a);
	buf_free(&d.envelope);
	return s;
}

static void
test_large(void **state)
{
	struct place *p = *state;
	struct span text = SPAN("a large message");
	struct envelope e = envelope_of(1, text);
	int fd, again;
	assert_int_equal(large_file(&p->files, &fd), E_OK);
	assert_int_equal(large_check(fd, &e), E_BAD); /* empty */
	assert_int_equal(write(fd, text.p, text.n), text.n);
	assert_int_equal(large_check(fd, &e), E_OK);
	e.size_bytes++;
	assert_int_equal(large_check(fd, &e), E_BAD);
	e.size_bytes--;
	assert_int_equal(pwrite(fd, "A", 1, 0), 1);
	assert_int_equal(large_check(fd, &e), E_BAD);
	assert_int_equal(large_open(&p->files, e.id, &again), E_BAD);
	assert_int_equal(large_link(&p->files, fd, e.id), E_OK);
	/* the same again, as in a replay */
	assert_int_equal(large_link(&p->files, fd, e.id), E_OK);
	assert_int_equal(large_open(&p->files, e.id, &again), E_OK);
	close(again);
	message_files_remove(&p->files, e.id);
	assert_int_equal(large_open(&p->files, e.id, &again), E_BAD);
	close(fd);
}

static int
large_of(struct place *p, struct span text)
{
	int fd;
	assert_int_equal(large_file(&p->files, &fd), E_OK);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	return fd;
}

/* A batch named its file, and did not come to be: what comes under this id next has its own bytes. */
static void
test_large_again(void **state)
{
	struct place *p = *state;
	struct span first = SPAN("taken at noon"), second = SPAN("taken at nine");
	struct envelope e = envelope_of(1, second);
	int fd, was = large_of(p, first), is = large_of(p, second);
	assert_int_equal(large_link(&p->files, was, e.id), E_OK);
	assert_int_equal(large_link(&p->files, is, e.id), E_OK);
	assert_int_equal(large_open(&p->files, e.id, &fd), E_OK);
	assert_int_equal(large_check(fd, &e), E_OK);
	close(fd);
	close(was);
	close(is);
}

static void
test_deferred(void **state)
{
	struct place *p = *state;
	struct id id = {{7, 2, 3}};
	struct deferred d;
	char text[32] = "";
	int fd;
	assert_false(deferred_is_there(&p->files, id));
	assert_int_equal(deferred_read(&p->files, id, &d), E_BAD);
	defer(p, 7, NULL, SPAN("the message"));
	assert_true(deferred_is_there(&p->files, id));
	assert_int_equal(deferred_read(&p->files, id, &d), E_OK);
	assert_int_equal(d.message_bytes, 11);
	assert_int_equal(deferred_open(&p->files, id, &fd), E_OK);
	assert_int_equal(pread(fd, text, sizeof text, (off_t)d.offset), 11);
	assert_string_equal(text, "the message");
	close(fd);
	buf_free(&d.envelope);
	message_files_remove(&p->files, id);
	assert_false(deferred_is_there(&p->files, id));
}

/* The second recipient is done from the start. */
static void
test_hold(void **state)
{
	struct place *p = *state;
	defer(p, 11, NULL, SPAN("to be held"));
	assert_int_equal(deferred_hold(&p->files, (struct id){{11, 2, 3}}, true), E_OK);
	assert_int_equal(
	    states_of(p, 11), RCPT_HELD * 100 + RCPT_DONE * 10 + RCPT_HELD);
	assert_int_equal(deferred_hold(&p->files, (struct id){{11, 2, 3}}, true), E_OK);
	assert_int_equal(
	    deferred_hold(&p->files, (struct id){{11, 2, 3}}, false), E_OK);
	assert_int_equal(
	    states_of(p, 11), RCPT_WAITING * 100 + RCPT_DONE * 10 + RCPT_WAITING);
	assert_int_equal(
	    deferred_hold(&p->files, (struct id){{12, 2, 3}}, true), E_BAD);
}

static void
test_marks(void **state)
{
	struct place *p = *state;
	static const uint16_t two[] = {2}, none[] = {3};
	defer(p, 1, NULL, SPAN("x"));
	assert_int_equal(states_of(p, 1), 10);
	assert_int_equal(
	    deferred_mark(&p->files, (struct id){{1, 2, 3}}, two, 1), E_OK);
	assert_int_equal(states_of(p, 1), 11);
	assert_true(deferred_mark(&p->files, (struct id){{1, 2, 3}}, none, 1) != E_OK);
	assert_int_equal(states_of(p, 1), 11);
	assert_int_equal(deferred_mark(&p->files, (struct id){{9}}, two, 1), E_BAD);
	defer(p, 1, (const uint8_t[]){1, 1, 0}, SPAN("x"));
	assert_int_equal(states_of(p, 1), 110);
	const uint16_t others[] = {
	    mark_make(1, RCPT_RELAYED), mark_make(2, RCPT_RELAYED)};
	assert_int_equal(
	    deferred_mark(&p->files, (struct id){{1, 2, 3}}, others, 2), E_OK);
	assert_int_equal(states_of(p, 1), 114);
}

/* Every byte of the head and of the envelope, the state bytes left out, and every length. */
static void
test_damaged(void **state)
{
	struct place *p = *state;
	struct id id = {{5, 2, 3}};
	struct deferred d;
	char path[128];
	defer(p, 5, NULL, SPAN("m"));
	assert_int_equal(deferred_read(&p->files, id, &d), E_OK);
	off_t end = (off_t)d.offset;
	buf_free(&d.envelope);
	snprintf(
	    path, sizeof path, "%s/deferred/%.2s/%s", p->dir, id_text(id), id_text(id));
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t at = 0; at < end; at++) {
		char c;
		if (at >= 56 && at < 59)
			continue;
		assert_int_equal(pread(fd, &c, 1, at), 1);
		c = (char)(c ^ 0x10);
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
		assert_int_equal(deferred_read(&p->files, id, &d), E_BAD);
		c = (char)(c ^ 0x10);
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
	}
	assert_int_equal(states_of(p, 5), 10);
	for (off_t n = end - 1; n >= 0; n--) {
		assert_int_equal(ftruncate(fd, n), 0);
		assert_int_equal(deferred_read(&p->files, id, &d), E_BAD);
	}
	close(fd);
	corrupt_move(&p->files, id);
	assert_false(deferred_is_there(&p->files, id));
	snprintf(path, sizeof path, "%s/corrupt/%s", p->dir, id_text(id));
	assert_int_equal(access(path, F_OK), 0);
}

/* The file in deferred/ is damaged: the bytes of the message go aside with it. */
static void
test_damaged_large(void **state)
{
	struct place *p = *state;
	struct id id = {{6, 2, 3}};
	char path[128];
	int fd;
	assert_int_equal(large_file(&p->files, &fd), E_OK);
	assert_int_equal(write(fd, "bytes", 5), 5);
	assert_int_equal(large_link(&p->files, fd, id), E_OK);
	close(fd);
	defer(p, 6, NULL, SPAN(""));
	corrupt_move(&p->files, id);
	message_files_remove(&p->files, id); /* as what is done with afterwards */
	snprintf(path, sizeof path, "%s/corrupt/%s", p->dir, id_text(id));
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/corrupt/%s.large", p->dir, id_text(id));
	assert_int_equal(access(path, F_OK), 0);
}

static int
count(void *ctx, struct id id)
{
	unsigned *seen = ctx;
	(void)id;
	return ++*seen == 30 ? E_LIMIT : E_OK;
}

static int
each(struct place *p, unsigned *seen)
{
	int err = E_OK;
	for (unsigned i = 0; i < FOLDERS && err == E_OK; i++)
		err = deferred_each(&p->files, i, count, seen);
	return err;
}

static void
test_each(void **state)
{
	struct place *p = *state;
	unsigned seen = 0;
	assert_int_equal(each(p, &seen), E_OK);
	assert_int_equal(seen, 0);
	for (unsigned char i = 0; i < 20; i++)
		defer(p, (unsigned char)(i * 12), NULL, SPAN("x"));
	int half = openat(p->files.deferred, "00/000203000000000000000000.new",
	    O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(half >= 0); /* what a crash left half written is none */
	close(half);
	assert_int_equal(each(p, &seen), E_OK);
	assert_int_equal(seen, 20);
	assert_int_equal(each(p, &seen), E_LIMIT);
	assert_int_equal(seen, 30);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_large), TEST(test_large_again),
	    TEST(test_deferred), TEST(test_marks), TEST(test_hold), TEST(test_damaged),
	    TEST(test_damaged_large), TEST(test_each)};
	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
