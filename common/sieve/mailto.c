/* SPDX-License-Identifier: ISC */
/* mailto.c - mailto URIs. */
#include "sieve/mailto.h"

#include <string.h>

#include "mime/header.h"
#include "sieve/field.h"
#include "sieve/run_state.h"

enum { NAME_BYTES_MAX = 100 }; /* of a field that a URI asks for */

/* RFC 3986: unreserved, and of the reserved ones those that a mailto URI has inside a part. */
static bool
is_plain(char c)
{
	return ch_alnum(c) || (c && strchr("-._~!$'()*+,:@", c));
}

/* What %XX says; no other octets than a URI has.  Line ends become CRLF. */
static int
decode(struct span in, struct arena *arena, struct span *out, struct buf *why)
{
	struct buf text = {.max = MAILTO_BYTES_MAX};
	int err = E_OK;
	while (in.n && err == E_OK) {
		char c = in.p[0];
		if (c == '%' && in.n > 2 && ch_hex(in.p[1]) >= 0 &&
		    ch_hex(in.p[2]) >= 0) {
			c = (char)(ch_hex(in.p[1]) << 4 | ch_hex(in.p[2]));
			in = span_from(in, 3);
			if (!c) {
				buf_str(why, "it has an octet that is 0");
				err = E_BAD;
			}
			buf_ch(&text, c);
		} else if (is_plain(c)) {
			buf_ch(&text, c);
			in = span_from(in, 1);
		} else {
			buf_putf(why, "it has the character 0x%02x",
			    (unsigned)(unsigned char)c);
			err = E_BAD;
		}
	}
	if (err == E_OK)
		err = buf_done(&text);
	*out = arena_span(arena, buf_as_span(&text));
	buf_free(&text);
	return err;
}

static bool
is_there(const struct span *rows, size_t n, struct span address)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieq(rows[i], address))
			return true;
	return false;
}

static int
add_address(struct mailto *m, bool is_cc, struct span text, struct arena *arena,
    struct buf *why)
{
	struct span *rows = is_cc ? m->cc : m->to, address;
	size_t *n = is_cc ? &m->n_cc : &m->n_to;
	struct buf one = {0};
	if (!address_one(text, &one)) {
		buf_putf(why, "'%.*s' is no address", SPAN_ARG(span_head(text, 100)));
		return E_BAD;
	}
	address = arena_span(arena, buf_as_span(&one));
	buf_free(&one);
	if (is_there(m->to, m->n_to, address) || is_there(m->cc, m->n_cc, address))
		return E_OK;
	if (*n == MAILTO_ADDRESSES_MAX) {
		buf_str(why, "it has too many addresses");
		return E_LIMIT;
	}
	header_unfold(&one, text);
	(is_cc ? m->cc_text : m->to_text)[*n] = arena_span(arena, buf_as_span(&one));
	buf_free(&one);
	rows[(*n)++] = address;
	return E_OK;
}

static int
add_addresses(struct mailto *m, bool is_cc, struct span list, struct arena *arena,
    struct buf *why)
{
	int err = E_OK;
	while (list.n && err == E_OK) {
		struct span one = span_trim(span_cut(&list, ','));
		if (one.n)
			err = add_address(m, is_cc, one, arena, why);
	}
	return err;
}

/* Fields that are the sending host's alone: RFC 5436 2.7. */
static bool
is_ours(struct span name)
{
	static const char *const names[] = {"from", "sender", "received", "return-path",
	    "date", "message-id", "auto-submitted", "content-type",
	    "content-transfer-encoding", "mime-version", "x-sieve", "importance",
	    "x-priority", "priority"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return true;
	return span_istarts(name, SPAN("resent-")) || span_istarts(name, SPAN("dkim-"));
}

static int
add_field(struct mailto *m, struct span name, struct span value, struct arena *arena,
    struct buf *why)
{
	struct buf field = {.max = MAILTO_BYTES_MAX}, line = {.max = MAILTO_BYTES_MAX};
	if (!field_name_ok(name) || name.n > NAME_BYTES_MAX) {
		buf_putf(
		    why, "'%.*s' is no name of a field", SPAN_ARG(span_head(name, 60)));
		return E_BAD;
	}
	if (is_ours(name))
		return E_OK;
	if (m->n_fields == MAILTO_FIELDS_MAX) {
		buf_str(why, "it has too many fields");
		return E_LIMIT;
	}
	header_unfold(&line, value);
	buf_putf(&field, "%.*s: ", SPAN_ARG(name));
	buf_span(&field, buf_as_span(&line));
	m->fields[m->n_fields++] = arena_span(arena, buf_as_span(&field));
	buf_free(&field);
	buf_free(&line);
	return E_OK;
}

static int
take_field(struct mailto *m, struct span item, struct arena *arena, struct buf *why)
{
	struct span raw_name = span_cut(&item, '='), name, value;
	int err = decode(raw_name, arena, &name, why);
	if (err == E_OK)
		err = decode(item, arena, &value, why);
	if (err != E_OK)
		return err;
	if (span_ieqs(name, "to"))
		return add_addresses(m, false, value, arena, why);
	if (span_ieqs(name, "cc") || span_ieqs(name, "bcc"))
		return add_addresses(m, true, value, arena, why);
	if (span_ieqs(name, "subject"))
		m->subject = value;
	else if (span_ieqs(name, "body"))
		m->body = value;
	else
		return add_field(m, name, value, arena, why);
	return E_OK;
}

int
mailto_parse(struct span uri, struct arena *arena, struct mailto *m, struct buf *why)
{
	struct span to;
	int err;
	*m = (struct mailto){0};
	if (!span_istarts(uri, SPAN("mailto:")))
		return E_DENY;
	if (uri.n > MAILTO_BYTES_MAX) {
		buf_str(why, "it is too long");
		return E_LIMIT;
	}
	uri = span_from(uri, 7);
	if ((err = decode(span_cut(&uri, '?'), arena, &to, why)) == E_OK)
		err = add_addresses(m, false, to, arena, why);
	while (uri.n && err == E_OK)
		err = take_field(m, span_cut(&uri, '&'), arena, why);
	return err;
}
