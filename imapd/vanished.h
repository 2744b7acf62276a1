/* SPDX-License-Identifier: ISC */
/*
 * vanished.h - VANISHED (EARLIER): what went of some UIDs since a mod-sequence.  RFC 7162 3.2.6,
 * 3.2.10.1.
 */
#ifndef IMAPD_VANISHED_H
#define IMAPD_VANISHED_H

#include "imapd/parse.h"
#include "imapd/session.h"

/* of one answer, with EARLIER or without; then another begins */
enum { VANISHED_RANGES_MOST = 2000 };

/*
 * vanished_put - says which of these UIDs went after modseq, or, where the store remembers less,
 * which are not there.  Those of which the client still has a sequence number are not among them:
 * it is told of them without EARLIER.  All are said, in as many answers as that takes.
 *   ranges   from is not above to
 *   returns  E_OK, E_IO (the store, or the client)
 */
MUST_USE int vanished_put(
    struct session *, const struct num_range *ranges, size_t n, uint64_t modseq);

#endif
