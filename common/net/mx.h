/* SPDX-License-Identifier: ISC */
/* mx.h - where mail for a domain goes, and in which order: RFC 5321 5.1, RFC 7505; pure. */
#ifndef NET_MX_H
#define NET_MX_H

#include "net/dns.h"

/* hosts that are tried; those of the highest numbers are left out */
enum { MX_HOSTS_MAX = 20 };

enum mx_verdict {
	MX_HOSTS,   /* at least one host */
	MX_NULL,    /* the domain takes no mail (RFC 7505): 556 5.1.10 */
	MX_NO_NAME, /* there is no such domain: 550 5.1.2 */
	MX_BAD,     /* it has MX records, and none is usable: 550 5.4.4 */
	MX_TEMP,    /* the DNS did not say: later */
	MX_LOOP,    /* the best of them is this host (mx_drop_self): 554 5.4.6 */
};

struct mx_host {
	struct span name; /* borrow: the answer's, or the domain */
	uint16_t preference;
};

struct mx_list {
	struct mx_host hosts[MX_HOSTS_MAX];
	size_t n;
	/* the MX answer was (RFC 7672 2.2.1); an implicit MX: that there are none was */
	bool is_secure;
	bool is_implicit; /* no MX records: the domain itself */
};

/* mx_order - the hosts of an answer for domain, least preference first, equals in random order */
enum mx_verdict mx_order(
    const struct dns_answer *mx, struct span domain, struct mx_list *out);
/* mx_drop_self - without the host named self and all that are not better than it (RFC 5321 5.1).
 * MX_HOSTS, or MX_LOOP: none is left */
enum mx_verdict mx_drop_self(struct mx_list *, struct span self);

#endif
