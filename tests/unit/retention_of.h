/* SPDX-License-Identifier: ISC */
/* retention_of.h - rules of retention, for tests: of a configuration that is nothing but them. */
#ifndef TEST_RETENTION_OF_H
#define TEST_RETENTION_OF_H

#include "store/retention.h"

struct retention_of {
	struct conf *conf;       /* own */
	struct retention *rules; /* own */
};

/* retention_of - items: "\"older=2d remove\", ..." as in the file; fails the test when they are wrong */
struct retention_of retention_of(const char *items, const char *address);
void retention_of_free(struct retention_of *);

#endif
