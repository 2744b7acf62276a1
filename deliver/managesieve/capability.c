/* SPDX-License-Identifier: ISC */
/* capability.c - the list of capabilities, the same before and after the login. */
#include "deliver/managesieve/capability.h"

#include "deliver/managesieve/syntax.h"
#include "sieve/ext.h"

static void
put(struct buf *out, const char *name, struct span value)
{
	buf_putf(out, "\"%s\" ", name);
	syntax_put_string(out, value);
	buf_str(out, "\r\n");
}

void
capability_put(struct buf *out, const struct capability *c)
{
	struct buf text = {0};
	put(out, "IMPLEMENTATION", SPAN("merpati"));
	put(out, "SASL", c->sasl);
	sieve_ext_names_put(c->exts ? c->exts : SIEVE_EXTS_ALL, &text);
	put(out, "SIEVE", buf_as_span(&text));
	buf_reset(&text);
	if (c->may_tls)
		buf_str(out, "\"STARTTLS\"\r\n");
	put(out, "NOTIFY", SPAN("mailto"));
	buf_putf(&text, "%zu", c->redirects);
	put(out, "MAXREDIRECTS", buf_as_span(&text));
	if (c->owner.n)
		put(out, "OWNER", c->owner);
	if (c->may_return)
		buf_str(out, "\"UNAUTHENTICATE\"\r\n");
	put(out, "VERSION", SPAN("1.0"));
	buf_free(&text);
}
