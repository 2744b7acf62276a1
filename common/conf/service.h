/* SPDX-License-Identifier: ISC */
/*
 * service.h - an item of the settings milters and policy_services: who is asked about mail.
 *   WHERE [default=WHAT] [timeout=TIME] [at=STAGES] [name=NAME]
 *   WHERE   inet:ADDRESS:PORT, an IPv4 address or an IPv6 one in []; unix:/PATH
 *   WHAT    is done with mail when it cannot be asked: accept, tempfail, reject; without it what
 *           the setting service_default says
 *   TIME    for each of its answers; without it what the settings say
 *   STAGES  of a policy service, when it is asked: rcpt (the default), data, end, with "+" between
 *   NAME    of a milter: what it is told as {daemon_name}
 */
#ifndef CONF_SERVICE_H
#define CONF_SERVICE_H

#include "base/span.h"

struct conf;

enum {
	SERVICE_PATH_MAX = 100,
	SERVICE_NAME_MAX = 64,
	SERVICE_TIME_MAX_SEC = 3600,
	SERVICES_MAX = 16, /* of all four settings together */
};

enum service_kind { SERVICE_INET4, SERVICE_INET6, SERVICE_UNIX };

enum service_default {
	SERVICE_AS_SET, /* the item does not say */
	SERVICE_ACCEPT,
	SERVICE_TEMPFAIL,
	SERVICE_REJECT
};

enum service_stage { SERVICE_AT_RCPT = 1, SERVICE_AT_DATA = 2, SERVICE_AT_END = 4 };

struct service {
	struct span where;         /* "inet:127.0.0.1:8891": what names it */
	uint8_t kind;              /* enum service_kind */
	struct span path;          /* SERVICE_UNIX */
	unsigned char address[16]; /* 4 or 16 bytes in network order */
	uint16_t port;
	uint8_t fallback;     /* enum service_default */
	uint8_t stages;       /* bits of enum service_stage; 0: the item does not say */
	uint32_t timeout_sec; /* 0: the item does not say */
	struct span name;     /* empty: the item does not say */
};

/* service_parse - spans borrow from text.  E_OK, E_BAD.  Never blocks or allocates */
MUST_USE int service_parse(struct span text, struct service *out);
/* service_default_parse - "accept", "tempfail", "reject".  E_OK, E_BAD */
MUST_USE int service_default_parse(struct span text, uint8_t *out);
/* service_count - of all four settings; service_at - the i-th of them */
size_t service_count(const struct conf *);
MUST_USE int service_at(const struct conf *, size_t i, struct service *out);
/* service_find - the one of that name.  E_OK, E_DENY (the settings have none) */
MUST_USE int service_find(const struct conf *, struct span where, struct service *out);

#endif
