/* SPDX-License-Identifier: ISC */
/* field.c - fields and entities that a script makes. */
#include "sieve/field.h"

#include "mime/address.h"
#include "mime/header.h"
#include "mime/word.h"
#include "sieve/limits.h"

enum {
	WORD_TEXT_BYTES = 42, /* of an encoded word, before base64: RFC 2047 2 */
	LINE_BYTES_MAX = 998, /* RFC 5322 2.1.1 */
	BASE64_LINE_BYTES = 57,
};

bool
field_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n <= HEADER_NAME_MAX;
}

/* Line ends and the like are blanks. */
static void
put_plain_text(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_ch(out, ch_ctl(text.p[i]) ? ' ' : text.p[i]);
}

void
field_put_text(struct buf *out, const char *eol, struct span text)
{
	bool is_first = true;
	if (span_is_ascii(text)) {
		put_plain_text(out, text);
		return;
	}
	while (text.n) {
		size_t n = text.n < WORD_TEXT_BYTES ? text.n : WORD_TEXT_BYTES;
		while (n < text.n && n > WORD_TEXT_BYTES - 4 &&
		       ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n--;
		if (!is_first)
			buf_putf(out, "%s ", eol);
		buf_str(out, "=?utf-8?b?");
		buf_base64(out, span_head(text, n));
		buf_str(out, "?=");
		text = span_from(text, n);
		is_first = false;
	}
}

void
field_put(struct buf *out, const char *eol, const char *name, struct span text)
{
	buf_putf(out, "%s: ", name);
	field_put_text(out, eol, text);
	buf_str(out, eol);
}

static void
put_mailbox(struct buf *out, const char *eol, struct span display, struct span address)
{
	if (display.n && span_is_ascii(display)) {
		buf_ch(out, '"');
		for (size_t i = 0; i < display.n; i++) {
			if (display.p[i] == '"' || display.p[i] == '\\')
				buf_ch(out, '\\');
			buf_ch(out, ch_ctl(display.p[i]) ? ' ' : display.p[i]);
		}
		buf_str(out, "\" ");
	} else if (display.n) {
		field_put_text(out, eol, display);
		buf_ch(out, ' ');
	}
	buf_ch(out, '<');
	put_plain_text(out, address);
	buf_ch(out, '>');
}

void
field_put_mailbox(struct buf *out, const char *eol, const char *name,
    struct span display, struct span address)
{
	buf_putf(out, "%s: ", name);
	put_mailbox(out, eol, display, address);
	buf_str(out, eol);
}

void
field_put_mailboxes(
    struct buf *out, const char *eol, const char *name, struct span value)
{
	struct arena arena = {.max_bytes = SIEVE_RUN_BYTES_MAX};
	bool is_first = true;
	for (struct address *a = address_parse(value, &arena); a; a = a->next) {
		struct buf text = {0}, display = {0};
		if (a->kind != ADDRESS_MAILBOX)
			continue;
		address_put(&text, a);
		word_decode(&display, a->name);
		buf_putf(out, "%s%s%s", is_first ? name : ",", is_first ? ": " : eol,
		    is_first ? "" : " ");
		put_mailbox(out, eol, buf_as_span(&display), buf_as_span(&text));
		buf_free(&text);
		buf_free(&display);
		is_first = false;
	}
	if (!is_first)
		buf_str(out, eol);
	arena_reset(&arena);
}

void
field_put_lines(struct buf *out, const char *eol, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool has_cr =
		    i + 1 < text.n && text.p[i] == '\r' && text.p[i + 1] == '\n';
		i += has_cr;
		if (text.p[i] == '\n')
			buf_str(out, eol);
		else
			buf_ch(out, text.p[i]);
	}
}

bool
field_is_mime(struct span name)
{
	return span_istarts(name, SPAN("content-")) || span_ieqs(name, "mime-version");
}

/* Can it stand in a multipart as it is? */
static bool
is_safe(struct span text)
{
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		if (line.n > LINE_BYTES_MAX || span_starts(line, SPAN("--")))
			return false;
	}
	return true;
}

static void
put_base64(struct buf *out, const char *eol, struct span text)
{
	while (text.n) {
		struct span line = span_head(text, BASE64_LINE_BYTES);
		buf_base64(out, line);
		buf_str(out, eol);
		text = span_from(text, line.n);
	}
}

void
field_put_plain(struct buf *out, const char *eol, struct span text)
{
	bool is_plain = is_safe(text);
	buf_putf(out,
	    "Content-Type: text/plain; charset=%s%sContent-Transfer-Encoding: %s%s%s",
	    span_is_ascii(text) ? "us-ascii" : "utf-8", eol,
	    !is_plain             ? "base64"
	    : span_is_ascii(text) ? "7bit"
				  : "8bit",
	    eol, eol);
	if (is_plain)
		field_put_lines(out, eol, text);
	else
		put_base64(out, eol, text);
}

void
field_put_entity(struct buf *out, const char *eol, struct span entity)
{
	struct span head = span_head(entity, header_end(entity));
	struct header_field field;
	while (header_next(&head, &field) == E_OK) {
		if (!span_istarts(field.name, SPAN("content-")))
			continue;
		field_put_lines(out, eol, field.whole);
		if (!span_ends(field.whole, SPAN("\n")))
			buf_str(out, eol);
	}
	buf_str(out, eol);
	field_put_lines(out, eol, span_from(entity, header_end(entity)));
}
