/* SPDX-License-Identifier: ISC */
/*
 * idtable.h - octets to a number, for message ids and subjects: a hash table whose hash nobody can
 * aim at, as those who send mail choose what is in it.
 */
#ifndef IMAPD_IDTABLE_H
#define IMAPD_IDTABLE_H

#include "base/span.h"

#define IDTABLE_NONE UINT32_MAX

struct idtable_row {
	struct span key; /* borrow: until idtable_done */
	uint32_t hash, value;
};

struct idtable {
	struct idtable_row *rows; /* own */
	size_t n, n_rows;         /* n_rows is a power of two */
	uint64_t secret[2];
};

void idtable_init(struct idtable *, size_t n_expected);
void idtable_done(struct idtable *);
/*
 * idtable_at - the value of a key, to be read and set: IDTABLE_NONE where it was not there.
 * borrow: until the next call
 */
uint32_t *idtable_at(struct idtable *, struct span key);

#endif
