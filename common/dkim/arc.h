/* SPDX-License-Identifier: ISC */
/*
 * arc.h - the chain of those who passed a message on and sealed it: RFC 8617 5.2.  A check over
 * struct lookups: called again after each round.  The newest set is verified first; only where it is
 * good are the keys of the others asked for.  Every failure is for good, also one of the DNS (5.2.1).
 */
#ifndef DKIM_ARC_H
#define DKIM_ARC_H

#include "dkim/verify.h"

enum {
	ARC_SETS_MAX = SIGNATURE_INSTANCE_MAX, /* of a message: 4.2.1, 5.2 */
	ARC_RESULTS_MAX =
	    SIGNATURE_BYTES_MAX, /* octets of an ARC-Authentication-Results */
};

enum arc_cv { ARC_NONE, ARC_PASS, ARC_FAIL }; /* 4.4 */

/* An ARC-Seal, 4.1.3; borrows the field. */
struct arc_seal {
	struct span whole; /* the field: name, colon, value, CRLF */
	struct span b, b_raw;
	struct span domain, selector;
	enum dkim_algorithm algorithm;
	enum arc_cv cv;
	int64_t signed_sec; /* t=; -1: not said */
	uint32_t instance;
};

/* An ARC-Authentication-Results, 4.1.1; borrows the field. */
struct arc_results {
	struct span whole;
	struct span payload; /* behind "i=N;": "mx.example.org; spf=pass ..." */
	uint32_t instance;
};

struct arc_set {
	struct arc_results results;
	struct signature message; /* ARC-Message-Signature */
	struct arc_seal seal;
	struct dkim_verdict message_verdict, seal_verdict; /* once they are done */
	bool is_message_done, is_seal_done;
	unsigned char digest[SHA256_BYTES]; /* what the seal signs */
};

struct arc_check {
	struct dkim_message message;       /* own */
	struct arc_set sets[ARC_SETS_MAX]; /* [i]: instance i + 1 */
	size_t n;                          /* the highest instance that was found */
	enum arc_cv cv;
	const char *why; /* static: of a failure; "" of others */
	unsigned
	    oldest_pass; /* of a pass, 5.2 step 5: 0 when all messages' signatures pass */
	struct buf canonical; /* own: the sets' fields, in the order that seals sign */
	size_t seal_at[ARC_SETS_MAX]; /* in it */
	bool is_done;
	bool was_broken; /* the newest seal says so: no set is added (5.1 step 2) */
};

/* arc_check_new - own; message: borrow, until arc_check_free */
struct arc_check *arc_check_new(struct span message);
void arc_check_free(struct arc_check **); /* also of NULL */
/* arc_check - E_OK (cv is there), E_MORE (keys are wanted).  now_sec: wall clock, for x= */
MUST_USE int arc_check(struct arc_check *, struct lookups *, int64_t now_sec);
/*
 * arc_check_known - instead of arc_check: what who looked at the chain when it came found out.
 *   returns  E_OK (cv is there), E_BAD (it does not fit what is there: ARC_NONE of a chain, another
 *            verdict where there is none or where the structure is none)
 */
MUST_USE int arc_check_known(struct arc_check *, enum arc_cv);
/* arc_next - the instance of the set that may be added; 0: none may */
unsigned arc_next(const struct arc_check *);
const char *arc_cv_name(enum arc_cv); /* "none", "pass", "fail" */

/* ---- arc_set.c: the fields ---- */

/* arc_results_parse - E_OK, E_BAD (no instance), E_LIMIT (too long) */
MUST_USE int arc_results_parse(const struct header_field *, struct arc_results *out);
/* arc_seal_parse - E_OK, E_BAD (syntax, a tag is missing, h= is there), E_LIMIT */
MUST_USE int arc_seal_parse(const struct header_field *, struct arc_seal *out);

#endif
