/* SPDX-License-Identifier: ISC */
/* chunk.c - the pieces of a message, whoever brings them. */
#include "smtpd/chunk.h"

enum reply
chunk_begin(struct session *s, uint64_t bytes, bool is_last)
{
	uint64_t all = s->txn.announced_bytes;
	if (s->phase != PH_RCPT)
		return R_NONE;
	if (is_last && !all)
		all = bytes;
	enum reply r = txn_data(s, all);
	if (r == R_NONE)
		s->phase = PH_CHUNKS;
	return r;
}

void
chunk_keep(struct session *s, struct span piece)
{
	if (s->message.is_binary)
		data_head(&s->message.scan, piece);
	else
		data_plain(&s->message.scan, piece);
	message_add(&s->message, piece);
}

static enum reply
refuse(struct session *s, enum reply r, bool is_last)
{
	if (r == R_TOO_BIG)
		buf_str(&s->argument, s->limits->message_text);
	if (is_last)
		txn_say_others(s, r);
	txn_reset(s);
	return r;
}

enum reply
chunk_end(struct session *s, enum reply r, uint64_t bytes, bool is_last)
{
	if (r == R_NONE && is_last)
		return txn_finish(s);
	if (r == R_NONE)
		r = s->message.fault;
	if (r != R_NONE)
		return refuse(s, r, is_last);
	buf_putf(&s->argument, "%llu", (unsigned long long)bytes);
	return R_CHUNK_OK;
}
