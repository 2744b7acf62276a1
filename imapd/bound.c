/* SPDX-License-Identifier: ISC */
/* bound.c - how many messages one command works on, and what is said of the others. */
#include "imapd/bound.h"

enum { SETS_MOST = 8 }; /* of one search, that are looked at to find its bound */

uint32_t
bound_saves(const struct session *s)
{
	return s->messages_most ? s->messages_most : s->saves_most;
}

uint32_t
bound_least(uint32_t a, uint32_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

bool
bound_cut(struct numset *set, uint32_t most, uint32_t *lowest)
{
	uint64_t n = numset_count(set), over = most && n > most ? n - most : 0;
	struct numset cut = {.n = 0};
	bool is_cut = over > 0;
	for (size_t i = 0; i < set->n && is_cut; i++) {
		struct num_range r = set->ranges[i];
		uint64_t here = (uint64_t)r.to - r.from + 1;
		uint64_t less = over < here ? over : here;
		over -= less;
		if (less == here)
			continue;
		r.from += (uint32_t)less;
		if (numset_add(&cut, r.from, r.to) != E_OK)
			bug("a part has more ranges than the whole");
	}
	if (!is_cut)
		return false;
	*lowest = cut.ranges[0].from;
	numset_free(set);
	*set = cut;
	return true;
}

bool
bound_cut_seqs(const struct session *s, struct numset *seqs, uint32_t *lowest)
{
	if (!bound_cut(seqs, s->messages_most, lowest))
		return false;
	*lowest = selected_record(s->selected, *lowest)->uid;
	return true;
}

/* ---- searches ---- */

struct sets {
	struct numset sets[SETS_MOST]; /* own */
	size_t n;
};

static void
sets_add(struct sets *all, struct session *s, const struct search_key *k)
{
	bool is_uid = k->what == SEARCH_UIDS;
	if ((!is_uid && k->what != SEARCH_NUMBERS) || k->is_not || all->n == SETS_MOST)
		return;
	struct numset *set = &all->sets[all->n];
	if (numbers_resolve(s, &k->set, is_uid || k->set.is_saved, set) == E_OK)
		all->n++;
	else
		numset_reset(set); /* the search itself will say so */
}

static bool
sets_have(const struct sets *all, uint32_t seq)
{
	for (size_t i = 0; i < all->n; i++)
		if (!numset_has(&all->sets[i], seq))
			return false;
	return true;
}

uint32_t
bound_search(struct session *s, const struct search *search, uint32_t *lowest)
{
	const struct selected *b = s->selected;
	struct sets all = {.n = 0};
	uint32_t left = s->messages_most, first = 0;
	*lowest = 0;
	if (left == 0 || b->n <= left)
		return 1;
	sets_add(&all, s, search->root);
	for (const struct search_key *k = search->root->kids;
	     k && search->root->what == SEARCH_AND && !search->root->is_not;
	     k = k->next)
		sets_add(&all, s, k);
	uint32_t seq = b->n;
	for (; seq > 0; seq--) {
		if (!sets_have(&all, seq))
			continue;
		if (left-- == 0)
			break;
		first = seq;
	}
	if (seq > 0)
		*lowest = selected_record(b, first)->uid;
	for (size_t i = 0; i < COUNT(all.sets); i++)
		numset_free(&all.sets[i]);
	return seq + 1;
}

/* ---- what is said ---- */

void
bound_say(struct session *s, enum reply reply, uint32_t most, uint32_t uid)
{
	struct buf *out = respond_out(s);
	if (reply == R_NONE)
		return;
	bool is_beside = s->code.len || (reply != R_DONE && reply != R_LIMIT);
	if (is_beside)
		buf_str(out, "* NO [");
	buf_putf(is_beside ? out : &s->code, "MESSAGELIMIT %u", most);
	if (uid)
		buf_putf(is_beside ? out : &s->code, " %u", uid);
	if (is_beside)
		buf_str(out, "] not all of them\r\n");
}

enum reply
bound_say_done(struct session *s, enum reply reply, uint32_t most, uint32_t uid)
{
	bound_say(s, reply, most, uid);
	if (reply != R_EXPUNGED || s->code.len)
		return reply;
	buf_str(&s->code, "EXPUNGEISSUED");
	return R_DONE;
}
