/* SPDX-License-Identifier: ISC */
/* signer.c - the role "key", asked for the keys of a domain and for signatures. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dkim/sign_run.h"
#include "proc/ask.h"
#include "tls/key.h"

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
	buf_free(&s->none);
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

struct span
sign_selector(const struct sign_key *k)
{
	return span_make(k->selector, k->selector_bytes);
}

static void
key_get(struct rd *body, struct sign_keys *out)
{
	uint8_t kind = rd_u8(body);
	struct span selector = rd_str(body, DKIM_SELECTOR_MAX);
	struct sign_key *k = &out->all[out->n++];
	if (kind >= DKIM_KEY_KINDS || !dkim_is_selector(selector)) {
		body->err = E_BAD;
		return;
	}
	k->kind = kind;
	k->selector_bytes = selector.n;
	memcpy(k->selector, selector.p, selector.n);
}

static bool
is_known_to_have_none(const struct dkim_signer *s, struct span domain)
{
	return s->keeps_none_ms && span_eq(buf_as_span(&s->none), domain) &&
	       clock_mono_ms() - s->none_at_ms < s->keeps_none_ms;
}

static void
keep_none(struct dkim_signer *s, struct span domain)
{
	buf_reset(&s->none);
	buf_span(&s->none, domain);
	s->none_at_ms = clock_mono_ms();
}

int
sign_keys_ask(struct dkim_signer *s, struct span domain, struct sign_keys *out)
{
	struct buf body = {0};
	struct ask_msg reply;
	out->n = 0;
	if (is_known_to_have_none(s, domain))
		return E_DENY;
	buf_bytes(&body, domain);
	int err = key_call(s, KEY_DKIM_LIST, &body, &reply);
	if (err != E_OK)
		return err;
	uint8_t n = rd_u8(&reply.body);
	for (uint8_t i = 0; i < n && out->n < COUNT(out->all); i++)
		key_get(&reply.body, out);
	if (rd_end(&reply.body) != E_OK)
		return E_IO;
	if (out->n == 0)
		keep_none(s, domain);
	return out->n ? E_OK : E_DENY;
}

int
sign_ask(struct dkim_signer *s, const struct sign_key *k, struct span domain,
    const unsigned char digest[SHA256_BYTES], struct buf *out)
{
	struct buf body = {0};
	struct ask_msg reply;
	buf_u8(&body, (uint8_t)k->kind);
	buf_bytes(&body, domain);
	buf_bytes(&body, sign_selector(k));
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
