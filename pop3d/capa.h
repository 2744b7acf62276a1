/* SPDX-License-Identifier: ISC */
/* capa.h - what CAPA lists (RFC 2449, RFC 6856), true to the configuration and to the state. */
#ifndef POP3D_CAPA_H
#define POP3D_CAPA_H

#include "base/buf.h"

struct conf;

struct capa {
	bool is_before_login;
	bool may_stls; /* TLS is configured and not on */
	/* USER is permitted on this connection, or was before the login */
	bool may_show;
	struct span sasl; /* mechanisms, likewise; empty: no AUTH */
	/* after the login: of this account; POP3_KEEP_ALWAYS: never removed */
	int32_t keep_days;
};

/* capa_put - the whole answer, "+OK" to "." */
void capa_put(struct buf *out, const struct conf *, const struct capa *);
/*
 * lang_put - the answer to LANG (RFC 6856 3): without an argument the list; "*" and "i-default" are
 * what we speak
 */
void lang_put(struct buf *out, struct span argument);

#endif
