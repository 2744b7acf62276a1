/* SPDX-License-Identifier: ISC */
/* catenate.c - a message put together of literals and of what is there already. */
#include "imapd/catenate.h"

#include "imapd/append_stream.h"
#include "imapd/url_data.h"
#include "mime/imap_url.h"

enum { PARTS_MOST = 10000, URL_CODE_MAX = 1024 /* octets of a URL in a code */ };

static bool
has_room(const struct append *a, const struct incoming *to, uint64_t more)
{
	uint64_t most = a->s->message_size_most;
	return most == 0 || (more <= most && to->size_bytes <= most - more);
}

/* ---- TEXT ---- */

static enum reply
take_text(struct append *a, struct stream *t)
{
	struct session *s = a->s;
	if (!parse_is_at_end(&a->c->parse) || !s->literal.is_there ||
	    s->literal.is_binary)
		return R_SYNTAX;
	if (!has_room(a, t->to, s->literal.bytes))
		return R_TOO_BIG;
	int err = command_literal(s, stream_piece, t);
	if (s->is_broken)
		return R_NONE;
	if (err != E_OK)
		return append_failed(err, false);
	err = command_more(s, a->c);
	return err == E_OK ? R_DONE : err == E_BAD ? R_SYNTAX : R_NONE;
}

/* ---- URL ---- */

static int
keep(void *ctx, struct span octets)
{
	buf_span(ctx, octets);
	return buf_done(ctx);
}

/* url-resp-text: what cannot stand in a code is left out with its code */
static enum reply
bad_url(struct session *s, struct span url)
{
	bool may_stand = url.n > 0 && url.n <= URL_CODE_MAX;
	for (size_t i = 0; i < url.n && may_stand; i++)
		may_stand = url.p[i] > ' ' && url.p[i] < 0x7f && url.p[i] != ']' &&
		            url.p[i] != '\\';
	if (may_stand)
		buf_putf(&s->code, "BADURL %.*s", SPAN_ARG(url));
	return R_BAD_URL;
}

static enum reply
take_data(struct append *a, struct stream *t, struct span text)
{
	struct session *s = a->s;
	struct imap_url url;
	struct url_data data;
	/* RFC 4469 3: relative ones alone, of messages of this session's user */
	if (imap_url_parse(text, &s->arena, &url) != E_OK || url.is_absolute ||
	    url.access != URL_NO_ACCESS)
		return bad_url(s, text);
	int err = url_data_open(s, &url, &data);
	enum reply reply = err == E_BAD  ? bad_url(s, text)
	                   : err != E_OK ? R_LATER
	                                 : R_DONE;
	if (reply == R_DONE && !has_room(a, t->to, data.text.n))
		reply = R_TOO_BIG;
	if (reply == R_DONE && data.text.n) {
		err = incoming_write(t->to, data.text);
		t->after_cr = data.text.p[data.text.n - 1] == '\r';
		reply = err == E_OK ? R_DONE : append_failed(err, false);
	}
	url_data_close(&data);
	return reply;
}

/* It may be a literal, which is not part of the command's text here. */
static enum reply
take_url(struct append *a, struct stream *t)
{
	struct parse *p = &a->c->parse;
	struct session *s = a->s;
	struct span text;
	if (!parse_is_at_end(p))
		return parse_astring(p, &text) == E_OK ? take_data(a, t, text)
		                                       : R_SYNTAX;
	if (!s->literal.is_there || s->literal.is_binary)
		return R_SYNTAX;
	if (s->literal.bytes > IMAP_URL_MAX)
		return bad_url(s, SPAN(""));
	struct buf url = {.max = IMAP_URL_MAX};
	int err = command_literal(s, keep, &url);
	enum reply reply = s->is_broken ? R_NONE : err == E_OK ? R_DONE : R_LATER;
	if (reply == R_DONE)
		reply = take_data(a, t, arena_span(&s->arena, buf_as_span(&url)));
	buf_free(&url);
	if (reply != R_DONE)
		return reply;
	err = command_more(s, a->c);
	return err == E_OK ? R_DONE : err == E_BAD ? R_SYNTAX : R_NONE;
}

/* ---- all of them ---- */

static enum reply
take_part(struct append *a, struct stream *t)
{
	struct parse *p = &a->c->parse;
	bool is_text = parse_word(p, "TEXT");
	if ((!is_text && !parse_word(p, "URL")) || parse_sp(p) != E_OK) {
		p->expected = "TEXT or URL";
		return R_SYNTAX;
	}
	return is_text ? take_text(a, t) : take_url(a, t);
}

enum reply
catenate_take(struct append *a, struct incoming *to)
{
	struct stream t = {.to = to};
	enum reply reply = R_DONE;
	bool is_over = false;
	for (unsigned n = 0; reply == R_DONE && !is_over; n++) {
		reply = n < PARTS_MOST ? take_part(a, &t) : R_LIMIT;
		if (reply != R_DONE)
			break;
		is_over = parse_ch(&a->c->parse, ')');
		if (!is_over && parse_sp(&a->c->parse) != E_OK)
			reply = R_SYNTAX;
	}
	buf_free(&t.fixed);
	return reply == R_DONE && to->size_bytes == 0 ? R_CANNOT : reply;
}
