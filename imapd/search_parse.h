/* SPDX-License-Identifier: ISC */
/*
 * search_parse.h - what SEARCH, SORT and THREAD look for: the tree of keys, RFC 9051 6.4.4 and RFC
 * 3501 6.4.4, with RFC 4731, 5182, 5267 and 9394 (RETURN), 5032 (OLDER, YOUNGER), 7162 (MODSEQ), 8474 (EMAILID,
 * THREADID), 8514 (SAVEDON and the like) and 6203 (FUZZY).  Pure.  The texts to look for are folded here, once
 * (casemap.h).
 */
#ifndef IMAPD_SEARCH_PARSE_H
#define IMAPD_SEARCH_PARSE_H

#include "imapd/fetch_att.h"

enum {
	/* keys in each other: NOT, parentheses, the first key of an OR */
	SEARCH_DEPTH_MAX = 200,
	SEARCH_KEYS_MAX = 10000,
};

/* RETURN (...).  Given without any: RETURN_ALL. */
enum search_return {
	RETURN_MIN = 1,
	RETURN_MAX = 2,
	RETURN_ALL = 4,
	RETURN_COUNT = 8,
	RETURN_SAVE = 16,
	RETURN_PARTIAL = 32,    /* RFC 9394; not beside RETURN_ALL */
	RETURN_UPDATE = 64,     /* RFC 5267 4.3 */
	RETURN_CONTEXT = 128,   /* RFC 5267 4.2: a hint, nothing is done about it */
	RETURN_RELEVANCY = 256, /* RFC 6203 4: has_fuzzy, too */
};

enum search_what {
	/* answered by the record */
	SEARCH_ALL,
	SEARCH_NOTHING, /* an EMAILID that is none of ours */
	SEARCH_FLAGS,   /* flags: all of them are set */
	SEARCH_KEYWORD, /* text: name of the keyword, in any case */
	SEARCH_RECENT,
	SEARCH_NUMBERS, /* set: message numbers */
	SEARCH_UIDS,    /* set */
	SEARCH_ARRIVED, /* INTERNALDATE's day is from .. to */
	SEARCH_SAVED,   /* SAVEDATE's day is from .. to */
	SEARCH_OLDER,   /* number: seconds */
	SEARCH_YOUNGER,
	SEARCH_LARGER, /* number: octets */
	SEARCH_SMALLER,
	SEARCH_MODSEQ,   /* number */
	SEARCH_EMAILID,  /* text: as the client gave it */
	SEARCH_THREADID, /* the same */
	/* answered by the cache item */
	SEARCH_SENT,  /* the Date field's day is from .. to */
	SEARCH_FIELD, /* field, text: folded; empty: there is such a field */
	/* answered by the file */
	SEARCH_BODY, /* text: folded */
	SEARCH_TEXT,
	/* answered by their kids */
	SEARCH_AND,
	SEARCH_OR,
};

struct search_key {
	enum search_what what;
	bool is_not; /* the other messages */
	/* about so (RFC 6203): texts, days and sizes; not of what is looked for with NOT */
	bool is_fuzzy;
	uint32_t flags; /* enum store_flag */
	uint64_t number;
	int64_t from_day, to_day; /* both inside, days since 1970-01-01 */
	struct seqset set;
	struct span field, text; /* borrow: the command, or the arena */
	struct search_key *kids; /* borrow: the arena; the first */
	struct search_key *next; /* borrow: the arena; the next of the same parent */
};

struct search {
	bool has_return;
	unsigned returns;       /* enum search_return; 0 where there is no RETURN */
	struct partial partial; /* of RETURN_PARTIAL */
	/* of RETURN_UPDATE: what is said of a new message, RFC 5465 7 */
	bool has_update_atts;
	struct fetch_atts update_atts;
	bool has_numbers; /* message numbers are among the keys */
	bool has_charset;
	bool has_modseq;         /* MODSEQ is among the keys: RFC 7162 3.1.5 */
	bool has_fuzzy;          /* FUZZY is */
	struct search_key *root; /* borrow: the arena */
};

/*
 * search_parse - ["RETURN (...) "] ["CHARSET x "] keys, up to the end.
 *   returns  E_OK, E_BAD (syntax, or past a limit), E_DENY (a charset other than US-ASCII and
 *            UTF-8)
 *   out      has_return and returns are there at E_DENY too
 */
MUST_USE int search_parse(struct parse *, struct search *out);
/*
 * search_parse_return - the RETURN alone and its SP, where there is one: SORT has it before its
 * criteria.  E_OK, E_BAD
 */
MUST_USE int search_parse_return(struct parse *, struct search *out);
/* search_parse_criteria - charset SP keys, up to the end: SORT and THREAD.  As search_parse */
MUST_USE int search_parse_criteria(struct parse *, struct search *out);

#endif
