/* SPDX-License-Identifier: ISC */
/* offer.c - which mechanisms may be used on a connection. */
#include "auth/offer.h"

#include "auth/bearer.h"
#include "auth/gssapi.h"
#include "conf/conf.h"

/* clang-format off */
static const struct offer offers[] = {
	{"SCRAM-SHA-256-PLUS", OFFER_BINDING, OFFER_SCRAM},
	{"SCRAM-SHA-1-PLUS",   OFFER_BINDING, OFFER_SCRAM},
	{"SCRAM-SHA-256",      0,             OFFER_SCRAM},
	{"SCRAM-SHA-1",        0,             OFFER_SCRAM},
	{"EXTERNAL",           OFFER_CERTIFICATE, OFFER_EXTERNAL},
	{"GSSAPI",             OFFER_KEYTAB,  OFFER_OTHER},
	{"PLAIN",              OFFER_SECRECY, OFFER_PLAIN},
	{"LOGIN",              OFFER_SECRECY, OFFER_LOGIN},
	{"OAUTHBEARER",        OFFER_SECRECY | OFFER_TOKENS, OFFER_BEARER},
	{"XOAUTH2",            OFFER_SECRECY | OFFER_TOKENS, OFFER_XOAUTH2},
	{"CRAM-MD5",           OFFER_STORE, OFFER_CRAM},
};

/* clang-format on */

bool
auth_may_show(const struct conf *conf, bool has_tls, bool is_loopback)
{
	return has_tls ||
	       (is_loopback && conf_bool(conf, "common", "plaintext_auth_on_loopback"));
}

const struct offer *
offer_at(size_t i)
{
	return i < COUNT(offers) ? &offers[i] : NULL;
}

static bool
is_set(const struct conf *conf, const char *setting)
{
	return conf_str(conf, "common", setting)[0] != '\0';
}

bool
offer_may(const struct conf *conf, const struct auth_conn *c, const struct offer *o)
{
	if (o->needs & OFFER_SECRECY &&
	    !auth_may_show(conf, c->has_tls, c->is_loopback))
		return false;
	if (o->needs & OFFER_TOKENS && !oauth_is_configured(conf))
		return false;
	if (o->needs & OFFER_STORE && !is_set(conf, "auth_plaintext_store"))
		return false;
	if (o->needs & OFFER_KEYTAB && !gssapi_is_configured(conf))
		return false;
	if (o->needs & OFFER_CERTIFICATE &&
	    !(is_set(conf, "client_certificates") && c->has_tls && c->certificate.n))
		return false;
	return !(o->needs & OFFER_BINDING) || (c->has_tls && c->binding.n);
}

int
offer_find(const struct conf *conf, const struct auth_conn *c, struct span mech,
    const struct offer **out)
{
	for (size_t i = 0; i < COUNT(offers); i++)
		if (span_ieqs(mech, offers[i].name) && offer_may(conf, c, &offers[i])) {
			*out = &offers[i];
			return E_OK;
		}
	return E_BAD;
}

void
auth_mechanisms(const struct conf *conf, const struct auth_conn *c, struct buf *out)
{
	size_t start = out->len;
	for (size_t i = 0; i < COUNT(offers); i++)
		if (offer_may(conf, c, &offers[i]))
			buf_putf(
			    out, "%s%s", out->len > start ? " " : "", offers[i].name);
}
