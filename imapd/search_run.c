/* SPDX-License-Identifier: ISC */
/* search_run.c - all messages of the selected mailbox put to a search. */
#include "imapd/search_run.h"

#include "imapd/look.h"
#include "imapd/search_test.h"

void
found_free(struct found *f)
{
	mem_free(&f->seqs);
	*f = (struct found){.n = 0};
}

static void
found_add(struct found *f, uint32_t seq)
{
	f->seqs = mem_room(f->seqs, f->n, &f->cap, sizeof *f->seqs);
	f->seqs[f->n++] = seq;
}

/* What one message took: its file, or next to nothing. */
static enum reply
look_after(struct look *look, const struct search_tests *tests)
{
	return look_up(look, tests->file_bytes + LOOK_RECORD_BYTES * tests->n);
}

/* From one end to the other, until one is found or all are; those below least are known. */
static enum reply
find(struct search_tests *tests, struct look *look, unsigned end, uint32_t least,
    struct found *out)
{
	uint32_t last = tests->session->selected->n;
	for (uint32_t k = least; k <= last; k++) {
		uint32_t seq = end == RETURN_MAX ? last + least - k : k;
		bool is_match = search_tests_match(tests, seq);
		if (is_match)
			found_add(out, seq);
		if (is_match && end)
			break;
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
		reply = find(tests, look, RETURN_MIN, 1, out);
	bool is_over = reply != R_DONE || !(ends & RETURN_MAX) ||
	               (ends & RETURN_MIN && out->n == 0);
	return is_over
	           ? reply
	           : find(tests, look, RETURN_MAX, out->n ? out->seqs[0] + 1 : 1, out);
}

enum reply
search_run(
    struct session *s, const struct search *search, unsigned ends, struct found *out)
{
	struct search_tests tests;
	struct look look;
	*out = (struct found){.n = 0};
	look_init(&look, s);
	int err = search_tests_init(&tests, s, search);
	enum reply reply = err == E_OK    ? R_DONE
	                   : err == E_BAD ? R_BAD_SEQUENCE
	                                  : R_LIMIT;
	if (reply == R_DONE)
		reply = ends ? find_ends(&tests, &look, ends, out)
		             : find(&tests, &look, 0, 1, out);
	search_tests_done(&tests);
	store_cache_flush(s->store);
	return reply;
}
