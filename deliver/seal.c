/* SPDX-License-Identifier: ISC */
/* seal.c - a set of ARC before what a script redirects. */
#include "deliver/seal.h"

#include "base/clock.h"
#include "dkim/arc_seal.h"
#include "dkim/authres.h"
#include "mime/header.h"

enum { RESULTS_ARENA_BYTES = 256 << 10 };

/* An alias sends it elsewhere, too: then smtpd sealed it for all. */
static bool
is_sealed(struct span head)
{
	struct header_field f;
	while (header_next(&head, &f) == E_OK && !span_ieqs(f.name, "Received"))
		if (span_ieqs(f.name, "ARC-Seal"))
			return true;
	return false;
}

/* That it was redirected, and nothing that a reader could take for the author's. */
static bool
is_way(struct span fields)
{
	struct header_field f;
	while (fields.n) {
		struct span whole = fields;
		if (header_next(&fields, &f) != E_OK || f.whole.p != whole.p ||
		    !span_istarts(f.name, SPAN("X-Sieve")))
			return false;
	}
	return true;
}

/* What our results say of the chain; what they do not speak of was not there. */
static enum arc_cv
cv_of(struct span results)
{
	struct arena arena = {.max_bytes = RESULTS_ARENA_BYTES};
	struct authres_reader reader;
	struct authres_read r;
	enum arc_cv cv = ARC_NONE;
	if (authres_open(results, &arena, &reader) == E_OK)
		while (authres_next(&reader, &r) == E_OK)
			if (span_ieqs(r.method, "arc"))
				cv = span_ieqs(r.result, "pass") ? ARC_PASS : ARC_FAIL;
	arena_reset(&arena);
	return cv;
}

int
seal_put(struct dkim_signer *signer, const struct seal_rules *r, struct span message,
    size_t came_at, struct buf *out)
{
	struct span came = span_from(message, came_at), results;
	struct span head = header_head(message);
	struct buf field = {0};
	if (!is_way(span_head(message, came_at)) || is_sealed(came) ||
	    authres_ours(came, r->server, &results) != E_OK)
		return E_DENY;
	if (header_end(message) != head.n)
		return E_LIMIT;
	struct arc_check *c = arc_check_new(came);
	int err = arc_check_known(c, cv_of(results));
	buf_putf(&field, "ARC-Authentication-Results: i=%u;", arc_next(c));
	buf_span(&field, results);
	buf_str(&field, "\r\n");
	const struct arc_seal_how how = {.now_sec = clock_wall_sec(),
	    .domain = r->domain,
	    .results = buf_as_span(&field)};
	if (err == E_OK)
		err = arc_seal_put(
		    signer, c, head, span_from(message, head.n), &how, out);
	buf_free(&field);
	arc_check_free(&c);
	return err;
}
