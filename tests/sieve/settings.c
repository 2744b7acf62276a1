/* SPDX-License-Identifier: ISC */
/*
 * settings.c - what test_config_set knows of Dovecot's settings, and of ours: "now" (UNIX time),
 * "list:NAME", "use:\\FLAG" and "id:ID" (their members, blanks between), "environment:ITEM",
 * "envelope:PART".  Other settings mean nothing here.
 */
#include "suite.h"

static bool
is_yes(struct span v)
{
	return span_ieqs(v, "yes");
}

static size_t
number_or(struct span v, size_t otherwise)
{
	uint64_t n;
	return span_u64(span_trim(v), SIZE_MAX / 2, &n) == E_OK ? (size_t)n : otherwise;
}

/* "10s", "3d"; a number alone is seconds */
static uint64_t
seconds_or(struct span v, uint64_t otherwise)
{
	uint64_t unit = 1, n;
	if (span_ends(v, SPAN("s")) || span_ends(v, SPAN("d")) ||
	    span_ends(v, SPAN("h")) || span_ends(v, SPAN("m"))) {
		char c = v.p[v.n - 1];
		unit = c == 'd' ? 86400 : c == 'h' ? 3600 : c == 'm' ? 60 : 1;
		v.n--;
	}
	return span_u64(v, UINT32_MAX, &n) == E_OK ? n * unit : otherwise;
}

static enum sieve_spam_type
type_of(struct span v)
{
	return span_ieqs(v, "strlen") ? SPAM_STRLEN
	       : span_ieqs(v, "text") ? SPAM_TEXT
	                              : SPAM_SCORE;
}

static void
set_spam(struct sieve_spam *spam, struct span name, struct span v)
{
	uint64_t i;
	if (span_eqs(name, "status_header"))
		spam->status_header = v;
	else if (span_eqs(name, "max_header"))
		spam->max_header = v;
	else if (span_eqs(name, "max_value"))
		spam->max_value = v;
	else if (span_eqs(name, "status_type"))
		spam->type = type_of(v);
	else if (span_starts(name, SPAN("text_value")) &&
		 span_u64(span_from(name, 10), 10, &i) == E_OK)
		spam->texts[i] = v;
}

/* A list of names of fields, blanks between. */
static void
set_names(struct suite *s, struct span v, const struct span **rows, size_t *n)
{
	struct span *list = arena_get(&s->arena, 64 * sizeof(*list));
	*n = 0;
	while (v.n && *n < 64) {
		struct span name = span_cut(&v, ' ');
		if (name.n)
			list[(*n)++] = name;
	}
	*rows = list;
}

static void
set_limit(struct suite *s, struct span name, struct span v)
{
	struct sieve_limits *l = &s->limits;
	const struct sieve_limits *d = &sieve_limits_default;
	if (span_eqs(name, "sieve_variables_max_variable_size"))
		l->variable_bytes = number_or(v, d->variable_bytes);
	else if (span_eqs(name, "sieve_include_max_nesting_depth"))
		l->include_depth = number_or(v, d->include_depth);
	else if (span_eqs(name, "sieve_include_max_includes"))
		l->includes = number_or(v, d->includes);
	else if (span_eqs(name, "sieve_max_actions"))
		l->actions = number_or(v, d->actions);
	else if (span_eqs(name, "sieve_max_redirects"))
		l->redirects = number_or(v, d->redirects);
	else if (span_eqs(name, "sieve_editheader_max_header_size"))
		l->header_bytes = number_or(v, d->header_bytes);
	else if (span_eqs(name, "sieve_vacation_min_period"))
		l->vacation_min_sec = seconds_or(v, d->vacation_min_sec);
	else if (span_eqs(name, "sieve_vacation_max_period"))
		l->vacation_max_sec = seconds_or(v, d->vacation_max_sec);
	else if (span_eqs(name, "sieve_vacation_default_period"))
		l->vacation_default_sec = seconds_or(v, d->vacation_default_sec);
}

static void
set_vacation(struct suite *s, struct span name, struct span v)
{
	if (span_eqs(name, "default_subject"))
		s->letter.subject_default = v;
	else if (span_eqs(name, "default_subject_template"))
		s->letter.subject_template = v;
	else if (span_eqs(name, "max_subject_codepoints"))
		s->letter.subject_chars = number_or(v, 0);
	else if (span_eqs(name, "use_original_recipient"))
		s->uses_orig_recipient = is_yes(v);
	else if (span_eqs(name, "dont_check_recipient"))
		s->checks_no_recipient = is_yes(v);
	else if (span_eqs(name, "send_from_recipient"))
		s->sends_from_recipient = is_yes(v);
	else if (span_eqs(name, "to_header_ignore_envelope"))
		s->ignores_envelope = is_yes(v);
}

/* "list:NAME" and its members; "use:\\Junk" and "id:F1" and the mailboxes that have them */
static void
set_members(struct suite *s, struct span list, struct span values)
{
	while (values.n) {
		struct span value = span_cut(&values, ' ');
		struct member *m = arena_get(&s->arena, sizeof(*m));
		*m = (struct member){.next = s->members,
		    .list = arena_span(&s->arena, list),
		    .value = value};
		s->members = m;
	}
}

static void
set_item(struct suite *s, struct span name, struct span value)
{
	if (s->input.n_items == COUNT(s->items))
		return;
	s->items[s->input.n_items++] =
	    (struct sieve_item){.name = arena_span(&s->arena, name), .value = value};
}

static void
set_envelope(struct sieve_envelope *e, struct span name, struct span v)
{
	if (span_eqs(name, "notify"))
		e->notify = v;
	else if (span_eqs(name, "orcpt"))
		e->orcpt = v;
	else if (span_eqs(name, "ret"))
		e->ret = v;
	else if (span_eqs(name, "envid"))
		e->envid = v;
}

/* What Dovecot has no settings for. */
static void
set_own(struct suite *s, struct span name, struct span v)
{
	uint64_t sec;
	if (span_starts(name, SPAN("list:")) || span_starts(name, SPAN("use:")) ||
	    span_starts(name, SPAN("id:")))
		set_members(s, name, v);
	else if (span_starts(name, SPAN("environment:")))
		set_item(s, span_from(name, 12), v);
	else if (span_starts(name, SPAN("envelope:")))
		set_envelope(&s->input.envelope, span_from(name, 9), v);
	else if (span_eqs(name, "now") && span_u64(v, INT64_MAX, &sec) == E_OK)
		s->input.now_sec = (int64_t)sec;
}

void
suite_set(struct suite *s, struct span name, struct span value)
{
	struct span v = arena_span(&s->arena, value);
	struct sieve_input *in = &s->input;
	set_limit(s, name, v);
	set_own(s, name, v);
	if (span_starts(name, SPAN("sieve_spamtest_")))
		set_spam(&in->spam, span_from(name, 15), v);
	else if (span_starts(name, SPAN("sieve_virustest_")))
		set_spam(&in->virus, span_from(name, 16), v);
	else if (span_starts(name, SPAN("sieve_vacation_")))
		set_vacation(s, span_from(name, 15), v);
	else if (span_eqs(name, "sieve_redirect_envelope_from"))
		s->redirect_from = v;
	else if (span_eqs(name, "sieve_notify_mailto_envelope_from"))
		s->notify_from = v;
	else if (span_eqs(name, "sieve_user_email"))
		s->user_email = v;
	else if (span_eqs(name, "recipient_delimiter"))
		in->detail_separators = v;
	else if (span_eqs(name, "sieve_editheader_protected")) {
		set_names(s, v, &in->protected_add, &in->n_protected_add);
		set_names(s, v, &in->protected_delete, &in->n_protected_delete);
	} else if (span_eqs(name, "sieve_editheader_forbid_add"))
		set_names(s, v, &in->protected_add, &in->n_protected_add);
	else if (span_eqs(name, "sieve_editheader_forbid_delete"))
		set_names(s, v, &in->protected_delete, &in->n_protected_delete);
}
