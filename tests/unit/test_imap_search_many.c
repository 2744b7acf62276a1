/* SPDX-License-Identifier: ISC */
/*
 * test_imap_search_many.c - SEARCH, SORT and THREAD of many messages: clients that do not wait for the
 * end, slices, signatures, times.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "imap_fakes.h"
#include "imapd/look.h"
#include "imapd/search_slices.h"
#include "mime/cache.h"
#include "proc/child.h"

enum { MANY = 10000, FLAGS_MANY = 100000, BODY_BYTES = 6700 };

static const char *const keywords[] = {NULL};

/* A session that has many messages selected, and its client. */
struct talk {
	struct session s;
	int peer;
	struct fake_message *many; /* own */
	size_t n;
};

/* n messages of so many octets in their bodies. */
static struct fake_message *
many_make(size_t n, size_t body_bytes, unsigned kind)
{
	struct fake_message *m = mem_new(n * sizeof *m);
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0};
		buf_putf(&b,
		    "From: Person %zu <p%zu@a.test>\r\nTo: Team "
		    "<team@b.test>\r\nSubject: Re: The matter %zu\r\n"
		    "Date: Tue, 1 Feb 1994 10:%02zu:%02zu +0000\r\nMessage-ID: "
		    "<%zu.abcdefghijkl@a.test>\r\nReferences: "
		    "<%zu.abcdefghijkl@a.test>\r\n\r\n",
		    i % 100, i % 100, i * 7919 % n, i * 7919 / 60 % 60, i * 7919 % 60,
		    i, i / 10 * 10);
		while (b.len < body_bytes)
			buf_str(&b, "The quick brown fox jumps over the lazy dog, and "
				    "then sits down.\r\n");
		buf_ch(&b, '\0');
		m[i] = (struct fake_message){.uid = (uint32_t)i + 1,
		    .flags = (uint32_t)i % 32,
		    .modseq = i,
		    .kind = kind,
		    .text = b.p};
	}
	return m;
}

static void
talk_open(struct talk *t, size_t n, size_t body_bytes, unsigned kind)
{
	t->many = many_make(n, body_bytes, kind);
	t->n = n;
	fakes_open(&t->s, t->many, n, keywords, &t->peer);
}

static void
talk_close(struct talk *t)
{
	fakes_close(&t->s);
	close(t->peer);
	for (size_t i = 0; i < t->n; i++)
		free((char *)(uintptr_t)t->many[i].text);
	mem_free(&t->many);
}

/* ---- who does not wait for the end ---- */

/* The client closed both ways: nobody reads what is found. */
static void
test_client_that_is_gone(void **state)
{
	enum { N = 100, BYTES = 100000 };
	struct talk t;
	(void)state;
	talk_open(&t, N, BYTES, FAKE_ITEM);
	shutdown(t.peer, SHUT_RDWR);
	assert_int_equal(fakes_command(&t.s, cmd_search, "SEARCH", "BODY fox"), R_NONE);
	assert_true(t.s.is_broken);
	assert_in_range(fake_counts.files, 1, LOOK_EACH_BYTES / BYTES + 2);
	talk_close(&t);
}

/* One that only has nothing more to say gets what a short search finds. */
static void
test_client_that_listens_on(void **state)
{
	enum { N = 30, BYTES = 100000 };
	struct talk t;
	(void)state;
	talk_open(&t, N, BYTES, FAKE_ITEM);
	shutdown(t.peer, SHUT_WR);
	assert_int_equal(
	    fakes_command(&t.s, cmd_search, "SEARCH", "RETURN (COUNT) BODY fox"),
	    R_DONE);
	assert_string_equal(
	    buf_cstr(&t.s.io.out), "* ESEARCH (TAG \"A1\") COUNT 30\r\n");
	talk_close(&t);
}

static void
test_drain(void **state)
{
	enum { N = 100, BYTES = 100000 };
	struct talk t;
	(void)state;
	talk_open(&t, N, BYTES, FAKE_ITEM);
	t.s.io.ends_on_drain = true;
	the_child.is_stopping = true;
	assert_int_equal(
	    fakes_command(&t.s, cmd_search, "SEARCH", "BODY fox"), R_LATER);
	/* shorter than a look */
	assert_int_equal(fakes_command(&t.s, cmd_search, "SEARCH", "SEEN"), R_DONE);
	the_child.is_stopping = false;
	talk_close(&t);
}

/* ---- signatures that were turned ---- */

enum { SLICED = 1500, SLICED_BYTES = 600 };

static const char *const sliced_keys[] = {"BODY \"quick brown\"", "BODY nowhere",
    "TEXT \"matter 14\"", "TEXT \"Person 77\" NOT SEEN", "BODY \"\"",
    "OR BODY nobody TEXT p13@", "NOT BODY fox", "BODY ox", "HEADER X-None some",
    "1:200 BODY fox"};

/* What each key finds now, and what it takes. */
static struct fake_counts
look_for_sliced(struct talk *t, char *found[COUNT(sliced_keys)])
{
	fake_counts = (struct fake_counts){.files = 0};
	for (size_t i = 0; i < COUNT(sliced_keys); i++) {
		assert_int_equal(
		    fakes_command(&t->s, cmd_search, "SEARCH", sliced_keys[i]), R_DONE);
		found[i] = strdup(buf_cstr(&t->s.io.out));
		buf_reset(&t->s.io.out);
	}
	return fake_counts;
}

static void
keep_slices(struct talk *t)
{
	buf_reset(&t->s.io.out); /* the client has it */
	search_slices_keep(&t->s);
}

/* All the same with slices, with damaged ones, and where they are of other messages. */
static void
test_sliced(void **state)
{
	char *first[COUNT(sliced_keys)], *again[COUNT(sliced_keys)];
	struct talk t;
	(void)state;
	talk_open(&t, SLICED, SLICED_BYTES, FAKE_ITEM);
	struct fake_counts without = look_for_sliced(&t, first);
	assert_true(without.items_read > SLICED);
	keep_slices(&t);
	assert_int_equal(fake_counts.slices_written, 1);
	for (unsigned damage = 0; damage < 4; damage++) {
		if (damage == 1) /* the first message is not the one that it was */
			((struct store_record *)(uintptr_t)t.s.selected->view.records)
			    ->id.b[0] ^= 1;
		for (size_t i = 100; damage == 2 && i < fake_slices.len; i += 7)
			fake_slices.p[i] ^= 1;
		if (damage == 3)
			fake_slices.len /= 2;
		struct fake_counts with = look_for_sliced(&t, again);
		assert_int_equal(with.files, without.files);
		if (damage == 0)
			assert_int_equal(with.items_read, 0);
		if (damage == 1)
			assert_in_range(with.items_read, 1, 3 * COUNT(sliced_keys));
		for (size_t i = 0; i < COUNT(sliced_keys); i++) {
			assert_string_equal(first[i], again[i]);
			free(again[i]);
		}
	}
	for (size_t i = 0; i < COUNT(sliced_keys); i++)
		free(first[i]);
	talk_close(&t);
}

/* Only who looked at many, and only once; not while the client waits for its next command. */
static void
test_slices_wanted(void **state)
{
	struct talk t;
	struct buf many = {0};
	(void)state;
	talk_open(&t, SLICED, 0, FAKE_ITEM);
	fakes_command(&t.s, cmd_search, "SEARCH", "1:900 BODY nowhere");
	assert_int_equal(t.s.slices_wanted, 0);
	fakes_command(
	    &t.s, cmd_search, "SEARCH", "1:900 NOT BODY nowhere NOT BODY elsewhere");
	assert_int_equal(t.s.slices_wanted, 0);
	fakes_command(&t.s, cmd_search, "SEARCH", "SUBJECT nowhere");
	assert_int_equal(t.s.slices_wanted, 0);
	fakes_command(&t.s, cmd_search, "SEARCH", "1:1000 BODY nowhere");
	assert_int_equal(t.s.slices_wanted, t.s.selected->view.mailbox);
	buf_str(&t.s.io.in, "A2 NOOP\r\n");
	keep_slices(&t);
	assert_int_equal(fake_counts.slices_written, 0);
	buf_reset(&t.s.io.in);
	keep_slices(&t);
	keep_slices(&t);
	assert_int_equal(fake_counts.slices_written, 1);
	fakes_command(&t.s, cmd_search, "SEARCH", "BODY nowhere");
	assert_int_equal(t.s.slices_wanted, 0);
	/* more needles than are looked for in slices */
	for (unsigned i = 0; i < 20; i++)
		buf_putf(&many, "%sNOT BODY nowhere%u", i ? " " : "", i);
	fake_counts.items_read = 0;
	fakes_command(&t.s, cmd_search, "SEARCH", buf_cstr(&many));
	assert_true(fake_counts.items_read >= SLICED);
	assert_int_equal(t.s.slices_wanted, 0);
	buf_free(&many);
	talk_close(&t);
}

/* ---- how long it takes: with TIMES set ---- */

static void
time_of(struct session *s, command_handler *handler, const char *verb,
    const char *arguments)
{
	long least = LONG_MAX;
	for (int i = 0; i < 5; i++) {
		clock_t from = clock();
		assert_int_equal(fakes_command(s, handler, verb, arguments), R_DONE);
		long us = (long)((clock() - from) * 1000000 / CLOCKS_PER_SEC);
		least = us < least ? us : least;
	}
	printf("%7ld us of the processor  %s %.60s\n", least, verb, arguments);
}

static void
times_of_items(void)
{
	struct talk t;
	talk_open(&t, MANY, BODY_BYTES, FAKE_ITEM);
	time_of(&t.s, cmd_search, "SEARCH", "SUBJECT nowhere");
	time_of(&t.s, cmd_search, "SEARCH", "FROM p77@");
	time_of(
	    &t.s, cmd_search, "SEARCH", "HEADER Message-ID <4711.abcdefghijkl@a.test>");
	time_of(&t.s, cmd_search, "SEARCH", "SENTON 1-Feb-1994");
	time_of(&t.s, cmd_search, "SEARCH", "BODY nowhere");
	time_of(&t.s, cmd_search, "SEARCH", "TEXT nowhere");
	time_of(&t.s, cmd_sort, "SORT", "(REVERSE DATE) UTF-8 ALL");
	time_of(&t.s, cmd_sort, "SORT", "(SUBJECT) UTF-8 ALL");
	time_of(&t.s, cmd_sort, "SORT", "(ARRIVAL) UTF-8 ALL");
	time_of(&t.s, cmd_thread, "THREAD", "ORDEREDSUBJECT UTF-8 ALL");
	time_of(&t.s, cmd_thread, "THREAD", "REFERENCES UTF-8 ALL");
	time_of(&t.s, cmd_thread, "THREAD", "REFS UTF-8 ALL");
	talk_close(&t);
}

/* A client that takes all that it is told. */
static pid_t
reader_start(int peer, int own)
{
	char piece[65536];
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(own);
	while (read(peer, piece, sizeof piece) > 0)
		;
	_exit(0);
}

static void
times_of_flags(void)
{
	struct talk t;
	talk_open(&t, FLAGS_MANY, 0, 0);
	pid_t reader = reader_start(t.peer, t.s.io.fd);
	time_of(&t.s, cmd_search, "SEARCH",
	    "RETURN (COUNT) NOT (OR FLAGGED OR DELETED DRAFT)");
	time_of(&t.s, cmd_search, "SEARCH", "RETURN (COUNT) UNSEEN");
	time_of(&t.s, cmd_search, "SEARCH", "ALL");
	time_of(&t.s, cmd_search, "SEARCH", "RETURN (ALL) UNSEEN");
	shutdown(t.peer, SHUT_RDWR);
	waitpid(reader, NULL, 0);
	talk_close(&t);
}

static void
test_times(void **state)
{
	(void)state;
	if (!getenv("TIMES"))
		return;
	times_of_items();
	times_of_flags();
}

/* ---- the same without signatures ---- */

enum { TEXTS = 60, LOOKS = 1500, TEXT_BYTES = 900, WORD_MOST = 9 };

/* Words that share their syllables, in several encodings. */
static const char *
random_message(unsigned i)
{
	static const char *const heads[] = {"",
	    "Content-Type: text/plain; charset=utf-8\r\n",
	    "Content-Type: text/plain; "
	    "charset=iso-8859-1\r\nContent-Transfer-Encoding: "
	    "quoted-printable\r\n"};
	static const char *const parts[] = {
	    "ha", "ile", "gru", "tas", "dr", "aso", "ulo", "m", "=FC", " ", "\r\n"};
	static const char *const utf8[] = {
	    "ha", "ile", "Gru", "\xc3\xbc", "dr", "\xe6\x97\xa5", "ulo", "m", " "};
	struct buf text = {0};
	buf_putf(&text, "Subject: number %u\r\nX-Mark: %s\r\n%s\r\n", i,
	    parts[(size_t)rand() % 7], heads[i % 3]);
	while (text.len < TEXT_BYTES)
		buf_str(&text,
		    i % 3 == 1
			? utf8[(size_t)rand() % COUNT(utf8)]
			: parts[(size_t)rand() % (COUNT(parts) - (i % 3 ? 0u : 3u))]);
	return buf_cstr(&text); /* kept until the end */
}

static const char *
random_key(void)
{
	static const char *const keys[] = {"BODY", "TEXT", "HEADER X-Mark", "NOT BODY",
	    "OR SUBJECT \"number 1\" BODY", "NOT TEXT"};
	static const char *const parts[] = {
	    "ha", "ILE", "gru", "TAS", "dr", "aso", "ulo", "m", "u", " "};
	static char key[200];
	size_t n = (size_t)snprintf(
	    key, sizeof key, "%s \"", keys[(size_t)rand() % COUNT(keys)]);
	for (int left = rand() % WORD_MOST; left >= 0; left--)
		n += (size_t)snprintf(key + n, sizeof key - n, "%s",
		    parts[(size_t)rand() % COUNT(parts)]);
	snprintf(key + n, sizeof key - n, "\"");
	return key;
}

/* What each key finds; returns how many files were read for all. */
static unsigned
look_for_all(const struct fake_message *all, char *const *keys, char **found)
{
	struct session s;
	int peer;
	fakes_open(&s, all, TEXTS, keywords, &peer);
	for (unsigned k = 0; k < LOOKS; k++) {
		assert_int_equal(
		    fakes_command(&s, cmd_search, "SEARCH", keys[k]), R_DONE);
		found[k] = strdup(buf_cstr(&s.io.out));
	}
	unsigned n_files = fake_counts.files;
	fakes_close(&s);
	close(peer);
	return n_files;
}

/* The last of all: items have none from here on. */
static void
test_same_without_signatures(void **state)
{
	static char *keys[LOOKS], *with[LOOKS], *without[LOOKS];
	struct fake_message all[TEXTS];
	(void)state;
	srand(7);
	for (unsigned i = 0; i < TEXTS; i++)
		all[i] = (struct fake_message){
		    .uid = i + 1, .kind = FAKE_ITEM, .text = random_message(i)};
	for (unsigned k = 0; k < LOOKS; k++)
		keys[k] = strdup(random_key());
	unsigned n_with = look_for_all(all, keys, with);
	cache_without_signatures();
	unsigned n_without = look_for_all(all, keys, without);
	for (unsigned k = 0; k < LOOKS; k++) {
		assert_string_equal(with[k], without[k]);
		free(with[k]);
		free(without[k]);
		free(keys[k]);
	}
	assert_true(n_with < n_without * 3 / 4);
	for (unsigned i = 0; i < TEXTS; i++)
		free((char *)(uintptr_t)all[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_client_that_is_gone),
	    cmocka_unit_test(test_client_that_listens_on),
	    cmocka_unit_test(test_drain),
	    cmocka_unit_test(test_sliced),
	    cmocka_unit_test(test_slices_wanted),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_same_without_signatures),
	};
	log_level(LOG_CRIT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
