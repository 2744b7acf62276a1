/* SPDX-License-Identifier: ISC */
/* answers.h - answers of the DNS made of a fuzzer's input: a line each, in the order of the questions. */
#ifndef TESTS_FUZZ_ANSWERS_H
#define TESTS_FUZZ_ANSWERS_H

#include "net/lookups.h"

struct answers {
	struct span in; /* borrow: what is left of the input */
	unsigned n_asked;
};

struct span answers_line(struct answers *);
/*
 * answers_give - answers all that is wanted: "?" is DNS_TEMP, "" DNS_NO_NAME; else records parted by
 *   "|", of A and AAAA their last octets behind 192.0.2 and 2001:db8::.  false: nothing was wanted
 */
bool answers_give(struct answers *, struct lookups *);

#endif
