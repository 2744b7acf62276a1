/* SPDX-License-Identifier: ISC */
/*
 * asker.h - a table of asks under a fuzzer: its input is asks, one after another, as one who asks
 * sends them.
 */
#ifndef TESTS_FUZZ_ASKER_H
#define TESTS_FUZZ_ASKER_H

#include "proc/child.h"

enum { ASKER_ASKS_MOST = 6 };

/* What is known of the table beside its rows. */
struct asker_fuzz {
	const struct ask_table *table;
	void *ctx; /* borrow: of the asker */
	/* looks at an answer; may be NULL */
	void (*answered)(uint16_t type, struct rd *body);
	uint16_t first_type; /* added to the types of the input */
	bool has_fd;         /* a descriptor comes with each ask */
};

/*
 * asker_fuzz_run - u8 type, u16 length, body; up to ASKER_ASKS_MOST of them, or until the asker is
 * ended
 */
void asker_fuzz_run(const struct asker_fuzz *, struct span in);

#endif
