/* SPDX-License-Identifier: ISC */
/*
 * annotations.h - rows of the table "annotations": what is noted about a mailbox (0: the account)
 * beside its messages.  The key is (mailbox, kind, who, NUL, name), so that all of a mailbox, and
 * all of a kind of it, stand together.
 */
#ifndef STORE_ANNOTATIONS_H
#define STORE_ANNOTATIONS_H

#include "store/metadata.h"
#include "store/tables.h"

enum {
	ANNOTATION_WHO_MAX = 320, /* octets: an address */
	ANNOTATION_VALUE_MAX = METADATA_VALUE_MAX,
};

enum annotation_kind {
	ANNOTATION_METADATA = 'm', /* RFC 5464: name is the entry's, in lower case */
	/* the mailbox access key of URLs, RFC 4467: without a name */
	ANNOTATION_URL_KEY = 'u',
	ANNOTATION_RIGHTS = 'r', /* RFC 4314: who is the identifier, value its rights */
	/* who is a guest, value u64 modseq of the last change and the uids that he has seen */
	ANNOTATION_SEEN = 's',
};

static inline bool
annotation_is_kind(char c)
{
	return c == ANNOTATION_METADATA || c == ANNOTATION_URL_KEY ||
	       c == ANNOTATION_RIGHTS || c == ANNOTATION_SEEN;
}

struct annotation {
	uint32_t mailbox;
	enum annotation_kind kind;
	struct span who;   /* borrow; whose it is; "": of all, or of the account */
	struct span name;  /* borrow */
	struct span value; /* borrow */
};

MUST_USE int annotation_put(
    struct tables *, struct db_txn *, const struct annotation *);
/* annotation_get - its value, into out.  E_OK, E_BAD (there is none), E_IO, E_LIMIT */
MUST_USE int annotation_get(
    struct tables *, struct db_txn *, const struct annotation *, struct buf *out);
/* also when there is none */
MUST_USE int annotation_remove(
    struct tables *, struct db_txn *, const struct annotation *);
/*
 * annotation_each - of a mailbox, of that kind (0: of all), in order.  E_OK, E_IO, or what fn
 * returned.  fn changes no rows
 */
MUST_USE int annotation_each(struct tables *, uint32_t mailbox, enum annotation_kind,
    int (*fn)(void *ctx, const struct annotation *), void *ctx);
/* annotation_every - of all mailboxes */
MUST_USE int annotation_every(
    struct tables *, int (*fn)(void *ctx, const struct annotation *), void *ctx);

/* What a look at all rows found. */
struct annotations_found {
	uint32_t rows;
	uint32_t bad;   /* not as we write them, or of no mailbox */
	uint64_t bytes; /* of the others, without what guests have seen */
};

MUST_USE int annotations_check(
    struct tables *, bool (*is_mailbox)(uint32_t id), struct annotations_found *out);

/* What rows come to. */
struct annotation_sum {
	uint64_t bytes;      /* annotation_bytes; without what guests have seen */
	uint64_t seen_bytes; /* of that */
	uint64_t rights;     /* rows that give or take rights */
};

void annotation_count(struct annotation_sum *, const struct annotation *, int by);
/* annotations_remove - all of a mailbox; less in sum */
MUST_USE int annotations_remove(
    struct tables *, struct db_txn *, uint32_t mailbox, struct annotation_sum *);
/* annotations_copy - those of a kind to another mailbox that has none; more in sum */
MUST_USE int annotations_copy(struct tables *, struct db_txn *, enum annotation_kind,
    uint32_t from, uint32_t to, struct annotation_sum *);
/* annotation_bytes - what it counts for: METADATA_ACCOUNT_MAX */
uint64_t annotation_bytes(const struct annotation *);

#endif
