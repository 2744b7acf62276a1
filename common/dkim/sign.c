/* SPDX-License-Identifier: ISC */
/* sign.c - DKIM signatures for mail that we send. */
#include "dkim/sign.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dkim/canon.h"
#include "mime/address.h"
#include "mime/idn.h"
#include "proc/ask.h"
#include "tls/dkim_key.h"
#include "tls/key.h"

enum {
	FIRST_LINE_LEFT = 60, /* octets of h= on the line that begins it */
	LINE_MOST = 72,       /* octets of a line that is filled */
};

/* ---- what is signed: RFC 6376 5.4.1 ---- */

enum how {
	SIGN_ONE_MORE, /* and none may be added: the name once more than there are fields */
	SIGN_THOSE, /* those that are there */
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
};

static size_t
count_of(const struct canon_fields *f, const char *name)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (span_ieqs(f->all[i].name, name))
			n++;
	return n;
}

/* h=, folded; E_LIMIT: more names than a verifier of our kind takes */
static int
names_put(struct buf *out, const struct canon_fields *f)
{
	size_t line = LINE_MOST - FIRST_LINE_LEFT, n = 0;
	for (size_t i = 0; i < COUNT(fields); i++) {
		size_t times = count_of(f, fields[i].name);
		times += fields[i].how == SIGN_ONE_MORE;
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

/* ---- the role ---- */

void
dkim_signer_init(struct dkim_signer *s, int (*key_channel)(int *out))
{
	*s = (struct dkim_signer){.key_channel = key_channel, .chan = -1};
}

void
dkim_signer_done(struct dkim_signer *s)
{
	ask_hang_up(&s->chan);
	buf_free(&s->in);
}

/* A broken channel is opened again once. */
static int
key_call(struct dkim_signer *s, uint16_t type, struct buf *body, struct ask_msg *reply)
{
	int err = E_IO;
	for (int tries = 0; tries < 2 && err == E_IO; tries++) {
		if (s->chan < 0 && s->key_channel(&s->chan) != E_OK) {
			s->chan = -1;
			break;
		}
		err = ask_call(s->chan, type, buf_as_span(body), -1, &s->in, reply,
		    deadline_in_ms(DKIM_SIGN_WAIT_MS));
		if (err == E_OK && reply->fd >= 0)
			close(reply->fd);
		if (err != E_OK)
			ask_hang_up(&s->chan);
	}
	buf_free(body);
	if (err == E_OK)
		return E_OK;
	log_event(LOG_ERR, "no_key_process", "why=%s", err_name(err));
	return E_IO;
}

/* A key that signs. */
struct key {
	enum dkim_key_kind kind;
	char selector[DKIM_SELECTOR_MAX];
	size_t selector_bytes;
};

struct keys {
	struct key all[DKIM_KEY_KINDS];
	size_t n;
};

static struct span
selector_of(const struct key *k)
{
	return span_make(k->selector, k->selector_bytes);
}

static void
key_get(struct rd *body, struct keys *out)
{
	uint8_t kind = rd_u8(body);
	struct span selector = rd_str(body, DKIM_SELECTOR_MAX);
	struct key *k = &out->all[out->n++];
	if (kind >= DKIM_KEY_KINDS || !dkim_is_selector(selector)) {
		body->err = E_BAD;
		return;
	}
	k->kind = kind;
	k->selector_bytes = selector.n;
	memcpy(k->selector, selector.p, selector.n);
}

/* E_OK, E_DENY (there is none), E_IO */
static int
keys_ask(struct dkim_signer *s, struct span domain, struct keys *out)
{
	struct buf body = {0};
	struct ask_msg reply;
	out->n = 0;
	buf_bytes(&body, domain);
	int err = key_call(s, KEY_DKIM_LIST, &body, &reply);
	if (err != E_OK)
		return err;
	uint8_t n = rd_u8(&reply.body);
	for (uint8_t i = 0; i < n && out->n < COUNT(out->all); i++)
		key_get(&reply.body, out);
	if (rd_end(&reply.body) != E_OK)
		return E_IO;
	return out->n ? E_OK : E_DENY;
}

/* E_OK, E_DENY (it was replaced meanwhile), E_IO */
static int
sign_ask(struct dkim_signer *s, const struct key *k, struct span domain,
    const unsigned char digest[SHA256_BYTES], struct buf *out)
{
	struct buf body = {0};
	struct ask_msg reply;
	buf_u8(&body, (uint8_t)k->kind);
	buf_bytes(&body, domain);
	buf_bytes(&body, selector_of(k));
	buf_bytes(&body, span_make(digest, SHA256_BYTES));
	int err = key_call(s, KEY_DKIM_SIGN, &body, &reply);
	if (err != E_OK)
		return err;
	int8_t result = (int8_t)rd_u8(&reply.body);
	struct span signature = rd_str(&reply.body, KEY_SIGNATURE_MAX);
	if (rd_end(&reply.body) != E_OK)
		return E_IO;
	if (result != E_OK)
		return E_DENY;
	buf_span(out, signature);
	return buf_done(out);
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
unsigned_put(const struct work *w, const struct key *k, struct buf *out)
{
	buf_putf(out,
	    "DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n\td=%.*s;\r\n"
	    "\ts=%.*s; t=%lld;",
	    dkim_key_kind_name(k->kind), SPAN_ARG(w->domain), SPAN_ARG(selector_of(k)),
	    (long long)w->how->now_sec);
	if (w->how->life_sec > 0)
		buf_putf(
		    out, " x=%lld;", (long long)(w->how->now_sec + w->how->life_sec));
	buf_str(out, "\r\n\th=");
	int err = names_put(out, &w->fields);
	buf_str(out, ";\r\n\tbh=");
	buf_base64(out, span_make(w->body_hash, SHA256_BYTES));
	buf_str(out, ";\r\n\tb=");
	return err;
}

static void
folded_put(struct buf *out, struct span text)
{
	while (text.n > LINE_MOST) {
		buf_span(out, span_head(text, LINE_MOST));
		buf_str(out, "\r\n\t ");
		text = span_from(text, LINE_MOST);
	}
	buf_span(out, text);
}

/* The names as a verifier will read them: out of the field itself. */
static struct span
names_of(struct span field)
{
	struct span from = span_from(field, span_search(field, SPAN("\th=")) + 3);
	return span_head(from, span_find(from, ';'));
}

static int
field_put(struct work *w, const struct key *k, struct buf *out)
{
	struct buf field = {0}, signature = {0}, base64 = {0};
	unsigned char digest[SHA256_BYTES];
	int err = unsigned_put(w, k, &field);
	struct span text = buf_as_span(&field);
	if (err == E_OK)
		err = canon_head_hash(&w->fields, CANON_RELAXED, names_of(text), text,
		    span_from(text, text.n), digest);
	if (err == E_OK)
		err = sign_ask(w->signer, k, w->domain, digest, &signature);
	if (err == E_OK) {
		buf_base64(&base64, buf_as_span(&signature));
		folded_put(&field, buf_as_span(&base64));
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
fields_put(struct work *w, const struct keys *keys, struct buf *out)
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
message_sign(struct work *w, struct span message, struct buf *out)
{
	struct keys keys;
	int err = keys_ask(w->signer, w->domain, &keys);
	if (err != E_OK)
		return err;
	canon_fields_init(&w->fields, message);
	err = w->fields.is_cut                    ? E_LIMIT
	      : count_of(&w->fields, "from") == 0 ? E_BAD
	                                          : E_OK;
	if (err == E_OK) {
		(void)canon_body_hash(CANON_RELAXED,
		    span_from(message, header_end(message)), CANON_NO_LIMIT,
		    w->body_hash);
		err = fields_put(w, &keys, out);
	}
	canon_fields_done(&w->fields);
	return err;
}

/* A-labels in lower case; E_OK, E_BAD */
static int
name_put(struct span domain, struct buf *out)
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
	struct buf name = {0};
	struct work w = {.signer = s, .how = how};
	int err = name_put(domain, &name);
	w.domain = buf_as_span(&name);
	if (err == E_OK)
		err = message_sign(&w, message, out);
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
	int err = name_put(a->host, &name);
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
