/* SPDX-License-Identifier: ISC */
/* sign.c - DKIM signatures for mail that we send. */
#include "dkim/sign.h"

#include <string.h>

#include "dkim/sign_run.h"
#include "mime/address.h"
#include "mime/idn.h"

enum {
	FIRST_LINE_LEFT = 60, /* octets of h= on the line that begins it */
	LINE_MOST = 72,       /* octets of a line that is filled */
};

/* ---- what is signed: RFC 6376 5.4.1 ---- */

enum how {
	SIGN_ONE_MORE, /* and none may be added: the name once more than there are fields */
	SIGN_THOSE,  /* those that are there */
	SIGN_IN_ARC, /* the same, but not in a DKIM-Signature: RFC 8617 4.1.2 */
};

static const struct {
	const char *name;
	enum how how;
} fields[] = {
    {"from", SIGN_ONE_MORE},
    {"to", SIGN_ONE_MORE},
    {"cc", SIGN_ONE_MORE},
    {"subject", SIGN_ONE_MORE},
    {"date", SIGN_ONE_MORE},
    {"message-id", SIGN_ONE_MORE},
    {"reply-to", SIGN_ONE_MORE},
    {"mime-version", SIGN_ONE_MORE},
    {"content-type", SIGN_ONE_MORE},
    {"content-transfer-encoding", SIGN_ONE_MORE},
    {"sender", SIGN_THOSE},
    {"in-reply-to", SIGN_THOSE},
    {"references", SIGN_THOSE},
    {"resent-date", SIGN_THOSE},
    {"resent-from", SIGN_THOSE},
    {"resent-to", SIGN_THOSE},
    {"resent-cc", SIGN_THOSE},
    {"list-id", SIGN_THOSE},
    {"list-help", SIGN_THOSE},
    {"list-unsubscribe", SIGN_THOSE},
    {"list-unsubscribe-post", SIGN_THOSE},
    {"list-subscribe", SIGN_THOSE},
    {"list-post", SIGN_THOSE},
    {"list-owner", SIGN_THOSE},
    {"list-archive", SIGN_THOSE},
    {"dkim-signature", SIGN_IN_ARC},
};

size_t
sign_count(const struct canon_fields *f, const char *name)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (span_ieqs(f->all[i].name, name))
			n++;
	return n;
}

int
sign_names_put(struct buf *out, const struct canon_fields *f, bool is_arc)
{
	size_t line = LINE_MOST - FIRST_LINE_LEFT, n = 0;
	for (size_t i = 0; i < COUNT(fields); i++) {
		size_t times = sign_count(f, fields[i].name);
		times += fields[i].how == SIGN_ONE_MORE;
		if (fields[i].how == SIGN_IN_ARC && !is_arc)
			continue;
		for (n += times; times > 0 && n <= CANON_NAMES_MAX; times--) {
			size_t bytes = strlen(fields[i].name) + 1;
			if (line + bytes > LINE_MOST) {
				buf_str(out, "\r\n\t ");
				line = 0;
			}
			line += bytes;
			buf_putf(out, "%s:", fields[i].name);
		}
	}
	buf_cut(out, out->len - 1); /* the last colon */
	return n <= CANON_NAMES_MAX ? E_OK : E_LIMIT;
}

/* ---- a field ---- */

struct work {
	struct dkim_signer *signer;
	const struct dkim_sign_how *how;
	struct span domain; /* A-labels, lower case */
	struct canon_fields fields;
	unsigned char body_hash[SHA256_BYTES];
};

/* All up to "b=". */
static int
unsigned_put(const struct work *w, const struct sign_key *k, struct buf *out)
{
	buf_putf(out,
	    "DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n\td=%.*s;\r\n"
	    "\ts=%.*s; t=%lld;",
	    dkim_key_kind_name(k->kind), SPAN_ARG(w->domain),
	    SPAN_ARG(sign_selector(k)), (long long)w->how->now_sec);
	if (w->how->life_sec > 0)
		buf_putf(
		    out, " x=%lld;", (long long)(w->how->now_sec + w->how->life_sec));
	buf_str(out, "\r\n\th=");
	int err = sign_names_put(out, &w->fields, false);
	buf_str(out, ";\r\n\tbh=");
	buf_base64(out, span_make(w->body_hash, SHA256_BYTES));
	buf_str(out, ";\r\n\tb=");
	return err;
}

void
sign_folded_put(struct buf *out, struct span text)
{
	while (text.n > LINE_MOST) {
		buf_span(out, span_head(text, LINE_MOST));
		buf_str(out, "\r\n\t ");
		text = span_from(text, LINE_MOST);
	}
	buf_span(out, text);
}

struct span
sign_names(struct span field)
{
	struct span from = span_from(field, span_search(field, SPAN("\th=")) + 3);
	return span_head(from, span_find(from, ';'));
}

static int
field_put(struct work *w, const struct sign_key *k, struct buf *out)
{
	struct buf field = {0}, signature = {0}, base64 = {0};
	unsigned char digest[SHA256_BYTES];
	int err = unsigned_put(w, k, &field);
	struct span text = buf_as_span(&field);
	if (err == E_OK)
		err = canon_head_hash(&w->fields, CANON_RELAXED, sign_names(text), text,
		    span_from(text, text.n), digest);
	if (err == E_OK)
		err = sign_ask(w->signer, k, w->domain, digest, &signature);
	if (err == E_OK) {
		buf_base64(&base64, buf_as_span(&signature));
		sign_folded_put(&field, buf_as_span(&base64));
		buf_str(&field, "\r\n");
		buf_span(out, buf_as_span(&field));
		err = buf_done(out);
	}
	buf_free(&field);
	buf_free(&signature);
	buf_free(&base64);
	return err;
}

/* Each key's; one that was replaced meanwhile is left out. */
static int
fields_put(struct work *w, const struct sign_keys *keys, struct buf *out)
{
	struct buf put = {.max = DKIM_SIGN_HEAD_MAX};
	int err = E_OK;
	for (size_t i = 0; i < keys->n && err == E_OK; i++) {
		err = field_put(w, &keys->all[i], &put);
		if (err == E_DENY)
			err = E_OK;
	}
	if (err == E_OK && put.len == 0)
		err = E_DENY;
	if (err == E_OK) {
		buf_span(out, buf_as_span(&put));
		err = buf_done(out);
	}
	buf_free(&put);
	return err;
}

static int
parts_sign(struct work *w, struct span head, struct span body, struct buf *out)
{
	struct sign_keys keys;
	int err = sign_keys_ask(w->signer, w->domain, &keys);
	if (err != E_OK)
		return err;
	canon_fields_init(&w->fields, head);
	err = w->fields.is_cut                      ? E_LIMIT
	      : sign_count(&w->fields, "from") == 0 ? E_BAD
	                                            : E_OK;
	if (err == E_OK) {
		(void)canon_body_hash(
		    CANON_RELAXED, body, CANON_NO_LIMIT, w->body_hash);
		err = fields_put(w, &keys, out);
	}
	canon_fields_done(&w->fields);
	return err;
}

int
sign_domain_put(struct span domain, struct buf *out)
{
	if (idn_ascii(domain, out) != E_OK)
		return E_BAD;
	for (size_t i = 0; i < out->len; i++)
		out->p[i] = ch_lower(out->p[i]);
	return dkim_is_domain(buf_as_span(out)) ? E_OK : E_BAD;
}

int
dkim_sign_put(struct dkim_signer *s, struct span message, struct span domain,
    const struct dkim_sign_how *how, struct buf *out)
{
	size_t at = header_end(message);
	return dkim_sign_parts(
	    s, span_head(message, at), span_from(message, at), domain, how, out);
}

int
dkim_sign_has_key(struct dkim_signer *s, struct span domain)
{
	struct buf name = {0};
	struct sign_keys keys;
	int err = sign_domain_put(domain, &name);
	if (err == E_OK)
		err = sign_keys_ask(s, buf_as_span(&name), &keys);
	buf_free(&name);
	return err;
}

int
dkim_sign_nearest(struct dkim_signer *s, struct span message, struct span domain,
    const struct dkim_sign_how *how, struct buf *out)
{
	int err = E_DENY;
	while (err == E_DENY && span_find(domain, '.') < domain.n) {
		err = dkim_sign_put(s, message, domain, how, out);
		domain = span_from(domain, span_find(domain, '.') + 1);
	}
	return err;
}

int
dkim_sign_parts(struct dkim_signer *s, struct span head, struct span body,
    struct span domain, const struct dkim_sign_how *how, struct buf *out)
{
	struct buf name = {0};
	struct work w = {.signer = s, .how = how};
	int err = sign_domain_put(domain, &name);
	w.domain = buf_as_span(&name);
	if (err == E_OK)
		err = parts_sign(&w, head, body, out);
	buf_free(&name);
	return err;
}

/* ---- whose mail it is ---- */

static int
address_domain(const struct address *a, struct arena *arena, struct span *out)
{
	struct buf name = {0};
	if (!a || a->next || a->kind != ADDRESS_MAILBOX || !a->is_exact)
		return E_BAD;
	int err = sign_domain_put(a->host, &name);
	if (err == E_OK)
		*out = arena_span(arena, buf_as_span(&name));
	buf_free(&name);
	return err == E_OK && out->n ? E_OK : E_BAD;
}

int
dkim_author_domain(struct span message, struct arena *arena, struct span *out)
{
	struct header_field from, another;
	*out = (struct span){0};
	if (header_find(&message, SPAN("From"), &from) != E_OK ||
	    header_find(&message, SPAN("From"), &another) == E_OK)
		return E_BAD;
	return address_domain(address_parse(from.value, arena), arena, out);
}
