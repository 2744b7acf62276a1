/* SPDX-License-Identifier: ISC */
/*
 * cmd_store.c - STORE and UID STORE: RFC 9051 6.4.6, RFC 7162 3.1.3.  What is answered here is not
 * told again by selected_update; what another session changed meanwhile is.  Where the view was
 * superseded just now nothing is answered here, and selected_update tells all of it.
 */
#include "imapd/bound.h"
#include "imapd/command.h"
#include "imapd/fetch_record.h"

/* of a code, so that it fits into the output */
enum { MODIFIED_BYTES_MAX = 512 << 10 };

struct store_args {
	struct seqset set;
	struct flag_list flags;
	struct store_change change;
	bool is_silent;
	bool is_cut; /* answered from the highest down: RFC 9738 3.1 */
};

/* A message's flags as the client knew them, to see whether SILENT leaves it right. */
struct known {
	bool is_known;
	uint32_t flags;
	uint64_t keywords;
};

/* ---- the command ---- */

/* "(UNCHANGEDSINCE n) ", or nothing */
static int
take_modifiers(struct parse *p, struct store_change *out)
{
	if (!parse_ch(p, '('))
		return E_OK;
	do {
		if (!parse_word(p, "UNCHANGEDSINCE") || parse_sp(p) != E_OK ||
		    parse_number64(p, &out->unchanged_since) != E_OK)
			return parse_fail(p, p->in, "UNCHANGEDSINCE");
		out->has_unchanged_since = true;
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? parse_sp(p)
	                        : parse_fail(p, p->in, "the end of the modifiers");
}

static int
take_item(struct parse *p, struct store_args *out)
{
	out->change.how = parse_ch(p, '+')   ? STORE_ADD
	                  : parse_ch(p, '-') ? STORE_REMOVE
	                                     : STORE_SET;
	out->is_silent = parse_word(p, "FLAGS.SILENT");
	if (!out->is_silent && !parse_word(p, "FLAGS"))
		return parse_fail(p, p->in, "FLAGS");
	return parse_sp(p);
}

static int
take_args(struct parse *p, struct store_args *out)
{
	*out = (struct store_args){.change.how = STORE_SET};
	if (parse_seqset(p, &out->set) != E_OK || parse_sp(p) != E_OK ||
	    take_modifiers(p, &out->change) != E_OK || take_item(p, out) != E_OK ||
	    parse_flags(p, &out->flags) != E_OK || parse_end(p) != E_OK)
		return E_BAD;
	out->change.flags = out->flags.flags;
	out->change.keywords = out->flags.keywords;
	out->change.n_keywords = out->flags.n_keywords;
	return E_OK;
}

/* ---- what SILENT may leave out ---- */

static uint64_t
keyword_bits(const struct selected *b, const struct flag_list *flags)
{
	uint64_t bits = 0;
	for (uint32_t i = 0; i < b->view.head->n_keywords; i++)
		for (size_t k = 0; k < flags->n_keywords; k++)
			if (span_ieqs(flags->keywords[k], b->view.head->keywords[i]))
				bits |= (uint64_t)1 << i;
	return bits;
}

/* In the order of seqs; NULL: there is no room for it, and everything is told. */
static struct known *
remember(struct session *s, const struct numset *seqs)
{
	const struct selected *b = s->selected;
	struct known *known = arena_get(&s->arena, numset_count(seqs) * sizeof *known),
		     *next = known;
	for (size_t i = 0; i < seqs->n && known; i++)
		for (uint32_t seq = seqs->ranges[i].from; seq <= seqs->ranges[i].to;
		     seq++, next++) {
			const struct store_record *r = selected_record(b, seq);
			next->is_known = r->modseq <= b->modseq;
			next->flags = r->flags;
			next->keywords = r->keywords;
		}
	return known;
}

static bool
is_expected(const struct known *k, const struct store_args *a, uint64_t bits,
    uint32_t flags, uint64_t keywords)
{
	switch (a->change.how) {
	case STORE_ADD:
		return k->is_known && flags == (k->flags | a->change.flags) &&
		       keywords == (k->keywords | bits);
	case STORE_REMOVE:
		return k->is_known && flags == (k->flags & ~a->change.flags) &&
		       keywords == (k->keywords & ~bits);
	case STORE_SET:
		break;
	}
	return k->is_known && flags == a->change.flags && keywords == bits;
}

/* ---- answers ---- */

struct answers {
	struct session *s;             /* borrow */
	const struct store_args *args; /* borrow */
	uint64_t bits;                 /* of the keywords in it */
	unsigned whats;                /* enum fetch_what: beside the flags */
	struct flags_texts texts;
};

static void
put_answer(
    struct answers *a, uint32_t seq, const struct store_record *r, bool has_flags)
{
	if (!has_flags && !(a->whats & FETCH_MODSEQ))
		return;
	fetch_record_put(respond_out(a->s), &a->texts, seq, r,
	    has_flags ? a->whats | FETCH_FLAGS : a->whats);
	fetch_end(respond_out(a->s));
}

/* The mod-sequence is read before the flags: if these change just now, selected_update sees it. */
static void
answer(struct answers *a, uint32_t seq, const struct known *known)
{
	const struct store_record *r = selected_record(a->s->selected, seq);
	uint64_t modseq = r->modseq;
	if (known && !is_expected(known, a->args, a->bits, r->flags, r->keywords))
		return;
	put_answer(a, seq, r, !known);
	selected_told(a->s->selected, seq, modseq);
}

/* RFC 7162 3.2.4 */
static unsigned
whats_of(const struct session *s, bool is_uid)
{
	unsigned modseq = s->enabled & EN_CONDSTORE ? FETCH_MODSEQ : 0;
	if (s->enabled & EN_UIDONLY)
		return FETCH_BY_UID | modseq;
	return is_uid || modseq ? FETCH_UID | modseq : 0;
}

/* Those that failed UNCHANGEDSINCE are told in full, so that the client sees why. */
static enum reply
answer_all(struct session *s, const struct store_args *a, const struct numset *seqs,
    const struct numset *modified, const struct known *known, bool is_uid)
{
	struct answers answers = {.s = s,
	    .args = a,
	    .bits = keyword_bits(s->selected, &a->flags),
	    .whats = whats_of(s, is_uid)};
	bool has_gone = false, is_there = true;
	size_t done = 0, last = (size_t)numset_count(seqs) - 1;
	selected_tell_keywords(s);
	flags_texts_init(&answers.texts, s->selected);
	for (size_t i = 0; i < seqs->n && is_there; i++) {
		struct num_range here = seqs->ranges[a->is_cut ? seqs->n - 1 - i : i];
		for (uint32_t n = 0; n <= here.to - here.from && is_there;
		     n++, done++) {
			uint32_t seq = a->is_cut ? here.to - n : here.from + n;
			const struct store_record *r =
			    selected_record(s->selected, seq);
			const struct known *k =
			    known ? &known[a->is_cut ? last - done : done] : NULL;
			if (r->flags & FLAG_GONE)
				has_gone = true;
			else
				answer(&answers, seq,
				    numset_has(modified, r->uid) ? NULL : k);
			is_there = respond_flush(s);
		}
	}
	flags_texts_done(&answers.texts);
	if (!is_there)
		return R_NONE;
	return has_gone && !is_uid ? R_EXPUNGED : R_DONE; /* RFC 2180 4.2 */
}

/* As sequence numbers; of one that the client does not know there is nothing to say. */
static int
find_seqs(const struct selected *b, const struct numset *uids, struct numset *out)
{
	int err = E_OK;
	for (size_t i = 0; i < uids->n; i++)
		for (uint32_t uid = uids->ranges[i].from;
		     uid <= uids->ranges[i].to && err == E_OK; uid++) {
			uint32_t seq = selected_seq(b, uid);
			if (seq)
				err = numset_add(out, seq, seq);
		}
	return err;
}

/* Without the code the client would take it for done: then it is a NO. */
static enum reply
code_modified(
    struct session *s, const struct numset *modified, bool is_uid, enum reply reply)
{
	struct numset seqs = {.n = 0};
	int err = is_uid ? E_OK : find_seqs(s->selected, modified, &seqs);
	const struct numset *said = is_uid ? modified : &seqs;
	if (said->n) {
		buf_str(&s->code, "MODIFIED ");
		numset_put(&s->code, said);
	}
	numset_free(&seqs);
	if (err == E_OK && s->code.len <= MODIFIED_BYTES_MAX)
		return reply;
	buf_reset(&s->code);
	return R_LIMIT;
}

static enum reply
store(struct session *s, const struct store_args *a, const struct numset *seqs,
    bool is_uid)
{
	const struct store_view *view = &s->selected->view;
	struct numset uids = {.n = 0}, modified = {.n = 0};
	enum reply reply = R_DONE;
	numbers_uids(s, seqs, &uids);
	const struct known *known = a->is_silent ? remember(s, seqs) : NULL;
	enum store_said said = store_flags(s->store, view->mailbox, &uids, &a->change,
	    a->change.has_unchanged_since ? &modified : NULL);
	if (said != STORE_DONE)
		reply = reply_of(said, false);
	else if (!view->head->is_superseded && !(a->is_silent && !known))
		reply = answer_all(s, a, seqs, &modified, known, is_uid);
	reply = code_modified(s, &modified, is_uid, reply);
	numset_free(&uids);
	numset_free(&modified);
	return reply;
}

enum reply
cmd_store(struct session *s, struct command *c)
{
	struct numset seqs = {.n = 0};
	struct store_args args;
	enum reply reply = R_BAD_SEQUENCE;
	if (take_args(&c->parse, &args) != E_OK)
		return R_SYNTAX;
	if (s->selected->is_read_only)
		return R_READ_ONLY;
	if (args.change.has_unchanged_since)
		selected_enable_condstore(s);
	uint32_t lowest;
	if (numbers_resolve(s, &args.set, c->is_uid, &seqs) == E_OK) {
		args.is_cut = bound_cut_seqs(s, &seqs, &lowest);
		reply = seqs.n ? store(s, &args, &seqs, c->is_uid) : R_DONE;
	}
	if (args.is_cut)
		reply = bound_say_done(s, reply, s->messages_most, lowest);
	numset_free(&seqs);
	return reply;
}
