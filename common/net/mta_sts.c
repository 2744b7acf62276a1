/* SPDX-License-Identifier: ISC */
/* mta_sts.c - records and policies of MTA-STS, RFC 8461. */
#include "net/mta_sts.h"

#include "net/txt.h"

enum { AGE_DIGITS_MAX = 10 };

/* ---- the record ---- */

/* %x21-3A / %x3C / %x3E-7E */
static bool
is_record_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ';' || s.p[i] == '=')
			return false;
	return s.n > 0;
}

static bool
is_id(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]))
			return false;
	return s.n > 0 && s.n <= MTA_STS_ID_MAX;
}

static int
record_field(struct span name, struct span value, struct span *id)
{
	if (!is_record_value(value))
		return E_BAD;
	if (!span_eqs(name, "id"))
		return E_OK;
	if (!is_id(value))
		return E_BAD;
	if (id->n == 0)
		*id = value;
	return E_OK;
}

int
mta_sts_record(const struct dns_record *txt, size_t n, struct span *id)
{
	struct span fields, name, value;
	int err = txt_fields(txt, n, "v=STSv1", &fields);
	*id = (struct span){0};
	while (err == E_OK && (err = txt_field_next(&fields, &name, &value)) == E_OK)
		err = record_field(name, value, id);
	return err == E_MORE && id->n ? E_OK : E_BAD;
}

/* ---- the policy ---- */

struct fields {
	bool has_version, has_mode, has_max_age;
};

/* Visible characters, UTF-8, and blanks inside. */
static bool
is_policy_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return false;
	return s.n > 0 && utf8_valid(s);
}

static const char *const mode_names[] = {[MTA_STS_NONE] = "none",
    [MTA_STS_TESTING] = "testing",
    [MTA_STS_ENFORCE] = "enforce"};

const char *
mta_sts_mode_name(enum mta_sts_mode mode)
{
	return mode < COUNT(mode_names) ? mode_names[mode] : "?";
}

static int
mode_parse(struct span s, enum mta_sts_mode *out)
{
	for (size_t i = 0; i < COUNT(mode_names); i++)
		if (span_eqs(s, mode_names[i])) {
			*out = (enum mta_sts_mode)i;
			return E_OK;
		}
	return E_BAD;
}

static int
max_age_parse(struct span s, uint32_t *out)
{
	uint64_t sec;
	if (s.n > AGE_DIGITS_MAX || span_u64(s, UINT64_MAX, &sec) != E_OK)
		return E_BAD;
	*out = sec < MTA_STS_AGE_MOST_SEC ? (uint32_t)sec : MTA_STS_AGE_MOST_SEC;
	return E_OK;
}

static int
mx_add(struct span pattern, struct mta_sts_policy *out)
{
	struct span name =
	    span_starts(pattern, SPAN("*.")) ? span_from(pattern, 2) : pattern;
	if (!dns_name_ok(name))
		return E_BAD;
	if (out->n_mx == MTA_STS_MX_MAX)
		return E_LIMIT;
	out->mx[out->n_mx++] = pattern;
	return E_OK;
}

static int
policy_field(struct span name, struct span value, struct fields *seen,
    struct mta_sts_policy *out)
{
	if (span_eqs(name, "mx"))
		return mx_add(value, out);
	bool *is_seen = span_eqs(name, "version")   ? &seen->has_version
	                : span_eqs(name, "mode")    ? &seen->has_mode
	                : span_eqs(name, "max_age") ? &seen->has_max_age
	                                            : NULL;
	if (!is_seen || *is_seen)
		return E_OK;
	*is_seen = true;
	if (is_seen == &seen->has_version)
		return span_eqs(value, "STSv1") ? E_OK : E_BAD;
	return is_seen == &seen->has_mode ? mode_parse(value, &out->mode)
	                                  : max_age_parse(value, &out->max_age_sec);
}

static int
policy_line(struct span line, struct fields *seen, struct mta_sts_policy *out)
{
	size_t colon = span_find(line, ':');
	struct span name = span_head(line, colon);
	struct span value =
	    span_trim(span_from(line, colon < line.n ? colon + 1 : line.n));
	if (colon == line.n || !txt_is_name(name) || !is_policy_value(value))
		return E_BAD;
	return policy_field(name, value, seen, out);
}

int
mta_sts_policy_parse(struct span text, struct mta_sts_policy *out)
{
	struct fields seen = {0};
	*out = (struct mta_sts_policy){0};
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (span_trim(line).n == 0)
			continue;
		int err = policy_line(line, &seen, out);
		if (err != E_OK)
			return err;
	}
	if (!seen.has_version || !seen.has_mode || !seen.has_max_age)
		return E_BAD;
	return out->n_mx || out->mode == MTA_STS_NONE ? E_OK : E_BAD;
}

void
mta_sts_policy_put(struct buf *out, const struct mta_sts_policy *p)
{
	buf_putf(out, "version: STSv1\nmode: %s\nmax_age: %u\n",
	    mta_sts_mode_name(p->mode), p->max_age_sec);
	for (size_t i = 0; i < p->n_mx; i++)
		buf_putf(out, "mx: %.*s\n", SPAN_ARG(p->mx[i]));
}

static struct span
without_last_dot(struct span s)
{
	return s.n && s.p[s.n - 1] == '.' ? span_head(s, s.n - 1) : s;
}

bool
mta_sts_matches(const struct mta_sts_policy *policy, struct span host)
{
	host = without_last_dot(host);
	struct span above = span_from(host, span_find(host, '.'));
	for (size_t i = 0; i < policy->n_mx; i++) {
		struct span pattern = without_last_dot(policy->mx[i]);
		if (span_ieq(pattern, host))
			return true;
		if (span_starts(pattern, SPAN("*.")) && above.n && above.n < host.n &&
		    span_ieq(span_from(pattern, 1), above))
			return true;
	}
	return false;
}
