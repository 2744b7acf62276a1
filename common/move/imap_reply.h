/* SPDX-License-Identifier: ISC */
/*
 * imap_reply.h - what an IMAP server says: RFC 3501 and RFC 9051, 7 and 9, as a client reads it.
 * Pure.  text is a whole response without its last CRLF, with literals in it as "{n}\r\n" and n
 * octets.  A server is a stranger: what is not as its grammar says is E_BAD, and everything is
 * bounded.  What is given out borrows from text, or from the arena where it had to be unescaped.
 */
#ifndef MOVE_IMAP_REPLY_H
#define MOVE_IMAP_REPLY_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	IMAP_REPLY_KEYWORDS_MAX = 64, /* of a message; more are left out */
	IMAP_REPLY_DEPTH_MAX = 64,    /* of parentheses in what we do not read */
	IMAP_REPLY_ATOM_MAX = 1024,   /* octets of an atom */
};

enum imap_kind { IMAP_DATA, IMAP_STATUS, IMAP_CONTINUE };

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_PREAUTH, IMAP_BYE };

struct imap_reply {
	enum imap_kind kind;
	struct span tag;         /* of a tagged IMAP_STATUS; else empty */
	enum imap_status status; /* IMAP_STATUS */
	struct span code;        /* IMAP_STATUS: between the brackets; empty: none */
	struct span text;        /* IMAP_STATUS, IMAP_CONTINUE: for people */
	bool has_number;
	uint32_t number;  /* IMAP_DATA: "12 FETCH", "3 EXISTS" */
	struct span word; /* IMAP_DATA: "FETCH", "LIST" */
	struct span rest; /* IMAP_DATA: behind the word and a SP */
};

/* E_OK, E_BAD */
MUST_USE int imap_reply_parse(struct span text, struct imap_reply *out);
/*
 * imap_reply_literal - the line (without CRLF) ends in "{n}": a literal follows.  *n UINT64_MAX: it
 * does not fit
 */
bool imap_reply_literal(struct span line, uint64_t *n);
/* imap_code_number - "UIDVALIDITY 123" of a code; false: it is another one, or no number */
bool imap_code_number(struct span code, const char *name, uint32_t *out);
bool imap_code_is(struct span code, const char *name);

/* ---- CAPABILITY: also as a code ---- */
enum imap_capability {
	IMAP_HAS_STARTTLS = 1,
	IMAP_HAS_LOGINDISABLED = 2,
	IMAP_HAS_PLAIN = 4,
	IMAP_HAS_SASL_IR = 8,
	IMAP_HAS_NAMESPACE = 16,
	IMAP_HAS_SPECIAL_USE = 32,
	IMAP_HAS_LITERAL_PLUS = 64,
	IMAP_HAS_LIST_EXTENDED = 128,
};

/* enum imap_capability; unknown words are nothing */
unsigned imap_capabilities(struct span words);

/* ---- LIST, LSUB ---- */
struct imap_list {
	bool is_noselect;        /* \Noselect or \NonExistent */
	bool is_subscribed;      /* RFC 9051 7.3.1 */
	const char *special_use; /* borrow: static, "\\Sent"; "": none */
	char delimiter;          /* 0: NIL */
	struct span name;        /* as it is on the wire */
};

MUST_USE int imap_list_parse(struct span rest, struct arena *, struct imap_list *out);
/*
 * imap_namespace_parse - the first personal one: RFC 2342.  prefix may be empty; delimiter 0: NIL,
 * or there is none
 */
MUST_USE int imap_namespace_parse(
    struct span rest, struct arena *, struct span *prefix, char *delimiter);

/* ---- FLAGS, FETCH ---- */
struct imap_flags {
	uint32_t flags;                                /* enum store_flag */
	struct span keywords[IMAP_REPLY_KEYWORDS_MAX]; /* borrow: text */
	size_t n_keywords;
};

enum imap_fetched {
	IMAP_GOT_UID = 1,
	IMAP_GOT_FLAGS = 2,
	IMAP_GOT_DATE = 4,
	IMAP_GOT_SIZE = 8,
	IMAP_GOT_BODY = 16,
	IMAP_GOT_HEAD = 32
};

struct imap_fetch {
	unsigned got; /* enum imap_fetched */
	uint32_t uid;
	struct imap_flags flags;
	int64_t date_sec;
	uint64_t size_bytes;
	struct span body, head; /* of BODY[] and BODY[HEADER]; p NULL: NIL */
};

MUST_USE int imap_fetch_parse(struct span rest, struct arena *, struct imap_fetch *out);

/* ---- what a client says ---- */
/*
 * imap_quoted_put - a quoted string.  false: it needs a literal (CR, LF, NUL or 8 bits): nothing
 * was put
 */
bool imap_quoted_put(struct buf *, struct span);

#endif
