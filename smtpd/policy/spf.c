/* SPDX-License-Identifier: ISC */
/* spf.c - check_host(), RFC 7208 4: records, terms in their order, redirect, explanations. */
#include "smtpd/policy/spf.h"

#include "mime/idn.h"
#include "smtpd/policy/spf_run.h"

const char *
spf_result_name(enum spf_result r)
{
	static const char *const names[] = {[SPF_NONE] = "none",
	    [SPF_NEUTRAL] = "neutral",
	    [SPF_PASS] = "pass",
	    [SPF_FAIL] = "fail",
	    [SPF_SOFTFAIL] = "softfail",
	    [SPF_TEMPERROR] = "temperror",
	    [SPF_PERMERROR] = "permerror"};
	return names[r];
}

static enum spf_result
of_qualifier(char qualifier)
{
	switch (qualifier) {
	case '-':
		return SPF_FAIL;
	case '~':
		return SPF_SOFTFAIL;
	case '?':
		return SPF_NEUTRAL;
	}
	return SPF_PASS;
}

static int
ended(struct spf_found *f, enum spf_result result, const char *why)
{
	*f = (struct spf_found){.result = result, .why = why};
	return E_OK;
}

/* 4.4, 4.5: the one record among the TXT records.  E_OK also where f says how it ended. */
static int
record_find(struct spf_run *run, struct span domain, struct spf_record *record,
    bool *is_found, struct spf_found *f)
{
	const struct dns_answer *a = lookups_get(run->lookups, DNS_TXT, domain);
	struct span txt = {0};
	*is_found = false;
	if (!a)
		return E_MORE;
	if (spf_is_unknown(a))
		return ended(f, SPF_TEMPERROR, "its record cannot be looked up");
	for (size_t i = 0; i < a->n_records; i++) {
		if (!spf_is_record(a->records[i].data))
			continue;
		if (txt.p)
			return ended(f, SPF_PERMERROR, "more than one record");
		txt = a->records[i].data;
	}
	if (!txt.p)
		return ended(f, SPF_NONE, NULL);
	if (spf_record_parse(txt, record) != E_OK)
		return ended(f, SPF_PERMERROR, "a record with a mistake in it");
	*is_found = true;
	return E_OK;
}

/* 4.6.2: terms until one decides.  is_decided false: none did */
static int
terms_evaluate(struct spf_run *run, struct span domain, const struct spf_record *record,
    bool *is_decided, struct spf_found *f)
{
	struct span in = record->terms;
	struct spf_term t;
	bool is_more = false; /* later ones are only asked for */
	*is_decided = false;
	while (!*is_decided && spf_term_next(&in, &t) == E_OK) {
		bool is_match = false;
		int err = spf_match(run, domain, &t, &is_match, f);
		if (err == E_MORE)
			is_more = true;
		else if (err != E_OK)
			*is_decided = true;
		else if (is_match) {
			*is_decided = true;
			f->result = of_qualifier(t.qualifier);
			if (t.kind != SPF_INCLUDE) {
				f->term = t.text;
				f->kind = t.kind;
				f->by_domain = domain;
			}
			f->exp = record->exp;
			f->exp_domain = domain;
		}
	}
	return is_more ? E_MORE : E_OK;
}

int
spf_check_host(struct spf_run *run, struct span domain, struct spf_found *f)
{
	struct spf_record record;
	bool is_found, is_decided;
	int err = record_find(run, domain, &record, &is_found, f);
	if (err != E_OK || !is_found)
		return err;
	*f = (struct spf_found){.result = SPF_NEUTRAL, .by_domain = domain};
	err = terms_evaluate(run, domain, &record, &is_decided, f);
	if (is_decided || !record.redirect.n)
		return err;
	int next = spf_redirect(run, domain, record.redirect, f); /* 6.1 */
	return err == E_OK ? next : err;
}

/* 6.2: E_MORE, or E_OK with an explanation that may be empty. */
static int
explain(struct spf_run *run, const struct spf_found *f, struct buf *out)
{
	struct span name;
	bool has_p;
	int err = spf_name(run, f->exp_domain, f->exp, &name);
	if (err != E_OK)
		return err == E_MORE ? err : E_OK;
	const struct dns_answer *a = lookups_get(run->lookups, DNS_TXT, name);
	if (!a)
		return E_MORE;
	if (a->n_records != 1 ||
	    !spf_string_ok(a->records[0].data, SPF_IN_TEXT, &has_p))
		return E_OK;
	if (has_p && spf_validated(run, f->exp_domain) != E_OK)
		return E_MORE;
	run->values.domain = f->exp_domain;
	if (spf_expand(a->records[0].data, SPF_IN_TEXT, &run->values, out) != E_OK)
		buf_reset(out);
	for (size_t i = 0; i < out->len; i++)
		if (out->p[i] < ' ' || out->p[i] > '~')
			buf_reset(out); /* macros bring what the client said */
	return E_OK;
}

/* 4.3: a name of several labels; else there is no record */
static bool
is_domain(struct span s)
{
	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	return dns_name_ok(s) && span_find(s, '.') < s.n;
}

/* 4.3: in A-labels; what cannot be has no record */
static struct span
in_ascii(struct span domain, struct arena *arena)
{
	struct buf b = {0};
	if (span_is_ascii(domain) || idn_ascii(domain, &b) != E_OK)
		return domain;
	struct span copy = arena_span(arena, buf_as_span(&b));
	buf_free(&b);
	return copy;
}

/* Whose name is used: 2.3, 2.4, 4.3. */
static void
identity(const struct spf_query *q, bool is_helo, struct arena *arena, struct spf *out,
    struct spf_values *v)
{
	size_t at = span_rfind(q->sender, '@');
	struct span local = span_head(q->sender, at);
	out->is_helo = is_helo || !q->sender.n;
	v->sender_domain = out->is_helo       ? q->helo
	                   : at < q->sender.n ? span_from(q->sender, at + 1)
	                                      : q->sender;
	v->local =
	    out->is_helo || !local.n || at == q->sender.n ? SPAN("postmaster") : local;
	v->sender_domain = in_ascii(v->sender_domain, arena);
	struct buf sender = {0};
	buf_putf(&sender, "%.*s@%.*s", SPAN_ARG(v->local), SPAN_ARG(v->sender_domain));
	out->sender = arena_span(arena, buf_as_span(&sender));
	out->domain = arena_span(arena, v->sender_domain);
	buf_free(&sender);
	v->sender = out->sender;
}

static void
verdict(const struct spf_found *f, const struct buf *explanation, struct arena *arena,
    struct spf *out)
{
	out->result = f->result;
	out->why = f->why;
	out->kind = f->kind;
	out->term = arena_span(arena, f->term);
	out->by_domain = arena_span(arena, f->by_domain);
	out->explanation = arena_span(arena, buf_as_span(explanation));
}

int
spf_check(const struct spf_query *q, bool is_helo, struct lookups *l,
    struct arena *arena, struct spf *out)
{
	struct buf explanation = {.max = SPF_EXPLANATION_MAX};
	struct spf_found f = {.result = SPF_NONE};
	struct spf_run run = {.lookups = l,
	    .client = q->client,
	    .values = {.helo = q->helo,
		.receiver = q->receiver.n ? q->receiver : SPAN("unknown"),
		.client = q->client,
		.now_sec = q->now_sec}};
	int err = E_OK;
	*out = (struct spf){.result = SPF_NONE};
	identity(q, is_helo, arena, out, &run.values);
	if (is_domain(out->domain))
		err = spf_check_host(&run, out->domain, &f);
	if (err == E_OK && f.result == SPF_FAIL && f.exp.n)
		err = explain(&run, &f, &explanation);
	if (err == E_OK)
		verdict(&f, &explanation, arena, out);
	arena_reset(&run.arena);
	buf_free(&explanation);
	return err;
}

void
spf_say(const struct spf *s, struct authres *out)
{
	struct buf comment = {.max = AUTHRES_COMMENT_MAX};
	authres_result(out, "spf", spf_result_name(s->result));
	if (s->result != SPF_PASS && s->term.n)
		buf_putf(&comment, "%.*s of %.*s", SPAN_ARG(s->term),
		    SPAN_ARG(s->by_domain));
	authres_comment(out, buf_as_span(&comment));
	if (s->why)
		authres_reason(out, span_of(s->why));
	if (s->is_helo)
		authres_prop(out, "smtp.helo", s->domain);
	else
		authres_prop(out, "smtp.mailfrom", s->sender);
	buf_free(&comment);
}
