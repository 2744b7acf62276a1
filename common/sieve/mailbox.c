/* SPDX-License-Identifier: ISC */
/*
 * mailbox.c - what is asked about mailboxes: mailboxexists, metadata (RFC 5490), specialuse_exists
 * (RFC 8579), mailboxidexists (RFC 9042), valid_ext_list (RFC 6134).
 */
#include "sieve/check_state.h"
#include "sieve/run_state.h"

enum { METADATA_BYTES_MAX = 64 << 10 }; /* of a value that is looked at */

int
check_mailboxexists(struct sieve_check *c, struct sieve_node *node)
{
	for (const struct sieve_string *s = node->pos[0]->strings; s; s = s->next)
		if (string_is_constant(s) && !mailbox_name_ok(s->text))
			sieve_warning(c->errors, s->line,
			    "invalid mailbox name for the mailboxexists test");
	return E_OK;
}

/* RFC 5464 4.1 */
static bool
annotation_ok(struct span name)
{
	if (!name.n || name.p[0] != '/' || name.p[name.n - 1] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (ch_ctl(name.p[i]) || (unsigned char)name.p[i] > 126 ||
		    name.p[i] == '*' || name.p[i] == '%' ||
		    (i && name.p[i] == '/' && name.p[i - 1] == '/'))
			return false;
	return span_istarts(name, SPAN("/private/")) ||
	       span_istarts(name, SPAN("/shared/"));
}

int
check_metadata(struct sieve_check *c, struct sieve_node *node)
{
	bool has_mailbox = span_find(span_of(node->word->name), 's') != 0;
	const struct sieve_arg *names = node->pos[has_mailbox ? 1 : 0];
	struct span mailbox;
	if (has_mailbox && check_constant(node->pos[0], &mailbox) &&
	    !mailbox_name_ok(mailbox))
		sieve_warning(c->errors, node->line,
		    "invalid mailbox name for the %.*s test", SPAN_ARG(node->name));
	for (const struct sieve_string *s = names->strings; s; s = s->next)
		if (string_is_constant(s) && !annotation_ok(s->text))
			sieve_warning(c->errors, s->line,
			    "specified annotation name '%.*s' is invalid for the %.*s "
			    "test",
			    SPAN_ARG(span_head(s->text, 80)), SPAN_ARG(node->name));
	return node->word->opts ? check_match(c, node) : E_OK;
}

bool
special_use_ok(struct span flag)
{
	for (size_t i = 1; i < flag.n; i++)
		if (!ch_alnum(flag.p[i]))
			return false;
	return flag.n > 1 && flag.p[0] == '\\';
}

int
check_specialuse(struct sieve_check *c, struct sieve_node *node)
{
	for (const struct sieve_string *s = node->pos[1]->strings; s; s = s->next)
		if (string_is_constant(s) && !special_use_ok(s->text))
			return check_error(c, s->line,
			    "specialuse_exists test: invalid special-use flag '%.*s' "
			    "specified",
			    SPAN_ARG(span_head(s->text, 60)));
	return E_OK;
}

/* ---- run ---- */

int
test_mailboxexists(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	size_t n;
	struct span *rows = run_list(run, node->pos[0], &n);
	*out = true;
	for (size_t i = 0;
	     i < n && *out && run_spend(run, node->line, CALL_WORK) == E_OK; i++) {
		*out = mailbox_name_ok(rows[i]) && run->in->mailbox_exists &&
		       run->in->mailbox_exists(run->in->ctx, rows[i]);
		run_trace(run, node->line, "  mailbox \"%.*s\" %s", SPAN_ARG(rows[i]),
		    *out ? "is there" : "is not there");
	}
	return run->err;
}

int
test_specialuse_exists(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct span mailbox = {NULL, 0};
	size_t n;
	struct span *rows = run_list(run, node->pos[1], &n);
	if (node->pos[0])
		mailbox = run_arg(run, node->pos[0]);
	*out = true;
	for (size_t i = 0;
	     i < n && *out && run_spend(run, node->line, CALL_WORK) == E_OK; i++)
		*out = special_use_ok(rows[i]) && run->in->special_use_exists &&
		       run->in->special_use_exists(run->in->ctx, mailbox, rows[i]);
	return run->err;
}

int
test_mailboxidexists(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	size_t n;
	struct span *rows = run_list(run, node->pos[0], &n);
	*out = true;
	for (size_t i = 0;
	     i < n && *out && run_spend(run, node->line, CALL_WORK) == E_OK; i++)
		*out = run->in->mailboxid_exists &&
		       run->in->mailboxid_exists(run->in->ctx, rows[i]);
	return run->err;
}

int
test_valid_ext_list(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	size_t n;
	struct span *rows = run_list(run, node->pos[0], &n);
	*out = true;
	for (size_t i = 0;
	     i < n && *out && run_spend(run, node->line, CALL_WORK) == E_OK; i++)
		*out =
		    run->in->list_exists && run->in->list_exists(run->in->ctx, rows[i]);
	return run->err;
}

static bool
get_metadata(
    struct sieve_run *run, struct span mailbox, struct span name, struct buf *out)
{
	return annotation_ok(name) && (!mailbox.p || mailbox_name_ok(mailbox)) &&
	       run->in->metadata &&
	       run->in->metadata(run->in->ctx, mailbox, name, out) == E_OK &&
	       buf_done(out) == E_OK;
}

static int
match_metadata(struct sieve_run *run, const struct sieve_node *node,
    struct span mailbox, struct span name, const struct sieve_arg *keys, bool *out)
{
	struct buf value = {.max = METADATA_BYTES_MAX};
	struct sieve_matcher m;
	if (match_begin(run, node, keys, &m) == E_OK) {
		if (run_spend(run, node->line, CALL_WORK) == E_OK &&
		    get_metadata(run, mailbox, name, &value))
			(void)match_value(run, &m, buf_as_span(&value));
		(void)match_end(run, &m, out);
	}
	buf_free(&value);
	return run->err;
}

static int
all_exist(struct sieve_run *run, struct span mailbox, const struct sieve_arg *names,
    bool *out)
{
	size_t n;
	struct span *rows = run_list(run, names, &n);
	*out = true;
	for (size_t i = 0;
	     i < n && *out && run_spend(run, names->line, CALL_WORK) == E_OK; i++) {
		struct buf value = {.max = METADATA_BYTES_MAX};
		*out = get_metadata(run, mailbox, rows[i], &value);
		buf_free(&value);
	}
	return run->err;
}

int
test_metadata(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	return match_metadata(run, node, run_arg(run, node->pos[0]),
	    run_arg(run, node->pos[1]), node->pos[2], out);
}

int
test_metadataexists(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	return all_exist(run, run_arg(run, node->pos[0]), node->pos[1], out);
}

int
test_servermetadata(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	return match_metadata(run, node, (struct span){NULL, 0},
	    run_arg(run, node->pos[0]), node->pos[1], out);
}

int
test_servermetadataexists(
    struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	return all_exist(run, (struct span){NULL, 0}, node->pos[0], out);
}
