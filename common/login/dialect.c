/* SPDX-License-Identifier: ISC */
/* dialect.c - what the dialects say and read alike. */
#include <stdarg.h>

#include "login/front.h"

void
front_say(struct front_conn *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&c->out, fmt, ap);
	va_end(ap);
}

void
front_challenge(struct front_conn *c, struct span raw)
{
	buf_str(&c->out, "+ ");
	buf_base64(&c->out, raw);
	buf_str(&c->out, "\r\n");
}

bool
front_is_user(struct span name)
{
	return name.n && name.n <= FRONT_USER_MAX && utf8_valid(name) &&
	       span_find(name, '\0') == name.n;
}

int
front_initial(struct span argument, struct buf *raw, struct span *out)
{
	*out = SPAN("");
	if (span_eqs(argument, "="))
		return E_OK;
	if (base64_decode(argument, raw) != E_OK)
		return E_BAD;
	*out = buf_as_span(raw);
	return E_OK;
}
