/* SPDX-License-Identifier: ISC */
/* letter.c - the text that a program gives to sendmail(1) becomes a message. */
#include "queue/letter.h"

#include "base/clock.h"
#include "mime/address.h"
#include "mime/header.h"
#include "queue/dropfile.h"

/* ---- addresses ---- */

/* local@domain of a parsed one; nothing for a group's marks and for "<>". */
static int
address_text(
    const struct address *a, struct span origin, struct arena *arena, struct span *out)
{
	struct buf b = {.max = ENVELOPE_PATH_MAX + 1};
	*out = SPAN("");
	if (a->kind != ADDRESS_MAILBOX ||
	    (a->is_exact && a->mailbox.n == 0 && a->host.n == 0))
		return E_OK;
	if (!a->is_exact)
		return E_BAD;
	address_put(&b, a);
	if (a->host.n == 0) {
		buf_ch(&b, '@');
		buf_span(&b, origin);
	}
	int err = buf_done(&b) == E_OK && drop_address_is_sound(buf_as_span(&b))
	              ? E_OK
	              : E_BAD;
	if (err == E_OK)
		*out = arena_span(arena, buf_as_span(&b));
	buf_free(&b);
	return err;
}

static bool
is_known(const struct letter_rcpts *r, struct span address)
{
	for (size_t i = 0; i < r->n; i++)
		if (span_eq(r->all[i], address))
			return true;
	return false;
}

int
letter_rcpts_add(struct letter_rcpts *r, struct span list, struct span origin)
{
	int err = E_OK;
	size_t n = 0;
	for (const struct address *a = address_parse(list, r->arena); a && err == E_OK;
	     a = a->next) {
		struct span text;
		if (++n == ADDRESS_COUNT_MAX)
			return E_LIMIT; /* the parser reads no more, and nobody is to be left out */
		err = address_text(a, origin, r->arena, &text);
		if (err == E_BAD)
			r->bad = a->text;
		if (err != E_OK || text.n == 0 || is_known(r, text))
			continue;
		if (r->n == LETTER_RCPTS_MOST)
			return E_LIMIT;
		r->has_utf8 |= !span_is_ascii(text);
		r->all[r->n++] = text;
	}
	return err;
}

int
letter_address(
    struct span text, struct span origin, struct arena *arena, struct span *out)
{
	const struct address *a = address_parse(text, arena);
	*out = SPAN("");
	if (span_trim(text).n == 0 || span_eqs(span_trim(text), "<>"))
		return E_OK;
	if (!a || a->next || a->kind != ADDRESS_MAILBOX)
		return E_BAD;
	return address_text(a, origin, arena, out);
}

/* ---- lines ---- */

/* The next line, without its end: LF, CRLF, or a CR alone, as progress meters write it. */
static struct span
next_line(struct span *text)
{
	size_t n = 0;
	while (n < text->n && text->p[n] != '\n' && text->p[n] != '\r')
		n++;
	struct span line = span_head(*text, n);
	if (n + 1 < text->n && text->p[n] == '\r' && text->p[n + 1] == '\n')
		n++;
	*text = span_from(*text, n < text->n ? n + 1 : n);
	return line;
}

struct span
letter_until_dot(struct span text)
{
	struct span rest = text;
	while (rest.n) {
		size_t at = text.n - rest.n;
		struct span line = next_line(&rest);
		if (span_eqs(line, "."))
			return span_head(text, at);
	}
	return text;
}

static void
put_line(struct buf *out, struct span line)
{
	buf_span(out, line);
	buf_str(out, "\r\n");
}

/* Many lines at once, as long as they need no change but their ends. */
static void
put_body(struct buf *out, struct span text)
{
	while (text.n && buf_done(out) == E_OK)
		put_line(out, next_line(&text));
}

/* ---- the head ---- */

enum field_kind {
	FIELD_OTHER,
	FIELD_TO,
	FIELD_BCC,
	FIELD_RESENT_TO,
	FIELD_RESENT_BCC,
	FIELD_FROM,
	FIELD_DATE,
	FIELD_MESSAGE_ID,
	FIELD_GOES
};

static const struct {
	const char *name;
	enum field_kind kind;
} fields[] = {{"To", FIELD_TO}, {"Cc", FIELD_TO}, {"Bcc", FIELD_BCC},
    {"Resent-To", FIELD_RESENT_TO}, {"Resent-Cc", FIELD_RESENT_TO},
    {"Resent-Bcc", FIELD_RESENT_BCC}, {"From", FIELD_FROM}, {"Date", FIELD_DATE},
    {"Message-ID", FIELD_MESSAGE_ID}, {"Return-Path", FIELD_GOES},
    {"Content-Length", FIELD_GOES}};

static enum field_kind
kind_of(struct span name)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (span_ieqs(name, fields[i].name))
			return fields[i].kind;
	return FIELD_OTHER;
}

/* RFC 5322 3.6.8, with the blanks before the colon that RFC 5322 4.5 knows. */
static bool
field_name(struct span line, struct span *out)
{
	size_t colon = span_find(line, ':');
	struct span name = span_head(line, colon);
	while (name.n && ch_space(name.p[name.n - 1]))
		name = span_head(name, name.n - 1);
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 127)
			return false;
	*out = name;
	return colon < line.n && name.n > 0;
}

struct head {
	struct span text; /* its lines */
	struct span body;
	bool has[FIELD_GOES + 1];
};

static struct span
without_mbox_line(struct span text)
{
	struct span rest = text;
	struct span line = next_line(&rest);
	return span_starts(line, SPAN("From ")) || span_starts(line, SPAN(">From "))
	           ? rest
	           : text;
}

/*
 * Where the head ends: at an empty line, or at the first that is none of a head: then the body
 * begins with it.
 */
static void
head_find(struct span text, struct head *out)
{
	struct span rest = without_mbox_line(text), name;
	*out = (struct head){.text = rest};
	bool is_first = true;
	for (struct span at = rest; at.n; at = rest, is_first = false) {
		struct span line = next_line(&rest);
		bool is_more = line.n && ch_space(line.p[0]) && !is_first;
		if (line.n && !is_more && !field_name(line, &name)) {
			rest = at;
			break;
		}
		if (line.n == 0) {
			out->text.n -= at.n;
			out->body = rest;
			return;
		}
		if (!is_more)
			out->has[kind_of(name)] = true;
	}
	out->text.n -= rest.n;
	out->body = rest;
}

/* One field and its folds; *value is raw, line ends as they were. */
static struct span
next_field(struct span *head, struct span *name, struct span *value)
{
	struct span begin = *head, line = next_line(head);
	if (!field_name(line, name))
		bug("a head that was looked at before");
	while (head->n && ch_space(head->p[0]))
		next_line(head);
	struct span whole = span_head(begin, begin.n - head->n);
	*value = span_from(whole, span_find(whole, ':') + 1);
	return whole;
}

/*
 * Does -t want this field's addresses? Those of a message sent again are the Resent- ones: RFC 5322
 * 3.6.6.
 */
static bool
is_wanted(const struct head *h, enum field_kind k)
{
	bool is_resent = h->has[FIELD_RESENT_TO] || h->has[FIELD_RESENT_BCC];
	return is_resent ? k == FIELD_RESENT_TO || k == FIELD_RESENT_BCC
	                 : k == FIELD_TO || k == FIELD_BCC;
}

static int
put_fields(const struct letter *l, const struct head *h, struct letter_rcpts *rcpts,
    struct buf *out)
{
	int err = E_OK;
	for (struct span rest = h->text; rest.n && err == E_OK;) {
		struct span name, value, whole = next_field(&rest, &name, &value);
		enum field_kind k = kind_of(name);
		if (l->takes_rcpts && is_wanted(h, k))
			err = letter_rcpts_add(rcpts, value, l->origin);
		if (k != FIELD_BCC && k != FIELD_RESENT_BCC && k != FIELD_GOES)
			put_body(out, whole);
	}
	return err;
}

/* A display name: as it is where it is only words, else quoted, else encoded (RFC 2047). */
static void
put_name(struct buf *out, struct span name)
{
	bool is_plain = true;
	for (size_t i = 0; i < name.n; i++)
		is_plain = is_plain && (ch_alnum(name.p[i]) || name.p[i] == ' ' ||
					   name.p[i] == '-');
	if (!span_is_ascii(name)) {
		buf_str(out, "=?utf-8?B?");
		buf_base64(out, name);
		buf_str(out, "?=");
	} else if (is_plain) {
		buf_span(out, name);
	} else {
		buf_ch(out, '"');
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] == '"' || name.p[i] == '\\')
				buf_ch(out, '\\');
			buf_ch(out, ch_ctl(name.p[i]) ? ' ' : name.p[i]);
		}
		buf_ch(out, '"');
	}
}

static void
put_missing(const struct letter *l, const struct head *h, struct buf *out)
{
	if (!h->has[FIELD_FROM]) {
		buf_str(out, "From: ");
		if (l->name.n) {
			put_name(out, l->name);
			buf_ch(out, ' ');
		}
		buf_putf(out, "<%.*s>\r\n", SPAN_ARG(l->from));
	}
	if (!h->has[FIELD_DATE]) {
		buf_str(out, "Date: ");
		date_put(out, l->now_sec);
		buf_str(out, "\r\n");
	}
	if (!h->has[FIELD_MESSAGE_ID])
		buf_putf(out, "Message-ID: <%s@%.*s>\r\n", id_text(l->id),
		    SPAN_ARG(l->hostname));
}

int
letter_make(const struct letter *l, struct span text, struct letter_rcpts *rcpts,
    struct buf *out)
{
	struct head h;
	head_find(text, &h);
	if (h.text.n > LETTER_HEAD_MOST)
		return E_LIMIT;
	int err = put_fields(l, &h, rcpts, out);
	if (err != E_OK)
		return err;
	put_missing(l, &h, out);
	buf_str(out, "\r\n");
	put_body(out, h.body);
	return buf_done(out);
}

bool
letter_has_tls_optional(struct span message)
{
	static const struct span name = SPAN("TLS-Required");
	struct span head = header_head(message);
	struct header_field f, another;
	struct buf value = {0};
	if (header_find(&head, name, &f) != E_OK ||
	    header_find(&head, name, &another) == E_OK)
		return false;
	header_unfold(&value, f.value);
	bool is_no = span_ieqs(span_trim(buf_as_span(&value)), "No");
	buf_free(&value);
	return is_no;
}
