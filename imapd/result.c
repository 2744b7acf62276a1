/* SPDX-License-Identifier: ISC */
/* result.c - what RETURN asks for, said and saved. */
#include "imapd/context.h"

int
result_parse(struct session *s, struct command *c, struct search *out)
{
	int err = search_parse(&c->parse, out);
	/* RFC 6855 3 */
	if (err != E_BAD && out->has_charset && s->enabled & EN_UTF8) {
		c->parse.expected =
		    "a search without CHARSET, after ENABLE UTF8=ACCEPT";
		return E_BAD;
	}
	if (err == E_OK)
		err = context_check(s, c, out);
	if (err == E_OK && out->has_modseq)
		selected_enable_condstore(s); /* RFC 7162 3.1 */
	return err;
}

struct search_stop
result_stop(const struct search *search)
{
	unsigned asked = search->returns & ~(unsigned)(RETURN_SAVE | RETURN_CONTEXT);
	struct search_stop stop = {.ends = 0};
	if (asked == RETURN_PARTIAL)
		stop.partial = &search->partial;
	else if (!(asked & ~(unsigned)(RETURN_MIN | RETURN_MAX)))
		stop.ends = asked;
	return stop;
}

uint32_t
result_number(const struct session *s, const struct command *c, uint32_t seq)
{
	return c->is_uid ? selected_record(s->selected, seq)->uid : seq;
}

/* The highest of these messages; 0 when there are none. */
static uint64_t
result_modseq(const struct session *s, const uint32_t *seqs, size_t n)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t modseq = selected_record(s->selected, seqs[i])->modseq;
		highest = modseq > highest ? modseq : highest;
	}
	return highest;
}

/* Of what was found, that which is told or saved: one after the other, some perhaps twice. */
struct picked {
	uint32_t ends[2]; /* MIN and MAX */
	size_t n_ends;
	const uint32_t *rest; /* borrow: the window, or all */
	size_t n_rest;
};

/*
 * MIN, MAX and PARTIAL are all that is meant where neither ALL nor COUNT is asked for: RFC 5182
 * 2.4, RFC 9394 3.2.
 */
static struct picked
pick(const struct search *search, const struct result *r)
{
	const unsigned some = RETURN_MIN | RETURN_MAX | RETURN_PARTIAL;
	struct picked p = {.rest = r->seqs, .n_rest = r->n};
	size_t at;
	if (search->returns & (RETURN_ALL | RETURN_COUNT) || !(search->returns & some))
		return p;
	if (r->n && search->returns & RETURN_MIN)
		p.ends[p.n_ends++] = r->seqs[0];
	if (r->n && search->returns & RETURN_MAX)
		p.ends[p.n_ends++] = r->seqs[r->n - 1];
	p.n_rest = 0;
	if (search->returns & RETURN_PARTIAL) {
		p.n_rest = partial_window(&search->partial, r->n, &at);
		p.rest += at;
	}
	return p;
}

/* Only ranges that go up, as RFC 5267 3.2 has it for what is sorted. */
static bool
set_put(struct session *s, const struct command *c, const uint32_t *seqs, size_t n)
{
	struct buf *out = respond_out(s);
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		uint32_t from = result_number(s, c, seqs[i]), to = from;
		for (; end < n && result_number(s, c, seqs[end]) == to + 1; end++)
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

static bool
partial_tell(struct session *s, const struct command *c, const struct search *search,
    const struct result *r)
{
	struct buf *out = respond_out(s);
	size_t at, n = partial_window(&search->partial, r->n, &at);
	buf_str(out, " PARTIAL (");
	partial_put(out, &search->partial);
	buf_str(out, n ? " " : " NIL");
	if (!set_put(s, c, r->seqs + at, n))
		return false;
	buf_ch(out, ')');
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
	struct picked p = pick(search, r);
	if (!search->has_modseq || p.n_ends + p.n_rest == 0)
		return;
	uint64_t ends = result_modseq(s, p.ends, p.n_ends),
		 rest = result_modseq(s, p.rest, p.n_rest);
	item_put(respond_out(s), " MODSEQ ", ends > rest ? ends : rest);
}

/* RFC 6203 4: a score for each that is told, in that order */
static bool
relevancy_put(struct session *s, const struct search *search, const struct result *r)
{
	struct buf *out = respond_out(s);
	struct picked p = pick(search, r);
	const char *between = "";
	buf_str(out, " RELEVANCY (");
	for (size_t i = 0; i < p.n_ends && r->scores; i++, between = " ")
		buf_putf(out, "%s%u", between,
		    r->scores[p.ends[i] == r->seqs[0] ? 0 : r->n - 1]);
	for (size_t i = 0; i < p.n_rest && r->scores; i++, between = " ") {
		buf_str(out, between);
		put_u32(out, r->scores[(size_t)(p.rest - r->seqs) + i]);
		if (out->len >= IMAP_OUT_FLUSH && !respond_flush(s))
			return false;
	}
	buf_ch(out, ')');
	return true;
}

/* RFC 9051 7.3.4, RFC 7377 2.1 */
static void
correlators_put(struct session *s, const struct command *c, const struct result *r)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* ESEARCH (TAG \"");
	buf_span(out, s->tag);
	buf_ch(out, '"');
	if (r->mailbox.n) {
		buf_str(out, " MAILBOX ");
		put_mailbox(out, r->mailbox, s->enabled & (EN_UTF8 | EN_REV2));
		item_put(out, " UIDVALIDITY ", r->uidvalidity);
	}
	buf_str(out, c->is_uid ? ") UID" : ")");
}

bool
result_put_extended(struct session *s, const struct command *c,
    const struct search *search, const struct result *r)
{
	struct buf *out = respond_out(s);
	unsigned returns = search->returns ? search->returns : RETURN_ALL;
	if (returns == RETURN_SAVE)
		return true;
	correlators_put(s, c, r);
	if (r->n && returns & RETURN_MIN)
		item_put(out, " MIN ", result_number(s, c, r->seqs[0]));
	if (r->n && returns & RETURN_MAX)
		item_put(out, " MAX ", result_number(s, c, r->seqs[r->n - 1]));
	if (returns & RETURN_COUNT)
		item_put(out, " COUNT ", r->n);
	if (r->n && returns & RETURN_ALL) {
		buf_str(out, " ALL ");
		if (!set_put(s, c, r->seqs, r->n))
			return false;
	}
	if (returns & RETURN_PARTIAL && !partial_tell(s, c, search, r))
		return false;
	if (returns & RETURN_RELEVANCY && !relevancy_put(s, search, r))
		return false;
	modseq_put(s, search, r);
	buf_str(out, "\r\n");
	return respond_flush(s);
}

static int
save(struct session *s, const uint32_t *seqs, size_t n)
{
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++) {
		uint32_t uid = selected_record(s->selected, seqs[i])->uid;
		err = numset_add(&s->selected->saved, uid, uid);
	}
	return err;
}

enum reply
result_save(struct session *s, const struct search *search, const struct result *r)
{
	struct picked p = pick(search, r);
	if (!(search->returns & RETURN_SAVE))
		return R_DONE;
	if (p.rest == r->seqs && p.n_rest == r->n)
		p.rest = r->ascending; /* in this order it costs least */
	numset_reset(&s->selected->saved);
	if (save(s, p.rest, p.n_rest) == E_OK && save(s, p.ends, p.n_ends) == E_OK)
		return R_DONE;
	numset_reset(&s->selected->saved);
	return R_NOT_SAVED;
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
