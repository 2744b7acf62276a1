/* SPDX-License-Identifier: ISC */
/* editheader.c - addheader, deleteheader.  RFC 5293. */
#include <string.h>

#include "mime/header.h"
#include "mime/text.h"
#include "sieve/check_state.h"
#include "sieve/field.h"
#include "sieve/run_state.h"

enum {
	HEAD_EDITED_BYTES_MAX = 4 << 20,
	DECODE_WORK =
	    8, /* what decoding an octet of a field is worth in octets compared */
	FOLD_COLUMN = 78, /* RFC 5322 2.1.1 */
};

static bool
value_ok(struct span value)
{
	return !value.n || !memchr(value.p, 0, value.n);
}

int
check_addheader(struct sieve_check *c, struct sieve_node *node)
{
	struct span text;
	if (check_constant(node->pos[0], &text) && !field_name_ok(text))
		return check_error(c, node->line,
		    "addheader command: specified field name '%.*s' is invalid",
		    SPAN_ARG(span_head(text, 80)));
	if (check_constant(node->pos[1], &text) && !value_ok(text))
		return check_error(c, node->line,
		    "addheader command: specified value '%.*s' is invalid",
		    (int)strnlen(text.p, text.n < 80 ? text.n : 80), text.p);
	if (check_constant(node->pos[1], &text) && text.n > c->limits->header_bytes)
		return check_error(c, node->line,
		    "addheader command: specified header value is too large (%zu "
		    "octets, %zu are the most)",
		    text.n, c->limits->header_bytes);
	return E_OK;
}

int
check_deleteheader(struct sieve_check *c, struct sieve_node *node)
{
	struct span text;
	if (check_constant(node->pos[0], &text) && !field_name_ok(text))
		return check_error(c, node->line,
		    "deleteheader command: specified field name '%.*s' is invalid",
		    SPAN_ARG(span_head(text, 80)));
	if (!node_opt(node, OPT_FIELD_INDEX) && node_opt(node, OPT_FIELD_LAST))
		return check_error(c, node->line,
		    "the :last tag for the deleteheader command cannot be specified "
		    "without the :index tag");
	if (node_opt(node, OPT_FIELD_INDEX) &&
	    node_opt_arg(node, OPT_FIELD_INDEX)->number == 0)
		return check_error(c, node->line,
		    "the :index of the deleteheader command must be 1 or more");
	return check_match(c, node);
}

/* ---- which fields are nobody's to change ---- */

static bool
is_listed(const struct span *rows, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieq(rows[i], name))
			return true;
	return false;
}

static bool
may_add(const struct sieve_run *run, struct span name)
{
	return span_ieqs(name, "subject") ||
	       !is_listed(run->in->protected_add, run->in->n_protected_add, name);
}

/*
 * RFC 5293 6: Received and Auto-Submitted say where a message has been; a Subject says nothing.  RFC
 * 5703 5: nor is it to be hidden what replace changed.
 */
static bool
may_delete(const struct sieve_run *run, struct span name)
{
	static const char *const kept[] = {
	    "received", "auto-submitted", "original-subject", "original-from"};
	if (span_ieqs(name, "subject"))
		return true;
	for (size_t i = 0; i < COUNT(kept); i++)
		if (span_ieqs(name, kept[i]))
			return false;
	return !is_listed(run->in->protected_delete, run->in->n_protected_delete, name);
}

/* ---- the head ---- */

static int
set_head(struct sieve_run *run, const struct sieve_node *node, struct buf *head)
{
	if (buf_done(head) != E_OK) {
		buf_free(head);
		sieve_warning(run->errors, node->line,
		    "the head of the message would be larger than %d octets, and stays "
		    "as it is",
		    HEAD_EDITED_BYTES_MAX);
		return run->err;
	}
	buf_free(&run->edited);
	run->edited = *head;
	run->head = buf_as_span(&run->edited);
	run->is_edited = true;
	run->taken = (struct sieve_text){0};
	return run->err;
}

/* Line ends in the value and long lines become folds. */
static void
put_folded(struct span name, struct span value, const char *eol, struct buf *out)
{
	size_t column = name.n + 1;
	bool is_plain = span_is_ascii(value);
	struct buf line = {.max = SIEVE_VALUE_BYTES_MAX};
	buf_putf(out, "%.*s:", SPAN_ARG(name));
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\r' && value.p[i] != '\n')
			buf_ch(&line, value.p[i]);
		else if (value.p[i] == '\n' && i + 1 < value.n &&
			 !ch_space(value.p[i + 1]))
			buf_ch(&line, ' ');
	if (!is_plain) {
		buf_ch(out, ' ');
		field_put_text(out, eol, span_trim(buf_as_span(&line)));
	}
	for (struct span rest = span_trim(buf_as_span(&line)); is_plain && rest.n;) {
		struct span word = span_cut(&rest, ' ');
		if (column > name.n + 1 && column + 1 + word.n > FOLD_COLUMN) {
			buf_str(out, eol);
			column = 0;
		}
		buf_ch(out, ' ');
		buf_span(out, word);
		column += 1 + word.n;
	}
	buf_str(out, eol);
	buf_free(&line);
}

/* The head without the empty line that ends it. */
static struct span
fields_of(struct span head)
{
	if (span_ends(head, SPAN("\n\r\n")))
		return span_head(head, head.n - 2);
	if (span_ends(head, SPAN("\n\n")))
		return span_head(head, head.n - 1);
	return span_eqs(head, "\r\n") || span_eqs(head, "\n") ? (struct span){"", 0}
	                                                      : head;
}

int
run_addheader(struct sieve_run *run, const struct sieve_node *node)
{
	struct buf head = {.max = HEAD_EDITED_BYTES_MAX};
	struct span name = run_arg(run, node->pos[0]),
		    value = run_arg(run, node->pos[1]);
	const char *eol = view_eol(run);
	if (!field_name_ok(name))
		return run_error(run, node->line,
		    "addheader action: specified field name '%.*s' is invalid",
		    SPAN_ARG(span_head(name, 80)));
	if (!value_ok(value))
		return run_error(
		    run, node->line, "addheader action: specified value is invalid");
	if (value.n > run->program->limits.header_bytes)
		return run_error(run, node->line,
		    "addheader action: specified header value is too large (%zu "
		    "octets, %zu are the most)",
		    value.n, run->program->limits.header_bytes);
	if (!may_add(run, name)) {
		run_trace(
		    run, node->line, "addheader \"%.*s\" is forbidden", SPAN_ARG(name));
		return run->err;
	}
	if (run_spend(run, node->line, 2 * (uint64_t)run->head.n) != E_OK)
		return run->err;
	if (!node_opt(node, OPT_AT_END))
		put_folded(name, value, eol, &head);
	buf_span(&head, fields_of(run->head));
	if (head.len && head.p[head.len - 1] != '\n')
		buf_str(&head, eol);
	if (node_opt(node, OPT_AT_END))
		put_folded(name, value, eol, &head);
	buf_str(&head, eol);
	run_trace(run, node->line, "addheader \"%.*s\" \"%.*s\"", SPAN_ARG(name),
	    SPAN_ARG(span_head(value, 200)));
	return set_head(run, node, &head);
}

/* ---- deleteheader ---- */

struct deleting {
	const struct sieve_node *node;
	struct span name;
	uint64_t seen, wanted; /* the one of that name that is asked for; 0: all */
	size_t n_deleted;
	struct sieve_matcher m; /* at its beginning, for each field anew */
};

static bool
matches(struct sieve_run *run, const struct deleting *d, struct span raw)
{
	struct buf value = {.max = SIEVE_VALUE_BYTES_MAX};
	struct sieve_matcher m = d->m;
	bool is_match = false;
	if (!d->node->pos[1])
		return true;
	if (run_spend(run, d->node->line, DECODE_WORK * (uint64_t)raw.n) != E_OK)
		return false;
	text_value_put(&value, span_head(raw, SIEVE_VALUE_BYTES_MAX / 4));
	(void)match_value(run, &m, span_trim(buf_as_span(&value)));
	(void)match_end(run, &m, &is_match);
	buf_free(&value);
	return is_match;
}

static uint64_t
count_fields(struct span head, struct span name)
{
	struct header_field field;
	uint64_t n = 0;
	while (header_find(&head, name, &field) == E_OK)
		n++;
	return n;
}

static bool
is_deleted(struct sieve_run *run, struct deleting *d, const struct header_field *field)
{
	if (!span_ieq(field->name, d->name))
		return false;
	d->seen++;
	return (!d->wanted || d->seen == d->wanted) && matches(run, d, field->value);
}

/* What is no field (junk between fields) stays where it is. */
static void
copy_others(struct sieve_run *run, struct deleting *d, struct buf *out)
{
	struct span rest = run->head, before = rest;
	struct header_field field;
	const char *copied = rest.p;
	while (run->err == E_OK && header_next(&rest, &field) == E_OK)
		if (is_deleted(run, d, &field)) {
			buf_put(out, copied, (size_t)(field.whole.p - copied));
			copied = field.whole.p + field.whole.n;
			d->n_deleted++;
		}
	buf_put(out, copied, (size_t)(before.p + before.n - copied));
}

int
run_deleteheader(struct sieve_run *run, const struct sieve_node *node)
{
	struct deleting d = {.node = node, .name = run_arg(run, node->pos[0])};
	const struct sieve_arg *index = node_opt_arg(node, OPT_FIELD_INDEX);
	struct buf head = {.max = HEAD_EDITED_BYTES_MAX};
	if (!field_name_ok(d.name))
		return run_error(run, node->line,
		    "deleteheader action: specified field name '%.*s' is invalid",
		    SPAN_ARG(span_head(d.name, 80)));
	if (!may_delete(run, d.name)) {
		run_trace(run, node->line, "deleteheader \"%.*s\" is forbidden",
		    SPAN_ARG(d.name));
		return run->err;
	}
	if (run_spend(run, node->line, 3 * (uint64_t)run->head.n) != E_OK)
		return run->err;
	if (node->pos[1] && match_begin(run, node, node->pos[1], &d.m) != E_OK)
		return run->err;
	d.m.keeps_values = true;
	if (index) {
		uint64_t n = count_fields(run->head, d.name);
		d.wanted = index->number;
		if (node_opt(node, OPT_FIELD_LAST))
			d.wanted =
			    index->number <= n ? n - index->number + 1 : UINT64_MAX;
	}
	copy_others(run, &d, &head);
	run_trace(run, node->line, "deleteheader \"%.*s\": %zu deleted",
	    SPAN_ARG(d.name), d.n_deleted);
	if (run->err == E_OK && d.n_deleted)
		return set_head(run, node, &head);
	buf_free(&head);
	return run->err;
}
