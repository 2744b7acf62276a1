/* SPDX-License-Identifier: ISC */
/* action.c - the list of actions: what may stand beside what, how many, and in words. */
#include "sieve/action.h"

#include "mime/header.h"
#include "sieve/run_state.h"

const char *
sieve_action_name(enum sieve_action_kind kind)
{
	static const char *const names[] = {[ACTION_KEEP] = "keep",
	    [ACTION_FILEINTO] = "fileinto",
	    [ACTION_REDIRECT] = "redirect",
	    [ACTION_DISCARD] = "discard",
	    [ACTION_REJECT] = "reject",
	    [ACTION_EREJECT] = "ereject",
	    [ACTION_VACATION] = "vacation",
	    [ACTION_NOTIFY] = "notify",
	    [ACTION_PIPE] = "pipe",
	    [ACTION_DUPLICATE] = "duplicate"};
	return names[kind];
}

void
sieve_action_message(const struct sieve_action *a, struct span message,
    struct span *head, struct span *body)
{
	size_t at = header_end(message);
	*head = a->head.p ? a->head : span_head(message, at);
	*body = a->body.p ? a->body : span_from(message, at);
}

void
sieve_result_free(struct sieve_result *r)
{
	arena_reset(&r->arena);
	*r = (struct sieve_result){0};
}

struct span
action_span(struct sieve_run *run, struct span s)
{
	struct span copy = arena_span(&run->result->arena, s);
	if (copy.n != s.n)
		(void)run_limit(run, 0, "execution exceeded the limit of memory");
	return copy;
}

const struct span *
action_spans(struct sieve_run *run, const struct span *rows, size_t n)
{
	struct span *copy = arena_get(&run->result->arena, (n + 1) * sizeof(*copy));
	if (!copy) {
		(void)run_limit(run, 0, "execution exceeded the limit of memory");
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		copy[i] = action_span(run, rows[i]);
	return copy;
}

/* ---- what excludes what ---- */

static bool
is_refusal(enum sieve_action_kind kind)
{
	return kind == ACTION_REJECT || kind == ACTION_EREJECT;
}

/* RFC 5429 2.5: a message that is refused went nowhere, and nobody answered it. */
static bool
excludes_refusal(const struct sieve_action *a)
{
	return (a->kind == ACTION_KEEP && !a->is_implicit) ||
	       a->kind == ACTION_FILEINTO || a->kind == ACTION_REDIRECT ||
	       a->kind == ACTION_VACATION || a->kind == ACTION_PIPE;
}

static int
check_conflict(struct sieve_run *run, unsigned line, const struct sieve_action *a,
    const struct sieve_action *before)
{
	if ((is_refusal(a->kind) && excludes_refusal(before)) ||
	    (is_refusal(before->kind) && excludes_refusal(a)))
		return run_error(run, line,
		    "the %s action is incompatible with the %s action of line %u",
		    sieve_action_name(a->kind), sieve_action_name(before->kind),
		    before->line);
	if (is_refusal(a->kind) && is_refusal(before->kind))
		return run_error(run, line,
		    "duplicate %s action not allowed (previously triggered in line %u)",
		    sieve_action_name(a->kind), before->line);
	return E_OK;
}

static bool
is_same_store(const struct sieve_action *a, const struct sieve_action *b)
{
	bool is_inbox = !a->store.mailbox.n || span_ieqs(a->store.mailbox, "INBOX");
	bool is_inbox_b = !b->store.mailbox.n || span_ieqs(b->store.mailbox, "INBOX");
	if (is_inbox || is_inbox_b)
		return is_inbox && is_inbox_b &&
		       a->store.special_use.n == b->store.special_use.n;
	return span_eq(a->store.mailbox, b->store.mailbox) &&
	       span_ieq(a->store.special_use, b->store.special_use) &&
	       span_eq(a->store.mailboxid, b->store.mailboxid);
}

static bool
is_store(enum sieve_action_kind kind)
{
	return kind == ACTION_KEEP || kind == ACTION_FILEINTO;
}

/* The last one's flags count. */
static void
take_store(struct sieve_action *before, const struct sieve_action *a)
{
	if (a->is_implicit)
		return;
	if (a->kind == ACTION_KEEP)
		before->kind = ACTION_KEEP;
	before->store.flags = a->store.flags;
	before->store.has_flags = a->store.has_flags;
	before->store.can_create |= a->store.can_create;
}

/*
 * Is it there already, so that it is done once (RFC 5228 2.10.3)?  What an earlier script decided
 * stays as it is.
 */
static bool
is_double(struct sieve_action *before, const struct sieve_action *a, bool is_own)
{
	if (is_store(a->kind) && is_store(before->kind) && is_same_store(a, before)) {
		if (is_own)
			take_store(before, a);
		return true;
	}
	if (a->kind != before->kind)
		return false;
	switch (a->kind) {
	case ACTION_REDIRECT:
		return a->redirect.is_list == before->redirect.is_list &&
		       span_ieq(a->redirect.address, before->redirect.address);
	case ACTION_DUPLICATE:
		return span_eq(a->duplicate.handle, before->duplicate.handle) &&
		       span_eq(a->duplicate.id, before->duplicate.id);
	case ACTION_DISCARD:
		return true;
	default:
		return false;
	}
}

static int
count_action(struct sieve_run *run, unsigned line, const struct sieve_action *a)
{
	struct sieve_result *r = run->result;
	const struct sieve_limits *limits = &run->program->limits;
	if (a->is_implicit || a->kind == ACTION_DUPLICATE || a->kind == ACTION_DISCARD)
		return E_OK;
	if (a->kind == ACTION_REDIRECT && ++r->n_redirects > limits->redirects)
		return run_limit(run, line,
		    "number of redirect actions exceeds policy limit (%zu)",
		    limits->redirects);
	if (++r->n_actions > limits->actions && limits->actions)
		return run_limit(run, line,
		    "total number of actions exceeds policy limit (%zu)",
		    limits->actions);
	return E_OK;
}

static void
trace_action(struct sieve_run *run, unsigned line, const struct sieve_action *a)
{
	struct buf text = {0};
	if (!run_traces(run) || a->is_implicit)
		return;
	sieve_action_put(a, &text);
	run_trace(run, line, "action %.*s", SPAN_ARG(buf_as_span(&text)));
	buf_free(&text);
}

int
action_add(
    struct sieve_run *run, const struct sieve_node *node, const struct sieve_action *a)
{
	unsigned line = node ? node->line : 0;
	bool is_own = false;
	struct sieve_action *copy;
	int err;
	if (run->err != E_OK)
		return run->err;
	trace_action(run, line, a);
	for (struct sieve_action **at = &run->result->actions; *at; at = &(*at)->next) {
		is_own |= at == run->own;
		/* what an earlier script decided excludes nothing, but a message is refused once */
		if (!is_own && is_refusal(a->kind) && is_refusal((*at)->kind))
			return E_OK;
		if (is_own && (err = check_conflict(run, line, a, *at)) != E_OK)
			return err;
		if (a->kind == ACTION_VACATION && (*at)->kind == ACTION_VACATION)
			return is_own ? run_error(run, line,
					    "duplicate vacation action not allowed "
					    "(previously triggered in line %u)",
					    (*at)->line)
			              : E_OK;
		if (is_double(*at, a, is_own)) {
			run->result->has_keep |= is_own && a->kind == ACTION_KEEP;
			return E_OK;
		}
	}
	if ((err = count_action(run, line, a)) != E_OK)
		return err;
	if (!(copy = arena_get(&run->result->arena, sizeof(*copy))))
		return run_limit(run, line, "execution exceeded the limit of memory");
	*copy = *a;
	copy->line = line;
	copy->next = NULL;
	*run->end = copy;
	run->end = &copy->next;
	run->result->has_keep |= a->kind == ACTION_KEEP;
	return E_OK;
}

/* ---- in words ---- */

static void
put_store(const struct sieve_store *s, struct buf *out)
{
	for (size_t i = 0; s->has_flags && i < s->flags.n; i++)
		buf_putf(
		    out, "%s%.*s", i ? " " : " flags ", SPAN_ARG(s->flags.rows[i]));
	if (s->special_use.n)
		buf_putf(out, " special-use %.*s", SPAN_ARG(s->special_use));
	if (s->mailboxid.n)
		buf_putf(out, " mailbox id %.*s", SPAN_ARG(s->mailboxid));
	if (s->can_create)
		buf_str(out, " create");
}

static void
put_list(const struct span *rows, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_putf(out, "%s%.*s", i ? ", " : " ", SPAN_ARG(rows[i]));
}

static void
put_special(const struct sieve_action *a, struct buf *out)
{
	switch (a->kind) {
	case ACTION_VACATION:
		buf_putf(out, " every %llu s \"%.*s\"",
		    (unsigned long long)a->vacation.period_sec,
		    SPAN_ARG(span_head(a->vacation.reason, 200)));
		break;
	case ACTION_NOTIFY:
		put_list(a->notify.to, a->notify.n_to, out);
		put_list(a->notify.cc, a->notify.n_cc, out);
		break;
	case ACTION_PIPE:
		buf_putf(out, " \"%.*s\"", SPAN_ARG(a->pipe.name));
		put_list(a->pipe.args, a->pipe.n_args, out);
		if (a->pipe.is_try)
			buf_str(out, " try");
		break;
	case ACTION_DUPLICATE:
		buf_putf(out, " handle \"%.*s\" id \"%.*s\"",
		    SPAN_ARG(a->duplicate.handle),
		    SPAN_ARG(span_head(a->duplicate.id, 200)));
		break;
	default:
		break;
	}
}

void
sieve_action_put(const struct sieve_action *a, struct buf *out)
{
	buf_putf(
	    out, "%s%s", a->is_implicit ? "implicit " : "", sieve_action_name(a->kind));
	switch (a->kind) {
	case ACTION_FILEINTO:
		buf_putf(out, " \"%.*s\"", SPAN_ARG(a->store.mailbox));
		put_store(&a->store, out);
		break;
	case ACTION_KEEP:
		put_store(&a->store, out);
		break;
	case ACTION_REDIRECT:
		buf_putf(out, " %s\"%.*s\"", a->redirect.is_list ? "list " : "",
		    SPAN_ARG(a->redirect.address));
		if (a->redirect.notify.n)
			buf_putf(out, " notify %.*s", SPAN_ARG(a->redirect.notify));
		if (a->redirect.ret.n)
			buf_putf(out, " ret %.*s", SPAN_ARG(a->redirect.ret));
		break;
	case ACTION_REJECT:
	case ACTION_EREJECT:
		buf_putf(out, " \"%.*s\"", SPAN_ARG(span_head(a->reason, 200)));
		break;
	default:
		put_special(a, out);
	}
	if (a->is_copy)
		buf_str(out, " copy");
	if (a->body.p)
		buf_str(out, " (message made anew)");
	else if (a->head.p)
		buf_str(out, " (head edited)");
}
