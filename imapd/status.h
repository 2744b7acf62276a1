/* SPDX-License-Identifier: ISC */
/* status.h - STATUS items: of the command, and of LIST's RETURN (STATUS ...). */
#ifndef IMAPD_STATUS_H
#define IMAPD_STATUS_H

#include "imapd/command.h"

/* Items that NOTIFY says, too. */
enum status_item {
	STATUS_MESSAGES = 1 << 0,
	STATUS_UIDNEXT = 1 << 1,
	STATUS_UIDVALIDITY = 1 << 2,
	STATUS_UNSEEN = 1 << 3,
	STATUS_HIGHESTMODSEQ = 1 << 7,
};

/* parse_status_items - "(MESSAGES UIDNEXT)": bits for status_put.  E_OK, E_BAD */
MUST_USE int parse_status_items(struct parse *, unsigned *out);
/* status_items_begin - what asking for them has as a consequence (CONDSTORE) */
void status_items_begin(struct session *, unsigned items);
/* "* STATUS name (...)" */
void status_put(struct session *, const struct store_mailbox *, unsigned items);

#endif
