/* SPDX-License-Identifier: ISC */
/*
 * txt.h - TXT records that are fields behind a version, "v=STSv1; id=20160831085700Z;": RFC 8461
 * 3.1, RFC 8460 3; pure.
 */
#ifndef NET_TXT_H
#define NET_TXT_H

#include "net/dns.h"

/*
 * txt_fields - of these records the one of that version, "v=STSv1"; those of no or another version
 * are not ours.
 *   out      borrow: the record, what stands behind the first ";"
 *   returns  E_OK, E_BAD (none, or several)
 */
MUST_USE int txt_fields(
    const struct dns_record *, size_t n, const char *version, struct span *out);
/*
 * txt_field_next - one field; a ";" may stand behind the last.  E_OK (in is behind it), E_MORE
 * (there is none), E_BAD
 */
MUST_USE int txt_field_next(struct span *in, struct span *name, struct span *value);
bool txt_is_name(struct span); /* of a field: sts-ext-name, RFC 8461 3.1 */

#endif
