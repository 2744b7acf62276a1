/* SPDX-License-Identifier: ISC */
/* body.c - test body.  RFC 5173. */
#include "sieve/body.h"
#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/html.h"
#include "mime/transfer.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

int
check_body(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_arg *types = node_opt_arg(node, OPT_BODY);
	if (types && !types->strings)
		return check_error(c, node->line,
		    "the body test is given an empty list of content types");
	return check_match(c, node);
}

/* RFC 5173 5.2: "text/plain", "text" for all of that type, "" for everything; nothing else. */
static bool
is_type(const struct part *part, struct span wanted)
{
	size_t slash = span_find(wanted, '/');
	struct span type = span_head(wanted, slash);
	struct span subtype =
	    slash < wanted.n ? span_from(wanted, slash + 1) : (struct span){NULL, 0};
	if (!wanted.n)
		return true;
	if (!type.n || (subtype.p && !subtype.n) || span_find(subtype, '/') < subtype.n)
		return false;
	return span_ieq(part->fields.type, type) &&
	       (!subtype.p || span_ieq(part->fields.subtype, subtype));
}

static bool
is_wanted(const struct part *part, const struct span *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_type(part, types[i]))
			return true;
	return false;
}

bool
body_is_html(const struct part *part)
{
	return part_is(part, "text", "html") ||
	       part_is(part, "application", "xhtml+xml");
}

/* What is no text: without its encoding, whatever it is. */
static void
put_octets(const struct tree *tree, const struct part *part, struct buf *out)
{
	enum transfer_kind kind = transfer_kind_of(part->fields.encoding);
	struct span body = span_head(part_body(tree, part), SIEVE_BODY_BYTES_MAX);
	if (kind == TRANSFER_UNKNOWN)
		kind = TRANSFER_PLAIN;
	transfer_decode(kind, body, out);
}

void
body_put_part(const struct tree *tree, const struct part *part, struct arena *arena,
    struct buf *out)
{
	struct part_text text;
	struct buf decoded = {.max = SIEVE_BODY_BYTES_MAX},
		   utf8 = {.max = SIEVE_BODY_BYTES_MAX};
	if (part_text_of(tree, part, arena, &text) == E_OK)
		buf_span(
		    out, part_text_utf8(&text, SIEVE_BODY_BYTES_MAX, &decoded, &utf8));
	else
		put_octets(tree, part, out);
	buf_free(&decoded);
	buf_free(&utf8);
}

void
body_put_text(const struct tree *tree, const struct part *part, struct arena *arena,
    struct buf *out)
{
	struct buf html = {.max = SIEVE_BODY_BYTES_MAX};
	struct words words = {.out = out, .max_chars = SIEVE_BODY_BYTES_MAX};
	if (!body_is_html(part)) {
		body_put_part(tree, part, arena, out);
		return;
	}
	body_put_part(tree, part, arena, &html);
	html_words(buf_as_span(&html), &words);
	buf_free(&html);
}

/* Of a multipart: what stands before its first part and behind its last one (RFC 5173 5.2). */
static void
put_around(const struct tree *tree, const struct part *part, struct buf *out)
{
	const struct part *last = part->child;
	struct span m = tree->message;
	if (!last)
		return;
	buf_span(out, span_make(m.p + part->body_at, last->head_at - part->body_at));
	while (last->next)
		last = last->next;
	buf_span(out, span_make(m.p + last->end_at, part->end_at - last->end_at));
}

static void
put_content(struct sieve_run *run, const struct part *part, struct buf *out)
{
	const struct tree *tree = view_tree(run);
	if (part->kind == PART_MULTIPART)
		put_around(tree, part, out);
	else if (part->kind == PART_MESSAGE && part->child)
		buf_span(out, part_head(tree, part->child));
	else
		body_put_part(tree, part, &run->tmp, out);
}

static int
match_parts(
    struct sieve_run *run, const struct sieve_node *node, struct sieve_matcher *m)
{
	bool is_text = node_opt_value(node, OPT_BODY, BODY_TEXT) == BODY_TEXT;
	size_t n;
	struct span *types = run_list(run, node_opt_arg(node, OPT_BODY), &n);
	for (const struct part *p = &view_tree(run)->root;
	     p && !m->is_found && run->err == E_OK; p = part_next(p)) {
		struct buf text = {.max = 2 * SIEVE_BODY_BYTES_MAX};
		bool is_here = is_text
		                   ? p->kind == PART_LEAF &&
		                         (part_is(p, "text", NULL) || body_is_html(p))
		                   : is_wanted(p, types, n);
		if (!is_here)
			continue;
		if (is_text)
			body_put_text(view_tree(run), p, &run->tmp, &text);
		else
			put_content(run, p, &text);
		if (run_spend(run, node->line, text.len) == E_OK)
			(void)match_value(run, m, buf_as_span(&text));
		buf_free(&text);
	}
	return run->err;
}

int
test_body(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct sieve_matcher m;
	const struct tree *tree;
	if (match_begin(run, node, node->pos[0], &m) != E_OK)
		return run->err;
	m.keeps_values = true;
	if (node_opt_value(node, OPT_BODY, BODY_TEXT) != BODY_RAW) {
		(void)match_parts(run, node, &m);
	} else {
		tree = view_tree(run);
		(void)match_value(run, &m, part_body(tree, &tree->root));
	}
	return match_end(run, &m, out);
}
