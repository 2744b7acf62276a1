/* SPDX-License-Identifier: ISC */
/* imap_talk.c - commands and responses of an IMAP client. */
#include "move/imap_talk.h"

#include <stdio.h>
#include <sysexits.h>

#include "base/log.h"

enum { WHY_SHOWN_MAX = 300 };

/* What io says, in words. */
static int
io_failed(struct imap *c, int err)
{
	if (err == E_LIMIT || err == E_MORE)
		return failed(
		    &c->failure, EX_TEMPFAIL, "the server does not answer in time");
	return failed(&c->failure, EX_TEMPFAIL, "the server ended the connection");
}

static int
nonsense(struct imap *c, const char *what)
{
	return failed(
	    &c->failure, EX_PROTOCOL, "the server does not speak IMAP: %s", what);
}

/* ---- commands ---- */

uint32_t
talk_send(struct imap *c, struct span words)
{
	io_putf(&c->io, "m%u ", ++c->tag);
	io_put(&c->io, words);
	io_put(&c->io, SPAN("\r\n"));
	return c->tag;
}

int
talk_string_put(const struct imap *c, struct buf *out, struct span s)
{
	if (imap_quoted_put(out, s))
		return E_OK;
	if (!(c->capabilities & IMAP_HAS_LITERAL_PLUS) || span_find(s, '\0') < s.n)
		return E_BAD;
	buf_putf(out, "{%zu+}\r\n", s.n);
	buf_span(out, s);
	return E_OK;
}

/* ---- responses ---- */

static int
take_text(struct imap *c, struct span s)
{
	buf_span(&c->text, s);
	return buf_done(&c->text) == E_OK ? E_OK
	                                  : nonsense(c, "a response that is too long");
}

/*
 * Where the line's CRLF begins; n of in when there is none yet.  E_OK, E_BAD (a CR or LF without
 * the other)
 */
static int
find_end(struct span in, size_t *end)
{
	size_t cr = span_find(in, '\r'), lf = span_find(in, '\n');
	*end = in.n;
	if (lf < in.n && (lf == 0 || cr != lf - 1))
		return E_BAD;
	if (cr + 1 < in.n && lf != cr + 1)
		return E_BAD;
	if (lf < in.n)
		*end = cr;
	return E_OK;
}

/* One line, behind the text that there is; one that is too long ends it all, at once. */
static int
read_line(struct imap *c, struct span *out)
{
	size_t end;
	for (;;) {
		struct span in = io_unread(&c->io);
		if (find_end(in, &end) != E_OK)
			return nonsense(c, "a line end that is none");
		if (end > IMAP_LINE_MAX)
			return nonsense(c, "a line that is too long");
		if (end < in.n)
			break;
		int err = io_fill(&c->io);
		if (err != E_OK)
			return io_failed(c, err);
	}
	size_t before = c->text.len;
	int err = take_text(c, span_head(io_unread(&c->io), end));
	io_take(&c->io, end + 2);
	*out = span_from(buf_as_span(&c->text), before);
	return err;
}

/* n octets, each piece to take. */
static int
read_octets(struct imap *c, uint64_t n, int (*take)(struct imap *, struct span))
{
	while (n) {
		struct span s = io_unread(&c->io);
		if (s.n == 0) {
			int err = io_fill(&c->io);
			if (err != E_OK)
				return io_failed(c, err);
			continue;
		}
		s = span_head(s, n < SIZE_MAX ? (size_t)n : SIZE_MAX);
		int err = take(c, s);
		if (err != E_OK)
			return err;
		io_take(&c->io, s.n);
		n -= s.n;
	}
	return E_OK;
}

static int
take_message(struct imap *c, struct span s)
{
	c->stream_err = c->stream->bytes(c->stream->ctx, s);
	return c->stream_err == E_OK
	           ? E_OK
	           : failed(&c->failure, EX_IOERR, "a message could not be handed on");
}

/* "* 12 FETCH (... BODY[] {n}": its literal is a message. */
static bool
is_message(const struct imap *c, struct span text)
{
	size_t at = span_rfind(text, '{');
	struct span head = span_head(text, at);
	struct span item = SPAN("BODY[] ");
	return c->stream && !c->has_streamed && head.n > item.n &&
	       span_istarts(text, SPAN("* ")) &&
	       span_ieq(span_from(head, head.n - item.n), item) &&
	       (head.p[head.n - item.n - 1] == '(' ||
		   head.p[head.n - item.n - 1] == ' ');
}

static int
stream_message(struct imap *c, uint64_t n)
{
	if (n > IMAP_MESSAGE_MAX)
		return nonsense(c, "a message that is too long");
	c->has_streamed = true;
	c->stream_err = c->stream->begin(c->stream->ctx);
	if (c->stream_err != E_OK)
		return failed(
		    &c->failure, EX_IOERR, "a message could not be handed on");
	buf_cut(&c->text, span_rfind(buf_as_span(&c->text), '{'));
	buf_str(&c->text, "{0}\r\n");
	return read_octets(c, n, take_message);
}

static int
take_literal(struct imap *c, uint64_t n)
{
	if (is_message(c, buf_as_span(&c->text)))
		return stream_message(c, n);
	if (n > IMAP_TEXT_MAX)
		return nonsense(c, "a literal that is too long");
	buf_str(&c->text, "\r\n");
	return read_octets(c, n, take_text);
}

/* Free text may end in what looks like a literal. */
static bool
is_free_text(struct span text)
{
	struct imap_reply r;
	return imap_reply_parse(text, &r) == E_OK && r.kind != IMAP_DATA;
}

int
talk_read(struct imap *c, struct imap_reply *out)
{
	struct span line;
	uint64_t n = 0;
	bool is_more = true;
	int err = E_OK;
	buf_reset(&c->text);
	c->text.max = IMAP_TEXT_MAX + IMAP_LINE_MAX;
	arena_reset(&c->arena);
	c->has_streamed = false;
	while (err == E_OK && is_more) {
		err = read_line(c, &line);
		is_more = err == E_OK && imap_reply_literal(line, &n) &&
		          !is_free_text(buf_as_span(&c->text));
		if (is_more)
			err = take_literal(c, n);
	}
	if (err == E_OK && imap_reply_parse(buf_as_span(&c->text), out) != E_OK) {
		buf_cut(&c->text,
		    c->text.len < WHY_SHOWN_MAX ? c->text.len : WHY_SHOWN_MAX);
		return nonsense(c, log_q(buf_as_span(&c->text)));
	}
	if (err == E_OK && out->kind == IMAP_STATUS && out->status == IMAP_BYE &&
	    out->tag.n == 0)
		return failed(&c->failure, EX_TEMPFAIL,
		    "the server says good-bye: %.*s",
		    SPAN_ARG(span_head(out->text, WHY_SHOWN_MAX)));
	if (err == E_OK && out->kind == IMAP_STATUS &&
	    imap_code_is(out->code, "CAPABILITY"))
		c->capabilities = imap_capabilities(out->code);
	return err;
}

static bool
tag_is(struct span s, uint32_t tag)
{
	uint64_t n;
	return s.n > 1 && s.p[0] == 'm' &&
	       span_u64(span_from(s, 1), UINT32_MAX, &n) == E_OK && n == tag;
}

bool
talk_is_answer(const struct imap_reply *r, uint32_t tag)
{
	return r->kind == IMAP_STATUS && tag_is(r->tag, tag);
}

static int
answered(struct imap *c, const struct imap_reply *r)
{
	if (r->status == IMAP_OK)
		return E_OK;
	buf_reset(&c->failure.why);
	buf_putf(&c->failure.why, "the server says: %.*s",
	    SPAN_ARG(span_head(r->text, WHY_SHOWN_MAX)));
	c->failure.status = EX_UNAVAILABLE;
	return E_BAD;
}

int
talk_until(
    struct imap *c, uint32_t tag, talk_data *data, void *ctx, struct imap_reply *answer)
{
	struct imap_reply r;
	uint32_t unasked = 0;
	int err = E_OK;
	while (err == E_OK && (err = talk_read(c, &r)) == E_OK) {
		if (talk_is_answer(&r, tag)) {
			if (answer)
				*answer = r;
			return answered(c, &r);
		}
		if (r.tag.n || r.kind == IMAP_CONTINUE)
			return nonsense(c, "it answers what was not asked");
		if (data)
			err = data(c, &r, ctx);
		else if (++unasked > IMAP_UNASKED_MAX)
			return nonsense(c, "it does not stop talking");
	}
	return err;
}

int
talk(struct imap *c, struct span words, talk_data *data, void *ctx)
{
	uint32_t tag = talk_send(c, words);
	return talk_until(c, tag, data, ctx, NULL);
}
