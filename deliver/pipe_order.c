/* SPDX-License-Identifier: ISC */
/* pipe_order.c - what a runner is told, and what the status of a program means.  Pure. */
#include <sysexits.h>

#include "deliver/pipe.h"

void
pipe_order_put(struct buf *out, const struct pipe_order *o)
{
	buf_put(out, o->id.b, FILE_ID_BYTES);
	buf_u16(out, o->number);
	buf_u8(out, (uint8_t)o->n_words);
	for (size_t i = 0; i < o->n_words; i++)
		buf_bytes(out, o->words[i]);
	buf_bytes(out, o->sender);
	buf_bytes(out, o->recipient);
	buf_bytes(out, o->orig_recipient);
}

static bool
has_nul(struct span s)
{
	return span_find(s, '\0') < s.n;
}

int
pipe_order_get(struct span in, struct pipe_order *out)
{
	struct rd r = rd_of(in);
	*out = (struct pipe_order){.n_words = 0};
	rd_file_id(&r, &out->id);
	out->number = rd_u16(&r);
	uint8_t n = rd_u8(&r);
	bool is_good = n > 0 && n <= PIPE_WORDS_MAX;
	for (; is_good && out->n_words < n; out->n_words++) {
		out->words[out->n_words] = rd_str(&r, SIEVE_PIPE_BYTES_MAX);
		is_good = !has_nul(out->words[out->n_words]);
	}
	out->sender = rd_str(&r, ENVELOPE_PATH_MAX);
	out->recipient = rd_str(&r, ORDER_ADDRESS_MAX);
	out->orig_recipient = rd_str(&r, ORDER_ADDRESS_MAX);
	out->message = r.in;
	return r.err == E_OK && is_good && !has_nul(out->sender) &&
	               !has_nul(out->recipient) && !has_nul(out->orig_recipient)
	           ? E_OK
	           : E_BAD;
}

int
pipe_words(struct span in, struct pipe_order *out)
{
	out->n_words = 0;
	for (struct rd r = rd_of(in); r.in.n; out->n_words++) {
		if (out->n_words == PIPE_WORDS_MAX)
			return E_BAD;
		out->words[out->n_words] = rd_str(&r, SIEVE_PIPE_BYTES_MAX);
		if (r.err != E_OK || has_nul(out->words[out->n_words]))
			return E_BAD;
	}
	return out->n_words ? E_OK : E_BAD;
}

enum pipe_outcome
pipe_outcome_of(unsigned status, const char **code)
{
	static const struct {
		unsigned status;
		enum pipe_outcome outcome;
		const char *code;
	} rows[] = {
	    {EX_OK, PIPE_DONE, ""},
	    {EX_DATAERR, PIPE_REFUSED, "5.6.0"},
	    {EX_NOUSER, PIPE_REFUSED, "5.1.1"},
	    {EX_NOHOST, PIPE_REFUSED, "5.1.2"},
	    {EX_UNAVAILABLE, PIPE_REFUSED, "5.3.0"},
	    {EX_NOPERM, PIPE_REFUSED, "5.7.1"},
	    {EX_OSERR, PIPE_LATER, "4.3.0"},
	    {EX_IOERR, PIPE_LATER, "4.3.0"},
	    {EX_TEMPFAIL, PIPE_LATER, "4.3.0"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].status == status) {
			*code = rows[i].code;
			return rows[i].outcome;
		}
	*code = "";
	return PIPE_FAILED;
}
