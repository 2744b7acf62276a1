/* SPDX-License-Identifier: ISC */
/* xclient.c - what others say of their clients. */
#include "smtpd/xclient.h"

#include <arpa/inet.h>
#include <string.h>

#include "spool/dsn.h"

/* What is not printable ends up in logs and fields; UTF-8 may. */
static int
check_text(struct buf *value)
{
	struct span s = buf_as_span(value);
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return E_BAD;
	return utf8_valid(s) ? E_OK : E_BAD;
}

/* Written anew, so that one address has one text. */
static int
check_address(struct buf *value)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char b[16];
	struct span s = buf_as_span(value);
	if (span_istarts(s, SPAN("IPV6:")))
		s = span_from(s, 5);
	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
		return E_BAD;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	int family = memchr(text, ':', s.n) ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, b) != 1 || !inet_ntop(family, b, text, sizeof text))
		return E_BAD;
	buf_reset(value);
	buf_str(value, text);
	return E_OK;
}

static int
check_port(struct buf *value)
{
	uint64_t port;
	return span_u64(buf_as_span(value), 65535, &port) == E_OK ? E_OK : E_BAD;
}

static int
check_proto(struct buf *value)
{
	struct span s = buf_as_span(value);
	return span_ieqs(s, "SMTP") || span_ieqs(s, "ESMTP") ? E_OK : E_BAD;
}

static int
check_source(struct buf *value)
{
	struct span s = buf_as_span(value);
	return span_ieqs(s, "LOCAL") || span_ieqs(s, "REMOTE") ? E_OK : E_BAD;
}

/* clang-format off */
static const struct {
	const char *name;
	unsigned verbs; /* enum xattr_verb */
	int (*check)(struct buf *value); /* may write it in another way */
} rows[XATTR_COUNT] = {
	[XATTR_NAME]     = {"NAME",     XVERB_CLIENT | XVERB_FORWARD, check_text},
	[XATTR_ADDR]     = {"ADDR",     XVERB_CLIENT | XVERB_FORWARD, check_address},
	[XATTR_PORT]     = {"PORT",     XVERB_CLIENT | XVERB_FORWARD, check_port},
	[XATTR_PROTO]    = {"PROTO",    XVERB_CLIENT | XVERB_FORWARD, check_proto},
	[XATTR_HELO]     = {"HELO",     XVERB_CLIENT | XVERB_FORWARD, check_text},
	[XATTR_LOGIN]    = {"LOGIN",    XVERB_CLIENT,                 check_text},
	[XATTR_DESTADDR] = {"DESTADDR", XVERB_CLIENT,                 check_address},
	[XATTR_DESTPORT] = {"DESTPORT", XVERB_CLIENT,                 check_port},
	[XATTR_IDENT]    = {"IDENT",    XVERB_FORWARD,                check_text},
	[XATTR_SOURCE]   = {"SOURCE",   XVERB_FORWARD,                check_source},
};

/* clang-format on */

static int
set(struct xattrs *x, enum xattr which, struct span text)
{
	struct buf *value = &x->all[which].value;
	value->max = XATTR_VALUE_MAX;
	buf_reset(value);
	x->all[which].state = XATTR_ABSENT;
	if (span_ieqs(text, "[UNAVAILABLE]"))
		x->all[which].state = XATTR_UNAVAILABLE;
	else if (span_ieqs(text, "[TEMPUNAVAIL]"))
		x->all[which].state = XATTR_TEMPORARY;
	else if (text.n == 0 || xtext_decode(text, value) != E_OK ||
		 rows[which].check(value) != E_OK)
		buf_reset(value);
	else
		x->all[which].state = XATTR_SET;
	return x->all[which].state == XATTR_ABSENT ? E_BAD : E_OK;
}

static int
take(struct xattrs *x, enum xattr_verb verb, struct span item)
{
	struct span value = item, name = span_cut(&value, '=');
	if (name.n == item.n)
		return E_BAD;
	for (unsigned i = 0; i < XATTR_COUNT; i++)
		if (span_ieqs(name, rows[i].name))
			return rows[i].verbs & verb ? set(x, i, value) : E_DENY;
	return E_DENY;
}

int
xattrs_parse(struct span in, enum xattr_verb verb, struct xattrs *x)
{
	int err = E_BAD; /* there is none */
	for (in = span_trim(in); in.n; in = span_trim(in)) {
		err = take(x, verb, span_cut(&in, ' '));
		if (err != E_OK)
			return err;
	}
	return err;
}

void
xattrs_reset(struct xattrs *x)
{
	for (unsigned i = 0; i < XATTR_COUNT; i++)
		buf_free(&x->all[i].value);
	*x = (struct xattrs){0};
}

bool
xattrs_any(const struct xattrs *x)
{
	for (unsigned i = 0; i < XATTR_COUNT; i++)
		if (x->all[i].state != XATTR_ABSENT)
			return true;
	return false;
}

struct span
xattr_text(const struct xattrs *x, enum xattr which)
{
	switch (x->all[which].state) {
	case XATTR_SET:
		return buf_as_span(&x->all[which].value);
	case XATTR_UNAVAILABLE:
		return SPAN("[UNAVAILABLE]");
	case XATTR_TEMPORARY:
		return SPAN("[TEMPUNAVAIL]");
	case XATTR_ABSENT:
		break;
	}
	return SPAN("");
}

void
xattr_names(enum xattr_verb verb, struct buf *out)
{
	for (unsigned i = 0; i < XATTR_COUNT; i++)
		if (rows[i].verbs & verb)
			buf_putf(out, " %s", rows[i].name);
}
