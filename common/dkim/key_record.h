/* SPDX-License-Identifier: ISC */
/* key_record.h - a public key in a TXT record, RFC 6376 3.6.1, RFC 8463 4.2; pure. */
#ifndef DKIM_KEY_RECORD_H
#define DKIM_KEY_RECORD_H

#include "dkim/tag.h"

enum key_kind { KEY_KIND_RSA, KEY_KIND_ED25519, KEY_KIND_UNKNOWN };

struct key_record {
	enum key_kind kind; /* k= */
	struct span
	    key; /* p=, base64 with its blanks; empty: revoked; borrow: the record */
	bool has_sha256;      /* h= is absent or has it */
	bool is_for_mail;     /* s= is absent or has "email" or "*" */
	bool is_testing;      /* t=y */
	bool is_without_subs; /* t=s: i= is no subdomain of d= */
};

/* key_record_parse - E_OK, E_BAD (syntax, another version, no p=) */
MUST_USE int key_record_parse(struct span record, struct key_record *out);
/*
 * key_record_name - where it is: "SELECTOR._domainkey.DOMAIN", in A-labels (RFC 8616 4).
 *   E_OK, E_BAD (no name)
 */
MUST_USE int key_record_name(struct span selector, struct span domain, struct buf *out);

#endif
