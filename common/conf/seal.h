/* SPDX-License-Identifier: ISC */
/* seal.h - the settings of ARC that more than one daemon goes by: whose keys seal, and who we are. */
#ifndef CONF_SEAL_H
#define CONF_SEAL_H

struct conf;

/*
 * seal_domain - whose keys seal what goes on to others: the domain that its reverse-path gets where
 * srs is on;
 * empty: nobody's.  borrow: conf, as below
 */
const char *seal_domain(const struct conf *);
/* authserv_id - our name in Authentication-Results, RFC 8601 2.5 */
const char *authserv_id(const struct conf *);

#endif
