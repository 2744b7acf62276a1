/* SPDX-License-Identifier: ISC */
/* cmd_bdat.c - BDAT, RFC 3030: chunks of counted octets. */
#include "smtpd/chunk.h"
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

enum reply
cmd_bdat(struct session *s, struct span argument)
{
	struct chunk c;
	if (chunk_parse(argument, &c) != E_OK) {
		buf_str(&s->argument, "BDAT octets [LAST]");
		return R_SYNTAX;
	}
	enum reply r = chunk_begin(s, c.bytes, c.is_last);
	enum reply end = read_chunk(s, c.bytes, r == R_NONE ? chunk_keep : NULL);
	return end != R_NONE ? end : chunk_end(s, r, c.bytes, c.is_last);
}
