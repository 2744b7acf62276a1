/* SPDX-License-Identifier: ISC */
/* header.c - tests header and exists, with what :mime adds.  RFC 5228 5.5, 5.7, RFC 5703 4. */
#include "mime/header.h"

#include "mime/param.h"
#include "mime/text.h"
#include "sieve/check_state.h"
#include "sieve/field.h"
#include "sieve/run_state.h"

/* Not wrong, but never there. */
static void
check_names(struct sieve_check *c, struct sieve_node *node, const struct sieve_arg *arg)
{
	for (const struct sieve_string *s = arg->strings; s; s = s->next)
		if (string_is_constant(s) && !field_name_ok(s->text))
			sieve_warning(c->errors, s->line,
			    "specified header field name '%.*s' is invalid for the "
			    "%.*s test",
			    SPAN_ARG(span_head(s->text, 80)), SPAN_ARG(node->name));
}

/* :index goes with :last, and counts from 1: RFC 5260 6. */
static int
check_index(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_arg *index = node_opt_arg(node, OPT_INDEX);
	if (!index && node_opt(node, OPT_LAST))
		return check_error(c, node->line,
		    "the :last tag for the %.*s %s cannot be specified without the "
		    ":index tag",
		    SPAN_ARG(node->name), check_kind(node->word));
	if (index && index->number == 0)
		return check_error(c, index->line,
		    "the :index of the %.*s %s must be 1 or more", SPAN_ARG(node->name),
		    check_kind(node->word));
	return E_OK;
}

/* What :mime is needed for. */
static int
check_mime(struct sieve_check *c, struct sieve_node *node)
{
	const char *tag = node_opt(node, OPT_ANYCHILD) ? "anychild"
	                  : node_opt(node, OPT_MIME_OPT)
	                      ? "type, :subtype, :contenttype or :param"
	                      : NULL;
	if (tag && !node_opt(node, OPT_MIME))
		return check_error(c, node->line,
		    "the :%s tag for the %.*s test can only be used with the :mime tag",
		    tag, SPAN_ARG(node->name));
	return E_OK;
}

int
check_header(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_index(c, node);
	if (err == E_OK)
		err = check_mime(c, node);
	check_names(c, node, node->pos[0]);
	return err;
}

int
check_mime_header(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_header(c, node);
	return err == E_OK ? check_match(c, node) : err;
}

/* ---- run ---- */

/* what decoding an octet of a field is worth in octets compared */
enum { DECODE_WORK = 8 };

struct looking {
	const struct sieve_node *node;
	struct sieve_matcher m;
	struct arena arena; /* own: parameters */
};

static int
match_decoded(struct sieve_run *run, struct looking *l, struct span raw)
{
	struct buf value = {.max = SIEVE_VALUE_BYTES_MAX};
	text_value_put(&value, span_head(raw, SIEVE_VALUE_BYTES_MAX / 4));
	(void)match_value(run, &l->m, span_trim(buf_as_span(&value)));
	buf_free(&value);
	return run->err;
}

static void
match_params(struct sieve_run *run, struct looking *l, const struct param *params)
{
	size_t n;
	struct span *names = run_list(run, node_opt_arg(l->node, OPT_MIME_OPT), &n);
	for (size_t i = 0; i < n; i++)
		for (const struct param *p = params; p; p = p->next)
			if (span_ieq(p->name, names[i])) {
				(void)match_value(run, &l->m, p->value);
				break;
			}
}

/*
 * RFC 5703 4.1: of a disposition the subtype is empty, and its type is all of it; of other fields
 * there are parameters alone, and nothing to be counted.
 */
static int
match_mime(struct sieve_run *run, struct looking *l, struct span name, struct span raw)
{
	bool is_type = span_ieqs(name, "content-type");
	bool is_known = is_type || span_ieqs(name, "content-disposition");
	int wanted = node_opt_value(l->node, OPT_MIME_OPT, MIME_TYPE);
	struct param_field field;
	struct buf text = {0};
	if (is_type)
		param_type_parse(raw, &l->arena, &field);
	else
		param_disposition_parse(raw, &l->arena, &field);
	if (wanted == MIME_PARAM) {
		match_params(run, l, field.text);
	} else if (l->m.kind != MATCH_COUNT || (is_known && field.type.n)) {
		if (is_known && wanted != MIME_SUBTYPE)
			buf_span(&text, field.type);
		if (is_type && wanted == MIME_CONTENTTYPE && field.subtype.n)
			buf_ch(&text, '/');
		if (is_type && wanted != MIME_TYPE)
			buf_span(&text, field.subtype);
		(void)match_value(run, &l->m, buf_as_span(&text));
	}
	buf_free(&text);
	arena_reset(&l->arena);
	return run->err;
}

static int
header_field_seen(struct sieve_run *run, struct span name, struct span raw, void *ctx)
{
	struct looking *l = ctx;
	if (l->m.is_found || run_spend(run, l->node->line, DECODE_WORK * raw.n) != E_OK)
		return run->err;
	return node_opt(l->node, OPT_MIME_OPT) ? match_mime(run, l, name, raw)
	                                       : match_decoded(run, l, raw);
}

int
test_header(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct looking l = {.node = node, .arena.max_bytes = SIEVE_RUN_BYTES_MAX};
	size_t n;
	struct span *names = run_list(run, node->pos[0], &n);
	if (match_begin(run, node, node->pos[1], &l.m) != E_OK)
		return run->err;
	(void)view_each_field(run, node, names, n, header_field_seen, &l);
	return match_end(run, &l.m, out);
}

static int
field_exists(struct sieve_run *run, struct span name, struct span raw, void *ctx)
{
	(void)name;
	(void)raw;
	*(bool *)ctx = true;
	return run->err;
}

int
test_exists(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	size_t n;
	struct span *names = run_list(run, node->pos[0], &n);
	*out = true;
	for (size_t i = 0; i < n && *out && run->err == E_OK; i++) {
		*out = false;
		(void)view_each_field(run, node, &names[i], 1, field_exists, out);
		run_trace(run, node->line, "  \"%.*s\" %s",
		    SPAN_ARG(span_head(names[i], 80)),
		    *out ? "is there" : "is not there");
	}
	return run->err;
}

int
check_size(struct sieve_check *c, struct sieve_node *node)
{
	if (!node_opt(node, OPT_SIZE))
		return check_error(c, node->line,
		    "the size test requires either the :under or the :over tag");
	return E_OK;
}

/* RFC 5228 5.9 */
int
test_size(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	uint64_t size = run->in->size_bytes ? run->in->size_bytes : run->in->message.n;
	size += run->head.n + (run->message.n - run->body_at) - run->in->message.n;
	uint64_t limit = node->pos[0]->number;
	*out = node_opt_value(node, OPT_SIZE, 0) ? size > limit : size < limit;
	run_trace(
	    run, node->line, "  the message has %llu octets", (unsigned long long)size);
	return run->err;
}
