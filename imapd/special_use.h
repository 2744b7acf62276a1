/* SPDX-License-Identifier: ISC */
/* special_use.h - what a mailbox may be made for: RFC 6154 2, RFC 8457. */
#ifndef IMAPD_SPECIAL_USE_H
#define IMAPD_SPECIAL_USE_H

#include "base/span.h"

/* special_use_of - ours ("\\Sent") of a name without its backslash; NULL: it cannot be had */
const char *special_use_of(struct span name);

#endif
