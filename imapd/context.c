/* SPDX-License-Identifier: ISC */
/*
 * context.c - searches that are kept up to date.  A message that changed is put to each of them
 * again; what a search of the passing of time (OLDER, YOUNGER) finds changes only with the message.
 */
#include "imapd/context.h"

#include <stdlib.h>
#include <string.h>

#include "imapd/fetch.h"
#include "imapd/search_test.h"

/* ---- made and freed ---- */

void
context_free(struct context **at)
{
	struct context *c = *at;
	*at = c->next;
	arena_reset(&c->arena);
	mem_free(&c->uids);
	mem_free(&c->told);
	mem_free(&c);
}

struct context **
context_of(struct session *s, struct span tag)
{
	static struct context *none;
	struct context **at = s->selected ? &s->selected->contexts : &none;
	while (*at && !span_eq((*at)->tag, tag))
		at = &(*at)->next;
	return at;
}

int
context_check(struct session *s, struct command *c, const struct search *search)
{
	if (!(search->returns & RETURN_UPDATE) || !*context_of(s, s->tag))
		return E_OK;
	c->parse.expected = "a tag that no search has";
	return E_BAD;
}

static void
refuse(struct session *s, struct span tag)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* NO [NOUPDATE ");
	put_string(out, tag, false);
	buf_str(out, "] this search is not followed\r\n");
}

void
context_refuse(struct session *s)
{
	refuse(s, s->tag);
}

/* A set as UIDs; RFC 5267 4.3: message numbers are those of this moment. */
static int
key_settle(struct session *s, struct arena *arena, struct search_key *k)
{
	struct numset seqs = {.n = 0}, uids = {.n = 0};
	int err = numbers_found(s, &k->set, k->what == SEARCH_UIDS, &seqs);
	if (err == E_OK)
		numbers_uids(s, &seqs, &uids);
	k->what = SEARCH_UIDS;
	k->set = (struct seqset){.n = uids.n};
	k->set.ranges = arena_get(arena, (uids.n + 1) * sizeof *k->set.ranges);
	if (!k->set.ranges)
		err = E_LIMIT;
	else if (uids.n)
		memcpy(k->set.ranges, uids.ranges, uids.n * sizeof *uids.ranges);
	numset_free(&seqs);
	numset_free(&uids);
	return err;
}

static int
keys_settle(struct session *s, struct arena *arena, struct search_key *k)
{
	int err = E_OK;
	for (; k && err == E_OK; k = k->next) {
		bool is_uids = k->what == SEARCH_UIDS && k->set.is_saved;
		if (k->what == SEARCH_NUMBERS || is_uids)
			err = key_settle(s, arena, k);
		if (err == E_OK)
			err = keys_settle(s, arena, k->kids);
	}
	return err;
}

static size_t
members(const struct selected *b, size_t *n_contexts)
{
	size_t n = 0;
	*n_contexts = 0;
	for (const struct context *c = b->contexts; c; c = c->next) {
		n += c->n;
		++*n_contexts;
	}
	return n;
}

static bool
has_room(const struct selected *b, size_t n)
{
	size_t n_contexts;
	return members(b, &n_contexts) + n <= CONTEXT_UIDS_MOST &&
	       n_contexts < CONTEXTS_MOST;
}

static uint32_t *
uids_of(const struct session *s, const uint32_t *seqs, size_t n)
{
	uint32_t *uids = mem_grow(NULL, n + 1, sizeof *uids);
	for (size_t i = 0; i < n; i++)
		uids[i] = selected_record(s->selected, seqs[i])->uid;
	return uids;
}

static bool
fill(struct session *s, struct context *x, struct span text, context_parser *parse,
    const struct result *r)
{
	struct span own = arena_span(&x->arena, text);
	struct parse p = {
	    .in = own, .arena = &x->arena, .is_utf8 = s->enabled & (EN_UTF8 | EN_REV2)};
	x->tag = arena_span(&x->arena, s->tag);
	x->mailbox = arena_span(&x->arena, r->mailbox);
	x->uidvalidity = r->uidvalidity;
	return own.n == text.n && x->tag.n == s->tag.n &&
	       x->mailbox.n == r->mailbox.n &&
	       parse(&p, &x->order, &x->search) == E_OK &&
	       keys_settle(s, &x->arena, x->search.root) == E_OK;
}

void
context_add(struct session *s, const struct command *c, struct span text,
    context_parser *parse, const struct result *r)
{
	struct selected *b = s->selected;
	struct context *x = mem_new(sizeof *x), **last = &b->contexts;
	x->arena.max_bytes = CONTEXT_ARENA_MAX;
	x->is_uid = c->is_uid;
	bool is_kept = has_room(b, r->n) && fill(s, x, text, parse, r);
	/* what is about so now is by other measures later (RFC 6203 3) */
	if (!is_kept || x->search.has_fuzzy) {
		refuse(s, s->tag);
		context_free(&x);
		return;
	}
	x->is_sort = x->order.n > 0;
	x->uids = uids_of(s, r->ascending, r->n);
	x->told = x->is_sort ? uids_of(s, r->seqs, r->n) : NULL;
	x->n = r->n;
	x->cap = r->n + 1;
	selected_follow(b, &contexts_follow);
	while (*last)
		last = &(*last)->next;
	*last = x;
}

void
contexts_end_numbers(struct session *s)
{
	struct context **at = &s->selected->contexts;
	while (*at) {
		if ((*at)->is_uid) {
			at = &(*at)->next;
			continue;
		}
		refuse(s, (*at)->tag);
		context_free(at);
	}
}

static void
free_all(struct selected *b)
{
	while (b->contexts)
		context_free(&b->contexts);
}

/* ---- what it found ---- */

static size_t
place_of(const struct context *x, uint32_t uid)
{
	size_t low = 0, high = x->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (x->uids[mid] < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
has(const struct context *x, uint32_t uid)
{
	size_t at = place_of(x, uid);
	return at < x->n && x->uids[at] == uid;
}

static void
take_out(uint32_t *all, size_t at, size_t n)
{
	memmove(&all[at], &all[at + 1], (n - at - 1) * sizeof *all);
}

static void
put_in(uint32_t *all, size_t at, size_t n, uint32_t uid)
{
	memmove(&all[at + 1], &all[at], (n - at) * sizeof *all);
	all[at] = uid;
}

/* The index in the order in which they were told. */
static size_t
member_remove(struct context *x, uint32_t uid)
{
	size_t at = place_of(x, uid), k = 0;
	take_out(x->uids, at, x->n);
	if (x->told) {
		while (x->told[k] != uid)
			k++;
		take_out(x->told, k, x->n);
	}
	x->n--;
	return k;
}

/* Where a message belongs among those that are sorted: it is before all from there on. */
static size_t
sorted_place(struct session *s, const struct context *x, uint32_t seq)
{
	size_t low = 0, high = x->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint32_t other = selected_seq(s->selected, x->told[mid]);
		if (other && sort_is_before(s, &x->order, seq, other))
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static size_t
member_add(struct session *s, struct context *x, uint32_t seq)
{
	uint32_t uid = selected_record(s->selected, seq)->uid;
	size_t k = 0;
	if (x->n == x->cap) {
		x->cap += x->cap / 2 + 16;
		x->uids = mem_grow(x->uids, x->cap, sizeof *x->uids);
		if (x->told)
			x->told = mem_grow(x->told, x->cap, sizeof *x->told);
	}
	if (x->told) {
		k = sorted_place(s, x, seq);
		put_in(x->told, k, x->n, uid);
	}
	put_in(x->uids, place_of(x, uid), x->n, uid);
	x->n++;
	return k;
}

/* ---- what is told of it ---- */

/* "ADDTO (0 2:3)", or with a place each where they are sorted (RFC 5267 4.3.3). */
struct telling {
	struct session *session;
	struct context *context;
	const char *item; /* " ADDTO (" */
	struct numset set;
	bool is_begun, has_item;
};

static void
tell_begin(struct telling *t)
{
	struct buf *out = respond_out(t->session);
	const struct context *x = t->context;
	if (!t->is_begun) {
		buf_str(out, "* ESEARCH (TAG ");
		put_string(out, x->tag, false);
		if (x->mailbox.n) {
			buf_str(out, " MAILBOX ");
			put_mailbox(
			    out, x->mailbox, t->session->enabled & (EN_UTF8 | EN_REV2));
			buf_str(out, " UIDVALIDITY ");
			put_u32(out, x->uidvalidity);
		}
		buf_str(out, x->is_uid ? ") UID" : ")");
	}
	t->is_begun = true;
	buf_str(out, t->has_item ? " " : t->item);
	t->has_item = true;
}

static void
tell_one(struct telling *t, uint32_t seq, size_t place)
{
	struct session *s = t->session;
	uint32_t number =
	    t->context->is_uid ? selected_record(s->selected, seq)->uid : seq;
	if (t->context->is_sort) {
		tell_begin(t);
		put_u64(respond_out(s), place + 1);
		buf_ch(respond_out(s), ' ');
		put_u32(respond_out(s), number);
	} else if (numset_add(&t->set, number, number) != E_OK) {
		bug("more numbers than messages");
	}
}

static void
tell_item_end(struct telling *t)
{
	struct buf *out = respond_out(t->session);
	if (t->set.n) {
		tell_begin(t);
		buf_str(out, "0 ");
		numset_put(out, &t->set);
		numset_reset(&t->set);
	}
	if (t->has_item)
		buf_ch(out, ')');
	t->has_item = false;
}

static void
tell_end(struct telling *t)
{
	tell_item_end(t);
	if (t->is_begun)
		buf_str(respond_out(t->session), "\r\n");
	numset_free(&t->set);
	(void)respond_flush(t->session); /* who is gone is noted there */
}

static struct telling
telling_of(struct session *s, struct context *x)
{
	return (struct telling){.session = s, .context = x, .item = " REMOVEFROM ("};
}

/* ---- messages that went ---- */

static void
gone(struct session *s, const uint32_t *seqs, size_t n)
{
	for (struct context *x = s->selected->contexts; x; x = x->next) {
		struct telling t = telling_of(s, x);
		for (size_t i = 0; i < n; i++) {
			const struct store_record *r =
			    selected_record(s->selected, seqs[i]);
			if (r->flags & FLAG_GONE && has(x, r->uid))
				tell_one(&t, seqs[i], member_remove(x, r->uid));
		}
		tell_end(&t);
	}
}

static bool
is_in(const struct store_view *view, uint32_t uid)
{
	uint32_t low = 0, high = view->head->n, n = high;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (view->records[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && view->records[low].uid == uid &&
	       !(view->records[low].flags & FLAG_GONE);
}

static void
lost(struct session *s, const struct store_view *view)
{
	for (struct context *x = s->selected->contexts; x; x = x->next) {
		struct telling t = telling_of(s, x);
		for (size_t i = x->n; i-- > 0;) {
			uint32_t uid = x->uids[i], seq = selected_seq(s->selected, uid);
			if (is_in(view, uid))
				continue;
			size_t place = member_remove(x, uid);
			if (seq)
				tell_one(&t, seq, place);
		}
		tell_end(&t);
	}
}

/* ---- messages that changed, or came ---- */

/* A search is made ready each time: of a keyword that came meanwhile it did not know. */
static void
context_put(struct session *s, struct context *x, const uint32_t *seqs, size_t n)
{
	struct search_tests tests;
	struct telling t = telling_of(s, x);
	bool *is_found = mem_grow(NULL, n + 1, sizeof *is_found);
	int err = search_tests_init(&tests, s, &x->search);
	for (size_t i = 0; i < n && err == E_OK; i++)
		is_found[i] = search_tests_match(&tests, seqs[i]);
	search_tests_done(&tests);
	for (size_t i = 0; i < n && err == E_OK; i++) {
		uint32_t uid = selected_record(s->selected, seqs[i])->uid;
		if (!is_found[i] && has(x, uid))
			tell_one(&t, seqs[i], member_remove(x, uid));
	}
	tell_item_end(&t);
	t.item = " ADDTO (";
	for (size_t i = 0; i < n && err == E_OK; i++) {
		uint32_t uid = selected_record(s->selected, seqs[i])->uid;
		if (is_found[i] && !has(x, uid))
			tell_one(&t, seqs[i], member_add(s, x, seqs[i]));
	}
	tell_end(&t);
	mem_free(&is_found);
}

/* Past the limit the last one is given up. */
static void
shrink(struct session *s)
{
	struct context **last = &s->selected->contexts;
	size_t n;
	while (members(s->selected, &n) > CONTEXT_UIDS_MOST) {
		while ((*last)->next)
			last = &(*last)->next;
		refuse(s, (*last)->tag);
		context_free(last);
		last = &s->selected->contexts;
	}
}

/* In an arena of its own: in IDLE there may be many in one command. */
static void
changed(struct session *s, const uint32_t *seqs, size_t n)
{
	struct arena of_command = s->arena;
	for (struct context *x = s->selected->contexts; x; x = x->next) {
		s->arena = (struct arena){.max_bytes = IMAP_ARENA_MAX};
		context_put(s, x, seqs, n);
		arena_reset(&s->arena);
	}
	s->arena = of_command;
	store_cache_flush(s->store);
	shrink(s);
}

/* ---- FETCH of what came ---- */

static void
atts_add(struct arena *arena, struct fetch_atts *to, const struct fetch_atts *from)
{
	struct fetch_section **last = &to->sections;
	to->whats |= from->whats;
	for (const struct fetch_section *a = from->sections; a; a = a->next) {
		for (last = &to->sections; *last; last = &(*last)->next)
			if (span_eq((*last)->label, a->label))
				break;
		struct fetch_section *own =
		    *last ? NULL : arena_get(arena, sizeof *own);
		if (!own)
			continue; /* it is there, or there is no memory for more */
		*own = *a;
		own->next = NULL;
		*last = own;
	}
}

static bool
is_match(struct session *s, const struct context *x, uint32_t seq)
{
	struct search_tests tests;
	bool is = search_tests_init(&tests, s, &x->search) == E_OK &&
	          search_tests_match(&tests, seq);
	search_tests_done(&tests);
	return is;
}

/* RFC 5465 5.2: what NOTIFY and the searches ask of a message is one FETCH */
static void
fetch_one(struct session *s, uint32_t seq)
{
	struct fetch_atts atts = {.whats = 0};
	struct fetch f;
	if (s->notify_atts)
		atts_add(&s->arena, &atts, s->notify_atts);
	for (const struct context *x = s->selected->contexts; x; x = x->next)
		if (x->search.has_update_atts && is_match(s, x, seq))
			atts_add(&s->arena, &atts, &x->search.update_atts);
	if (!atts.whats && !atts.sections)
		return;
	/* before its flags are read: if they change meanwhile they are told */
	selected_told(s->selected, seq, selected_record(s->selected, seq)->modseq);
	fetch_init(&f, s, &atts);
	(void)fetch_put(&f, seq, s->enabled & EN_UIDONLY ? FETCH_BY_UID : FETCH_UID);
	fetch_done(&f);
}

/* RFC 5465 5.2: nothing of what the client brought itself */
static bool
is_left_out(const struct session *s, const struct store_record *r)
{
	return r->flags & FLAG_GONE ||
	       (s->own_uids.from <= r->uid && r->uid <= s->own_uids.to);
}

static void
came(struct session *s, uint32_t from)
{
	struct arena of_command = s->arena;
	for (uint32_t seq = from; seq <= s->selected->n && !s->is_broken; seq++) {
		s->arena = (struct arena){.max_bytes = IMAP_ARENA_MAX};
		if (!is_left_out(s, selected_record(s->selected, seq)))
			fetch_one(s, seq);
		arena_reset(&s->arena);
	}
	s->arena = of_command;
}

const struct follower contexts_follow = {
    .gone = gone, .lost = lost, .came = came, .changed = changed, .free = free_all};
