/* SPDX-License-Identifier: ISC */
/* execute.c - does actions in memory. */
#include "suite.h"

#include "mime/header.h"
#include "sieve/vacation.h"

struct box *
suite_box(struct suite *s, struct span name, bool can_create)
{
	struct buf text = {0};
	struct box *b;
	/* INBOX in any case, also where it is only the first level */
	if (span_istarts(name, SPAN("INBOX")) &&
	    (name.n == 5 || name.p[5] == '.' || name.p[5] == '/'))
		buf_putf(&text, "INBOX%.*s", SPAN_ARG(span_from(name, 5)));
	else
		buf_span(&text, name.n ? name : SPAN("INBOX"));
	name = arena_span(&s->arena, buf_as_span(&text));
	buf_free(&text);
	for (b = s->boxes; b; b = b->next)
		if (span_eq(b->name, name))
			return b;
	if (!can_create)
		return NULL;
	b = arena_get(&s->arena, sizeof(*b));
	b->name = arena_span(&s->arena, name);
	b->next = s->boxes;
	return s->boxes = b;
}

static struct stored *
put_last(struct suite *s, struct stored **list, struct span text)
{
	struct stored *m = arena_get(&s->arena, sizeof(*m));
	while (*list)
		list = &(*list)->next;
	m->text = arena_span(&s->arena, text);
	return *list = m;
}

static void
send_letter(struct suite *s, struct span from, struct span to, struct span text)
{
	struct stored *m = put_last(s, &s->outbox, text);
	m->from = arena_span(&s->arena, from);
	m->to = arena_span(&s->arena, to);
}

/* The message that the action took. */
static void
put_message(const struct suite *s, const struct sieve_action *a, struct buf *out)
{
	struct span head, body;
	sieve_action_message(a, s->input.message, &head, &body);
	buf_span(out, head);
	buf_span(out, body);
}

static bool
name_is_odd(struct span name)
{
	return span_search(name, SPAN("//")) < name.n || span_starts(name, SPAN("/")) ||
	       span_ends(name, SPAN("/")) || span_search(name, SPAN("..")) < name.n;
}

static bool
store(struct suite *s, const struct sieve_action *a)
{
	struct span name = a->store.mailbox.n ? a->store.mailbox : SPAN("INBOX");
	struct box *b = suite_box(s, name,
	    a->kind == ACTION_KEEP || a->store.can_create || span_ieqs(name, "INBOX"));
	struct buf text = {0}, flags = {0};
	struct stored *m;
	if (name_is_odd(name)) {
		sieve_error(&s->errors, a->line,
		    "failed to store into mailbox '%.*s': invalid mailbox name",
		    SPAN_ARG(name));
		return false;
	}
	if (!b) {
		sieve_error(&s->errors, a->line,
		    "failed to store into mailbox '%.*s': mailbox doesn't exist",
		    SPAN_ARG(name));
		return false;
	}
	put_message(s, a, &text);
	m = put_last(s, &b->messages, buf_as_span(&text));
	for (size_t i = 0; i < a->store.flags.n; i++)
		buf_putf(
		    &flags, "%s%.*s", i ? " " : "", SPAN_ARG(a->store.flags.rows[i]));
	m->flags = arena_span(&s->arena, buf_as_span(&flags));
	buf_free(&text);
	buf_free(&flags);
	return true;
}

/* An envelope sender as a setting names it: "sender", "recipient", "orig_recipient", "<address>". */
static struct span
sender_of(const struct suite *s, struct span setting, struct span otherwise)
{
	const struct sieve_envelope *e = &s->input.envelope;
	setting = span_trim(setting);
	if (span_ieqs(setting, "sender"))
		return e->from;
	if (span_ieqs(setting, "recipient"))
		return e->to;
	if (span_ieqs(setting, "orig_recipient"))
		return e->orig_to.p ? e->orig_to : e->to;
	if (span_ieqs(setting, "user_email"))
		return s->user_email.n ? s->user_email : e->to;
	if (span_ieqs(setting, "postmaster"))
		return s->letter.postmaster;
	if (span_starts(setting, SPAN("<")))
		return span_head(
		    span_from(setting, 1), span_find(span_from(setting, 1), '>'));
	return otherwise;
}

static bool
is_null(struct span address)
{
	return !address.n || span_eqs(address, "<>");
}

static void
redirect(struct suite *s, const struct sieve_action *a)
{
	struct buf text = {0};
	struct sieve_input in = s->input;
	struct span from = sender_of(s, s->redirect_from, s->input.envelope.from);
	if (is_null(s->input.envelope.from))
		from = (struct span){"", 0};
	in.address = s->user_email;
	if (letter_redirect_loops(&in))
		return;
	letter_redirect(&in, &s->letter, &text);
	put_message(s, a, &text);
	send_letter(s, from, a->redirect.address, buf_as_span(&text));
	buf_free(&text);
}

static void
next_id(struct suite *s)
{
	struct buf id = {0};
	buf_putf(&id, "letter-%u", ++s->n_letters);
	s->letter.id = arena_span(&s->arena, buf_as_span(&id));
	buf_free(&id);
}

static void
vacation(struct suite *s, const struct sieve_action *a)
{
	struct sieve_input in = s->input;
	struct sieve_vacation v = a->vacation;
	struct buf text = {0};
	in.address = s->user_email;
	if (s->ignores_envelope && in.envelope.from.n) {
		in.envelope.from = suite_address(s, "sender");
		if (!in.envelope.from.n)
			in.envelope.from = suite_address(s, "from");
	}
	if (!s->uses_orig_recipient)
		in.envelope.orig_to = (struct span){NULL, 0};
	if (vacation_refusal(&in, &v, !s->checks_no_recipient))
		return;
	if (s->sends_from_recipient && !v.from.n)
		v.from = s->uses_orig_recipient && s->input.envelope.orig_to.p
		             ? s->input.envelope.orig_to
		             : s->input.envelope.to;
	next_id(s);
	letter_vacation(&in, &v, &s->letter, &text);
	send_letter(s,
	    s->sends_from_recipient ? s->input.envelope.to : (struct span){"", 0},
	    in.envelope.from, buf_as_span(&text));
	if (v.fcc.mailbox.n) {
		struct box *b = suite_box(s, v.fcc.mailbox, true);
		(void)put_last(s, &b->messages, buf_as_span(&text));
	}
	buf_free(&text);
}

static bool
is_automatic(struct span message)
{
	struct span value = header_value(header_head(message), SPAN("auto-submitted"));
	return value.p &&
	       !span_ieqs(span_trim(span_head(value, span_find(value, ';'))), "no");
}

static void
notify(struct suite *s, const struct sieve_action *a)
{
	const struct sieve_notify *n = &a->notify;
	struct sieve_input in = s->input;
	struct buf text = {0}, from = {0};
	struct span sender = s->letter.postmaster;
	if (is_automatic(s->input.message))
		return;
	in.address = s->user_email;
	if (n->from.n) {
		size_t at = span_find(n->from, '<');
		sender = at < n->from.n ? sender_of(s, span_from(n->from, at), sender)
		                        : n->from;
	}
	sender = sender_of(s, s->notify_from, sender);
	if (is_null(s->input.envelope.from) && s->input.envelope.from.p)
		sender = (struct span){"", 0};
	next_id(s);
	letter_notify(&in, n, &s->letter, &text);
	for (size_t i = 0; i < n->n_to; i++)
		send_letter(s, sender, n->to[i], buf_as_span(&text));
	for (size_t i = 0; i < n->n_cc; i++)
		send_letter(s, sender, n->cc[i], buf_as_span(&text));
	if (n->fcc.mailbox.n) {
		struct box *b = suite_box(s, n->fcc.mailbox, true);
		(void)put_last(s, &b->messages, buf_as_span(&text));
	}
	buf_free(&text);
	buf_free(&from);
}

static void
reject(struct suite *s, const struct sieve_action *a)
{
	struct buf text = {0};
	if (is_null(s->input.envelope.from))
		return;
	next_id(s);
	letter_reject(&s->input, a->reason, &s->letter, &text);
	send_letter(
	    s, (struct span){"", 0}, s->input.envelope.from, buf_as_span(&text));
	buf_free(&text);
}

static void
remember(struct suite *s, const struct sieve_duplicate *d)
{
	struct seen *n = arena_get(&s->arena, sizeof(*n));
	*n = (struct seen){.next = s->seen,
	    .handle = arena_span(&s->arena, d->handle),
	    .id = arena_span(&s->arena, d->id),
	    .until_sec = s->input.now_sec + (int64_t)d->period_sec};
	s->seen = n;
}

static bool
do_action(struct suite *s, const struct sieve_action *a)
{
	switch (a->kind) {
	case ACTION_KEEP:
	case ACTION_FILEINTO:
		return store(s, a);
	case ACTION_REDIRECT:
		redirect(s, a);
		return true;
	case ACTION_REJECT:
	case ACTION_EREJECT:
		reject(s, a);
		return true;
	case ACTION_VACATION:
		vacation(s, a);
		return true;
	case ACTION_NOTIFY:
		notify(s, a);
		return true;
	case ACTION_DUPLICATE:
		remember(s, &a->duplicate);
		return true;
	default:
		return true;
	}
}

/* What is done has no line any more: none of a script's is UINT_MAX. */
bool
suite_execute(struct suite *s, struct sieve_result *r)
{
	bool is_good = true, has_stored = false;
	sieve_errors_reset(&s->errors);
	for (struct sieve_action *a = r->actions; a && is_good; a = a->next) {
		if (a->line == UINT32_MAX)
			continue;
		is_good = do_action(s, a);
		has_stored |=
		    is_good && (a->kind == ACTION_KEEP || a->kind == ACTION_FILEINTO);
		a->line = UINT32_MAX;
	}
	if (!is_good && !has_stored)
		(void)store(s, &(struct sieve_action){.kind = ACTION_KEEP});
	return is_good;
}
