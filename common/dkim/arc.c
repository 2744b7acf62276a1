/* SPDX-License-Identifier: ISC */
/* arc.c - chains of ARC sets: collected, judged by their structure, verified. */
#include "dkim/arc.h"

static int
failed(struct arc_check *c, const char *why)
{
	if (!c->is_done) {
		c->cv = ARC_FAIL;
		c->why = why;
	}
	c->is_done = true;
	return E_OK;
}

/* ---- steps 1 to 3: what there is ---- */

/* The set of an instance; NULL: there was such a field in it already. */
static struct arc_set *
set_of(struct arc_check *c, uint32_t instance, bool (*has)(const struct arc_set *))
{
	struct arc_set *set = &c->sets[instance - 1];
	if (instance > c->n)
		c->n = instance;
	if (!has(set))
		return set;
	(void)failed(c, "a field of a set is there twice");
	return NULL;
}

static bool
has_results(const struct arc_set *s)
{
	return s->results.instance != 0;
}

static bool
has_message(const struct arc_set *s)
{
	return s->message.instance != 0;
}

static bool
has_seal(const struct arc_set *s)
{
	return s->seal.instance != 0;
}

static void
take_results(struct arc_check *c, const struct header_field *f)
{
	struct arc_results r;
	struct arc_set *set;
	if (arc_results_parse(f, &r) != E_OK)
		(void)failed(c, "an ARC-Authentication-Results that cannot be read");
	else if ((set = set_of(c, r.instance, has_results)))
		set->results = r;
}

static void
take_message(struct arc_check *c, const struct header_field *f)
{
	struct signature s;
	struct arc_set *set;
	if (signature_parse(f, SIGNATURE_ARC, &s) != E_OK)
		(void)failed(c, "an ARC-Message-Signature that cannot be read");
	else if (tag_has_item(s.names, "arc-seal")) /* 4.1.2 */
		(void)failed(c, "an ARC-Message-Signature that signs a seal");
	else if ((set = set_of(c, s.instance, has_message)))
		set->message = s;
}

static void
take_seal(struct arc_check *c, const struct header_field *f)
{
	struct arc_seal s;
	struct arc_set *set;
	int err = arc_seal_parse(f, &s);
	if (err != E_OK)
		(void)failed(c, "an ARC-Seal that cannot be read");
	else if ((set = set_of(c, s.instance, has_seal)))
		set->seal = s;
}

static const struct {
	const char *name;
	void (*take)(struct arc_check *, const struct header_field *);
} fields[] = {
    {"ARC-Authentication-Results", take_results},
    {"ARC-Message-Signature", take_message},
    {"ARC-Seal", take_seal},
};

static size_t
collect(struct arc_check *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->message.fields.n; i++)
		for (size_t k = 0; k < COUNT(fields); k++)
			if (span_ieqs(c->message.fields.all[i].name, fields[k].name)) {
				fields[k].take(c, &c->message.fields.all[i]);
				n++;
			}
	return n;
}

static void
judge_structure(struct arc_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct arc_set *s = &c->sets[i];
		if (!has_results(s) || !has_message(s) || !has_seal(s))
			(void)failed(c, "a set is not whole");
		else if (s->seal.cv != (i ? ARC_PASS : ARC_NONE))
			(void)failed(c, "a seal says that the chain was broken");
	}
}

/* The fields as seals sign them, 5.1.1: relaxed, set after set. */
static void
canonicalize(struct arc_check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		canon_field(CANON_RELAXED, c->sets[i].results.whole, &c->canonical);
		canon_field(CANON_RELAXED, c->sets[i].message.whole, &c->canonical);
		c->seal_at[i] = c->canonical.len;
		canon_field(CANON_RELAXED, c->sets[i].seal.whole, &c->canonical);
	}
	if (buf_done(&c->canonical) != E_OK)
		(void)failed(c, "too long");
}

struct arc_check *
arc_check_new(struct span message)
{
	struct arc_check *c = mem_new(sizeof *c);
	c->why = "";
	dkim_message_init(&c->message, message);
	size_t n = collect(c);
	if (n == 0)
		c->is_done = true;
	else if (c->message.fields.is_cut)
		(void)failed(c, "too many fields in the header");
	c->was_broken = c->n && c->sets[c->n - 1].seal.cv == ARC_FAIL;
	judge_structure(c);
	if (!c->is_done)
		canonicalize(c);
	return c;
}

void
arc_check_free(struct arc_check **cp)
{
	if (!*cp)
		return;
	dkim_message_done(&(*cp)->message);
	buf_free(&(*cp)->canonical);
	mem_free(cp);
}

/* ---- steps 4 to 6: the signatures.  Each: E_OK (its verdict is there), E_MORE ---- */

static int
message_check(struct arc_check *c, size_t i, struct lookups *l, int64_t now_sec)
{
	struct arc_set *s = &c->sets[i];
	if (!s->is_message_done)
		s->is_message_done = dkim_signature_check(&c->message, &s->message, l,
					 now_sec, &s->message_verdict) == E_OK;
	return s->is_message_done ? E_OK : E_MORE;
}

static void
seal_digest(struct arc_check *c, size_t i, unsigned char out[SHA256_BYTES])
{
	const struct arc_seal *s = &c->sets[i].seal;
	struct buf own = {0};
	struct hash *h = hash_new();
	canon_unsigned(CANON_RELAXED, s->whole, s->b_raw, &own);
	hash_add(h, span_head(buf_as_span(&c->canonical), c->seal_at[i]));
	hash_add(h, buf_as_span(&own));
	hash_end(&h, out);
	buf_free(&own);
}

static int
seal_check(struct arc_check *c, size_t i, struct lookups *l)
{
	struct arc_set *s = &c->sets[i];
	if (s->is_seal_done)
		return E_OK;
	seal_digest(c, i, s->digest);
	s->is_seal_done =
	    dkim_key_check(&c->message, s->seal.algorithm, s->seal.selector,
		s->seal.domain, s->seal.b, s->digest, l, &s->seal_verdict) == E_OK;
	return s->is_seal_done ? E_OK : E_MORE;
}

static int
set_check(struct arc_check *c, size_t i, struct lookups *l, int64_t now_sec)
{
	int message = message_check(c, i, l, now_sec), seal = seal_check(c, i, l);
	return message == E_OK && seal == E_OK ? E_OK : E_MORE;
}

/* Step 5: the oldest instance down to which every message's signature passes; 0: all */
static unsigned
oldest_pass(const struct arc_check *c)
{
	size_t i = c->n;
	while (i > 0 && c->sets[i - 1].message_verdict.result == DKIM_PASS)
		i--;
	return i ? (unsigned)i + 1 : 0;
}

int
arc_check(struct arc_check *c, struct lookups *l, int64_t now_sec)
{
	int err = E_OK;
	if (c->is_done)
		return E_OK;
	const struct arc_set *newest = &c->sets[c->n - 1];
	if (set_check(c, c->n - 1, l, now_sec) != E_OK)
		return E_MORE;
	if (newest->message_verdict.result != DKIM_PASS)
		return failed(c, newest->message_verdict.why);
	for (size_t i = c->n; i-- > 0 && newest->seal_verdict.result == DKIM_PASS;)
		if (set_check(c, i, l, now_sec) != E_OK)
			err = E_MORE;
	if (err != E_OK)
		return err;
	for (size_t i = c->n; i-- > 0;)
		if (c->sets[i].seal_verdict.result != DKIM_PASS)
			return failed(c, c->sets[i].seal_verdict.why);
	c->oldest_pass = oldest_pass(c);
	c->cv = ARC_PASS;
	c->is_done = true;
	return E_OK;
}

int
arc_check_known(struct arc_check *c, enum arc_cv cv)
{
	if (c->is_done)
		return c->cv == cv ? E_OK : E_BAD;
	if (cv == ARC_NONE)
		return E_BAD;
	c->cv = cv;
	c->is_done = true;
	return E_OK;
}

unsigned
arc_next(const struct arc_check *c)
{
	return c->was_broken || c->n == ARC_SETS_MAX ? 0 : (unsigned)c->n + 1;
}
