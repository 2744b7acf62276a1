/* SPDX-License-Identifier: ISC */
/* scram_client.h - the client's half of SCRAM (RFC 5802), for tests. */
#ifndef TEST_SCRAM_CLIENT_H
#define TEST_SCRAM_CLIENT_H

#include "auth_home.h"
#include "tls/hash.h"

struct scram_client {
	enum hash_kind kind;
	const char *header;      /* gs2-header */
	struct span binding;     /* that it thinks the connection has */
	struct buf message;      /* AuthMessage */
	struct scram_verifier v; /* of the password, with the server's salt */
	unsigned char client_key[HASH_BYTES_MAX];
};

/* scram_as - header and binding of this client; how it ended.  What the server proves is checked */
enum auth_status scram_as(const struct auth_conn *, struct scram_client,
    const char *mech, const char *name, const char *password);
/* scram - in clear, without a binding */
enum auth_status scram(const char *mech, const char *name, const char *password);

#endif
