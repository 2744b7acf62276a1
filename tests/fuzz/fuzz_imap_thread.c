/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_thread.c - messages that answer each other in any way: each algorithm tells all of them, each once, in
 * parentheses that close.
 * fuzz: imapd/thread.c imapd/thread_link.c imapd/thread_orderedsubject.c imapd/thread_references.c imapd/thread_refs.c
 * fuzz: imapd/idtable.c imapd/sort.c imapd/parse.c imapd/respond.c common/store/numset.c common/mime/date.c common/mime/lex.c
 */
#include <stdlib.h>
#include <string.h>

#include "imapd/respond.h"
#include "imapd/thread.h"

enum { MESSAGES_MOST = 64, IDS = 24, REFERENCES_MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nothing is said here. */
int
io_flush(struct io *io)
{
	(void)io;
	return E_IO;
}

static const char ids[IDS + 1] = "abcdefghijklmnopqrstuvwx";

struct mailbox {
	struct thread_message messages[MESSAGES_MOST];
	char references[MESSAGES_MOST][2 * REFERENCES_MOST];
	uint32_t n;
};

/* sent, id (0: none), subject, number of references, these */
static void
message_read(struct mailbox *b, struct rd *r)
{
	struct thread_message *m = &b->messages[b->n];
	char *to = b->references[b->n];
	*m = (struct thread_message){.number = ++b->n, .sent_sec = rd_u8(r)};
	m->arrived_sec = 255 - m->sent_sec;
	unsigned id = rd_u8(r), subject = rd_u8(r), n = rd_u8(r) % REFERENCES_MOST;
	m->message_id = id ? span_make(&ids[id % IDS], 1) : span_make("", 0);
	m->is_reply = subject & 1;
	m->base_subject =
	    subject & 2 ? span_make(&ids[subject % 7], 1) : span_make("", 0);
	for (unsigned i = 0; i < n; i++) {
		to[2 * i] = ids[rd_u8(r) % IDS];
		to[2 * i + 1] = '\n';
	}
	m->references = span_make(to, 2 * n);
}

static bool
go_on(void *ctx)
{
	(void)ctx;
	return true;
}

/* "(2)(3 6 (4 23)(44 7 96))" */
static void
check_text(struct span s, uint32_t n)
{
	bool is_told[MESSAGES_MOST + 1] = {false};
	uint32_t n_told = 0, deep = 0;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t number = 0;
		if (s.p[i] == '(')
			deep++;
		if (s.p[i] == ')' && deep-- == 0)
			abort();
		if (s.p[i] == ' ' && (deep == 0 || !ch_digit(s.p[i - 1])))
			abort();
		if (!ch_digit(s.p[i]))
			continue;
		for (; ch_digit(s.p[i]); i++)
			number = number * 10 + (uint64_t)(s.p[i] - '0');
		i--;
		if (number == 0 || number > n || is_told[number] || deep == 0)
			abort();
		is_told[number] = true;
		n_told++;
	}
	if (deep || n_told != n)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const algorithms[])(
	    const struct thread_message *, size_t, struct thread_forest *) = {
	    thread_orderedsubject, thread_references, thread_refs};
	static struct mailbox b;
	struct rd r = rd_of(span_make(data, n));
	for (b.n = 0; r.in.n && b.n < MESSAGES_MOST;)
		message_read(&b, &r);
	for (size_t i = 0; i < COUNT(algorithms); i++) {
		struct thread_forest f;
		struct buf out = {0};
		algorithms[i](b.messages, b.n, &f);
		if (!thread_put(&out, &f, b.messages, go_on, NULL))
			abort();
		check_text(buf_as_span(&out), b.n);
		thread_done(&f);
		buf_free(&out);
	}
	return 0;
}
