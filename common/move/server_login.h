/* SPDX-License-Identifier: ISC */
/* server_login.h - who we are at another server, and whom we take for it. */
#ifndef MOVE_SERVER_LOGIN_H
#define MOVE_SERVER_LOGIN_H

#include "tls/client.h"

enum server_tls { SERVER_TLS_IMPLICIT, SERVER_TLS_STARTTLS, SERVER_TLS_NONE };

struct server_login {
	struct span user, password;       /* borrow */
	const char *host;                 /* borrow: what the certificate must name; NULL: there is no such server */
	enum server_tls tls;
	struct tls_client *trust;         /* borrow; NULL with SERVER_TLS_NONE */
	enum tls_peer peer;
};

#endif
