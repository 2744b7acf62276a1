/* SPDX-License-Identifier: ISC */
/* cmd_vrfy.c - VRFY, RFC 5321 3.5: by default it tells nobody who has a mailbox here. */
#include "smtpd/command.h"

/* "user@domain" or "<user@domain>". */
static int
vrfy_parse(struct span argument, struct path *out)
{
	struct buf bracketed = {.max = ENVELOPE_PATH_MAX + 2};
	int err;
	if (argument.p[0] == '<') {
		err = path_parse(&argument, out);
		return err == E_OK && !argument.n && !out->is_null ? E_OK : E_BAD;
	}
	buf_ch(&bracketed, '<');
	buf_span(&bracketed, argument);
	buf_ch(&bracketed, '>');
	struct span in = buf_as_span(&bracketed);
	err = buf_done(&bracketed) == E_OK ? path_parse(&in, out) : E_BAD;
	if (err == E_OK && in.n)
		err = E_BAD;
	if (err == E_OK) { /* the parts, in the argument, which outlives the copy */
		out->domain.p =
		    out->domain.n ? argument.p + (out->domain.p - bracketed.p - 1) : "";
		out->local.p = argument.p + (out->local.p - bracketed.p - 1);
	}
	buf_free(&bracketed);
	return err;
}

enum reply
cmd_vrfy(struct session *s, struct span argument)
{
	struct buf address = {.max = ENVELOPE_PATH_MAX};
	struct path p;
	enum reply r = R_VRFY_MAYBE;
	if (!s->limits->has_vrfy)
		return R_VRFY_MAYBE;
	if (vrfy_parse(argument, &p) != E_OK)
		return R_RCPT_SYNTAX;
	rcpt_address_put(&address, &p, s->limits);
	bool has_forward;
	enum recipient_verdict v =
	    buf_done(&address) == E_OK
		? verdict_of(s, buf_as_span(&address), SPAN(""), &has_forward)
		: RCPT_UNKNOWN;
	if (v == RCPT_LOCAL || v == RCPT_OVER_QUOTA) {
		buf_putf(&s->argument, "<%s>", buf_cstr(&address));
		r = R_VRFY_OK;
	} else if (v == RCPT_UNKNOWN || v == RCPT_LOOP) {
		r = R_RCPT_UNKNOWN;
	} else if (v == RCPT_SUSPENDED) {
		r = R_RCPT_SUSPENDED;
	} else if (v == RCPT_TEMP) {
		r = R_LOOKUP_DOWN;
	}
	buf_free(&address);
	return r;
}
