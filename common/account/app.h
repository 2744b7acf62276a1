/* SPDX-License-Identifier: ISC */
/*
 * app.h - app passwords: further passwords of an account, each with a name, for some protocols, from
 * some networks, until some day.  We make them, never people: "k7q2m-0xvbn-t4zrd-h9wcj", 100 random
 * bits, so that a password which is none is known by its shape, and none of them need be tried.
 * They are stored as the main one is, all of an account with the same salt: one PBKDF2 tells which
 * of them it is.
 */
#ifndef ACCOUNT_APP_H
#define ACCOUNT_APP_H

#include "account/account.h"
#include "base/id.h"

enum {
	APP_PASSWORDS_MOST = 32, /* of an account */
	APP_NAME_MAX = 32,       /* octets: a-z, 0-9, ".", "_", "-" */
	APP_NETWORKS_MOST = 16,
	APP_NETWORKS_MAX = 800, /* octets of their text */
	APP_SALT_BYTES = 16,
	APP_GROUPS = 4, /* of a password */
	APP_GROUP_CHARS = 5,
	APP_VERIFIERS_MAX = 700, /* octets of both */
};

/* Protocols, by the names that SASL has for them. */
enum app_protocol {
	APP_SMTP = 1,
	APP_POP = 2,
	APP_IMAP = 4,
	APP_SIEVE = 8,
	APP_ALL = 15,
};

struct app_password {
	struct span name;
	struct id id;       /* of this one: what is noted of its use is found by it */
	unsigned protocols; /* enum app_protocol */
	int64_t created_sec, expires_sec; /* wall clock; expires 0: never */
	struct span
	    networks; /* as in settings, a blank between; empty: from anywhere */
	struct span verifiers; /* SCRAM-SHA-256 and SCRAM-SHA-1, a line each */
};

/* All of an account: a row of the table. */
struct app_row {
	uint32_t iterations;
	unsigned char salt[APP_SALT_BYTES];
	size_t n;
	struct app_password all[APP_PASSWORDS_MOST]; /* borrow: the row's bytes */
};

/* app_protocol_of - "smtp", "pop", "imap" or "sieve"; 0: none of them */
unsigned app_protocol_of(struct span name);
/* app_protocols_parse - names with commas between.  E_OK, E_BAD */
MUST_USE int app_protocols_parse(struct span text, unsigned *out);
void app_protocols_put(unsigned protocols, struct buf *out);
bool app_name_is_good(struct span name);
/* app_networks_parse - commas or blanks between.  E_OK (out: blanks), E_BAD, E_LIMIT */
MUST_USE int app_networks_parse(struct span text, struct buf *out);

/* app_password_make - a new one, of which the caller wipes the text */
void app_password_make(struct buf *out);
/*
 * app_password_read - what somebody typed, in the one form: any case, blanks and "-" anywhere.
 * E_OK, E_BAD (it cannot be one)
 */
MUST_USE int app_password_read(struct span typed, struct buf *out);

/* app_is_usable - for this protocol, from this address (text), at this time */
bool app_is_usable(const struct app_password *, unsigned protocol, const char *client,
    int64_t now_sec);

void app_row_put(struct buf *, const struct app_row *);
/* E_OK, E_BAD */
MUST_USE int app_row_get(struct span row, struct app_row *out);

/*
 * account_apps - for who may read secrets.  E_OK (the row, for app_row_get; secret), E_BAD (none),
 * E_IO
 */
MUST_USE int account_apps(struct accounts *, struct span address, struct buf *row);
/*
 * account_app_add - one more; its id, time of creation and verifiers are made here.
 *   returns  E_OK, E_BAD (the name is taken), E_LIMIT (too many), or as account_put
 */
MUST_USE int account_app_add(struct accounts_writer *, struct span address,
    const struct app_password *, struct span password);
/* account_app_remove - E_OK, E_BAD (there is none of that name), or as account_put */
MUST_USE int account_app_remove(
    struct accounts_writer *, struct span address, struct span name);

#endif
