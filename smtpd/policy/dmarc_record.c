/* SPDX-License-Identifier: ISC */
/* dmarc_record.c - the TXT record of _dmarc.DOMAIN, RFC 7489 6.3, 6.4. */
#include "smtpd/policy/dmarc.h"

enum { PERCENT_ALL = 100 };

/* What was seen of the tags that count. */
struct tags {
	struct span p, sp, np, adkim, aspf, pct, rua;
};

static struct span
trim(struct span s) /* WSP, and line ends that a careless zone file has */
{
	while (s.n && (ch_space(s.p[0]) || s.p[0] == '\r' || s.p[0] == '\n'))
		s = span_from(s, 1);
	while (s.n &&
	       (ch_space(s.p[s.n - 1]) || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

/* "name = value", up to the next ";".  False: no "=" in it */
static bool
tag_next(struct span *in, struct span *name, struct span *value)
{
	struct span tag = span_cut(in, ';');
	size_t equals = span_find(tag, '=');
	*name = trim(span_head(tag, equals));
	*value = trim(span_from(tag, equals < tag.n ? equals + 1 : tag.n));
	return equals < tag.n;
}

static void
tag_note(struct tags *t, struct span name, struct span value)
{
	const struct {
		const char *name;
		struct span *place;
	} known[] = {{"p", &t->p}, {"sp", &t->sp}, {"np", &t->np}, {"adkim", &t->adkim},
	    {"aspf", &t->aspf}, {"pct", &t->pct}, {"rua", &t->rua}};

	for (size_t i = 0; i < COUNT(known); i++)
		if (span_ieqs(name, known[i].name) && !known[i].place->p)
			*known[i].place = value;
}

static bool
policy_parse(struct span s, enum dmarc_policy *out)
{
	static const enum dmarc_policy all[] = {
	    DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT};

	for (size_t i = 0; i < COUNT(all); i++)
		if (span_ieqs(s, dmarc_policy_name(all[i]))) {
			*out = all[i];
			return true;
		}
	return false;
}

/* At least one URI: a scheme, a colon, something (6.2). */
static bool
has_uri(struct span list)
{
	while (list.n) {
		struct span uri = trim(span_cut(&list, ','));
		size_t colon = span_find(uri, ':');
		if (uri.n && ch_alpha(uri.p[0]) && colon + 1 < uri.n)
			return true;
	}
	return false;
}

/* 6.6.3 step 6: where p or sp are not right, who wants reports asks for nothing else. */
static int
take_policies(const struct tags *t, struct dmarc_record *out)
{
	bool is_good =
	    policy_parse(t->p, &out->p) && (!t->sp.p || policy_parse(t->sp, &out->sp));
	if (!is_good && !has_uri(t->rua))
		return E_BAD;
	if (!is_good)
		out->p = DMARC_P_NONE;
	if (!is_good || !t->sp.p)
		out->sp = out->p;
	out->has_np = is_good && policy_parse(t->np, &out->np);
	if (!out->has_np)
		out->np = out->sp;
	return E_OK;
}

int
dmarc_record_parse(struct span txt, struct dmarc_record *out)
{
	struct tags t = {0};
	struct span name, value;
	uint64_t percent;
	*out = (struct dmarc_record){.percent = PERCENT_ALL};
	if (!tag_next(&txt, &name, &value) || !span_ieqs(name, "v") ||
	    !span_eqs(value, "DMARC1"))
		return E_MORE;
	while (txt.n)
		if (tag_next(&txt, &name, &value))
			tag_note(&t, name, value);
	out->is_strict_dkim = span_ieqs(t.adkim, "s");
	out->is_strict_spf = span_ieqs(t.aspf, "s");
	if (span_u64(t.pct, PERCENT_ALL, &percent) == E_OK)
		out->percent = (unsigned)percent;
	return take_policies(&t, out);
}
