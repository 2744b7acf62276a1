/* SPDX-License-Identifier: ISC */
/* crowd.h - how many connections there are: from each address (an IPv6 one by its /64), and in all. */
#ifndef LOGIN_CROWD_H
#define LOGIN_CROWD_H

#include <sys/socket.h>

#include "base/base.h"

enum { CROWD_BUCKETS = 1024, CROWD_KEY_BYTES = 9 };

struct crowd_key {
	unsigned char
	    b[CROWD_KEY_BYTES]; /* family, then 4 bytes of IPv4 or 8 of IPv6 */
};

struct crowd_entry {
	struct crowd_entry *next; /* own */
	struct crowd_key key;
	uint32_t n;
};

struct crowd {
	struct crowd_entry *buckets[CROWD_BUCKETS]; /* own */
	uint32_t n, most, most_each;
	uint32_t seed; /* random, so that nobody can choose addresses of one bucket */
};

/* crowd_key_of - an IPv4-mapped address counts as the IPv4 one */
struct crowd_key crowd_key_of(const struct sockaddr *);
void crowd_init(struct crowd *, uint32_t most, uint32_t most_each);
/* crowd_enter - E_OK, E_LIMIT (too many in all), E_DENY (too many from there); only E_OK counts it */
MUST_USE int crowd_enter(struct crowd *, struct crowd_key);
void crowd_leave(struct crowd *, struct crowd_key);

#endif
