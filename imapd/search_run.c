/* SPDX-License-Identifier: ISC */
/* search_run.c - all messages of the selected mailbox put to a search. */
#include "imapd/search_run.h"

#include <malloc.h>

#include "imapd/bound.h"
#include "imapd/look.h"
#include "imapd/search_test.h"

/* so many messages found leave no more behind than other commands: some 1 MB, once they are sorted */
enum { FOUND_KEPT_MOST = 16384 };

/* malloc would keep it all: blocks that were freed once it takes from the heap from then on. */
static void
give_memory_back(size_t n_found)
{
	if (n_found > FOUND_KEPT_MOST)
		malloc_trim(0);
}

void
found_free(struct found *f)
{
	size_t n = f->n;
	mem_free(&f->seqs);
	mem_free(&f->scores);
	*f = (struct found){.n = 0};
	give_memory_back(n);
}

static void
found_add(struct found *f, uint32_t seq, const struct search_tests *tests)
{
	if (tests->has_fuzzy) {
		f->scores =
		    mem_room(f->scores, f->n, &f->scores_cap, sizeof *f->scores);
		f->scores[f->n] = (uint8_t)tests->score;
	}
	f->seqs = mem_room(f->seqs, f->n, &f->cap, sizeof *f->seqs);
	f->seqs[f->n++] = seq;
}

/* What one message took: its file, or next to nothing. */
static enum reply
look_after(struct look *look, const struct search_tests *tests)
{
	return look_up(look, tests->file_bytes + LOOK_RECORD_BYTES * tests->n);
}

/* From one end to the other, until so many are found or all are; those below least are known. */
static enum reply
find(struct search_tests *tests, struct look *look, unsigned end, size_t most,
    uint32_t least, struct found *out)
{
	uint32_t last = tests->session->selected->n;
	most += out->n;
	least = least > out->least ? least : out->least;
	for (uint32_t k = least; k <= last && out->n < most; k++) {
		uint32_t seq = end == RETURN_MAX ? last + least - k : k;
		if (search_tests_match(tests, seq))
			found_add(out, seq, tests);
		enum reply reply = look_after(look, tests);
		if (reply != R_DONE)
			return reply;
	}
	return R_DONE;
}

static enum reply
find_ends(
    struct search_tests *tests, struct look *look, unsigned ends, struct found *out)
{
	enum reply reply = R_DONE;
	if (ends & RETURN_MIN)
		reply = find(tests, look, RETURN_MIN, 1, 1, out);
	bool is_over = reply != R_DONE || !(ends & RETURN_MAX) ||
	               (ends & RETURN_MIN && out->n == 0);
	return is_over ? reply
	               : find(tests, look, RETURN_MAX, 1, out->n ? out->seqs[0] + 1 : 1,
			     out);
}

static void
turn(struct found *f)
{
	for (size_t i = 0, k = f->n; i + 1 < k; i++) {
		uint32_t seq = f->seqs[--k];
		f->seqs[k] = f->seqs[i];
		f->seqs[i] = seq;
		if (!f->scores)
			continue;
		uint8_t score = f->scores[k];
		f->scores[k] = f->scores[i];
		f->scores[i] = score;
	}
}

static enum reply
find_window(struct search_tests *tests, struct look *look,
    const struct partial *partial, struct found *out)
{
	enum reply reply =
	    find(tests, look, partial->is_from_end ? RETURN_MAX : RETURN_MIN,
		partial_most(partial), 1, out);
	if (partial->is_from_end)
		turn(out);
	return reply;
}

static enum reply
find_wanted(struct search_tests *tests, struct look *look,
    const struct search_stop *stop, struct found *out)
{
	if (stop && stop->ends)
		return find_ends(tests, look, stop->ends, out);
	if (stop && stop->partial)
		return find_window(tests, look, stop->partial, out);
	return find(tests, look, RETURN_MIN, UINT32_MAX, 1, out);
}

enum reply
search_run(struct session *s, const struct search *search,
    const struct search_stop *stop, struct found *out)
{
	struct search_tests tests;
	struct look look;
	*out = (struct found){.n = 0};
	if (search->has_numbers && s->enabled & EN_UIDONLY)
		return R_UID_REQUIRED;
	out->least = bound_search(s, search, &out->lowest);
	look_init(&look, s, 0, s->selected->n);
	int err = search_tests_init(&tests, s, search);
	enum reply reply = err == E_OK ? R_DONE : R_LIMIT;
	if (reply == R_DONE)
		reply = find_wanted(&tests, &look, stop, out);
	search_slices_want(s, tests.n_signatures);
	search_tests_done(&tests);
	store_cache_flush(s->store);
	return reply;
}

enum reply
search_run_whole(struct session *s, const struct search *search, struct found *out)
{
	enum reply reply = search_run(s, search, NULL, out);
	if (reply == R_DONE && out->lowest) {
		reply = R_LIMIT;
		bound_say(s, reply, s->messages_most, 0);
	}
	return reply;
}
