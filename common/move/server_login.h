/* SPDX-License-Identifier: ISC */
/* server_login.h - who we are at another server, and whom we take for it. */
#ifndef MOVE_SERVER_LOGIN_H
#define MOVE_SERVER_LOGIN_H

#include "move/failure.h"
#include "proc/io.h"
#include "tls/client.h"

enum server_tls { SERVER_TLS_IMPLICIT, SERVER_TLS_STARTTLS, SERVER_TLS_NONE };

struct server_login {
	struct span user, password; /* borrow */
	/* borrow: what the certificate must name; NULL: there is no such server */
	const char *host;
	enum server_tls tls;
	struct tls_client *trust; /* borrow; NULL with SERVER_TLS_NONE */
	enum tls_peer peer;
};

/*
 * server_begin_tls - from the next octet on, until the deadline of io.  E_OK, E_IO: failure says
 * why
 */
MUST_USE int server_begin_tls(
    const struct server_login *, struct io *, struct tls_conn **out, struct failure *);

#endif
