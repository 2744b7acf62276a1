/* SPDX-License-Identifier: ISC */
/*
 * domain.h - which domains are ours.  A domain is the same in any case, and in U-labels and
 * A-labels (RFC 5890 2.3.2.1); what the settings spell is the name that accounts and aliases have.
 */
#ifndef CONF_DOMAIN_H
#define CONF_DOMAIN_H

#include "base/buf.h"

struct conf;

bool domain_same(struct span a, struct span b);
/* domain_of_ours - as the setting domains spells it; empty: it is none of these */
struct span domain_of_ours(const struct conf *, struct span domain);
/*
 * domain_of_rewriting - srs_domain, or else the first of domains: whose name what goes on to others
 * bears.  borrow: conf; empty where there is none
 */
const char *domain_of_rewriting(const struct conf *);
/* domain_pair - the right side of "domain=value" in a list of section common */
bool domain_pair(
    const struct conf *, const char *setting, struct span domain, struct span *value);
/*
 * domain_address_put - an address as the table of accounts has it: in lower case, its domain, where
 * that is ours, as the settings spell it
 */
void domain_address_put(const struct conf *, struct span address, struct buf *out);

#endif
