/* SPDX-License-Identifier: ISC */
/*
 * capability.h - what CAPABILITY lists, before the login and after it, true to the configuration.
 */
#ifndef IMAPD_CAPABILITY_H
#define IMAPD_CAPABILITY_H

#include "base/buf.h"

/*
 * capability_put_before - "CAPABILITY IMAP4rev1 ..." of the not authenticated state; mechanisms:
 * "SCRAM-SHA-256 PLAIN"
 */
void capability_put_before(
    struct buf *out, bool may_starttls, bool may_show, struct span mechanisms);
/*
 * capability_put_after - of the states after it; message_size_most is the APPENDLIMIT (RFC 7889),
 * may_compress: it is not compressed yet (RFC 4978)
 */
void capability_put_after(
    struct buf *out, uint64_t message_size_most, bool may_compress);
/* capability_put_limits - behind it: MESSAGELIMIT or SAVELIMIT (RFC 9738); 0: none */
void capability_put_limits(
    struct buf *out, uint32_t messages_most, uint32_t saves_most);
/* id_put - the answer to ID: RFC 2971 */
void id_put(struct buf *out);

#endif
