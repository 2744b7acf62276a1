/* SPDX-License-Identifier: ISC */
/*
 * dropfile.c - files of spool/drop/: written by sendmail(1), read by the process that takes them
 * in.
 */
#include "queue/dropfile.h"

#include <string.h>

#include "tls/hash.h"

static const char magic[8] = "MERPDRP1";
static const char received[] = "received:";

void
drop_head_put(struct buf *out, const struct envelope *e)
{
	struct buf envelope = {.max = ENVELOPE_BYTES_MAX};
	unsigned char sum[SHA256_BYTES];
	envelope_put(&envelope, e);
	if (buf_done(&envelope) != E_OK)
		out->err = E_LIMIT;
	sha256(buf_as_span(&envelope), sum);
	buf_put(out, magic, sizeof magic);
	buf_u32(out, (uint32_t)envelope.len);
	buf_put(out, sum, sizeof sum);
	buf_span(out, buf_as_span(&envelope));
	buf_free(&envelope);
}

int
drop_lead_get(struct span lead, uint32_t *envelope_bytes)
{
	struct rd r = rd_of(lead);
	struct span seen = rd_bytes(&r, sizeof magic);
	*envelope_bytes = rd_u32(&r);
	rd_bytes(&r, SHA256_BYTES);
	if (rd_end(&r) != E_OK || !span_eq(seen, span_make(magic, sizeof magic)))
		return E_BAD;
	return *envelope_bytes <= ENVELOPE_BYTES_MAX ? E_OK : E_LIMIT;
}

static bool
is_domain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && !strchr("-_.:[]", s.p[i]) &&
		    !((unsigned char)s.p[i] & 0x80))
			return false;
	return s.n > 0 && s.p[0] != '.' && s.p[0] != '-';
}

bool
drop_address_is_sound(struct span s)
{
	size_t at = span_rfind(s, '@');
	struct span local = span_head(s, at);
	bool is_quoted =
	    local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
	if (s.n > ENVELOPE_PATH_MAX || at == s.n || local.n == 0 || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]) || ch_space(s.p[i]) || s.p[i] == '<' ||
		    s.p[i] == '>')
			return false;
	for (size_t i = 0; i < local.n && !is_quoted; i++)
		if (strchr("@\"(),:;\\[]", local.p[i]))
			return false;
	return is_domain(span_from(s, at + 1));
}

/* Nothing that only we may say of a message. */
static bool
is_sound(const struct envelope *e)
{
	const uint32_t flags = ENV_SMTPUTF8 | ENV_8BITMIME | ENV_TLS_OPTIONAL;
	if (e->n_rcpts == 0 || e->head_bytes || e->account.n || e->client.n ||
	    e->release_sec || (e->flags | flags) != flags || e->ret > RET_HDRS ||
	    (e->envid.n && envid_check(e->envid) != E_OK))
		return false;
	if (e->sender.n && !drop_address_is_sound(e->sender))
		return false;
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		const struct rcpt *r = &e->rcpts[i];
		if (!drop_address_is_sound(r->address) || r->state != RCPT_WAITING ||
		    r->notify > 15 ||
		    ((r->notify & NOTIFY_NEVER) && r->notify != NOTIFY_NEVER) ||
		    (r->orcpt.n &&
			orcpt_check(r->orcpt, e->flags & ENV_SMTPUTF8) != E_OK))
			return false;
	}
	return true;
}

int
drop_envelope_get(
    struct span lead, struct span envelope, struct arena *arena, struct envelope *out)
{
	unsigned char sum[SHA256_BYTES];
	sha256(envelope, sum);
	if (lead.n != DROP_LEAD_BYTES ||
	    memcmp(lead.p + DROP_LEAD_BYTES - SHA256_BYTES, sum, sizeof sum) != 0)
		return E_BAD;
	int err = envelope_get(envelope, arena, out);
	if (err != E_OK)
		return err;
	return is_sound(out) ? E_OK : E_BAD;
}

/* ---- the message ---- */

static void
head_octet(struct drop_scan *s, char c)
{
	if (c == '\n') {
		s->is_head_over = s->column == 0;
		s->column = 0;
		return;
	}
	if (c == '\r' || s->column == sizeof received - 1)
		return;
	s->is_received =
	    (s->column == 0 || s->is_received) && ch_lower(c) == received[s->column];
	if (++s->column == sizeof received - 1 && s->is_received)
		s->n_received++;
}

void
drop_scan_feed(struct drop_scan *s, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		s->has_bare |= (c == '\n') != (s->last == '\r');
		s->has_high |= (unsigned char)c >= 0x80;
		if (!s->is_head_over)
			head_octet(s, c);
		s->last = c;
	}
}

int
drop_scan_end(const struct drop_scan *s)
{
	if (s->has_bare || s->last != '\n')
		return E_BAD;
	return s->n_received > DROP_HOPS_MOST ? E_LIMIT : E_OK;
}
