/* SPDX-License-Identifier: ISC */
/* drop.h - a maildrop: the snapshot of INBOX that a session works on, and what it marked. */
#ifndef POP3D_DROP_H
#define POP3D_DROP_H

#include "store/store.h"

struct drop {
	struct store *store;          /* borrow: the process's */
	struct store_view view;       /* own */
	struct store_record *records; /* own: the messages, numbered from 1 */
	size_t n;
	bool *is_deleted;   /* own: one per message */
	bool *is_retrieved; /* own */
	size_t n_left;      /* not marked */
	uint64_t bytes_left;
	int32_t keep_days; /* the account's policy */
};

/* drop_open - E_OK, E_IO */
MUST_USE int drop_open(struct store *, int32_t keep_days, struct drop *out);
void drop_close(struct drop *);
/* drop_message - number as the client says it (from 1); NULL: no such message, or it is marked */
const struct store_record *drop_message(const struct drop *, uint64_t number);
/* drop_is_gone - another session removed it meanwhile */
bool drop_is_gone(const struct drop *, const struct store_record *);
void drop_delete(struct drop *, uint64_t number);
void drop_retrieved(struct drop *, uint64_t number);
void drop_reset(struct drop *); /* RSET */
/*
 * drop_update - the UPDATE state: what is marked goes, and what the policy removes.  Durable at
 * E_OK
 */
MUST_USE int drop_update(struct drop *, size_t *n_removed);

#endif
