/* SPDX-License-Identifier: ISC */
/* cmd_bdat.c - BDAT, RFC 3030: chunks of counted octets. */
#include "smtpd/command.h"

struct chunk {
	uint64_t bytes;
	bool is_last;
};

static int
chunk_parse(struct span argument, struct chunk *out)
{
	struct span digits = span_cut(&argument, ' ');
	*out = (struct chunk){0};
	argument = span_trim(argument);
	out->is_last = span_ieqs(argument, "LAST");
	if (argument.n && !out->is_last)
		return E_BAD;
	return span_u64(digits, INT64_MAX, &out->bytes) == E_OK ? E_OK : E_BAD;
}

static void
keep(struct session *s, struct span piece)
{
	if (s->message.is_binary)
		data_head(&s->message.scan, piece);
	else
		data_plain(&s->message.scan, piece);
	message_add(&s->message, piece);
}

/*
 * Reads the chunk to its end; does: what happens to it, or NULL.  R_NONE, or what ends the
 * conversation.
 */
static enum reply
read_chunk(
    struct session *s, uint64_t left, void (*does)(struct session *, struct span))
{
	while (left > 0) {
		struct span in = io_unread(&s->io);
		struct span piece = span_head(in, left < in.n ? (size_t)left : in.n);
		if (does)
			does(s, piece);
		io_take(&s->io, piece.n);
		left -= piece.n;
		if (left == 0)
			break;
		s->io.chunk = left > DATA_BIG ? DATA_CHUNK : IO_IN_CHUNK;
		int err = io_fill(&s->io);
		if (err != E_OK)
			return session_io_reply(s, err);
	}
	return R_NONE;
}

enum reply
cmd_bdat_refused(struct session *s, struct span argument)
{
	struct chunk c;
	return chunk_parse(argument, &c) == E_OK ? read_chunk(s, c.bytes, NULL)
	                                         : R_NONE;
}

/* The first chunk of a message. */
static enum reply
begin(struct session *s, const struct chunk *c)
{
	uint64_t bytes = s->txn.announced_bytes;
	if (c->is_last && !bytes)
		bytes = c->bytes;
	enum reply r = policy_data(s);
	if (r == R_NONE)
		r = message_begin(&s->message, bytes);
	if (r == R_NONE)
		s->phase = PH_CHUNKS;
	return r;
}

/*
 * After a refusal there is no transaction any more, so that the chunks still to come are refused as
 * well.
 */
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
cmd_bdat(struct session *s, struct span argument)
{
	struct chunk c;
	enum reply r = R_NONE;
	if (chunk_parse(argument, &c) != E_OK) {
		buf_str(&s->argument, "BDAT octets [LAST]");
		return R_SYNTAX;
	}
	if (s->phase == PH_RCPT)
		r = begin(s, &c);
	enum reply end = read_chunk(s, c.bytes, r == R_NONE ? keep : NULL);
	if (end != R_NONE)
		return end;
	if (r == R_NONE && c.is_last)
		return txn_finish(s);
	if (r == R_NONE)
		r = s->message.fault;
	if (r != R_NONE)
		return refuse(s, r, c.is_last);
	buf_putf(&s->argument, "%llu", (unsigned long long)c.bytes);
	return R_CHUNK_OK;
}
