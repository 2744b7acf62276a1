/* SPDX-License-Identifier: ISC */
/*
 * search_test.h - the keys of a search made ready for one mailbox, cheap ones first; and one
 * message put to them.
 */
#ifndef IMAPD_SEARCH_TEST_H
#define IMAPD_SEARCH_TEST_H

#include "imapd/fuzzy.h"
#include "imapd/message.h"
#include "imapd/search_parse.h"
#include "imapd/search_slices.h"
#include "imapd/session.h"
#include "mime/signature.h"

/* What it takes to answer. */
enum search_cost {
	COST_RECORD,
	COST_ITEM,   /* the cache item */
	COST_FIELDS, /* fields of it that are still to be decoded */
	COST_FILE,
	COSTS,
};

struct search_test {
	enum search_what what;
	bool is_not;
	enum search_cost cost;
	/* borrow: the arena; as in struct search_key, sorted by cost */
	struct search_test *kids, *next;
	uint32_t flags;
	uint64_t number;    /* also the bit of a keyword */
	int64_t from, to;   /* both inside: seconds; of SEARCH_SENT days */
	struct numset seqs; /* own */
	size_t range;       /* the range of seqs that was asked for last */
	struct file_id id;
	struct span field, text; /* borrow: the key */
	/* SEARCH_FIELD: where struct mime_cache has it folded; 0: it has not */
	size_t searched_at;
	cache_names names; /* of it, where items know it; 0: they do not */
	bool is_fuzzy;     /* or one of its kids */
	uint8_t score;     /* of the message, where it is fuzzy and matched; 0: none */
	struct fuzzy
	    *fuzzy; /* of the text; NULL: it is no fuzzy one; borrow: the arena */
	/* of the text, where a file would be looked through for it; NULL; borrow: the arena */
	const struct signature_probe *probe;
	struct search_may may; /* own: of it, where signatures were turned */
};

/* A search at work. */
struct search_tests {
	struct session *session;  /* borrow */
	struct search_test *root; /* borrow: the session's arena */
	int64_t now_sec;
	size_t n;       /* tests */
	bool has_fuzzy; /* each that is found has a score */
	/* of the message that is put to them */
	uint32_t seq;
	const struct store_record *record; /* borrow: the view */
	struct message message;
	bool is_message_set;
	bool is_lost;   /* its file is gone, and was needed */
	unsigned score; /* of one that matched: RFC 6203 4 */
	struct search_slices slices;
	/* messages whose signatures were looked at, can be turned and are in no slices */
	uint32_t n_signatures;
	bool is_counted;     /* the one that is put to them, in n_signatures */
	uint64_t file_bytes; /* octets of it that were looked through */
	struct text_scratch scratch;
	struct buf fields; /* what was put together of it */
	struct buf folded; /* of a fuzzy search */
};

/* search_tests_init - E_OK, E_LIMIT (the arena is full).  search_tests_done in any case */
MUST_USE int search_tests_init(
    struct search_tests *, struct session *, const struct search *);
void search_tests_done(struct search_tests *);
/* search_tests_match - is message seq found?  t->file_bytes is what it took. */
bool search_tests_match(struct search_tests *, uint32_t seq);

#endif
