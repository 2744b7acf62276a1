/* SPDX-License-Identifier: ISC */
/* respond.c - everything the server says: each reply once, and the forms of RFC 9051 7 and 9. */
#include "imapd/respond.h"

#include <string.h>

enum { QUOTED_MAX = 1024, DIGITS_MAX = 20 };

/* clang-format off */
static const struct {
	const char *type, *code, *text;   /* without text: the verb's */
} replies[R_REPLIES] = {
	/*                     type   code                text */
	[R_DONE]           = {"OK",  NULL,               NULL},
	[R_SYNTAX]         = {"BAD", NULL,               NULL},
	[R_NONE]           = {NULL,  NULL,               NULL},
	[R_BAD_STATE]      = {"BAD", NULL,               "not in this state"},
	[R_BAD_COMMAND]    = {"BAD", NULL,               "no such command"},
	[R_BAD_SEQUENCE]   = {"BAD", NULL,               "no such message number"},
	[R_READ_ONLY]      = {"NO",  NULL,               "the mailbox is selected read-only"},
	[R_NO_MAILBOX]     = {"NO",  "NONEXISTENT",      "no such mailbox"},
	[R_NO_MAILBOX_TRY] = {"NO",  "TRYCREATE",        "no such mailbox"},
	[R_EXISTS]         = {"NO",  "ALREADYEXISTS",    "there is one of that name"},
	[R_IS_INBOX]       = {"NO",  "CANNOT",           "INBOX is neither made nor removed"},
	[R_IS_KEPT]        = {"NO",  "CANNOT",           "what was deleted is there: messages only leave it"},
	[R_BAD_NAME]       = {"NO",  "CANNOT",           "no name for a mailbox"},
	[R_LIMIT]          = {"NO",  "LIMIT",            "there are too many"},
	[R_OVER_QUOTA]     = {"NO",  "OVERQUOTA",        "the account is full"},
	[R_DISK_FULL]      = {"NO",  "UNAVAILABLE",      "the disk is full"},
	[R_LATER]          = {"NO",  "UNAVAILABLE",      "not now, try again later"},
	[R_TOO_BIG]        = {"NO",  "TOOBIG",           "the message is too big"},
	[R_UNKNOWN_CTE]    = {"NO",  "UNKNOWN-CTE",      "an encoding that is not known"},
	[R_BAD_CHARSET]    = {"NO",  "BADCHARSET",       "a charset that is not known"},
	[R_EXPUNGED]       = {"NO",  "EXPUNGEISSUED",    "some of the messages are no more"},
	[R_NOT_SAVED]      = {"NO",  "NOTSAVED",         "the result is not saved"},
	[R_CANNOT]         = {"NO",  "CANNOT",           "that cannot be"},
	[R_COMPRESSED]     = {"NO",  "COMPRESSIONACTIVE", "this connection is compressed already"},
	[R_BAD_URL]        = {"NO",  "BADURL",           "what a URL means cannot be had"},
	[R_UID_REQUIRED]   = {"BAD", "UIDREQUIRED",      "UIDs alone, after ENABLE UIDONLY"},
	[R_NO_RIGHT]       = {"NO",  "NOPERM",           "there is no right to do that"},
	[R_NOT_PRIVATE]    = {"NO",  "PRIVACYREQUIRED",  "not without TLS"},
	[R_CLIENT_BUG]     = {"BAD", "CLIENTBUG",        "that is not a thing to do here"},
};

/* clang-format on */

enum reply
reply_of(enum store_said said, bool is_target)
{
	switch (said) {
	case STORE_DONE:
		return R_DONE;
	case STORE_NONEXISTENT:
		return is_target ? R_NO_MAILBOX_TRY : R_NO_MAILBOX;
	case STORE_EXISTS:
		return R_EXISTS;
	case STORE_IS_INBOX:
		return R_IS_INBOX;
	case STORE_IS_KEPT:
		return R_IS_KEPT;
	case STORE_BAD_NAME:
		return R_BAD_NAME;
	case STORE_TOO_MANY:
		return R_LIMIT;
	case STORE_OVER_QUOTA:
		return R_OVER_QUOTA;
	case STORE_DISK_FULL:
		return R_DISK_FULL;
	case STORE_NO_RIGHT:
		return R_NO_RIGHT;
	case STORE_GONE:
		return R_EXPUNGED;
	case STORE_LATER:
		break;
	}
	return R_LATER;
}

void
respond_tagged(
    struct session *s, enum reply reply, const char *verb, const char *expected)
{
	struct buf *out = respond_out(s);
	const char *code = replies[reply].code;
	if (reply == R_NONE)
		return;
	/* a tag that is none: RFC 9051 7.1.3 */
	buf_span(out, s->tag.n ? s->tag : SPAN("*"));
	buf_putf(out, " %s ", replies[reply].type);
	if (buf_done(&s->code) == E_OK && s->code.len)
		buf_putf(out, "[%.*s] ", SPAN_ARG(buf_as_span(&s->code)));
	else if (code)
		buf_putf(out, "[%s] ", code);
	if (reply == R_DONE)
		buf_putf(out, "%s completed\r\n", verb);
	else if (reply == R_SYNTAX)
		buf_putf(
		    out, "expected %s\r\n", expected ? expected : "something else");
	else
		buf_putf(out, "%s\r\n", replies[reply].text);
}

struct buf *
respond_out(struct session *s)
{
	return &s->io.out;
}

bool
respond_flush(struct session *s)
{
	if (!s->is_broken && s->io.out.len >= IMAP_OUT_FLUSH &&
	    io_flush(&s->io) != E_OK)
		s->is_broken = true;
	return !s->is_broken;
}

/* ---- forms ---- */

static bool
may_be_quoted(struct span s, bool is_utf8)
{
	if (s.n > QUOTED_MAX)
		return false;
	bool is_ascii = true;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
		is_ascii = is_ascii && !((unsigned char)s.p[i] & 0x80);
	}
	return is_ascii || (is_utf8 && utf8_valid(s));
}

void
put_literal(struct buf *out, struct span s)
{
	buf_ch(out, '{');
	put_u64(out, s.n);
	buf_put(out, "}\r\n", 3);
	buf_span(out, s);
}

void
put_string(struct buf *out, struct span s, bool is_utf8)
{
	if (!may_be_quoted(s, is_utf8)) {
		put_literal(out, s);
		return;
	}
	char *to = buf_room(out, 2 * s.n + 2);
	size_t n = 0;
	if (!to)
		return;
	to[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			to[n++] = '\\';
		to[n++] = s.p[i];
	}
	to[n++] = '"';
	buf_added(out, n);
}

void
put_mailboxid(struct buf *out, uint32_t mailbox)
{
	buf_ch(out, 'F');
	put_u32(out, mailbox);
}

void
put_u64(struct buf *out, uint64_t v)
{
	char digits[DIGITS_MAX];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(out, digits + at, sizeof digits - at);
}

void
put_u32(struct buf *out, uint32_t v)
{
	put_u64(out, v);
}
