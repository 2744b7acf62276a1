/* SPDX-License-Identifier: ISC */
/*
 * psl.h - where one owner's names end: the Public Suffix List (publicsuffix.org), for RFC 7489 3.2.
 * The one door to libpsl.
 */
#ifndef SMTPD_POLICY_PSL_H
#define SMTPD_POLICY_PSL_H

#include "base/span.h"

/*
 * psl_prepare - once, before a jail; who is forked after it has it, too: the newer of what is built into libpsl and of
 *   what Debian's package publicsuffix brings.  E_OK, E_IO (neither is there; logged: then each name
 *   is an organisation's)
 */
MUST_USE int psl_prepare(void);
void psl_done(void);
/*
 * psl_organisation - the organisational domain of a name (RFC 7489 3.2): the public suffix and one
 *   label more; a public suffix itself is its own.  Never blocks.
 *   domain   A-labels, any case, a last dot is fine; what is no name (dns_name_ok) is its own
 *   returns  borrow: the end of domain, without a last dot
 */
struct span psl_organisation(struct span domain);

#endif
