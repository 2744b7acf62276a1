/* SPDX-License-Identifier: ISC */
/* arc_say.c - what became of a chain of ARC. */
#include "smtpd/policy/arc_say.h"

void
arc_say(const struct arc_check *c, const struct ip *client, struct authres *out)
{
	struct buf text = {0};
	authres_result(out, "arc", arc_cv_name(c->cv));
	if (c->cv == ARC_PASS)
		buf_putf(&text, "as.%zu.%.*s", c->n,
		    SPAN_ARG(c->sets[c->n - 1].seal_verdict.domain));
	authres_comment(out, buf_as_span(&text));
	if (c->why[0])
		authres_reason(out, span_of(c->why));
	buf_reset(&text);
	ip_put(client, &text);
	if (text.len)
		authres_prop(out, "smtp.remote-ip", buf_as_span(&text));
	buf_reset(&text);
	buf_putf(&text, "%u", c->oldest_pass);
	if (c->cv == ARC_PASS)
		authres_prop(out, "header.oldest-pass", buf_as_span(&text));
	buf_free(&text);
}
