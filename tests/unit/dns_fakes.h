/* SPDX-License-Identifier: ISC */
/* dns_fakes.h - zones in a table, for checks that are pure functions over struct lookups. */
#ifndef TESTS_DNS_FAKES_H
#define TESTS_DNS_FAKES_H

#include "net/lookups.h"

struct fake_record {
	struct span name; /* borrow, as is data; any octets, any case */
	const char *type; /* "A", "AAAA", "MX", "TXT", "PTR", "CNAME", "TIMEOUT" */
	struct span data; /* as text; of TXT: the octets */
};

/* a row of literals */
#define FAKE(name, type, data)                                                         \
	{                                                                              \
		{(name), sizeof(name) - 1}, type,                                      \
		{                                                                      \
			(data), sizeof(data) - 1                                       \
		}                                                                      \
	}

struct fake_zones {
	const struct fake_record *all; /* borrow */
	size_t n;
	size_t n_asked; /* questions that were answered */
};

/*
 * fake_answer - answers all that is wanted, in the lookups' arena.  A name without any record is
 *   DNS_NO_NAME; of one with TIMEOUT, what has no record is DNS_TEMP.  false: nothing was wanted
 */
bool fake_answer(struct fake_zones *, struct lookups *);

#endif
