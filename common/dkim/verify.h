/* SPDX-License-Identifier: ISC */
/*
 * verify.h - are the signatures of a message good?  RFC 6376 6.1 with RFC 8301, 8463, 8616; words
 * for it as RFC 8601 2.7.1 has them.  A check over struct lookups: called again after each round.
 * The pieces serve ARC, too: body hashes, and one signature with its key.
 */
#ifndef DKIM_VERIFY_H
#define DKIM_VERIFY_H

#include "dkim/canon.h"
#include "dkim/key_record.h"
#include "dkim/signature.h"
#include "net/lookups.h"

enum {
	DKIM_SIGNATURES_MAX =
	    10, /* of a message, from its top; more are not looked at */
	DKIM_BODY_HASHES_MAX =
	    12,            /* different ones; a signature that needs more is neutral */
	DKIM_B_PREFIX = 8, /* octets of b= that tell signatures apart, RFC 6008 */
	DKIM_NAMES_BYTES_MAX = 64 << 10, /* of all domains and selectors in a verdict */
};

/* RFC 8601 2.7.1; later is no worse than earlier only by accident */
enum dkim_result {
	DKIM_NONE, /* not signed */
	DKIM_PASS,
	DKIM_FAIL,    /* it does not verify */
	DKIM_POLICY,  /* it may verify, but we do not take it: weak, expired, partial */
	DKIM_NEUTRAL, /* syntax, or what we do not know */
	DKIM_TEMPERROR,
	DKIM_PERMERROR, /* no key, no From */
};

struct dkim_verdict {
	enum dkim_result result;
	const char *why; /* static; "" of a pass */
	struct span
	    domain; /* d= in A-labels, lower case; empty where it could not be read */
	struct span selector; /* s=, the same */
	struct span
	    identity; /* i= as it stands; {NULL, 0}: it has none; borrow: message */
	struct span algorithm;     /* a= as it stands; borrow: message */
	char b[DKIM_B_PREFIX + 1]; /* how b= begins, without blanks */
	unsigned bits;             /* of the key, 0: not known */
	bool is_testing;           /* t=y of the key: a failure is then neutral */
};

/* ---- what several signatures of a message share ---- */

struct dkim_body_hash {
	enum canon canon;
	uint64_t limit;
	uint64_t n_bytes; /* of the whole canonical body */
	unsigned char hash[SHA256_BYTES];
};

struct dkim_message {
	struct canon_fields fields; /* own */
	struct span body;           /* borrow: the message */
	struct dkim_body_hash hashes[DKIM_BODY_HASHES_MAX];
	size_t n_hashes;
	struct arena arena; /* own: names in verdicts */
};

/* message: head, empty line, body; borrow: until dkim_message_done */
void dkim_message_init(struct dkim_message *, struct span message);
void dkim_message_done(struct dkim_message *); /* also of {0} */
/*
 * dkim_body_hash - made once for each kind and limit.  NULL: past DKIM_BODY_HASHES_MAX.  borrow:
 * until dkim_message_done
 */
const struct dkim_body_hash *dkim_body_hash(
    struct dkim_message *, enum canon, uint64_t limit);
/*
 * dkim_signature_check - one signature that signature_parse found good: key, body, head.
 *   returns  E_OK (out says it), E_MORE (its key is wanted)
 */
MUST_USE int dkim_signature_check(struct dkim_message *, const struct signature *,
    struct lookups *, int64_t now_sec, struct dkim_verdict *out);
/*
 * dkim_key_check - as the last step of it, for a digest that the caller made (ARC-Seal).
 *   b        base64 with its blanks
 */
MUST_USE int dkim_key_check(struct dkim_message *, enum dkim_algorithm,
    struct span selector, struct span domain, struct span b,
    const unsigned char digest[SHA256_BYTES], struct lookups *,
    struct dkim_verdict *out);

/* ---- the check ---- */

struct dkim_check {
	struct dkim_message message; /* own */
	struct signature signatures[DKIM_SIGNATURES_MAX];
	struct dkim_verdict verdicts[DKIM_SIGNATURES_MAX];
	bool is_done[DKIM_SIGNATURES_MAX];
	size_t n;    /* 0: the message is not signed */
	bool is_cut; /* there are more signatures */
};

/* dkim_check_new - own; message: borrow, until dkim_check_free */
struct dkim_check *dkim_check_new(struct span message);
void dkim_check_free(struct dkim_check **); /* also of NULL */
/* dkim_check - E_OK (verdicts is filled), E_MORE (keys are wanted).  now_sec: wall clock, for x= */
MUST_USE int dkim_check(struct dkim_check *, struct lookups *, int64_t now_sec);
/* dkim_check_result - pass where one passes; else the first's; DKIM_NONE without any */
enum dkim_result dkim_check_result(const struct dkim_check *);
/* "none", "pass", ... as Authentication-Results has them */
const char *dkim_result_name(enum dkim_result);

#endif
