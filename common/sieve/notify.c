/* SPDX-License-Identifier: ISC */
/* notify.c - notify, valid_notify_method, notify_method_capability.  RFC 5435, RFC 5436. */
#include "sieve/check_state.h"
#include "sieve/mailto.h"
#include "sieve/run_state.h"

/* E_OK, or what is wrong put into why. */
static int
check_uri(struct span uri, const struct sieve_limits *limits, struct arena *arena,
    struct mailto *m, struct buf *why)
{
	int err = mailto_parse(uri, arena, m, why);
	if (err == E_DENY)
		buf_putf(why, "unknown notification method '%.*s'",
		    SPAN_ARG(span_head(uri, span_find(span_head(uri, 40), ':'))));
	if (err == E_OK && m->n_to + m->n_cc == 0) {
		buf_str(why, "it names no recipient");
		err = E_BAD;
	}
	if (err == E_OK && m->n_to + m->n_cc > limits->notify_recipients) {
		buf_putf(why, "it names more than %zu recipients",
		    limits->notify_recipients);
		err = E_LIMIT;
	}
	return err;
}

static bool
importance_ok(struct span text)
{
	return text.n == 1 && text.p[0] >= '1' && text.p[0] <= '3';
}

/* RFC 5435 3.5: "name=value", the name of letters, digits, '.', '-' and '_', a letter or digit first. */
static bool
option_ok(struct span option)
{
	size_t at = span_find(option, '=');
	if (!at || at == option.n || !ch_alnum(option.p[0]))
		return false;
	for (size_t i = 0; i < at; i++)
		if (!ch_alnum(option.p[i]) && option.p[i] != '.' &&
		    option.p[i] != '-' && option.p[i] != '_')
			return false;
	for (size_t i = at; i < option.n; i++)
		if (ch_ctl(option.p[i]))
			return false;
	return true;
}

static int
check_method(struct sieve_check *c, struct sieve_node *node, struct span uri)
{
	struct buf why = {0};
	struct mailto m;
	int err = check_uri(uri, c->limits, &c->program->arena, &m, &why);
	/* a script may ask first which methods there are: RFC 5435 3.2 */
	if (err == E_DENY) {
		sieve_warning(c->errors, node->line,
		    "the notify command here fails: %s", buf_cstr(&why));
		err = E_OK;
	} else if (err != E_OK)
		err = check_error(c, node->line,
		    "invalid method '%.*s' of the notify command: %s",
		    SPAN_ARG(span_head(uri, 100)), buf_cstr(&why));
	buf_free(&why);
	return err;
}

int
check_notify(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_arg *options = node_opt_arg(node, OPT_OPTIONS);
	struct buf address = {0};
	struct span text;
	int err = E_OK;
	if (check_constant(node->pos[0], &text))
		err = check_method(c, node, text);
	if (err == E_OK)
		err = check_fcc(c, node);
	if (err == E_OK && check_constant(node_opt_arg(node, OPT_FROM), &text) &&
	    !address_one(text, &address))
		err = check_error(c, node->line,
		    "specified :from address '%.*s' is invalid for the notify command",
		    SPAN_ARG(span_head(text, 200)));
	buf_free(&address);
	if (err == E_OK && check_constant(node_opt_arg(node, OPT_IMPORTANCE), &text) &&
	    !importance_ok(text))
		err = check_error(c, node->line,
		    "invalid :importance value for the notify command: '%.*s'",
		    SPAN_ARG(span_head(text, 60)));
	for (const struct sieve_string *s = options ? options->strings : NULL; s;
	     s = s->next)
		if (string_is_constant(s) && !option_ok(s->text))
			err = check_error(c, s->line,
			    "invalid :options value '%.*s' for the notify command",
			    SPAN_ARG(span_head(s->text, 60)));
	return err;
}

/* ---- run ---- */

static void
put_mailto(struct sieve_run *run, const struct mailto *m, struct sieve_notify *out)
{
	out->to = action_spans(run, m->to, m->n_to);
	out->n_to = m->n_to;
	out->cc = action_spans(run, m->cc, m->n_cc);
	out->n_cc = m->n_cc;
	out->to_text = action_spans(run, m->to_text, m->n_to);
	out->cc_text = action_spans(run, m->cc_text, m->n_cc);
	out->subject = action_span(run, m->subject);
	out->body = action_span(run, m->body);
	out->fields = action_spans(run, m->fields, m->n_fields);
	out->n_fields = m->n_fields;
}

static void
put_tags(struct sieve_run *run, const struct sieve_node *node, struct sieve_notify *out)
{
	struct span importance = run_arg(run, node_opt_arg(node, OPT_IMPORTANCE));
	struct span *options =
	    run_list(run, node_opt_arg(node, OPT_OPTIONS), &out->n_options);
	struct buf address = {0};
	out->options = action_spans(run, options, out->n_options);
	out->importance =
	    importance_ok(importance) ? (unsigned)(importance.p[0] - '0') : 2;
	out->message = action_span(run, run_arg(run, node_opt_arg(node, OPT_MESSAGE)));
	out->from = action_span(run, run_arg(run, node_opt_arg(node, OPT_FROM)));
	if (out->from.n && !address_one(out->from, &address))
		(void)run_error(run, node->line,
		    "specified :from address '%.*s' is invalid for the notify action",
		    SPAN_ARG(span_head(out->from, 200)));
	buf_free(&address);
	action_fcc(run, node, &out->fcc);
}

/* RFC 5436 2.7.1: of several notifications one recipient gets one. */
static void
drop_recipients(
    const struct sieve_notify *before, struct span *rows, struct span *texts, size_t *n)
{
	size_t kept = 0;
	for (size_t i = 0; i < *n; i++) {
		bool is_told = false;
		for (size_t k = 0; k < before->n_to; k++)
			is_told |= span_ieq(before->to[k], rows[i]);
		for (size_t k = 0; k < before->n_cc; k++)
			is_told |= span_ieq(before->cc[k], rows[i]);
		if (is_told)
			continue;
		rows[kept] = rows[i];
		texts[kept++] = texts[i];
	}
	*n = kept;
}

int
run_notify(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {.kind = ACTION_NOTIFY};
	struct span uri = run_arg(run, node->pos[0]);
	struct mailto *m = run_get(run, sizeof(*m));
	struct buf why = {0};
	if (m && check_uri(uri, &run->program->limits, &run->tmp, m, &why) != E_OK)
		(void)run_error(run, node->line,
		    "invalid method '%.*s' of the notify action: %s",
		    SPAN_ARG(span_head(uri, 100)), buf_cstr(&why));
	buf_free(&why);
	if (run->err != E_OK)
		return run->err;
	for (const struct sieve_action *b = run->result->actions; b; b = b->next)
		if (b->kind == ACTION_NOTIFY) {
			drop_recipients(&b->notify, m->to, m->to_text, &m->n_to);
			drop_recipients(&b->notify, m->cc, m->cc_text, &m->n_cc);
		}
	put_mailto(run, m, &a.notify);
	a.notify.method = action_span(run, uri);
	put_tags(run, node, &a.notify);
	if (m->n_to + m->n_cc == 0) {
		run_trace(run, node->line, "notify: all recipients are told already");
		return run->err;
	}
	return run->err == E_OK ? action_add(run, node, &a) : run->err;
}

int
test_valid_notify_method(
    struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	size_t n;
	struct span *rows = run_list(run, node->pos[0], &n);
	struct mailto *m = run_get(run, sizeof(*m));
	*out = true;
	for (size_t i = 0;
	     i < n && m && *out && run_spend(run, node->line, rows[i].n) == E_OK; i++) {
		struct buf why = {0};
		*out = check_uri(rows[i], &run->program->limits, &run->tmp, m, &why) ==
		       E_OK;
		buf_free(&why);
	}
	return run->err;
}

/* RFC 5436 2.5: whether somebody reads his mail now is not known.  RFC 8580 3.3: it can be copied. */
static struct span
capability_of(struct span name)
{
	if (span_ieqs(name, "online"))
		return SPAN("maybe");
	if (span_ieqs(name, "fcc"))
		return SPAN("yes");
	return (struct span){NULL, 0};
}

int
test_notify_method_capability(
    struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct span uri = run_arg(run, node->pos[0]), name = run_arg(run, node->pos[1]);
	struct span value = capability_of(name);
	struct sieve_matcher m;
	if (!span_istarts(uri, SPAN("mailto:")) || !value.p)
		return run->err;
	if (match_begin(run, node, node->pos[2], &m) != E_OK)
		return run->err;
	(void)match_value(run, &m, value);
	return match_end(run, &m, out);
}
