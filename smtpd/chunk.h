/* SPDX-License-Identifier: ISC */
/* chunk.h - a message that comes in pieces: of BDAT (RFC 3030) and BURL (RFC 4468). */
#ifndef SMTPD_CHUNK_H
#define SMTPD_CHUNK_H

#include "smtpd/session.h"

/* chunk_begin - before any octet; bytes: of this one.  R_NONE, or why it cannot be taken */
enum reply chunk_begin(struct session *, uint64_t bytes, bool is_last);
void chunk_keep(struct session *, struct span piece);
/*
 * chunk_end - the piece is over.
 *   r        R_NONE, or why it is refused; then there is no transaction any more, so that the
 *            chunks still to come are refused as well
 */
enum reply chunk_end(struct session *, enum reply r, uint64_t bytes, bool is_last);

#endif
