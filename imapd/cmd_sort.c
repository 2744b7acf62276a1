/* SPDX-License-Identifier: ISC */
/*
 * cmd_sort.c - SORT and UID SORT: RFC 5256, RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 5267 3 and 4 (RETURN).
 */
#include "imapd/context.h"
#include "imapd/facts.h"

int
sort_program_parse(struct parse *p, struct sort_order *order, struct search *search)
{
	int err = search_parse_return(p, search);
	if (err == E_OK)
		err = sort_parse(p, order);
	if (err == E_OK)
		err = parse_sp(p);
	if (err == E_OK)
		err = search_parse_criteria(p, search);
	if (err == E_OK && sort_has(order, SORT_RELEVANCY) && !search->has_fuzzy)
		return parse_fail(p, p->in, "FUZZY, for RELEVANCY"); /* RFC 6203 6 */
	return err;
}

/* What is sorted: ctx of row_set. */
struct sorting {
	struct sorter sorter;
	const uint8_t *scores; /* borrow; NULL: none */
};

static struct sort_value
value_of(enum sort_by by, const struct store_record *r,
    const struct envelope_facts *facts, unsigned score)
{
	switch (by) {
	case SORT_ARRIVAL:
		return sort_number(r->date_sec);
	case SORT_SIZE:
		return sort_number((int64_t)r->size_bytes);
	case SORT_DATE:
		return sort_number(facts->sent_sec);
	case SORT_CC:
		return sort_text(facts->cc);
	case SORT_DISPLAYFROM:
		return sort_text(facts->display_from);
	case SORT_DISPLAYTO:
		return sort_text(facts->display_to);
	case SORT_FROM:
		return sort_text(facts->from);
	case SORT_RELEVANCY:
		return sort_number(-(int64_t)score);
	case SORT_SUBJECT:
		return sort_text(facts->base_subject);
	case SORT_TO:
		return sort_text(facts->to);
	case SORT_BYS:
		break;
	}
	bug("a sort key that is none");
}

static void
row_set(void *ctx, size_t i, const struct store_record *r,
    const struct envelope_facts *facts)
{
	struct sorting *sorting = ctx;
	struct sorter *sorter = &sorting->sorter;
	struct sort_value *row = sorter_row(sorter, i);
	unsigned score = sorting->scores ? sorting->scores[i] : 0;
	for (size_t k = 0; k < sorter->order.n; k++)
		row[k] = value_of(sorter->order.keys[k].by, r, facts, score);
}

static enum reply
rows_set(struct session *s, struct sorting *sorting, const struct found *found,
    struct facts *facts)
{
	if (!sort_by_record(&sorting->sorter.order))
		return facts_each(facts, s, found, row_set, sorting);
	for (size_t i = 0; i < found->n; i++)
		row_set(sorting, i, selected_record(s->selected, found->seqs[i]), NULL);
	return R_DONE;
}

/* What was found, in its order; the caller's. */
struct sorted {
	uint32_t *seqs;
	uint8_t *scores; /* NULL: there are none */
};

static void
put_sorted(const struct found *found, struct sorted *out)
{
	if (found->scores)
		out->scores = mem_grow(NULL, found->n + 1, sizeof *out->scores);
	for (size_t i = 0; i < found->n; i++) {
		uint32_t at = out->seqs[i];
		out->seqs[i] = found->seqs[at];
		if (found->scores)
			out->scores[i] = found->scores[at];
	}
}

static enum reply
found_sort(struct session *s, const struct sort_order *order, const struct found *found,
    struct sorted *out)
{
	struct facts facts = {.message.file = E_MORE};
	struct sorting sorting = {.scores = found->scores};
	sorter_init(&sorting.sorter, order, found->n);
	enum reply reply = rows_set(s, &sorting, found, &facts);
	*out = (struct sorted){mem_grow(NULL, found->n + 1, sizeof *out->seqs), NULL};
	if (reply == R_DONE) {
		sorter_run(&sorting.sorter, out->seqs);
		put_sorted(found, out);
	}
	sorter_done(&sorting.sorter);
	facts_done(&facts);
	return reply;
}

static void
sorted_free(struct sorted *sorted)
{
	mem_free(&sorted->seqs);
	mem_free(&sorted->scores);
}

bool
sort_is_before(
    struct session *s, const struct sort_order *order, uint32_t a, uint32_t b)
{
	uint32_t both[2] = {a < b ? a : b, a < b ? b : a};
	struct sorted sorted;
	struct found found = {.seqs = both, .n = 2};
	bool is_before =
	    found_sort(s, order, &found, &sorted) == R_DONE && sorted.seqs[0] == a;
	sorted_free(&sorted);
	return is_before;
}

static enum reply
sort_tell(struct session *s, const struct command *c, struct span text,
    const struct search *search, const struct result *r)
{
	bool is_there = search->has_return ? result_put_extended(s, c, search, r)
	                                   : result_put(s, c, "SORT", search, r);
	if (is_there && search->returns & RETURN_UPDATE)
		context_add(s, c, text, sort_program_parse, r);
	return is_there ? result_save(s, search, r) : R_NONE;
}

enum reply
cmd_sort(struct session *s, struct command *c)
{
	struct search search;
	struct sort_order order;
	struct found found;
	struct sorted sorted = {NULL, NULL};
	struct span text = c->parse.in;
	int err = sort_program_parse(&c->parse, &order, &search);
	if (err == E_OK)
		err = context_check(s, c, &search);
	if (err != E_OK)
		return result_failed(s, &search, err);
	if (search.has_modseq)
		selected_enable_condstore(s); /* RFC 7162 3.1 */
	enum reply reply = search_run_whole(s, &search, &found);
	if (reply == R_DONE)
		reply = found_sort(s, &order, &found, &sorted);
	if (reply == R_DONE)
		reply = sort_tell(s, c, text, &search,
		    &(struct result){.seqs = sorted.seqs,
			.n = found.n,
			.ascending = found.seqs,
			.scores = sorted.scores});
	sorted_free(&sorted);
	found_free(&found);
	return result_said(s, &search, reply);
}
