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

/* What a part, an octet of it that is decoded, and one as it stands, are worth in octets compared. */
enum { PART_WORK = 256, BODY_WORK = 8, TYPE_WORK = 16 };

enum { KEPT_BYTES_LEAST = 4096 }; /* of a part: shorter ones are decoded each time */

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
put_octets(const struct part *part, struct span body, struct buf *out)
{
	enum transfer_kind kind = transfer_kind_of(part->fields.encoding);
	if (kind != TRANSFER_UNKNOWN) /* what cannot be decoded says nothing */
		transfer_decode(kind, body, out);
}

static void
put_decoded(
    struct sieve_run *run, const struct part *part, size_t most, struct buf *out)
{
	const struct tree *tree = view_tree(run);
	struct part_text text;
	struct buf decoded = {.max = SIEVE_BODY_BYTES_MAX},
		   utf8 = {.max = SIEVE_BODY_BYTES_MAX};
	if (part_text_of(tree, part, &run->tmp, &text) == E_OK) {
		text.body = span_head(text.body, most);
		buf_span(
		    out, part_text_utf8(&text, SIEVE_BODY_BYTES_MAX, &decoded, &utf8));
	} else {
		put_octets(part, span_head(part_body(tree, part), most), out);
	}
	buf_free(&decoded);
	buf_free(&utf8);
}

/* Of HTML what a reader sees, where that is asked for. */
static void
put_text(struct sieve_run *run, unsigned line, const struct part *part,
    const struct body_text *what, struct buf *out)
{
	struct span body = span_head(part_body(view_tree(run), part), what->most);
	struct buf html = {.max = 2 * SIEVE_BODY_BYTES_MAX};
	struct words words = {.out = out, .max_chars = SIEVE_BODY_BYTES_MAX};
	bool is_html = what->is_seen && body_is_html(part);
	if (run_spend(run, line, BODY_WORK * (uint64_t)body.n) == E_OK)
		put_decoded(run, part, what->most, is_html ? &html : out);
	if (html.len && run_spend(run, line, BODY_WORK * (uint64_t)html.len) == E_OK)
		html_words(buf_as_span(&html), &words);
	buf_free(&html);
}

static struct body_text *
find_text(struct sieve_run *run, const struct body_text *what)
{
	for (struct body_text *t = run->texts; t; t = t->next)
		if (t->part == what->part && t->is_seen == what->is_seen &&
		    t->most == what->most)
			return t;
	return NULL;
}

/* The next test will ask for it again: what is long is decoded once. */
static struct span
keep_text(struct sieve_run *run, const struct body_text *what, const struct buf *text)
{
	struct body_text *t;
	if (what->most < KEPT_BYTES_LEAST ||
	    !(t = arena_get(&run->tree_arena, sizeof(*t))))
		return run_copy(run, text);
	*t = *what;
	t->text = arena_span(&run->tree_arena, buf_as_span(text));
	if (t->text.n < text->len)
		return run_copy(run, text);
	t->next = run->texts;
	run->texts = t;
	return t->text;
}

struct span
body_text(struct sieve_run *run, unsigned line, const struct part *part, bool is_seen,
    size_t most)
{
	struct body_text what = {.part = part, .is_seen = is_seen, .most = most}, *kept;
	struct buf text = {.max = 2 * SIEVE_BODY_BYTES_MAX};
	struct span out;
	size_t size = part_body(view_tree(run), part).n;
	what.most = size < most ? size : most;
	if (run_spend(run, line, PART_WORK) != E_OK)
		return (struct span){"", 0};
	if ((kept = find_text(run, &what)))
		return kept->text;
	put_text(run, line, part, &what, &text);
	out = keep_text(run, &what, &text);
	buf_free(&text);
	return out;
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

struct looking {
	const struct sieve_node *node;
	struct sieve_matcher m;
	size_t left_bytes; /* of bodies that are looked into */
};

/* As much of it as may still be looked at. */
static struct span
looked_at(struct looking *l, struct span s)
{
	s = span_head(s, l->left_bytes);
	l->left_bytes -= s.n;
	return s;
}

static int
match_octets(struct sieve_run *run, struct looking *l, struct span s)
{
	s = looked_at(l, s);
	return run_spend(run, l->node->line, s.n) == E_OK ? match_value(run, &l->m, s)
	                                                  : run->err;
}

static int
match_text(
    struct sieve_run *run, struct looking *l, const struct part *part, bool is_seen)
{
	size_t most = looked_at(l, part_body(view_tree(run), part)).n;
	struct span text = body_text(run, l->node->line, part, is_seen, most);
	return run->err == E_OK ? match_value(run, &l->m, text) : run->err;
}

/* RFC 5173 5.2: of a multipart what stands before and behind its parts, each alone. */
static int
match_content(struct sieve_run *run, struct looking *l, const struct part *part)
{
	const struct tree *tree = view_tree(run);
	if (part->kind == PART_MULTIPART && part->child) {
		(void)match_octets(run, l, prologue_of(tree, part));
		return match_octets(run, l, epilogue_of(tree, part));
	}
	if (part->kind == PART_MESSAGE && part->child) {
		struct span head = part_head(tree, part->child);
		if (span_ends(head, SPAN("\n\r\n")))
			head.n -= 2;
		else if (span_ends(head, SPAN("\n\n")))
			head.n--;
		return match_octets(run, l, head);
	}
	return match_text(run, l, part, false);
}

static bool
is_text(const struct part *part)
{
	return part->kind == PART_LEAF && !has_odd_type(part) &&
	       (part_is(part, "text", NULL) || body_is_html(part));
}

static int
match_parts(struct sieve_run *run, const struct sieve_node *node, struct looking *l)
{
	bool is_of_text = node_opt_value(node, OPT_BODY, BODY_TEXT) == BODY_TEXT;
	size_t n;
	struct span *types = run_list(run, node_opt_arg(node, OPT_BODY), &n);
	const struct part *p = &view_tree(run)->root;
	for (; p && !l->m.is_found && run->err == E_OK; p = part_next(p)) {
		if (run_spend(run, node->line, PART_WORK + TYPE_WORK * (uint64_t)n) !=
		    E_OK)
			break;
		if (is_of_text && is_text(p))
			(void)match_text(run, l, p, true);
		else if (!is_of_text && is_wanted(p, types, n) && !has_odd_type(p))
			(void)match_content(run, l, p);
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
	struct looking l = {.node = node, .left_bytes = SIEVE_BODY_BYTES_MAX};
	const struct tree *tree;
	if (match_begin(run, node, node->pos[0], &l.m) != E_OK)
		return run->err;
	l.m.keeps_values = true;
	if (!has_body(run->message))
		return match_end(run, &l.m, out);
	if (node_opt_value(node, OPT_BODY, BODY_TEXT) != BODY_RAW) {
		(void)match_parts(run, node, &l);
	} else {
		tree = view_tree(run);
		(void)match_octets(run, &l, part_body(tree, &tree->root));
	}
	return match_end(run, &l.m, out);
}
