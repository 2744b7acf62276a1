/* SPDX-License-Identifier: ISC */
/* search_test.c - one message and the keys of a search. */
#include "imapd/search_test.h"

#include <string.h>

#include "base/clock.h"
#include "imapd/command.h"
#include "imapd/facts.h"
#include "imapd/selected.h"
#include "imapd/threadid.h"
#include "mime/casemap.h"

enum {
	DAY_SEC = 24 * 60 * 60,
	AHEAD = 3, /* messages: so long memory takes */
	/* needles of a search that are looked for in slices; each takes two bits a message */
	SLICED_MOST = 16,
};

/* ---- keys made ready ---- */

static const struct {
	const char *name;
	size_t at;
} searched[] = {
    {"subject", offsetof(struct mime_cache, search.subject)},
    {"from", offsetof(struct mime_cache, search.from)},
    {"to", offsetof(struct mime_cache, search.to)},
    {"cc", offsetof(struct mime_cache, search.cc)},
    {"bcc", offsetof(struct mime_cache, search.bcc)},
};

_Static_assert(
    offsetof(struct mime_cache, search) > 0, "0 says that a field is not folded there");

static int64_t
day_start(int64_t day)
{
	return day == INT64_MIN || day == INT64_MAX ? day : day * DAY_SEC;
}

/* Days become seconds, in UTC. */
static void
days_prepare(struct search_test *t, const struct search_key *k)
{
	t->from = day_start(k->from_day);
	t->to = k->to_day == INT64_MAX ? INT64_MAX : day_start(k->to_day + 1) - 1;
}

/* RFC 5032 3: both have the second itself */
static void
age_prepare(struct search_test *t, const struct search_key *k, int64_t now_sec)
{
	int64_t then = now_sec - (int64_t)k->number;
	t->from = k->what == SEARCH_YOUNGER ? then : INT64_MIN;
	t->to = k->what == SEARCH_YOUNGER ? INT64_MAX : then;
	t->what = SEARCH_ARRIVED;
}

static void
keyword_prepare(struct search_test *t, const struct store_view *view)
{
	uint32_t n = view->head->n_keywords;
	for (uint32_t i = 0; i < n && i < STORE_KEYWORDS_MAX; i++)
		if (span_ieqs(t->text, view->head->keywords[i]))
			t->number = (uint64_t)1 << i;
}

/* Exactly the text that FETCH says: RFC 8474 6 */
static void
emailid_prepare(struct search_test *t)
{
	struct span id = span_from(t->text, 1);
	if (t->text.p[0] != 'M' || file_id_parse(id, &t->id) != E_OK ||
	    !span_eqs(id, file_id_text(t->id)))
		t->what = SEARCH_NOTHING;
}

/* Where the arena is full, all files are read. */
static const struct signature_probe *
probe_make(struct arena *arena, struct span needle)
{
	struct signature_probe *p = arena_get(arena, sizeof *p);
	if (p)
		signature_probe_init(p, needle);
	return p;
}

/* A text without a word in it is looked for as it is. */
static int
fuzzy_prepare(struct search_test *t, struct arena *arena)
{
	bool is_text =
	    t->what == SEARCH_FIELD || t->what == SEARCH_BODY || t->what == SEARCH_TEXT;
	if (!t->is_fuzzy || !is_text)
		return E_OK;
	struct fuzzy *f = arena_get(arena, sizeof *f);
	if (!f)
		return E_LIMIT;
	fuzzy_init(f, t->text);
	t->fuzzy = f->n ? f : NULL;
	return E_OK;
}

/* An item has what is folded, but does not tell an empty field from none. */
static void
field_prepare(struct search_test *t, struct arena *arena)
{
	t->cost = COST_FILE;
	t->probe = t->text.n ? probe_make(arena, t->text) : NULL;
	if (cache_names_of(&t->field, 1, &t->names) == E_OK)
		t->cost = COST_FIELDS;
	for (size_t i = 0; i < COUNT(searched) && t->text.n; i++)
		if (span_ieqs(t->field, searched[i].name)) {
			t->searched_at = searched[i].at;
			t->cost = COST_ITEM;
		}
}

static int
test_prepare(
    struct search_tests *tests, struct search_test *t, const struct search_key *k)
{
	switch (k->what) {
	case SEARCH_ARRIVED:
	case SEARCH_SAVED:
		days_prepare(t, k);
		break;
	case SEARCH_SENT:
		t->from = k->from_day;
		t->to = k->to_day;
		t->cost = COST_ITEM;
		break;
	case SEARCH_OLDER:
	case SEARCH_YOUNGER:
		age_prepare(t, k, tests->now_sec);
		break;
	case SEARCH_KEYWORD:
		keyword_prepare(t, &tests->session->selected->view);
		break;
	case SEARCH_EMAILID:
		emailid_prepare(t);
		break;
	case SEARCH_THREADID:
		t->cost = COST_ITEM;
		break;
	case SEARCH_FIELD:
		field_prepare(t, &tests->session->arena);
		break;
	case SEARCH_BODY:
	case SEARCH_TEXT:
		t->cost = COST_FILE;
		t->probe = probe_make(&tests->session->arena, t->text);
		break;
	case SEARCH_NUMBERS:
	case SEARCH_UIDS:
		return numbers_found(
		    tests->session, &k->set, k->what == SEARCH_UIDS, &t->seqs);
	default:
		break;
	}
	return E_OK;
}

static int test_make(
    struct search_tests *, const struct search_key *, struct search_test **out);

/* The kids of a key, those that cost least first; a parent costs what its dearest kid does. */
static int
kids_make(struct search_tests *tests, const struct search_key *kids,
    struct search_test *parent)
{
	struct search_test *first[COSTS] = {NULL}, **last[COSTS], **end = &parent->kids;
	for (int c = 0; c < COSTS; c++)
		last[c] = &first[c];
	int err = E_OK;
	for (const struct search_key *k = kids; k && err == E_OK; k = k->next) {
		struct search_test *t = NULL;
		err = test_make(tests, k, &t);
		if (!t)
			break;
		*last[t->cost] = t;
		last[t->cost] = &t->next;
	}
	for (int c = 0; c < COSTS; c++)
		if (first[c]) {
			parent->cost = (enum search_cost)c;
			for (struct search_test *t = first[c]; t; t = t->next)
				parent->is_fuzzy |= t->is_fuzzy;
			*end = first[c];
			end = last[c];
		}
	return err;
}

/* Also at a failure *out is what has to be freed. */
static int
test_make(
    struct search_tests *tests, const struct search_key *k, struct search_test **out)
{
	struct search_test *t = *out = arena_get(&tests->session->arena, sizeof *t);
	if (!t)
		return E_LIMIT;
	tests->n++;
	t->what = k->what;
	t->is_not = k->is_not;
	t->flags = k->flags;
	t->number = k->number;
	t->field = k->field;
	t->text = k->text;
	if (k->kids)
		return kids_make(tests, k->kids, t);
	t->is_fuzzy = k->is_fuzzy;
	int err = fuzzy_prepare(t, &tests->session->arena);
	return err == E_OK ? test_prepare(tests, t, k) : err;
}

static void
test_free(struct search_test *t)
{
	for (; t; t = t->next) {
		numset_free(&t->seqs);
		search_may_free(&t->may);
		test_free(t->kids);
	}
}

/* What the text of each key may be in; keys that need no file are answered sooner. */
static void
look_in_slices(struct search_tests *tests, struct search_test *t, unsigned *n)
{
	for (; t; t = t->next) {
		unsigned kinds = (t->what != SEARCH_FIELD ? 1u << SLICES_TEXTS : 0) |
		                 (t->what != SEARCH_BODY ? 1u << SLICES_HEADS : 0);
		look_in_slices(tests, t->kids, n);
		if (t->probe && !t->fuzzy && t->cost == COST_FILE &&
		    ++*n <= SLICED_MOST)
			search_slices_look(&tests->slices, t->probe, kinds, &t->may);
	}
}

static void
slices_prepare(struct search_tests *tests)
{
	unsigned n = 0;
	if (tests->root->cost < COST_FILE ||
	    tests->session->selected->n < SLICES_WANTED_LEAST)
		return;
	search_slices_open(&tests->slices, tests->session);
	if (tests->slices.map.n)
		look_in_slices(tests, tests->root, &n);
}

int
search_tests_init(
    struct search_tests *tests, struct session *s, const struct search *search)
{
	*tests = (struct search_tests){
	    .session = s, .now_sec = clock_wall_sec(), .has_fuzzy = search->has_fuzzy};
	message_init(&tests->message, s->store, &s->selected->view);
	int err = test_make(tests, search->root, &tests->root);
	if (err == E_OK)
		slices_prepare(tests);
	return err;
}

void
search_tests_done(struct search_tests *tests)
{
	test_free(tests->root);
	search_slices_done(&tests->slices);
	message_done(&tests->message);
	text_scratch_free(&tests->scratch);
	buf_free(&tests->fields);
	buf_free(&tests->folded);
}

/* ---- what a message has ---- */

static struct message *
message_of(struct search_tests *tests)
{
	if (!tests->is_message_set)
		message_set(&tests->message, tests->record);
	tests->is_message_set = true;
	return &tests->message;
}

/* NULL: there is no file to make one from, or it cannot be made. */
static const struct mime_cache *
item_of(struct search_tests *tests)
{
	struct message *m = message_of(tests);
	bool had_text = m->has_text;
	const struct mime_cache *item = message_item(m);
	if (!had_text && m->has_text)
		tests->file_bytes += m->text.n;
	return item;
}

/* NULL: its file is gone, and the message with it. */
static const struct tree *
tree_of(struct search_tests *tests)
{
	struct message *m = message_of(tests);
	struct span text;
	if (message_text(m, &text) != E_OK) {
		tests->is_lost = true;
		return NULL;
	}
	return message_tree(m);
}

static struct span
head_of(struct search_tests *tests)
{
	const struct tree *tree = tree_of(tests);
	return tree ? part_head(tree, &tree->root) : span_make("", 0);
}

/* ---- answers ---- */

/* Messages come in ascending order, mostly: the range asked for last is near. */
static bool
is_in(struct search_test *t, uint32_t seq)
{
	const struct numset *s = &t->seqs;
	if (s->n == 0)
		return false;
	while (t->range && s->ranges[t->range].from > seq)
		t->range--;
	while (t->range + 1 < s->n && s->ranges[t->range].to < seq)
		t->range++;
	return s->ranges[t->range].from <= seq && seq <= s->ranges[t->range].to;
}

/* about: how far outside it may be, where the search is a fuzzy one */
static bool
is_between(int64_t n, struct search_test *t, int64_t about)
{
	if (t->is_fuzzy)
		t->score = (uint8_t)fuzzy_near(n, t->from, t->to, about);
	return t->is_fuzzy ? t->score > 0 : t->from <= n && n <= t->to;
}

/* A quarter more or less is about the same. */
static bool
is_size(uint64_t n, struct search_test *t)
{
	bool is_larger = t->what == SEARCH_LARGER;
	if (t->is_fuzzy)
		t->score = (uint8_t)fuzzy_near((int64_t)n,
		    is_larger ? (int64_t)t->number + 1 : INT64_MIN,
		    is_larger ? INT64_MAX : (int64_t)t->number - 1,
		    (int64_t)t->number / 4);
	return t->is_fuzzy ? t->score > 0 : is_larger ? n > t->number : n < t->number;
}

static bool
is_sent(struct search_tests *tests, struct search_test *t)
{
	const struct mime_cache *item = item_of(tests);
	struct envelope_facts facts;
	bool is_lent;
	if (!item)
		head_of(tests); /* a message without a file is lost */
	facts_of(message_of(tests), &facts, &is_lent);
	return facts.has_sent && is_between(facts.sent_day, t, FUZZY_DAYS);
}

static bool
is_in_thread(struct search_tests *tests, const struct search_test *t)
{
	if (!item_of(tests))
		head_of(tests); /* a message without a file is lost */
	buf_reset(&tests->fields);
	return threadid_put(&tests->fields, message_of(tests)) == E_OK &&
	       span_eq(buf_as_span(&tests->fields), t->text);
}

static bool
signatures_may_have(const struct cache_search *s, const struct search_test *t)
{
	return (t->what != SEARCH_FIELD && signature_may_have(s->texts, t->probe)) ||
	       (t->what != SEARCH_BODY && signature_may_have(s->heads, t->probe));
}

/* Once a message, however many keys look at it; what slices have is not missed. */
static void
count_signature(struct search_tests *tests, const struct mime_cache *first)
{
	if (tests->is_counted || !slices_take(first->search.texts) ||
	    search_slices_have(&tests->slices, tests->seq))
		return;
	tests->is_counted = true;
	tests->n_signatures++;
}

/* Of an item that is there only its beginning is read; without one a file may have anything. */
static bool
may_have(struct search_tests *tests, const struct search_test *t)
{
	struct mime_cache first;
	struct message *m = &tests->message;
	bool is_may;
	if (!t->probe)
		return true;
	if (search_slices_know(&tests->slices, &t->may, tests->seq, &is_may))
		return is_may;
	if (!tests->is_message_set &&
	    cache_open_signatures(store_cache(m->store, tests->record), &first) ==
		E_OK) {
		count_signature(tests, &first);
		return signatures_may_have(&first.search, t);
	}
	const struct mime_cache *item = item_of(tests);
	return !item || signatures_may_have(&item->search, t);
}

/* Where an item has not got it, the head says it. */
static bool
has_in_head(struct search_tests *tests, const struct search_test *t)
{
	if (!may_have(tests, t))
		return false;
	struct span head = head_of(tests);
	tests->file_bytes += head.n;
	return text_field_contains(head, t->field, t->text, &tests->scratch);
}

/* ---- about the text ---- */

enum { BODY_PERCENT = 80 /* what is found in a body is worth, beside a head */ };

/* Folded: of all fields of that name; of an item where that has them. */
static struct span
folded_field(struct search_tests *tests, const struct search_test *t)
{
	const struct mime_cache *item = t->cost == COST_FILE ? NULL : item_of(tests);
	struct span head;
	if (item && t->searched_at) {
		const struct span *folded =
		    (const struct span *)((const char *)item + t->searched_at);
		if (folded->p)
			return *folded;
	}
	buf_reset(&tests->fields);
	if (item && t->names && item->has_fields) {
		cache_fields(item, t->names, &tests->fields);
		head = buf_as_span(&tests->fields);
	} else {
		head = head_of(tests);
		tests->file_bytes += head.n;
	}
	buf_reset(&tests->folded);
	text_field_put(&tests->folded, head, t->field);
	return buf_as_span(&tests->folded);
}

struct looking {
	struct search_tests *tests;
	struct fuzzy *fuzzy;
};

static bool
look_at_text(void *ctx, bool is_head, struct span utf8)
{
	struct looking *l = ctx;
	struct buf *folded = &l->tests->folded;
	buf_reset(folded);
	casemap_fold(folded, utf8);
	return fuzzy_look(l->fuzzy, buf_as_span(folded), is_head ? 100 : BODY_PERCENT);
}

/* Signatures tell nothing of words that are only about the same. */
static bool
is_about(struct search_tests *tests, struct search_test *t)
{
	struct looking l = {tests, t->fuzzy};
	fuzzy_begin(t->fuzzy);
	if (t->what == SEARCH_FIELD) {
		fuzzy_look(t->fuzzy, folded_field(tests, t), 100);
	} else {
		const struct tree *tree = tree_of(tests);
		if (!tree)
			return false;
		tests->file_bytes += tree->message.n;
		text_each(tree, t->what == SEARCH_BODY ? TEXT_BODY : TEXT_TEXT,
		    &tests->scratch, look_at_text, &l);
	}
	t->score = (uint8_t)fuzzy_score(t->fuzzy);
	return t->score > 0;
}

static bool
has_in_field(struct search_tests *tests, const struct search_test *t)
{
	const struct mime_cache *item = t->cost == COST_FILE ? NULL : item_of(tests);
	if (item && t->searched_at) {
		const struct span *folded =
		    (const struct span *)((const char *)item + t->searched_at);
		if (folded->p)
			return casemap_search(*folded, t->text);
	}
	if (item && t->names && item->has_fields) {
		buf_reset(&tests->fields);
		cache_fields(item, t->names, &tests->fields);
		return text_field_contains(
		    buf_as_span(&tests->fields), t->field, t->text, &tests->scratch);
	}
	return has_in_head(tests, t);
}

static bool
has_in_text(struct search_tests *tests, const struct search_test *t)
{
	const struct tree *tree = may_have(tests, t) ? tree_of(tests) : NULL;
	if (!tree)
		return false;
	tests->file_bytes += tree->message.n;
	return text_contains(tree, t->what == SEARCH_BODY ? TEXT_BODY : TEXT_TEXT,
	    t->text, &tests->scratch);
}

static bool test_match(struct search_tests *, struct search_test *);

/* The best of what one of them is enough for, the mean of what all are needed for. */
static void
kids_score(struct search_test *t)
{
	unsigned best = 0, sum = 0, n = 0;
	for (struct search_test *kid = t->kids; kid; kid = kid->next) {
		best = kid->score > best ? kid->score : best;
		sum += kid->score;
		n += kid->score > 0;
	}
	t->score = (uint8_t)(t->what == SEARCH_OR ? best : n ? sum / n : 0);
}

static bool
kids_match(struct search_tests *tests, struct search_test *t)
{
	bool is_or = t->what == SEARCH_OR, has_decided = false;
	for (struct search_test *kid = t->kids; kid; kid = kid->next)
		kid->score = 0; /* what is not asked has none */
	for (struct search_test *kid = t->kids; kid; kid = kid->next) {
		has_decided |= test_match(tests, kid) == is_or;
		/* of an OR the others may be found better */
		if (has_decided && !(is_or && t->is_fuzzy))
			break;
	}
	bool is_found = has_decided == is_or;
	if (is_found && t->is_fuzzy)
		kids_score(t);
	return is_found;
}

static bool
key_match(struct search_tests *tests, struct search_test *t)
{
	const struct store_record *r = tests->record;
	switch (t->what) {
	case SEARCH_ALL:
		return true;
	case SEARCH_FLAGS:
		return (r->flags & t->flags) == t->flags;
	case SEARCH_KEYWORD:
		return r->keywords & t->number;
	case SEARCH_RECENT:
		return selected_is_recent(tests->session->selected, r);
	case SEARCH_NUMBERS:
	case SEARCH_UIDS:
		return is_in(t, tests->seq);
	case SEARCH_ARRIVED:
		return is_between(r->date_sec, t, FUZZY_DAYS * DAY_SEC);
	case SEARCH_SAVED:
		return is_between(r->saved_sec, t, FUZZY_DAYS * DAY_SEC);
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
		return is_size(r->size_bytes, t);
	case SEARCH_MODSEQ:
		return r->modseq >= t->number;
	case SEARCH_EMAILID:
		return file_id_eq(r->id, t->id);
	case SEARCH_THREADID:
		return is_in_thread(tests, t);
	case SEARCH_SENT:
		return is_sent(tests, t);
	case SEARCH_FIELD:
		return t->fuzzy ? is_about(tests, t) : has_in_field(tests, t);
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return t->fuzzy ? is_about(tests, t) : has_in_text(tests, t);
	case SEARCH_AND:
	case SEARCH_OR:
		return kids_match(tests, t);
	case SEARCH_NOTHING:
	case SEARCH_OLDER:
	case SEARCH_YOUNGER:
		break; /* the last two have become SEARCH_ARRIVED */
	}
	return false;
}

static bool
test_match(struct search_tests *tests, struct search_test *t)
{
	t->score = 0;
	bool is_found = key_match(tests, t) != t->is_not;
	if (!is_found || t->is_not)
		t->score = 0;
	return is_found;
}

bool
search_tests_match(struct search_tests *tests, uint32_t seq)
{
	tests->seq = seq;
	tests->record = selected_record(tests->session->selected, seq);
	tests->is_message_set = tests->is_lost = tests->is_counted = false;
	tests->file_bytes = 0;
	if (tests->root->cost > COST_RECORD && !tests->slices.map.n &&
	    seq + AHEAD <= tests->session->selected->n)
		store_cache_soon(tests->session->store,
		    selected_record(tests->session->selected, seq + AHEAD));
	if (tests->record->flags & FLAG_GONE)
		return false;
	bool is_found = test_match(tests, tests->root) && !tests->is_lost;
	/* what is not fuzzy is wholly so */
	tests->score = tests->root->score ? tests->root->score : FUZZY_SCORE_MAX;
	return is_found;
}
