/* SPDX-License-Identifier: ISC */
/* enclose.c - enclose: a new message with a text and the message in it.  RFC 5703 6. */
#include "base/clock.h"
#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/field.h"
#include "sieve/run_state.h"

enum { BOUNDARIES_MAX = 16 }; /* that are tried */

int
check_enclose(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_arg *names = node_opt_arg(node, OPT_HEADERS);
	for (const struct sieve_string *s = names ? names->strings : NULL; s;
	     s = s->next)
		if (string_is_constant(s) && field_is_mime(s->text))
			return check_error(c, s->line,
			    "the enclose command cannot copy the field '%.*s', which "
			    "is "
			    "its own",
			    SPAN_ARG(span_head(s->text, 80)));
	return E_OK;
}

/* FNV-1a: nothing secret, only what does not stand in the message by chance. */
static uint64_t
mark_of(struct span s, uint64_t mark)
{
	for (size_t i = 0; i < s.n; i++)
		mark = (mark ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return mark;
}

/* A delimiter that stands nowhere in them. */
static int
make_boundary(struct sieve_run *run, const struct sieve_node *node, struct span text,
    struct buf *out)
{
	uint64_t mark = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)run->in->now_sec;
	mark = mark_of(text, mark_of(run->message, mark));
	for (unsigned i = 0; i < BOUNDARIES_MAX; i++) {
		buf_reset(out);
		buf_putf(out, "=_%016llx", (unsigned long long)(mark + i));
		if (run_spend(run, node->line, run->message.n + run->head.n + text.n) !=
		    E_OK)
			return run->err;
		if (span_search(run->message, buf_as_span(out)) == run->message.n &&
		    span_search(run->head, buf_as_span(out)) == run->head.n &&
		    span_search(text, buf_as_span(out)) == text.n)
			return E_OK;
	}
	return run_error(run, node->line, "enclose: no delimiter was found");
}

static bool
is_among(const struct span *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieqs(names[i], name))
			return true;
	return false;
}

static void
copy_fields(struct sieve_run *run, struct span name, struct buf *out)
{
	struct span head = view_head_seen(run->head);
	struct header_field field;
	while (header_find(&head, name, &field) == E_OK) {
		buf_span(out, field.whole);
		if (!span_ends(field.whole, SPAN("\n")))
			buf_str(out, view_eol(run));
	}
}

/* Those that are asked for, and else who makes it, and when. */
static void
put_fields(struct sieve_run *run, const struct sieve_node *node, struct buf *out)
{
	const struct sieve_arg *subject = node_opt_arg(node, OPT_SUBJECT);
	const char *eol = view_eol(run);
	struct span own = run->in->address.n ? run->in->address : run->in->envelope.to;
	size_t n;
	struct span *names = run_list(run, node_opt_arg(node, OPT_HEADERS), &n);
	for (size_t i = 0; i < n && run->err == E_OK; i++)
		if (!span_ieqs(names[i], "subject") && !field_is_mime(names[i]) &&
		    run_spend(run, node->line, run->head.n) == E_OK)
			copy_fields(run, names[i], out);
	if (!is_among(names, n, "from"))
		field_put_mailbox(out, eol, "From", (struct span){NULL, 0}, own);
	if (!is_among(names, n, "date")) {
		buf_str(out, "Date: ");
		date_put(out, run->in->now_sec);
		buf_str(out, eol);
	}
	if (subject)
		field_put(out, eol, "Subject", run_arg(run, subject));
	else
		copy_fields(run, SPAN("subject"), out);
}

static void
put_parts(
    struct sieve_run *run, struct span text, struct span boundary, struct buf *out)
{
	const char *eol = view_eol(run);
	struct span body = span_from(run->message, run->body_at);
	bool is_ascii = span_is_ascii(run->head) && span_is_ascii(body);
	buf_putf(out,
	    "MIME-Version: 1.0%sContent-Type: multipart/mixed; boundary=\"%.*s\"%s%s",
	    eol, SPAN_ARG(boundary), eol, eol);
	buf_putf(out, "--%.*s%s", SPAN_ARG(boundary), eol);
	field_put_plain(out, eol, text);
	buf_putf(out,
	    "%s--%.*s%sContent-Type: message/rfc822%sContent-Transfer-Encoding: %s%s%s",
	    eol, SPAN_ARG(boundary), eol, eol, is_ascii ? "7bit" : "8bit", eol, eol);
	buf_span(out, run->head);
	buf_span(out, body);
	buf_putf(out, "%s--%.*s--%s", eol, SPAN_ARG(boundary), eol);
}

/* Parts are others now: of a loop what is left of this turn looks at the new message, and it ends. */
static void
end_loops(struct sieve_run *run)
{
	for (struct sieve_part_loop *l = run->loop; l; l = l->outer) {
		l->part = &view_tree(run)->root;
		l->is_over = true;
	}
}

int
run_enclose(struct sieve_run *run, const struct sieve_node *node)
{
	struct buf out = {.max = SIEVE_REMADE_BYTES_MAX}, boundary = {0};
	struct span text = run_arg(run, node->pos[0]);
	struct sieve_action before = {0};
	if (make_boundary(run, node, text, &boundary) == E_OK) {
		put_fields(run, node, &out);
		put_parts(run, text, buf_as_span(&boundary), &out);
	}
	if (run->err == E_OK && !run->result->is_enclosed) {
		view_take(run, &before);
		run->result->before_enclose =
		    (struct sieve_text){.head = before.head, .body = before.body};
		run->result->is_enclosed = true;
	}
	buf_free(&boundary);
	if (view_remake(run, node->line, &out) == E_OK) {
		end_loops(run);
		run_trace(run, node->line, "enclose \"%.*s\"",
		    SPAN_ARG(span_head(text, 200)));
	}
	return run->err;
}
