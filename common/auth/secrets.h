/* SPDX-License-Identifier: ISC */
/*
 * secrets.h - inside the role "auth": two files that an admin may write, read with the monitor's
 * rights at start and at each reload.
 *   auth_plaintext_store    "ADDRESS:PASSWORD" lines, for CRAM-MD5 alone, which cannot do without
 *   client_certificate_map  "FINGERPRINT ADDRESS" lines: whose certificate that is, whatever it says
 */
#ifndef AUTH_SECRETS_H
#define AUTH_SECRETS_H

#include "base/buf.h"

struct conf;

enum { SECRETS_BYTES_MAX = 64 << 20 };

/* secrets_open - E_OK, E_BAD with lines in errors.  Twice is fine */
MUST_USE int secrets_open(const struct conf *, struct buf *errors);
void secrets_close(void);
/* secrets_password - of an address.  E_OK, E_BAD (none).  borrow: until secrets_open */
MUST_USE int secrets_password(struct span address, struct span *out);
/*
 * secrets_owner - whose certificate this is: of the map, else the first address that the certificate
 * says.
 *   certificate  as tls_peer says it
 *   returns      E_OK, E_BAD (nobody's)
 */
MUST_USE int secrets_owner(struct span certificate, struct buf *out);

#endif
