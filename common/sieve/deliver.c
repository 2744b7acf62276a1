/* SPDX-License-Identifier: ISC */
/*
 * deliver.c - keep, fileinto, redirect, discard, reject, ereject: what becomes of a message.  RFC
 * 5228 4, RFC 3894, RFC 5429, and the tags of RFC 5232, 5490, 6009, 6134, 8579 and 9042.
 */
#include "sieve/check_state.h"
#include "sieve/run_state.h"

bool
mailbox_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (ch_ctl(name.p[i]))
			return false;
	return name.n > 0 && name.n <= SIEVE_MAILBOX_NAME_MAX && utf8_valid(name);
}

/* ---- check ---- */

static int
check_special_use(struct sieve_check *c, const struct sieve_node *node)
{
	struct span flag;
	const struct sieve_arg *arg = node_opt_arg(node, OPT_SPECIAL_USE);
	if (arg && node_opt(node, OPT_MAILBOXID))
		return check_error(c, node->line,
		    "the :specialuse and :mailboxid tags of the %.*s command exclude "
		    "each other",
		    SPAN_ARG(node->name));
	if (check_constant(arg, &flag) && !special_use_ok(flag))
		return check_error(c, arg->line, "invalid special-use flag '%.*s'",
		    SPAN_ARG(span_head(flag, 60)));
	return E_OK;
}

int
check_fcc(struct sieve_check *c, const struct sieve_node *node)
{
	struct span name;
	if (!node_opt(node, OPT_FCC) &&
	    (node_opt(node, OPT_CREATE) || node_opt(node, OPT_FLAGS) ||
		node_opt(node, OPT_SPECIAL_USE) || node_opt(node, OPT_MAILBOXID)))
		return check_error(c, node->line,
		    "the %.*s command takes :create, :flags, :specialuse and "
		    ":mailboxid only with :fcc",
		    SPAN_ARG(node->name));
	if (check_constant(node_opt_arg(node, OPT_FCC), &name) &&
	    !mailbox_name_ok(name))
		return check_error(c, node->line,
		    "invalid folder name for the :fcc tag of the %.*s command",
		    SPAN_ARG(node->name));
	return check_special_use(c, node);
}

int
check_fileinto(struct sieve_check *c, struct sieve_node *node)
{
	struct span name;
	if (check_constant(node->pos[0], &name) && !mailbox_name_ok(name))
		return check_error(c, node->line,
		    "invalid folder name for the fileinto command: not UTF-8, empty, "
		    "too long, or with "
		    "control characters");
	return check_special_use(c, node);
}

/* RFC 6009 4: NEVER alone, or some of the others; each once, as SMTP has them.  False: it is neither. */
static bool
notify_put(struct span value, struct buf *out)
{
	static const char *const names[] = {"SUCCESS", "FAILURE", "DELAY"};
	bool is_asked[COUNT(names)] = {false};
	if (span_ieqs(value, "NEVER")) {
		buf_str(out, "NEVER");
		return true;
	}
	for (bool is_last = false; !is_last;) {
		size_t at = span_find(value, ','), i = 0;
		struct span word = span_trim(span_head(value, at));
		is_last = at == value.n;
		value = span_from(value, at + !is_last);
		while (i < COUNT(names) && !span_ieqs(word, names[i]))
			i++;
		if (i == COUNT(names))
			return false;
		is_asked[i] = true;
	}
	for (size_t i = 0; i < COUNT(names); i++)
		if (is_asked[i])
			buf_putf(out, "%s%s", out->len ? "," : "", names[i]);
	return true;
}

static bool
ret_put(struct span value, struct buf *out)
{
	bool is_full = span_ieqs(value, "FULL");
	buf_str(out, is_full ? "FULL" : "HDRS");
	return is_full || span_ieqs(value, "HDRS");
}

static int
check_dsn(struct sieve_check *c, struct sieve_node *node)
{
	struct buf said = {0};
	struct span value;
	int err = E_OK;
	if (check_constant(node_opt_arg(node, OPT_NOTIFY), &value) &&
	    !notify_put(value, &said))
		err = check_error(c, node->line,
		    "invalid :notify argument '%.*s' for the redirect command",
		    SPAN_ARG(span_head(value, 60)));
	if (check_constant(node_opt_arg(node, OPT_RET), &value) &&
	    !ret_put(value, &said))
		err = check_error(c, node->line,
		    "invalid :ret argument '%.*s' for the redirect command",
		    SPAN_ARG(span_head(value, 60)));
	buf_free(&said);
	return err;
}

int
check_redirect(struct sieve_check *c, struct sieve_node *node)
{
	struct buf address = {0};
	struct span text;
	int err = check_dsn(c, node);
	if (err == E_OK && !node_opt(node, OPT_LIST) &&
	    check_constant(node->pos[0], &text) && !address_one(text, &address))
		err = check_error(c, node->pos[0]->line,
		    "specified address '%.*s' is invalid for the redirect command",
		    SPAN_ARG(span_head(text, 200)));
	buf_free(&address);
	return err;
}

/* ---- where ---- */

static void
put_flags(struct sieve_run *run, const struct sieve_node *node, struct sieve_store *out)
{
	const struct sieve_arg *arg = node_opt_arg(node, OPT_FLAGS);
	struct buf flags = {0};
	size_t n;
	if (arg) {
		struct span *rows = run_list(run, arg, &n);
		flags_put(&flags, rows, n);
		out->has_flags = true;
		out->flags = flags_taken(run, buf_as_span(&flags));
		buf_free(&flags);
		return;
	}
	out->has_flags = run->has_flags;
	out->flags = flags_taken(run, buf_as_span(&run->flags));
}

void
action_store(struct sieve_run *run, const struct sieve_node *node, struct span mailbox,
    struct sieve_store *out)
{
	struct span flag;
	put_flags(run, node, out);
	out->mailbox = action_span(run, mailbox);
	out->can_create = node_opt(node, OPT_CREATE) != NULL;
	flag = run_arg(run, node_opt_arg(node, OPT_SPECIAL_USE));
	if (flag.n && !special_use_ok(flag))
		(void)run_error(run, node->line, "invalid special-use flag '%.*s'",
		    SPAN_ARG(span_head(flag, 60)));
	out->special_use = action_span(run, flag);
	out->mailboxid =
	    action_span(run, run_arg(run, node_opt_arg(node, OPT_MAILBOXID)));
}

static void
bad_mailbox(struct sieve_run *run, const struct sieve_node *node, struct span mailbox)
{
	struct buf shown = {0};
	if (mailbox_name_ok(mailbox))
		return;
	buf_quoted(&shown, span_head(mailbox, 100));
	(void)run_error(run, node->line, "invalid folder name %s for the %.*s command",
	    buf_cstr(&shown), SPAN_ARG(node->name));
	buf_free(&shown);
}

void
action_fcc(
    struct sieve_run *run, const struct sieve_node *node, struct sieve_store *out)
{
	const struct sieve_arg *arg = node_opt_arg(node, OPT_FCC);
	struct span mailbox;
	if (!arg)
		return;
	mailbox = run_arg(run, arg);
	bad_mailbox(run, node, mailbox);
	action_store(run, node, mailbox, out);
	if (!node_opt(node, OPT_FLAGS)) /* those of the message are not the reply's */
		out->has_flags = false;
	if (!out->has_flags)
		out->flags.n = 0;
}

/* ---- run ---- */

int
run_keep(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {.kind = ACTION_KEEP};
	view_take(run, &a);
	put_flags(run, node, &a.store);
	run->is_keep_cancelled = true;
	return action_add(run, node, &a);
}

int
run_fileinto(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {
	    .kind = ACTION_FILEINTO, .is_copy = node_opt(node, OPT_COPY) != NULL};
	struct span mailbox = run_arg(run, node->pos[0]);
	bad_mailbox(run, node, mailbox);
	view_take(run, &a);
	action_store(run, node, mailbox, &a.store);
	if (!a.is_copy)
		run->is_keep_cancelled = true;
	return action_add(run, node, &a);
}

int
run_discard(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {.kind = ACTION_DISCARD};
	run->is_keep_cancelled = true;
	return action_add(run, node, &a);
}

/* As SMTP has it, whatever the script wrote; empty: it wrote none. */
static struct span
dsn_arg(struct sieve_run *run, const struct sieve_node *node, enum sieve_opt_kind kind,
    bool put(struct span, struct buf *))
{
	const struct sieve_opt *opt = node_opt(node, kind);
	struct buf text = {0};
	struct span value = {"", 0};
	if (!opt)
		return value;
	value = run_arg(run, opt->value);
	if (put(value, &text))
		value = action_span(run, buf_as_span(&text));
	else
		(void)run_error(run, node->line,
		    "invalid :%s argument '%.*s' for the redirect action",
		    opt->tag->name, SPAN_ARG(span_head(value, 60)));
	buf_free(&text);
	return value;
}

static void
put_redirect(
    struct sieve_run *run, const struct sieve_node *node, struct sieve_redirect *out)
{
	struct span text = run_arg(run, node->pos[0]);
	struct buf address = {0};
	out->is_list = node_opt(node, OPT_LIST) != NULL;
	if (out->is_list)
		out->address = action_span(run, text);
	else if (address_one(text, &address))
		out->address = action_span(run, buf_as_span(&address));
	else
		(void)run_error(run, node->line,
		    "specified address '%.*s' is invalid for the redirect action",
		    SPAN_ARG(span_head(text, 200)));
	buf_free(&address);
	out->notify = dsn_arg(run, node, OPT_NOTIFY, notify_put);
	out->ret = dsn_arg(run, node, OPT_RET, ret_put);
}

/* RFC 5703 6: who sends it on sends it as it was before it was enclosed. */
static void
take_to_send(struct sieve_run *run, struct sieve_action *a)
{
	if (!run->result->is_enclosed) {
		view_take(run, a);
		return;
	}
	a->head = run->result->before_enclose.head;
	a->body = run->result->before_enclose.body;
}

int
run_redirect(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {
	    .kind = ACTION_REDIRECT, .is_copy = node_opt(node, OPT_COPY) != NULL};
	if (run->program->limits.redirects == 0)
		return run_limit(run, node->line,
		    "local policy prohibits the use of a redirect action");
	put_redirect(run, node, &a.redirect);
	take_to_send(run, &a);
	if (!a.is_copy)
		run->is_keep_cancelled = true;
	return action_add(run, node, &a);
}

/* What a program gets as its arguments: no octet of them is a control. */
static bool
is_argument(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return false;
	return true;
}

int
run_pipe(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_action a = {
	    .kind = ACTION_PIPE, .is_copy = node_opt(node, OPT_COPY) != NULL};
	size_t n, bytes;
	struct span *rows = run_list(run, node->pos[1], &n);
	a.pipe.is_try = node_opt(node, OPT_TRY) != NULL;
	a.pipe.name = action_span(run, run_arg(run, node->pos[0]));
	a.pipe.args = action_spans(run, rows, n);
	a.pipe.n_args = n;
	bytes = a.pipe.name.n;
	for (size_t i = 0; i < n; i++) {
		bytes += rows[i].n;
		if (!is_argument(rows[i]))
			return run_error(run, node->line,
			    "an argument of the pipe action has control characters");
	}
	if (n > SIEVE_PIPE_ARGS_MAX || bytes > SIEVE_PIPE_BYTES_MAX)
		return run_error(run, node->line,
		    "the pipe action has more than %d arguments, or %d octets of them",
		    SIEVE_PIPE_ARGS_MAX, SIEVE_PIPE_BYTES_MAX);
	take_to_send(run, &a);
	if (!a.is_copy)
		run->is_keep_cancelled = true;
	return action_add(run, node, &a);
}

static int
refuse(
    struct sieve_run *run, const struct sieve_node *node, enum sieve_action_kind kind)
{
	struct sieve_action a = {.kind = kind};
	a.reason = action_span(run, run_arg(run, node->pos[0]));
	run->is_keep_cancelled = true;
	return action_add(run, node, &a);
}

int
run_reject(struct sieve_run *run, const struct sieve_node *node)
{
	return refuse(run, node, ACTION_REJECT);
}

int
run_ereject(struct sieve_run *run, const struct sieve_node *node)
{
	return refuse(run, node, ACTION_EREJECT);
}
