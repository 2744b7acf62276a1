/* SPDX-License-Identifier: ISC */
/* numbers.c - sets of a command against the selected mailbox: "2,4:*", UIDs, "$". */
#include <stdlib.h>
#include <string.h>

#include "imapd/command.h"

static int
by_from(const void *a, const void *b)
{
	const struct num_range *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

/* As the mailbox has it: '*' is the last, and from is not above to. */
static struct num_range
range_of(const struct num_range *r, uint32_t last)
{
	uint32_t from = r->from == SEQ_STAR ? last : r->from,
		 to = r->to == SEQ_STAR ? last : r->to;
	return from <= to ? (struct num_range){from, to} : (struct num_range){to, from};
}

/* RFC 9051 9, seq-number: '*' of an empty mailbox is UIDNEXT, which no message has yet */
static uint32_t
last_of(const struct selected *b, bool is_uid)
{
	if (!is_uid)
		return b->n;
	return b->n ? selected_record(b, b->n)->uid : b->view.uidnext;
}

static int
add_range(const struct selected *b, struct num_range r, bool is_uid, struct numset *out)
{
	if (is_uid) {
		r.from = selected_seq_from(b, r.from);
		/* a parsed number is below UINT32_MAX */
		r.to = selected_seq_from(b, r.to + 1) - 1;
		return r.from <= r.to ? numset_add(out, r.from, r.to) : E_OK;
	}
	return r.from >= 1 && r.to <= b->n ? numset_add(out, r.from, r.to) : E_BAD;
}

static int
resolve_saved(const struct selected *b, struct numset *out)
{
	int err = E_OK;
	for (size_t i = 0; i < b->saved.n && err == E_OK; i++)
		err = add_range(b, b->saved.ranges[i], true, out);
	return err;
}

/* In order, so that each comes at the end of what is there. */
static void
put_in_order(const struct selected *b, const struct seqset *set, bool is_uid)
{
	uint32_t last = last_of(b, is_uid);
	bool is_sorted = true;
	for (size_t i = 0; i < set->n; i++) {
		set->ranges[i] = range_of(&set->ranges[i], last);
		is_sorted = is_sorted &&
		            (i == 0 || set->ranges[i - 1].from <= set->ranges[i].from);
	}
	if (!is_sorted)
		qsort(set->ranges, set->n, sizeof *set->ranges, by_from);
}

int
numbers_resolve(
    const struct session *s, const struct seqset *set, bool is_uid, struct numset *out)
{
	const struct selected *b = s->selected;
	numset_reset(out);
	if (set->is_saved)
		return resolve_saved(b, out);
	put_in_order(b, set, is_uid);
	for (size_t i = 0; i < set->n; i++) {
		int err = add_range(b, set->ranges[i], is_uid, out);
		if (err != E_OK)
			return E_BAD;
	}
	return E_OK;
}

/* The ranges are left as they are: the next mailbox has another last message. */
int
numbers_found(
    const struct session *s, const struct seqset *set, bool is_uid, struct numset *out)
{
	const struct selected *b = s->selected;
	uint32_t last = last_of(b, is_uid);
	int err = E_OK;
	numset_reset(out);
	if (set->is_saved)
		return resolve_saved(b, out);
	for (size_t i = 0; i < set->n && err == E_OK; i++) {
		struct num_range r = range_of(&set->ranges[i], last);
		if (!is_uid && r.to > b->n)
			r.to = b->n;
		if (is_uid || (r.from >= 1 && r.from <= r.to))
			err = add_range(b, r, is_uid, out);
	}
	return err;
}

void
numbers_uids(const struct session *s, const struct numset *seqs, struct numset *out)
{
	numset_reset(out);
	for (size_t i = 0; i < seqs->n; i++)
		for (uint32_t seq = seqs->ranges[i].from; seq <= seqs->ranges[i].to;
		     seq++) {
			uint32_t uid = selected_record(s->selected, seq)->uid;
			if (numset_add(out, uid, uid) != E_OK)
				return; /* a view has fewer records than a set has room for */
		}
}
