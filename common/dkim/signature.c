/* SPDX-License-Identifier: ISC */
/* signature.c - the fields DKIM-Signature and ARC-Message-Signature. */
#include "dkim/signature.h"

#include "mime/idn.h"

static const struct {
	const char *name;
	enum dkim_algorithm algorithm;
} algorithms[] = {
    {"rsa-sha256", DKIM_RSA_SHA256},
    {"ed25519-sha256", DKIM_ED25519_SHA256},
    {"rsa-sha1", DKIM_RSA_SHA1},
};

enum dkim_algorithm
signature_algorithm(struct span name)
{
	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (span_ieqs(name, algorithms[i].name))
			return algorithms[i].algorithm;
	return DKIM_ALGORITHM_UNKNOWN;
}

/* Letters, digits, hyphens inside; underscores, which selectors have; UTF-8. */
static bool
is_label(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' &&
		    (unsigned char)s.p[i] < 0x80)
			return false;
	return s.n > 0 && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

bool
signature_is_domain(struct span s)
{
	if (s.n == 0 || s.p[s.n - 1] == '.')
		return false;
	while (s.n)
		if (!is_label(span_cut(&s, '.')))
			return false;
	return true;
}

/* ---- a tag each: E_OK, or E_BAD and why ---- */

static int
bad(struct signature *out, const char *why)
{
	out->why = why;
	return E_BAD;
}

static int
version_read(struct signature *out, struct span value)
{
	return span_eqs(value, "1") ? E_OK : bad(out, "another version");
}

static int
algorithm_read(struct signature *out, struct span value)
{
	out->algorithm_name = value;
	out->algorithm = signature_algorithm(value);
	return value.n ? E_OK : bad(out, "a= is empty");
}

static int
domain_read(struct signature *out, struct span value)
{
	out->domain = value;
	return signature_is_domain(value) && span_find(value, '.') < value.n
	           ? E_OK
	           : bad(out, "d= is no domain");
}

static int
selector_read(struct signature *out, struct span value)
{
	out->selector = value;
	return signature_is_domain(value) ? E_OK : bad(out, "s= is no selector");
}

static int
b_read(struct signature *out, struct span value)
{
	out->b = value;
	return value.n ? E_OK : bad(out, "b= is empty");
}

static int
bh_read(struct signature *out, struct span value)
{
	out->bh = value;
	return value.n ? E_OK : bad(out, "bh= is empty");
}

static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= HEADER_NAME_MAX;
}

static int
names_read(struct signature *out, struct span value)
{
	struct span left = value, name;
	out->names = value;
	while (tag_item_next(&left, &name) == E_OK)
		if (!is_name(name))
			return bad(out, "h= is no list of fields");
	return E_OK;
}

static bool
canon_of(struct span name, enum canon *out)
{
	*out = span_ieqs(name, "relaxed") ? CANON_RELAXED : CANON_SIMPLE;
	return *out == CANON_RELAXED || span_ieqs(name, "simple");
}

static int
canon_read(struct signature *out, struct span value)
{
	size_t slash = span_find(value, '/');
	if (!canon_of(span_head(value, slash), &out->head))
		return bad(out, "unknown canonicalization");
	if (slash < value.n && !canon_of(span_from(value, slash + 1), &out->body))
		return bad(out, "unknown canonicalization");
	return E_OK;
}

/* A number past 64 bits is past every body. */
static int
length_read(struct signature *out, struct span value)
{
	int err = span_u64(value, CANON_NO_LIMIT - 1, &out->body_bytes);
	if (err == E_LIMIT && value.n <= 76)
		out->body_bytes = CANON_NO_LIMIT - 1;
	return err == E_OK || (err == E_LIMIT && value.n <= 76)
	           ? E_OK
	           : bad(out, "l= is no number");
}

static bool
moment_of(struct span value, int64_t *out)
{
	uint64_t sec;
	if (value.n > SIGNATURE_DIGITS_MAX || span_u64(value, INT64_MAX, &sec) != E_OK)
		return false;
	*out = (int64_t)sec;
	return true;
}

static int
signed_read(struct signature *out, struct span value)
{
	return moment_of(value, &out->signed_sec) ? E_OK : bad(out, "t= is no number");
}

static int
expires_read(struct signature *out, struct span value)
{
	return moment_of(value, &out->expires_sec) ? E_OK : bad(out, "x= is no number");
}

static int
query_read(struct signature *out, struct span value)
{
	return tag_has_item(value, "dns/txt") ? E_OK : bad(out, "unknown query method");
}

static int
identity_read(struct signature *out, struct span value)
{
	size_t at = span_rfind(value, '@');
	out->identity = value;
	return at < value.n && signature_is_domain(span_from(value, at + 1))
	           ? E_OK
	           : bad(out, "i= is no address");
}

static int
instance_read(struct signature *out, struct span value)
{
	int err = span_u32(value, &out->instance);
	return err == E_OK && out->instance && out->instance <= SIGNATURE_INSTANCE_MAX
	           ? E_OK
	           : bad(out, "i= is no instance");
}

enum { IN_DKIM = 1 << SIGNATURE_DKIM, IN_ARC = 1 << SIGNATURE_ARC };

/* clang-format off */
static const struct {
	const char *name;
	unsigned known_in, wanted_in;
	int (*read)(struct signature *, struct span value);
} tags[] = {
	/* name known in           wanted in         read by */
	{"v",   IN_DKIM,           IN_DKIM,          version_read}, /* first: all else may be another's */
	{"a",   IN_DKIM | IN_ARC,  IN_DKIM | IN_ARC, algorithm_read},
	{"d",   IN_DKIM | IN_ARC,  IN_DKIM | IN_ARC, domain_read},
	{"s",   IN_DKIM | IN_ARC,  IN_DKIM | IN_ARC, selector_read},
	{"b",   IN_DKIM | IN_ARC,  IN_DKIM | IN_ARC, b_read},
	{"bh",  IN_DKIM | IN_ARC,  IN_DKIM | IN_ARC, bh_read},
	{"h",   IN_DKIM | IN_ARC,  IN_DKIM | IN_ARC, names_read},
	{"c",   IN_DKIM | IN_ARC,  0,                canon_read},
	{"l",   IN_DKIM | IN_ARC,  0,                length_read},
	{"t",   IN_DKIM | IN_ARC,  0,                signed_read},
	{"x",   IN_DKIM | IN_ARC,  0,                expires_read},
	{"q",   IN_DKIM | IN_ARC,  0,                query_read},
	{"i",   IN_DKIM,           0,                identity_read},
	{"i",   IN_ARC,            IN_ARC,           instance_read},
};

/* clang-format on */

/* Every row is read, so that a verdict can name whose signature it was; the first fault counts. */
static int
tags_read(const struct tag_list *list, unsigned kind, struct signature *out)
{
	const char *why = NULL;
	for (size_t i = 0; i < COUNT(tags); i++) {
		const struct tag *tag = tag_find(list, tags[i].name);
		if (!(tags[i].known_in & kind))
			continue;
		if (!tag && (tags[i].wanted_in & kind))
			(void)bad(out, "a tag is missing");
		else if (tag)
			(void)tags[i].read(out, tag->value);
		if (!why && out->why[0])
			why = out->why;
	}
	out->why = why ? why : "";
	const struct tag *b = tag_find(list, "b");
	if (b)
		out->b_raw = b->raw;
	return why ? E_BAD : E_OK;
}

bool
signature_is_within(struct span domain, struct span above)
{
	struct buf a = {0}, b = {0};
	int err = idn_ascii(domain, &a);
	if (err == E_OK)
		err = idn_ascii(above, &b);
	struct span of = buf_as_span(&a);
	if (of.n > b.len && of.p[of.n - b.len - 1] == '.')
		of = span_from(of, of.n - b.len);
	bool is_within = err == E_OK && span_ieq(of, buf_as_span(&b));
	buf_free(&a);
	buf_free(&b);
	return is_within;
}

struct span
signature_identity_domain(const struct signature *s)
{
	return s->identity.n ? span_from(s->identity, span_rfind(s->identity, '@') + 1)
	                     : s->domain;
}

static int
judge(struct signature *out, enum signature_kind kind)
{
	if (out->signed_sec >= 0 && out->expires_sec >= 0 &&
	    out->expires_sec <= out->signed_sec)
		return bad(out, "x= is before t=");
	if (!signature_is_within(signature_identity_domain(out), out->domain)) {
		out->why = "i= is outside d=";
		return E_DENY;
	}
	if (kind == SIGNATURE_DKIM && !tag_has_item(out->names, "from")) {
		out->why = "From is not signed";
		return E_DENY;
	}
	return E_OK;
}

int
signature_parse(
    const struct header_field *field, enum signature_kind kind, struct signature *out)
{
	struct tag_list list;
	*out = (struct signature){.whole = field->whole,
	    .algorithm = DKIM_ALGORITHM_UNKNOWN,
	    .body_bytes = CANON_NO_LIMIT,
	    .signed_sec = -1,
	    .expires_sec = -1,
	    .why = ""};
	if (field->whole.n > SIGNATURE_BYTES_MAX) {
		out->why = "too long";
		return E_LIMIT;
	}
	if (tag_list_parse(field->value, &list) != E_OK)
		return bad(out, "no list of tags");
	int err = tags_read(&list, 1U << kind, out);
	return err == E_OK ? judge(out, kind) : err;
}
