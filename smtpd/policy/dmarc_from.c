/* SPDX-License-Identifier: ISC */
/* dmarc_from.c - the domains that From names, RFC 7489 6.6.1. */
#include "mime/address.h"
#include "mime/header.h"
#include "mime/idn.h"
#include "smtpd/policy/dmarc.h"

enum { FROM_ARENA_MAX = 1 << 20 };

static bool
is_known(const struct dmarc_from *f, struct span domain)
{
	for (size_t i = 0; i < f->n; i++)
		if (span_eq(f->domains[i], domain))
			return true;
	return false;
}

static struct span
lower(struct arena *arena, struct span s)
{
	char *copy = arena_str(arena, s);
	for (size_t i = 0; copy && i < s.n; i++)
		copy[i] = ch_lower(copy[i]);
	return span_make(copy, copy ? s.n : 0);
}

/* A literal, or what else no policy can be asked for, is a fault. */
static void
add(struct dmarc_from *f, struct span host, struct arena *arena)
{
	struct buf ascii = {.max = DNS_NAME_MAX + 1};
	bool is_good =
	    idn_ascii(host, &ascii) == E_OK && dns_name_ok(buf_as_span(&ascii));
	struct span domain = is_good ? lower(arena, buf_as_span(&ascii)) : SPAN("");
	buf_free(&ascii);
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (domain.n == 0)
		f->fault = "an address in From has no domain";
	else if (is_known(f, domain))
		return;
	else if (f->n == DMARC_DOMAINS_MAX)
		f->fault = "too many domains in From";
	else
		f->domains[f->n++] = domain;
}

/* What could stand in a domain; the rest is up to add. */
static size_t
domain_len(struct span s)
{
	size_t n = 0;
	while (n < s.n && (ch_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == '_' ||
			      s.p[n] == '.' || (unsigned char)s.p[n] >= 0x80))
		n++;
	return n;
}

/*
 * An address that is not quite one is shown by each mail program in a way of its own: everything
 * behind an "@" may be what the reader sees.
 */
static void
add_all(struct dmarc_from *f, struct span text, struct arena *arena)
{
	while (span_find(text, '@') < text.n) {
		text = span_from(text, span_find(text, '@') + 1);
		size_t n = domain_len(text);
		if (n)
			add(f, span_head(text, n), arena);
	}
}

static void
add_field(struct dmarc_from *f, struct span value, struct arena *arena)
{
	struct arena own = {.max_bytes = FROM_ARENA_MAX};
	if (value.n > DMARC_FROM_MAX) {
		f->fault = "From is too long";
		return;
	}
	for (struct address *a = address_parse(value, &own); a; a = a->next) {
		if (a->kind != ADDRESS_MAILBOX)
			continue;
		if (a->host.n || a->mailbox.n)
			add(f, a->host, arena);
		if (!a->is_exact || span_find(a->host, '@') < a->host.n)
			add_all(f, a->text, arena);
	}
	arena_reset(&own);
}

void
dmarc_from_find(struct span message, struct arena *arena, struct dmarc_from *out)
{
	struct header_field field;
	*out = (struct dmarc_from){0};
	while (header_next(&message, &field) == E_OK)
		if (span_ieqs(field.name, "From")) {
			if (out->fields++ < DMARC_DOMAINS_MAX)
				add_field(out, field.value, arena);
			else
				out->fault = "too many From fields";
		}
	if (!out->fault && out->n == 0)
		out->fault = out->fields ? "no address in From" : "no From";
}
