/* SPDX-License-Identifier: ISC */
/*
 * fetch.h - the process that fetches a text over HTTPS for others of its daemon, or posts one, and
 * how it is asked: small, from and to the addresses that it is told, with a valid certificate for
 * the name, without redirects (RFC 8461 3.3, RFC 8460 3).  libcurl does it; no other process
 * touches that library.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "net/resolver.h"

enum fetch_status {
	/* 200, text/plain, all of it; of a POST: any 2xx; of an ASK: 200, application/json */
	FETCH_OK,
	/* no address, no connection, no TLS, no HTTP, or not in time */
	FETCH_UNREACHABLE,
	/* its certificate is not valid for the name, or of no authority of tls_authorities */
	FETCH_UNTRUSTED,
	/* another HTTP status: http_status; a redirect is not followed */
	FETCH_REFUSED,
	FETCH_NO_TEXT,   /* not text/plain; of an ASK: not application/json */
	FETCH_TOO_LARGE, /* more than FETCH_BODY_MAX */
};

enum {
	/* bytes: with its head it is one message between processes */
	FETCH_BODY_MAX = 60 << 10,
	FETCH_PATH_MAX = 255,
	FETCH_TYPE_MAX = 100,           /* octets of a media type */
	FETCH_AUTHORIZATION_MAX = 1024, /* octets */
	FETCH_ADDRESSES_MAX = 8,        /* more are left out */
	FETCH_WHY_MAX = 200,
	FETCH_TIME_MS = 60000, /* of one fetch, in all */
	FETCH_CONNECT_MS = 15000,
	FETCH_PENDING_MAX = 32, /* of all who ask; more are FETCH_UNREACHABLE at once */
	FETCH_PORT = 443,
};

struct fetch_answer {
	enum fetch_status status;
	uint16_t http_status; /* 0: none came */
	struct span body;     /* in the arena; only with FETCH_OK; of a POST nothing */
	/* in the arena; one line for logs and reports, it may hold outside text */
	struct span why;
};

/* "ok", "unreachable", "untrusted", "refused", "no_text", "too_large" */
const char *fetch_status_name(enum fetch_status);

/*
 * ---- the role: {.name = "fetch", .user = USER_NET, .at_start = 1, .prepare = fetch_prepare, ...}
 * ----
 */

enum fetch_asks {
	/*
	 * str host, str path, u8 n, n x str address -> u8 status, u16 http status, str why, str
	 * body.  One at a time
	 */
	FETCH_GET = 1,
	/*
	 * the same, str media type, str body -> the same, the answer's body empty.  A GET or a POST
	 * at a time
	 */
	FETCH_POST,
	/* a POST with, behind it, str authorization; the answer has a body: JSON */
	FETCH_ASK,
};

struct fetch_question {
	struct span host, path;
	struct span addresses[FETCH_ADDRESSES_MAX]; /* 4 or 16 bytes each */
	size_t n_addresses;
	struct span type, body;    /* of a POST; type empty: it is a GET */
	struct span authorization; /* of an ASK; empty: it is none.  A secret */
};

/* fetch_question_kind - FETCH_GET, FETCH_POST or FETCH_ASK */
enum fetch_asks fetch_question_kind(const struct fetch_question *);
/*
 * fetch_question_add - the addresses of the host, as the resolver found them; of both kinds, where
 * there are both
 */
void fetch_question_add(
    struct fetch_question *, const struct dns_answer *a, const struct dns_answer *aaaa);
void fetch_question_put(struct buf *, const struct fetch_question *);
/* borrows.  E_OK, E_BAD */
MUST_USE int fetch_question_get(
    struct rd *, enum fetch_asks, struct fetch_question *out);
/*
 * fetch_post_path_ok - what may follow the host in a URL that is posted to: visible characters of
 * RFC 3986, no fragment
 */
bool fetch_post_path_ok(struct span path);
void fetch_answer_put(struct buf *, const struct fetch_answer *);
/* E_OK, E_BAD, E_LIMIT (arena full) */
MUST_USE int fetch_answer_get(struct rd *, struct arena *, struct fetch_answer *out);

int fetch_prepare(void);
void fetch_jail(struct jail *);
int fetch_run(void);
const struct ask_table *fetch_table(unsigned kind);

#endif
