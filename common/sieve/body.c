/* SPDX-License-Identifier: ISC */
/* body.c - test body.  RFC 5173. */
#include "sieve/body.h"
#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/header.h"
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
	if (kind != TRANSFER_UNKNOWN) /* what cannot be decoded says nothing */
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

/* "text/plain/more" is no type, and nobody knows what is in it. */
static bool
has_odd_type(const struct part *part)
{
	struct span value = part->fields.content_type;
	size_t end = span_find(value, ';');
	value = span_head(value, end);
	return !part->fields.is_type_implied &&
	       span_find(value, '/') != span_rfind(value, '/');
}

/* Without the line that the delimiter stands in, at its end. */
static struct span
prologue_of(const struct tree *tree, const struct part *part)
{
	struct span s = span_make(
	    tree->message.p + part->body_at, part->child->head_at - part->body_at);
	size_t at = s.n;
	while (at && !(s.p[at - 1] == '-' && at > 1 && s.p[at - 2] == '-' &&
			 (at == 2 || s.p[at - 3] == '\n')))
		at--;
	return span_head(s, at > 2 ? at - 2 : 0);
}

/* Behind the line of the closing delimiter. */
static struct span
epilogue_of(const struct tree *tree, const struct part *part)
{
	const struct part *last = part->child;
	struct span s;
	while (last->next)
		last = last->next;
	s = span_make(tree->message.p + last->end_at, part->end_at - last->end_at);
	while (s.n && (s.p[0] == '\r' || s.p[0] == '\n'))
		s = span_from(s, 1);
	return span_from(s, span_find(s, '\n') + (span_find(s, '\n') < s.n));
}

/* RFC 5173 5.2: of a multipart what stands before and behind its parts, each alone. */
static int
match_content(struct sieve_run *run, struct sieve_matcher *m, const struct part *part)
{
	const struct tree *tree = view_tree(run);
	struct buf text = {.max = 2 * SIEVE_BODY_BYTES_MAX};
	if (part->kind == PART_MULTIPART && part->child) {
		(void)match_value(run, m, prologue_of(tree, part));
		(void)match_value(run, m, epilogue_of(tree, part));
		return run->err;
	}
	if (part->kind == PART_MESSAGE && part->child) {
		struct span head = part_head(tree, part->child);
		if (span_ends(head, SPAN("\n\r\n")))
			head.n -= 2;
		else if (span_ends(head, SPAN("\n\n")))
			head.n--;
		return match_value(run, m, head);
	}
	body_put_part(tree, part, &run->tmp, &text);
	if (run_spend(run, m->node->line, text.len) == E_OK)
		(void)match_value(run, m, buf_as_span(&text));
	buf_free(&text);
	return run->err;
}

static int
match_text(struct sieve_run *run, struct sieve_matcher *m, const struct part *part)
{
	struct buf text = {.max = 2 * SIEVE_BODY_BYTES_MAX};
	body_put_text(view_tree(run), part, &run->tmp, &text);
	if (run_spend(run, m->node->line, text.len) == E_OK)
		(void)match_value(run, m, buf_as_span(&text));
	buf_free(&text);
	return run->err;
}

static bool
is_text(const struct part *part)
{
	return part->kind == PART_LEAF && !has_odd_type(part) &&
	       (part_is(part, "text", NULL) || body_is_html(part));
}

static int
match_parts(
    struct sieve_run *run, const struct sieve_node *node, struct sieve_matcher *m)
{
	bool is_of_text = node_opt_value(node, OPT_BODY, BODY_TEXT) == BODY_TEXT;
	size_t n;
	struct span *types = run_list(run, node_opt_arg(node, OPT_BODY), &n);
	const struct part *p = &view_tree(run)->root;
	for (; p && !m->is_found && run->err == E_OK; p = part_next(p)) {
		if (is_of_text && is_text(p))
			(void)match_text(run, m, p);
		else if (!is_of_text && is_wanted(p, types, n) && !has_odd_type(p))
			(void)match_content(run, m, p);
	}
	return run->err;
}

/* A head alone, without an empty line, has no body at all: RFC 5173 4. */
static bool
has_body(struct span message)
{
	return header_end(message) < message.n || span_ends(message, SPAN("\n\r\n")) ||
	       span_ends(message, SPAN("\n\n")) || span_eqs(message, "\r\n") ||
	       span_eqs(message, "\n");
}

int
test_body(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct sieve_matcher m;
	const struct tree *tree;
	if (match_begin(run, node, node->pos[0], &m) != E_OK)
		return run->err;
	m.keeps_values = true;
	if (!has_body(run->in->message))
		return match_end(run, &m, out);
	if (node_opt_value(node, OPT_BODY, BODY_TEXT) != BODY_RAW) {
		(void)match_parts(run, node, &m);
	} else {
		tree = view_tree(run);
		(void)match_value(run, &m, part_body(tree, &tree->root));
	}
	return match_end(run, &m, out);
}
