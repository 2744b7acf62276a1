/* SPDX-License-Identifier: ISC */
/*
 * sort.h - messages in an order that a client chose: RFC 5256 3, SORT; RFC 5957, DISPLAYFROM and
 * DISPLAYTO.  Pure.
 */
#ifndef IMAPD_SORT_H
#define IMAPD_SORT_H

#include "imapd/parse.h"

enum sort_by {
	SORT_ARRIVAL, /* INTERNALDATE */
	SORT_CC,
	SORT_DATE, /* the Date field in UTC; without one INTERNALDATE (RFC 5256 2.2) */
	SORT_DISPLAYFROM,
	SORT_DISPLAYTO,
	SORT_FROM,
	SORT_RELEVANCY, /* the highest score first: RFC 6203 6 */
	SORT_SIZE,
	SORT_SUBJECT, /* base subject */
	SORT_TO,
	SORT_BYS,
};

struct sort_key {
	enum sort_by by;
	bool is_reverse;
};

/* The first key that differs decides; where none does, the order the messages were given in. */
struct sort_order {
	/* each at most once: a second time it can decide nothing */
	struct sort_key keys[SORT_BYS];
	size_t n;
};

/* sort_parse - "(REVERSE DATE SUBJECT)".  E_OK, E_BAD */
MUST_USE int sort_parse(struct parse *, struct sort_order *out);
/* ARRIVAL, SIZE and RELEVANCY only: needs nothing but records, and scores */
bool sort_by_record(const struct sort_order *);
bool sort_has(const struct sort_order *, enum sort_by);

/* What one message has for one key: a number, or octets. */
struct sort_value {
	uint64_t head;    /* compared first; for octets the first 8 of them */
	struct span text; /* borrow: until the sorter is done; empty for a number */
};

struct sort_value sort_number(int64_t);
struct sort_value sort_text(struct span folded);

struct sorter {
	struct sort_order order;
	struct sort_value *values; /* own; order.n a message */
	size_t n;                  /* messages */
};

void sorter_init(struct sorter *, const struct sort_order *, size_t n);
/* sorter_row - the values of message i, one a key, to be set */
struct sort_value *sorter_row(struct sorter *, size_t i);
/* sorter_run - out[k] becomes the index of the message at place k; out has room for n */
void sorter_run(struct sorter *, uint32_t *out);
void sorter_done(struct sorter *);

#endif
