/* SPDX-License-Identifier: ISC */
/* result.c - what RETURN asks for, said and saved. */
#include "imapd/result.h"

unsigned
result_ends(const struct search *search)
{
	return search->returns & (RETURN_ALL | RETURN_COUNT)
	           ? 0
	           : search->returns & (RETURN_MIN | RETURN_MAX);
}

uint32_t
result_number(const struct session *s, const struct command *c, uint32_t seq)
{
	return c->is_uid ? selected_record(s->selected, seq)->uid : seq;
}

uint64_t
result_modseq(const struct session *s, const uint32_t *seqs, size_t n)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t modseq = selected_record(s->selected, seqs[i])->modseq;
		highest = modseq > highest ? modseq : highest;
	}
	return highest;
}

/* The messages that MIN and MAX mean. */
static size_t
ends_of(const struct search *search, const struct result *r, uint32_t ends[2])
{
	size_t n = 0;
	if (r->n && search->returns & RETURN_MIN)
		ends[n++] = r->seqs[0];
	if (r->n && search->returns & RETURN_MAX)
		ends[n++] = r->seqs[r->n - 1];
	return n;
}

/* Only ranges that go up, as RFC 5267 3.2 has it for what is sorted. */
static bool
set_put(struct session *s, const struct command *c, const struct result *r)
{
	struct buf *out = respond_out(s);
	for (size_t i = 0; i < r->n;) {
		size_t end = i + 1;
		uint32_t from = result_number(s, c, r->seqs[i]), to = from;
		for (; end < r->n && result_number(s, c, r->seqs[end]) == to + 1; end++)
			to++;
		if (i)
			buf_ch(out, ',');
		put_u32(out, from);
		if (to > from) {
			buf_ch(out, ':');
			put_u32(out, to);
		}
		i = end;
		if (out->len >= IMAP_OUT_FLUSH && !respond_flush(s))
			return false;
	}
	return true;
}

static void
item_put(struct buf *out, const char *name, uint64_t value)
{
	buf_str(out, name);
	put_u64(out, value);
}

/* RFC 4731 3.2: of the messages that are told */
static void
modseq_put(struct session *s, const struct search *search, const struct result *r)
{
	uint32_t ends[2];
	if (!search->has_modseq || r->n == 0)
		return;
	size_t n_ends = ends_of(search, r, ends);
	uint64_t modseq = result_ends(search) ? result_modseq(s, ends, n_ends)
	                                      : result_modseq(s, r->seqs, r->n);
	item_put(respond_out(s), " MODSEQ ", modseq);
}

bool
result_put_extended(struct session *s, const struct command *c,
    const struct search *search, const struct result *r)
{
	struct buf *out = respond_out(s);
	unsigned returns = search->returns ? search->returns : RETURN_ALL;
	if (returns == RETURN_SAVE)
		return true;
	buf_str(out, "* ESEARCH (TAG \"");
	buf_span(out, s->tag);
	buf_str(out, c->is_uid ? "\") UID" : "\")");
	if (r->n && returns & RETURN_MIN)
		item_put(out, " MIN ", result_number(s, c, r->seqs[0]));
	if (r->n && returns & RETURN_MAX)
		item_put(out, " MAX ", result_number(s, c, r->seqs[r->n - 1]));
	if (returns & RETURN_COUNT)
		item_put(out, " COUNT ", r->n);
	if (r->n && returns & RETURN_ALL) {
		buf_str(out, " ALL ");
		if (!set_put(s, c, r))
			return false;
	}
	modseq_put(s, search, r);
	buf_str(out, "\r\n");
	return respond_flush(s);
}

/* RFC 5182 2.4: MIN and MAX without ALL and COUNT are all that is saved. */
enum reply
result_save(struct session *s, const struct search *search, const struct result *r)
{
	struct numset *saved = &s->selected->saved;
	uint32_t ends[2];
	bool is_ends = result_ends(search);
	size_t n = is_ends ? ends_of(search, r, ends) : r->n;
	const uint32_t *seqs = is_ends ? ends : r->ascending;
	if (!(search->returns & RETURN_SAVE))
		return R_DONE;
	numset_reset(saved);
	for (size_t i = 0; i < n; i++) {
		uint32_t uid = selected_record(s->selected, seqs[i])->uid;
		if (numset_add(saved, uid, uid) != E_OK) {
			numset_reset(saved);
			return R_NOT_SAVED;
		}
	}
	return R_DONE;
}

bool
result_put(struct session *s, const struct command *c, const char *name,
    const struct search *search, const struct result *r)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* ");
	buf_str(out, name);
	for (size_t i = 0; i < r->n; i++) {
		buf_ch(out, ' ');
		put_u32(out, result_number(s, c, r->seqs[i]));
		if (out->len >= IMAP_OUT_FLUSH && !respond_flush(s))
			return false;
	}
	if (search->has_modseq && r->n) {
		item_put(out, " (MODSEQ ", result_modseq(s, r->seqs, r->n));
		buf_ch(out, ')');
	}
	buf_str(out, "\r\n");
	return respond_flush(s);
}

/* ---- replies ---- */

enum reply
result_said(struct session *s, const struct search *search, enum reply reply)
{
	bool is_bad = reply == R_SYNTAX || reply == R_BAD_SEQUENCE;
	if (reply != R_DONE && !is_bad && search->returns & RETURN_SAVE)
		numset_reset(&s->selected->saved);
	return reply;
}

enum reply
result_failed(struct session *s, const struct search *search, int err)
{
	if (err != E_DENY)
		return R_SYNTAX;
	buf_str(&s->code, "BADCHARSET (US-ASCII UTF-8)");
	return result_said(s, search, R_BAD_CHARSET);
}
