/* SPDX-License-Identifier: ISC */
/*
 * parse.h - what stands in a command: RFC 9051 9.  Pure: text is the whole command behind its verb,
 * with literals in it as "{n}\r\n" and n octets, without the last CRLF.  E_OK consumes; E_BAD
 * leaves *p as it was, and the first failure puts what was expected into p->expected (for the BAD).
 * Everything given out borrows from the text, or from the arena.
 */
#ifndef IMAPD_PARSE_H
#define IMAPD_PARSE_H

#include "base/arena.h"
#include "store/numset.h"
#include "store/store.h"

enum {
	PARSE_SETS_MOST = 65536, /* ranges of one sequence set */
	PARSE_FLAGS_MOST = 64,
};

struct parse {
	struct span in;       /* borrow: not read yet */
	struct arena *arena;  /* borrow: what had to be unescaped */
	const char *expected; /* borrow: static text of the first failure; NULL: none */
	bool is_utf8; /* UTF8=ACCEPT or rev2: quoted strings and names may be UTF-8 */
};

/* parse_fail - E_BAD, back to from; the first failure names what was expected */
MUST_USE int parse_fail(struct parse *, struct span from, const char *expected);
bool parse_is_at_end(const struct parse *);
MUST_USE int parse_end(struct parse *); /* nothing may follow */
MUST_USE int parse_sp(struct parse *);  /* one SP */
bool parse_ch(struct parse *, char);    /* takes it if it is there */
bool parse_peek(const struct parse *, char);
/* a keyword in any case, ended by SP ( ) [ ] or the end: takes it */
bool parse_word(struct parse *, const char *word);
MUST_USE int parse_atom(struct parse *, struct span *out);
/* atom, quoted, literal; resp-specials allowed: ASTRING-CHAR */
MUST_USE int parse_astring(struct parse *, struct span *out);
/* quoted or literal; ~{n} literal8 too */
MUST_USE int parse_string(struct parse *, struct span *out);
MUST_USE int parse_nstring(struct parse *, struct span *out, bool *is_nil);
MUST_USE int parse_number(struct parse *, uint32_t *out);
MUST_USE int parse_number64(struct parse *, uint64_t *out); /* up to 2^63 - 1 */
/*
 * parse_mailbox - a mailbox name as UTF-8: modified UTF-7 unless is_utf8; "INBOX" in any case
 * becomes INBOX.  E_BAD: not a legal encoding
 */
MUST_USE int parse_mailbox(struct parse *, struct span *out);
/* with % and *; as UTF-8 */
MUST_USE int parse_list_mailbox(struct parse *, struct span *out);
MUST_USE int parse_tag(struct parse *, struct span *out);
/*
 * parse_literal_at_end - a line (without its CRLF) ends in "{n}" or "{n+}": more of the command
 * follows (RFC 9051 4.3).  *n is UINT64_MAX when it does not fit
 */
bool parse_literal_at_end(struct span line, uint64_t *n, bool *is_plus);

/* A sequence set before the mailbox is known: '*' is SEQ_STAR; "$" is is_saved alone. */
#define SEQ_STAR UINT32_MAX

struct seqset {
	bool is_saved; /* "$": RFC 5182 */
	size_t n;
	/* borrow: arena; as written: from may be above to, either may be SEQ_STAR */
	struct num_range *ranges;
};

MUST_USE int parse_seqset(struct parse *, struct seqset *out);

struct flag_list {
	uint32_t flags; /* enum store_flag */
	size_t n_keywords;
	struct span keywords[PARSE_FLAGS_MOST];
};

/* parenthesised; \Recent is E_BAD */
MUST_USE int parse_flag_list(struct parse *, struct flag_list *out);
MUST_USE int parse_flags(struct parse *, struct flag_list *out); /* also bare: STORE */
MUST_USE int parse_id(struct parse *); /* NIL or the list of ID: RFC 2971; forgotten */
MUST_USE int parse_date_time(struct parse *, int64_t *out_sec); /* quoted, APPEND */
/* SEARCH: day number since 1970-01-01, as in the text: no zone */
MUST_USE int parse_date(struct parse *, int32_t *out_day);

#endif
