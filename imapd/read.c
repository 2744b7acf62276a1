/* SPDX-License-Identifier: ISC */
/*
 * read.c - commands as they come: lines, literals in them (RFC 9051 4.3, RFC 7888), and literals
 * that are messages.
 */
#include "base/log.h"
#include "imapd/command.h"

/* io_fill, but that idle is E_MORE as io_line has it. */
static int
fill(struct session *s)
{
	int err = io_fill(&s->io);
	return err == E_LIMIT ? E_MORE : err;
}

/* ---- octets ---- */

static int
keep(void *ctx, struct span octets)
{
	buf_span(ctx, octets);
	return buf_done(ctx);
}

static int
forget(void *ctx, struct span octets)
{
	(void)ctx, (void)octets;
	return E_OK;
}

/* The next n octets go to fn in pieces; its failure does not end the reading. */
static int
read_octets(struct session *s, uint64_t n, int (*fn)(void *ctx, struct span), void *ctx)
{
	int result = E_OK;
	while (n) {
		struct span here = io_unread(&s->io);
		if (here.n == 0) {
			int err = fill(s);
			if (err != E_OK) {
				s->is_broken = true;
				return E_IO;
			}
			continue;
		}
		here = span_head(here, n < here.n ? (size_t)n : here.n);
		if (result == E_OK)
			result = fn(ctx, here);
		io_take(&s->io, here.n);
		n -= here.n;
	}
	return result;
}

static void
go_ahead(struct session *s, const struct literal *l)
{
	if (!l->is_plus)
		buf_str(
		    respond_out(s), "+ go ahead\r\n"); /* sent before the next wait */
}

/*
 * A literal that is not wanted: the client does not send it, or sends it for nothing, or is sent
 * away (RFC 7888 4).
 */
static int
refuse_literal(struct session *s, const struct literal *l)
{
	if (!l->is_plus)
		return E_OK;
	if (l->bytes <= LITERAL_FORGOTTEN_MAX)
		return read_octets(s, l->bytes, forget, NULL);
	log_event(
	    LOG_INFO, "literal_too_big", "bytes=%llu", (unsigned long long)l->bytes);
	buf_str(respond_out(s), "* BYE [TOOBIG] a literal is too long\r\n");
	s->is_over = true;
	return E_IO;
}

/* ---- a command ---- */

static bool
take_announcement(struct span *text, struct literal *out)
{
	*out = (struct literal){.is_there = false};
	if (!parse_literal_at_end(*text, &out->bytes, &out->is_plus))
		return false;
	out->is_there = true;
	text->n = span_rfind(*text, '{');
	out->is_binary = span_ends(*text, SPAN("~"));
	text->n -= out->is_binary;
	return true;
}

/* Enough of it to know its tag, so that a command that is too long still gets its BAD. */
static int
take_tag(struct session *s)
{
	struct span tag;
	while (!io_has_line(&s->io) && io_unread(&s->io).n <= IMAP_TAG_MAX) {
		int err = fill(s);
		if (err != E_OK)
			return err;
	}
	struct parse p = command_parse(s, io_unread(&s->io));
	if (parse_tag(&p, &tag) == E_OK && tag.n <= IMAP_TAG_MAX)
		s->tag = arena_span(&s->arena, tag);
	return E_OK;
}

static bool
skip_argument(struct parse *p)
{
	struct span string;
	if (parse_peek(p, '"') || parse_peek(p, '{'))
		return parse_string(p, &string) == E_OK && parse_sp(p) == E_OK;
	size_t n = span_find(p->in, ' ');
	if (n == 0 || n == p->in.n)
		return false;
	p->in = span_from(p->in, n + 1);
	return true;
}

static bool
is_streamed(struct session *s, struct span text)
{
	struct parse p = command_parse(s, span_from(text, s->tag.n));
	unsigned n = s->tag.n ? command_streams(&p) : 0;
	bool has_all = n > 0;
	for (; n && has_all; n--)
		has_all = skip_argument(&p);
	return has_all;
}

/*
 * The octets of a literal that is part of the text; what is too long is read to its end and the
 * command refused.
 */
static int
take_literal(struct session *s, const struct literal *l)
{
	if (s->command.len < IMAP_COMMAND_MAX &&
	    l->bytes <= IMAP_COMMAND_MAX - s->command.len) {
		buf_str(&s->command, "\r\n");
		go_ahead(s, l);
		return read_octets(s, l->bytes, keep, &s->command);
	}
	int err = refuse_literal(s, l);
	return err == E_OK ? E_LIMIT : err;
}

/* The rest of a command that was refused at a literal that the client sends all the same. */
static int
skip_command(struct session *s, struct literal l)
{
	struct span line;
	while (l.is_plus) {
		int err = io_line(&s->io, IMAP_LINE_MAX, &line);
		if (err != E_OK)
			return err == E_BAD || err == E_LIMIT ? E_OK : err;
		if (!take_announcement(&line, &l))
			break;
		err = refuse_literal(s, &l);
		if (err != E_OK)
			return err;
	}
	return E_OK;
}

int
command_text(struct session *s)
{
	struct span line;
	int err = take_tag(s);
	while (err == E_OK && (err = io_line(&s->io, IMAP_LINE_MAX, &line)) == E_OK) {
		struct literal l;
		size_t before = s->command.len;
		buf_span(&s->command, line);
		if (!take_announcement(&line, &l))
			return s->tag.n ? buf_done(&s->command) : E_BAD;
		/* the literal may be waited for: what was left is no more kept for a SELECT */
		store_unselect_now(s->store);
		if (is_streamed(
			s, span_head(buf_as_span(&s->command), before + line.n))) {
			buf_cut(&s->command, before + line.n);
			s->literal = l;
			return E_OK;
		}
		err = take_literal(s, &l);
		if (err == E_LIMIT) {
			err = skip_command(s, l);
			return err == E_OK ? E_LIMIT : err;
		}
	}
	return err;
}

/* ---- messages ---- */

int
command_literal(struct session *s, int (*fn)(void *ctx, struct span), void *ctx)
{
	struct literal l = s->literal;
	s->literal.is_there = false;
	s->has_rest = true;
	go_ahead(s, &l);
	s->io.chunk = IMAP_IN_CHUNK;
	int err = read_octets(s, l.bytes, fn, ctx);
	s->io.chunk = IO_IN_CHUNK;
	return err;
}

int
command_skip_literal(struct session *s)
{
	struct literal l = s->literal;
	s->literal.is_there = false;
	s->has_rest = l.is_plus;
	return refuse_literal(s, &l);
}

int
command_more(struct session *s, struct command *c)
{
	struct span line;
	s->has_rest = false;
	int err = io_line(&s->io, IMAP_LINE_MAX, &line);
	if (err == E_BAD || err == E_LIMIT)
		return E_BAD;
	if (err != E_OK) {
		s->is_broken = true;
		return E_IO;
	}
	line = arena_span(&s->arena, line);
	take_announcement(&line, &s->literal);
	c->parse = command_parse(s, line);
	return E_OK;
}
