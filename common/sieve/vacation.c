/* SPDX-License-Identifier: ISC */
/* vacation.c - the vacation action, and whether it makes a reply.  RFC 5230, RFC 6131. */
#include "sieve/vacation.h"

#include "mime/address.h"
#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

int
check_vacation(struct sieve_check *c, struct sieve_node *node)
{
	struct buf address = {0};
	struct span from;
	int err = E_OK;
	if (check_constant(node_opt_arg(node, OPT_FROM), &from) &&
	    !address_one(from, &address))
		err = check_error(c, node->line,
		    "specified :from address '%.*s' is invalid for the vacation "
		    "command",
		    SPAN_ARG(span_head(from, 200)));
	if (err == E_OK)
		err = check_fcc(c, node);
	buf_free(&address);
	return err;
}

static uint64_t
period_of(const struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_limits *limits = &run->program->limits;
	const struct sieve_opt *opt = node_opt(node, OPT_PERIOD);
	uint64_t period = limits->vacation_default_sec;
	if (opt) {
		uint64_t unit = (uint64_t)opt->tag->value;
		period = opt->value->number > UINT32_MAX ? UINT32_MAX * unit
		                                         : opt->value->number * unit;
	}
	/* RFC 6131 2: ":seconds 0" is a reply each time, where that is allowed */
	if (period < limits->vacation_min_sec)
		period = limits->vacation_min_sec;
	if (limits->vacation_max_sec && period > limits->vacation_max_sec)
		period = limits->vacation_max_sec;
	return period;
}

/* RFC 5230 4.2: the same reply has the same handle; another one another. */
static struct span
default_handle(struct sieve_run *run, const struct sieve_vacation *v)
{
	struct buf text = {.max = SIEVE_EXPANDED_BYTES_MAX};
	struct span out;
	buf_putf(&text, "%.*s\n%.*s\n%d\n", SPAN_ARG(v->subject), SPAN_ARG(v->from),
	    v->is_mime);
	buf_span(&text, v->reason);
	out = action_span(run, buf_as_span(&text));
	buf_free(&text);
	return out;
}

int
run_vacation(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {.kind = ACTION_VACATION};
	struct sieve_vacation *v = &a.vacation;
	struct buf address = {0};
	struct span *rows =
	    run_list(run, node_opt_arg(node, OPT_ADDRESSES), &v->n_addresses);
	v->addresses = action_spans(run, rows, v->n_addresses);
	v->reason = action_span(run, run_arg(run, node->pos[0]));
	v->is_mime = node_opt(node, OPT_BODY_IS_MIME) != NULL;
	v->subject = action_span(run, run_arg(run, node_opt_arg(node, OPT_SUBJECT)));
	v->from = action_span(run, run_arg(run, node_opt_arg(node, OPT_FROM)));
	if (v->from.n && !address_one(v->from, &address))
		(void)run_error(run, node->line,
		    "specified :from address '%.*s' is invalid for the vacation action",
		    SPAN_ARG(span_head(v->from, 200)));
	buf_free(&address);
	v->period_sec = period_of(run, node);
	v->handle = node_opt(node, OPT_HANDLE)
	                ? action_span(run, run_arg(run, node_opt_arg(node, OPT_HANDLE)))
	                : default_handle(run, v);
	action_fcc(run, node, &v->fcc);
	return run->err == E_OK ? action_add(run, node, &a) : run->err;
}

/* ---- is one due? ---- */

static bool
is_same_address(struct span a, struct span b)
{
	return a.n && span_ieq(a, b);
}

static bool
is_own(const struct sieve_input *in, const struct sieve_vacation *v,
    struct span address, struct span *which)
{
	const struct span *lists[] = {in->aliases, v->addresses};
	size_t counts[] = {in->n_aliases, v->n_addresses};
	struct span first[] = {in->envelope.to, in->envelope.orig_to, in->address};
	for (size_t i = 0; i < COUNT(first); i++)
		if (is_same_address(first[i], address)) {
			*which = first[i];
			return true;
		}
	for (size_t l = 0; l < COUNT(lists); l++)
		for (size_t i = 0; i < counts[l]; i++)
			if (is_same_address(lists[l][i], address)) {
				*which = lists[l][i];
				return true;
			}
	return false;
}

static bool
field_has_own(const struct sieve_input *in, const struct sieve_vacation *v,
    struct span raw, struct span *which)
{
	struct arena arena = {.max_bytes = SIEVE_RUN_BYTES_MAX};
	bool is_found = false;
	for (struct address *a = address_parse(raw, &arena); a && !is_found;
	     a = a->next) {
		struct buf text = {0};
		if (a->kind == ADDRESS_MAILBOX) {
			address_put(&text, a);
			is_found = is_own(in, v, buf_as_span(&text), which);
		}
		buf_free(&text);
	}
	arena_reset(&arena);
	return is_found;
}

struct span
vacation_own_address(const struct sieve_input *in, const struct sieve_vacation *v)
{
	static const char *const names[] = {
	    "to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"};
	struct span which = {NULL, 0};
	for (size_t i = 0; i < COUNT(names); i++) {
		struct span head = header_head(in->message);
		struct header_field field;
		while (header_find(&head, span_of(names[i]), &field) == E_OK)
			if (field_has_own(in, v, field.value, &which))
				return which;
	}
	return which;
}

/* Senders that are no people: RFC 5230 4.6. */
static bool
is_machine(struct span from)
{
	struct span local = span_head(from, span_rfind(from, '@'));
	static const char *const names[] = {"mailer-daemon", "listserv", "majordomo"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(local, names[i]))
			return true;
	return span_istarts(local, SPAN("owner-")) ||
	       (local.n > 8 && span_ieqs(span_from(local, local.n - 8), "-request"));
}

bool
vacation_is_list(struct span head)
{
	struct header_field field;
	while (header_next(&head, &field) == E_OK)
		if (span_istarts(field.name, SPAN("list-")))
			return true;
	return false;
}

/* Does the field have one of these words? */
static bool
field_says(struct span head, const char *name, const char *const *words, size_t n)
{
	struct span value = header_value(head, span_of(name));
	while (value.n) {
		struct span word = span_trim(span_cut(&value, ','));
		for (size_t i = 0; i < n; i++)
			if (span_ieqs(word, words[i]))
				return true;
	}
	return false;
}

static bool
is_automatic(struct span head)
{
	struct span value = header_value(head, SPAN("auto-submitted"));
	struct span word = span_trim(span_head(value, span_find(value, ';')));
	return value.p && !span_ieqs(word, "no");
}

const char *
vacation_refusal(
    const struct sieve_input *in, const struct sieve_vacation *v, bool checks_recipient)
{
	static const char *const precedences[] = {"junk", "bulk", "list"};
	static const char *const suppressed[] = {"all", "oof"};
	struct span from = in->envelope.from, head = header_head(in->message), which;
	if (!from.n || span_eqs(from, "<>"))
		return "it has no sender";
	if (is_machine(from))
		return "its sender is a machine";
	if (is_own(in, v, from, &which))
		return "it was sent by the user";
	if (vacation_is_list(head))
		return "it is a list's message";
	if (is_automatic(head))
		return "it is an automatic message";
	if (field_says(head, "precedence", precedences, COUNT(precedences)))
		return "its Precedence is bulk";
	if (field_says(head, "x-auto-response-suppress", suppressed, COUNT(suppressed)))
		return "it asks for no automatic reply";
	if (checks_recipient && !vacation_own_address(in, v).n)
		return "it names no address of the user";
	return NULL;
}
