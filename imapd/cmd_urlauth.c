/* SPDX-License-Identifier: ISC */
/*
 * cmd_urlauth.c - GENURLAUTH, RESETKEY and URLFETCH: RFC 4467; of URLFETCH also URLAUTH=BINARY, RFC
 * 5524.  A session is its own account's uid and sees no other's messages: what a URL of another
 * account means is NIL.  So is what is for a submission server ("submit+"), which IMAP has none of:
 * smtpd's asks the store itself.  Without TLS, but on loopback, there is none of it (10): who hears a
 * URL has what it is for.
 */
#include "base/clock.h"
#include "imapd/command.h"
#include "imapd/fetch.h"
#include "imapd/url_data.h"
#include "mime/bodystructure.h"
#include "store/urlauth.h"

enum { URLS_MOST = 1000 /* of one command */ };

/* What of one is asked for; 0: its text, as RFC 4467 has it. */
enum {
	WANT_STRUCTURE = 1,
	WANT_BINARY = 2,
	WANT_BODY = 4,
};

static struct span
mailbox_of(const struct imap_url *url)
{
	return span_ieqs(url->mailbox, "INBOX") ? SPAN("INBOX") : url->mailbox;
}

/* In pieces, so that never much waits.  R_DONE, R_NONE */
static enum reply
send_all(struct session *s, struct span text, bool may_have_nul)
{
	struct buf *out = respond_out(s);
	for (; text.n; text = span_from(text, FETCH_PIECE_BYTES)) {
		struct span piece = span_head(text, FETCH_PIECE_BYTES);
		buf_span(out, piece);
		if (!may_have_nul && buf_done(out) == E_OK)
			fetch_hide_nuls(out->p + out->len - piece.n, piece.n);
		if (!respond_flush(s))
			return R_NONE;
	}
	return R_DONE;
}

/* ---- GENURLAUTH ---- */

/* RFC 4467 7: what is wrong with a URL that is to be authorised; NULL: nothing. */
static const char *
why_not(struct session *s, struct span text, struct imap_url *url)
{
	int64_t end_sec;
	if (imap_url_parse(text, &s->arena, url) != E_OK)
		return "a URL of a message";
	if (!url->is_absolute || !url->uid || url->has_search)
		return "a whole URL of a message";
	if (!urlauth_is_user(url->user, span_of(s->account)))
		return "your name in the URL";
	if (url->access == URL_NO_ACCESS || url->token.n)
		return "an access identifier, and no token yet";
	return urlauth_expire(url, &end_sec) == E_OK ? NULL : "a date-time to expire";
}

static enum reply
put_authorised(struct session *s, const struct imap_url *url, struct buf *to)
{
	struct span key;
	enum store_said said =
	    store_url_key(session_own(s), mailbox_of(url), URL_KEY_MAKE, &key);
	if (said != STORE_DONE)
		return reply_of(said, false);
	struct buf made = {0};
	urlauth_put(&made, url, key);
	buf_ch(to, ' ');
	put_string(to, buf_as_span(&made), false);
	buf_free(&made);
	return R_DONE;
}

struct rumps {
	struct imap_url all[URLS_MOST];
	size_t n;
};

static int
parse_rump(struct session *s, struct parse *p, struct rumps *urls)
{
	struct span from = p->in, text, mechanism;
	if (urls->n == URLS_MOST)
		return parse_fail(p, from, "fewer URLs");
	if (parse_astring(p, &text) != E_OK)
		return E_BAD;
	const char *why = why_not(s, text, &urls->all[urls->n++]);
	if (why)
		return parse_fail(p, from, why);
	from = p->in;
	if (parse_sp(p) != E_OK || parse_atom(p, &mechanism) != E_OK ||
	    !urlauth_is_internal(mechanism))
		return parse_fail(p, from, "the mechanism INTERNAL");
	return E_OK;
}

enum reply
cmd_genurlauth(struct session *s, struct command *c)
{
	struct rumps *urls = arena_get(&s->arena, sizeof *urls);
	enum reply r = R_DONE;
	if (!session_is_private(s))
		return R_NOT_PRIVATE;
	if (!urls)
		return R_LIMIT;
	urls->n = 0;
	do {
		if (parse_rump(s, &c->parse, urls) != E_OK)
			return R_SYNTAX;
	} while (parse_ch(&c->parse, ' '));
	if (parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	struct buf all = {0};
	buf_str(&all, "* GENURLAUTH");
	for (size_t i = 0; r == R_DONE && i < urls->n; i++)
		r = put_authorised(s, &urls->all[i], &all);
	buf_str(&all, "\r\n");
	if (r == R_DONE)
		r = send_all(s, buf_as_span(&all), true);
	buf_free(&all);
	if (r != R_NO_MAILBOX)
		return r;
	c->parse.expected = "a mailbox that is there"; /* RFC 4467 7 */
	return R_SYNTAX;
}

/* ---- RESETKEY ---- */

enum reply
cmd_resetkey(struct session *s, struct command *c)
{
	struct parse *p = &c->parse;
	struct span mailbox = SPAN(""), mechanism, key;
	if (!session_is_private(s))
		return R_NOT_PRIVATE;
	if (!parse_is_at_end(p) &&
	    (parse_sp(p) != E_OK || parse_mailbox(p, &mailbox) != E_OK))
		return R_SYNTAX;
	while (!parse_is_at_end(p)) {
		struct span from = p->in;
		if (parse_sp(p) != E_OK || parse_atom(p, &mechanism) != E_OK ||
		    !urlauth_is_internal(mechanism)) {
			(void)!parse_fail(p, from, "the mechanism INTERNAL");
			return R_SYNTAX;
		}
	}
	enum store_said said = store_url_key(
	    session_own(s), mailbox, mailbox.n ? URL_KEY_RENEW : URL_KEY_DROP, &key);
	if (said == STORE_DONE && mailbox.n)
		buf_str(&s->code, "URLMECH INTERNAL"); /* RFC 4467 9 */
	return reply_of(said, false);
}

/* ---- URLFETCH ---- */

/* What a URL that stands in a URLFETCH is allowed: RFC 4467 3, 8. */
static bool
may_fetch(const struct session *s, const struct imap_url *url)
{
	struct span account = span_of(s->account);
	if (!url->is_absolute || !urlauth_is_user(url->user, account))
		return false;
	return url->access == URL_AUTHUSER || url->access == URL_ANONYMOUS ||
	       (url->access == URL_USER && urlauth_is_user(url->access_user, account));
}

/* E_OK, E_BAD: what it means is NIL; E_IO */
static int
open_url(struct session *s, struct span text, struct imap_url *url, struct url_data *d)
{
	struct span key;
	if (imap_url_parse(text, &s->arena, url) != E_OK || !may_fetch(s, url))
		return E_BAD;
	enum store_said said =
	    store_url_key(session_own(s), mailbox_of(url), URL_KEY_GET, &key);
	if (said != STORE_DONE)
		return said == STORE_NONEXISTENT ? E_BAD : E_IO;
	if (!urlauth_holds(url, key, clock_wall_sec()))
		return E_BAD;
	int err = url_data_open(s, url, d);
	if (err != E_OK)
		url_data_close(d);
	return err;
}

static enum reply
send_octets(struct session *s, struct span text, bool is_binary)
{
	buf_putf(respond_out(s), "%s{%zu}\r\n", is_binary ? "~" : "", text.n);
	return send_all(s, text, is_binary);
}

/* The part that it is; of what is no part, such as a head: none. */
static const struct part *
part_of(struct url_data *d)
{
	return d->section.what == SECTION_ALL ? part_find(message_tree(&d->message),
						    d->section.path, d->section.n_path)
	                                      : NULL;
}

static void
put_structure(struct session *s, struct url_data *d, bool is_decoded)
{
	struct buf *out = respond_out(s);
	const struct part *part = part_of(d);
	buf_str(out, " (BODYPARTSTRUCTURE ");
	if (part)
		bodystructure_put_part(out, message_tree(&d->message), part,
		    is_decoded ? &d->text : NULL, &d->arena);
	else
		buf_putf(out,
		    "(\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" %zu)",
		    d->text.n);
	buf_ch(out, ')');
}

static enum reply
put_metadata(
    struct session *s, struct url_data *d, const struct imap_url *url, unsigned wants)
{
	struct buf *out = respond_out(s);
	bool is_decoded = wants & WANT_BINARY && url_data_decode(d, url) == E_OK;
	enum reply r = R_DONE;
	if (wants & WANT_STRUCTURE)
		put_structure(s, d, is_decoded);
	if (!(wants & (WANT_BINARY | WANT_BODY)))
		return R_DONE;
	buf_str(out, wants & WANT_BINARY ? " (BINARY " : " (BODY ");
	if (wants & WANT_BINARY && !is_decoded)
		buf_str(out, "NIL");
	else
		r = send_octets(
		    s, d->text, is_decoded && span_find(d->text, '\0') < d->text.n);
	buf_ch(out, ')');
	return r;
}

static enum reply
put_url(struct session *s, struct span text, unsigned wants)
{
	struct buf *out = respond_out(s);
	struct imap_url url;
	struct url_data data;
	int err = open_url(s, text, &url, &data);
	enum reply r = R_DONE;
	buf_ch(out, ' ');
	put_string(out, text, false);
	if (err != E_OK) {
		buf_str(out, " NIL");
		return err == E_BAD ? R_DONE : R_LATER;
	}
	if (wants) {
		r = put_metadata(s, &data, &url, wants);
	} else {
		buf_ch(out, ' ');
		r = send_octets(s, data.text, false);
	}
	url_data_close(&data);
	return r == R_DONE && !respond_flush(s) ? R_NONE : r;
}

static int
parse_wants(struct parse *p, unsigned *wants)
{
	static const struct {
		const char *word;
		unsigned want, not_with;
	} words[] = {
	    {"BODYPARTSTRUCTURE", WANT_STRUCTURE, WANT_STRUCTURE},
	    {"BINARY", WANT_BINARY, WANT_BINARY | WANT_BODY},
	    {"BODY", WANT_BODY, WANT_BINARY | WANT_BODY},
	};

	struct span word;
	while (parse_ch(p, ' ')) {
		struct span from = p->in;
		size_t i = 0;
		if (parse_atom(p, &word) != E_OK)
			return E_BAD;
		while (i < COUNT(words) && !span_ieqs(word, words[i].word))
			i++;
		if (i == COUNT(words) || *wants & words[i].not_with)
			return parse_fail(
			    p, from, "BODY or BINARY, and BODYPARTSTRUCTURE");
		*wants |= words[i].want;
	}
	return parse_ch(p, ')') ? E_OK : parse_fail(p, p->in, ")");
}

struct fetched {
	struct {
		struct span url;
		unsigned wants;
	} all[URLS_MOST];

	size_t n;
};

static int
parse_url(struct parse *p, struct fetched *f)
{
	if (f->n == URLS_MOST)
		return parse_fail(p, p->in, "fewer URLs");
	bool is_extended = parse_ch(p, '(');
	f->all[f->n].wants = 0;
	if (parse_astring(p, &f->all[f->n].url) != E_OK ||
	    f->all[f->n].url.n > IMAP_URL_MAX)
		return parse_fail(p, p->in, "a URL");
	if (is_extended && parse_wants(p, &f->all[f->n].wants) != E_OK)
		return E_BAD;
	f->n++;
	return E_OK;
}

enum reply
cmd_urlfetch(struct session *s, struct command *c)
{
	struct fetched *f = arena_get(&s->arena, sizeof *f);
	enum reply r = R_DONE;
	if (!session_is_private(s))
		return R_NOT_PRIVATE;
	if (!f)
		return R_LIMIT;
	f->n = 0;
	do {
		if (parse_url(&c->parse, f) != E_OK)
			return R_SYNTAX;
	} while (parse_ch(&c->parse, ' '));
	if (parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	buf_str(respond_out(s), "* URLFETCH");
	for (size_t i = 0; i < f->n && r != R_NONE; i++) {
		enum reply one = put_url(s, f->all[i].url, f->all[i].wants);
		r = one == R_DONE ? r : one;
	}
	if (r != R_NONE)
		buf_str(respond_out(s), "\r\n");
	return r;
}
