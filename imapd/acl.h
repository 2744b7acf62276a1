/* SPDX-License-Identifier: ISC */
/* acl.h - rights that are told: of MYRIGHTS, and of LIST's RETURN (MYRIGHTS) (RFC 8440). */
#ifndef IMAPD_ACL_H
#define IMAPD_ACL_H

#include "imapd/command.h"

enum { ACCOUNT_DOMAIN_MAX = 255 /* octets that an identifier without one gets */ };

/* "* MYRIGHTS name lrs" */
void my_rights_put(struct session *, const struct store_mailbox *);

#endif
