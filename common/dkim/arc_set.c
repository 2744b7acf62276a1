/* SPDX-License-Identifier: ISC */
/* arc_set.c - the fields ARC-Authentication-Results and ARC-Seal, RFC 8617 4.1. */
#include "dkim/arc.h"
#include "mime/lex.h"

const char *
arc_cv_name(enum arc_cv cv)
{
	static const char *const names[] = {
	    [ARC_NONE] = "none", [ARC_PASS] = "pass", [ARC_FAIL] = "fail"};
	return names[cv];
}

static int
instance(struct span value, uint32_t *out)
{
	uint64_t n;
	if (value.n > 2 || span_u64(value, ARC_SETS_MAX, &n) != E_OK || n == 0)
		return E_BAD;
	*out = (uint32_t)n;
	return E_OK;
}

/* instance, 4.2.1: "i" "=" 1*2DIGIT with blanks and comments between, and the ";" behind it */
int
arc_results_parse(const struct header_field *f, struct arc_results *out)
{
	struct lex x = {.in = f->value};
	size_t n = 0;
	*out = (struct arc_results){.whole = f->whole};
	if (f->whole.n > ARC_RESULTS_MAX)
		return E_LIMIT;
	lex_blanks(&x, NULL);
	if (!span_take(&x.in, 'i'))
		return E_BAD;
	lex_blanks(&x, NULL);
	if (!span_take(&x.in, '='))
		return E_BAD;
	lex_blanks(&x, NULL);
	while (n < x.in.n && ch_digit(x.in.p[n]))
		n++;
	struct span number = lex_take(&x, n);
	lex_blanks(&x, NULL);
	if (!span_take(&x.in, ';') || instance(number, &out->instance) != E_OK)
		return E_BAD;
	out->payload = x.in;
	return E_OK;
}

/* ---- ARC-Seal ---- */

static bool
cv_read(struct span value, enum arc_cv *out)
{
	for (*out = ARC_NONE; *out <= ARC_FAIL; (*out)++)
		if (span_ieqs(value, arc_cv_name(*out)))
			return true;
	return false;
}

static bool
moment_read(const struct tag *t, int64_t *out)
{
	uint64_t sec;
	*out = -1;
	if (!t)
		return true;
	if (t->value.n > SIGNATURE_DIGITS_MAX ||
	    span_u64(t->value, INT64_MAX, &sec) != E_OK)
		return false;
	*out = (int64_t)sec;
	return true;
}

int
arc_seal_parse(const struct header_field *f, struct arc_seal *out)
{
	struct tag_list list;
	*out = (struct arc_seal){.whole = f->whole, .signed_sec = -1};
	if (f->whole.n > SIGNATURE_BYTES_MAX)
		return E_LIMIT;
	if (tag_list_parse(f->value, &list) != E_OK)
		return E_BAD;
	const struct tag *i = tag_find(&list, "i"), *a = tag_find(&list, "a"),
			 *b = tag_find(&list, "b"), *d = tag_find(&list, "d"),
			 *s = tag_find(&list, "s"), *cv = tag_find(&list, "cv");
	if (!i || instance(i->value, &out->instance) != E_OK)
		return E_BAD;
	if (!cv || !cv_read(cv->value, &out->cv))
		return E_BAD;
	if (!a || !b || !d || !s || tag_find(&list, "h") ||
	    !moment_read(tag_find(&list, "t"), &out->signed_sec))
		return E_BAD;
	out->algorithm = signature_algorithm(a->value);
	out->b = b->value;
	out->b_raw = b->raw;
	out->domain = d->value;
	out->selector = s->value;
	return signature_is_domain(d->value) && signature_is_domain(s->value) &&
	               b->value.n
	           ? E_OK
	           : E_BAD;
}
