/* SPDX-License-Identifier: ISC */
/*
 * received.c - what we write before a message: Return-Path, Received, and at submission what is
 * missing.
 */
#include <string.h>

#include "smtpd/session.h"
#include "tls/server.h"

/* RFC 3848, and RFC 6531 4.3 for messages under SMTPUTF8. */
static void
put_protocol(const struct session *s, struct buf *out)
{
	bool is_lmtp = s->client.kind == KIND_LMTP;
	if (s->txn.envelope.flags & ENV_SMTPUTF8)
		buf_str(out, is_lmtp ? "UTF8LMTP" : "UTF8SMTP");
	else if (is_lmtp)
		buf_str(out, "LMTP");
	else
		buf_str(out, s->is_esmtp ? "ESMTP" : "SMTP");
	if (s->is_esmtp && s->cover.is_tls)
		buf_ch(out, 'S');
	if (s->is_esmtp && s->account.len)
		buf_ch(out, 'A');
}

/*
 * Who logged in is known to us; where they are is nobody else's business, where
 * submission_hide_client says so: a deviation from RFC 5321 4.4, which wants a "from" in every
 * Received line.
 */
static void
put_from(const struct session *s, struct buf *out)
{
	const char *address = s->client.text;
	if (s->account.len && s->limits->has_hidden_client)
		return;
	buf_str(out, "from ");
	buf_span(out, buf_as_span(&s->helo));
	if (!strcmp(address, CLIENT_UNIX))
		buf_str(out, " ([local])\r\n\t");
	else
		buf_putf(out, " ([%s%s])\r\n\t", strchr(address, ':') ? "IPv6:" : "",
		    address);
}

static void
put_received(const struct session *s, struct buf *out)
{
	const struct envelope *e = &s->txn.envelope;
	buf_str(out, "Received: ");
	put_from(s, out);
	buf_putf(out, "by %s (merpati) with ", s->limits->hostname);
	put_protocol(s, out);
	if (s->cover.is_tls)
		buf_putf(out, "\r\n\t(%s %s)", s->cover.version, s->cover.cipher);
	buf_putf(out, " id %s", id_text(e->id));
	/*
	 * with more, it would tell one of another: RFC 5321 7.2; in UTF-8, servers without SMTPUTF8
	 * could not have the message
	 */
	if (e->n_rcpts == 1 && span_is_ascii(e->rcpts[0].address)) {
		buf_str(out, "\r\n\tfor <");
		buf_span(out, e->rcpts[0].address);
		buf_ch(out, '>');
	}
	buf_str(out, ";\r\n\t");
	date_put(out, clock_wall_sec());
	buf_str(out, "\r\n");
}

void
missing_put(const struct session *s, struct buf *out)
{
	const struct head_scan *h = &s->message.head;
	struct span sender = s->txn.envelope.sender;
	if (!sender.n)
		sender = buf_as_span(&s->account);
	if (!h->has_from && span_is_ascii(sender))
		buf_putf(out, "From: <%.*s>\r\n", SPAN_ARG(sender));
	if (!h->has_message_id)
		buf_putf(out, "Message-ID: <%s@%s>\r\n", id_text(s->txn.envelope.id),
		    s->limits->hostname);
	if (!h->has_date) {
		buf_str(out, "Date: ");
		date_put(out, clock_wall_sec());
		buf_str(out, "\r\n");
	}
}

uint32_t
received_put(void *ctx, const struct head_scan *h, struct buf *out)
{
	const struct session *s = ctx;
	(void)h;
	buf_str(out, "Return-Path: <");
	buf_span(out, s->txn.envelope.sender);
	buf_str(out, ">\r\n");
	uint32_t return_path_bytes = (uint32_t)out->len;
	buf_span(out, buf_as_span(&s->policy.above));
	put_received(s, out);
	return return_path_bytes;
}
