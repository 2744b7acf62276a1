/* SPDX-License-Identifier: ISC */
/*
 * sign.h - DKIM signatures for mail that we send: RFC 6376 5, relaxed/relaxed, rsa-sha256 and
 * ed25519-sha256 (RFC 8463) side by side, each with a selector of its own.  Private keys are in the
 * role "key" (tls/key.h); here a digest is asked to be signed.
 */
#ifndef DKIM_SIGN_H
#define DKIM_SIGN_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	DKIM_SIGN_WAIT_MS = 5000,      /* for the role */
	DKIM_SIGN_HEAD_MAX = 64 << 10, /* octets of the fields that are put */
	DKIM_NONE_KEPT_MS = 1000,      /* for who asks for each message */
};

/* The channel to the role "key". */
struct dkim_signer {
	int (*key_channel)(int *out); /* child_channel("key", out), or a test's */
	int chan;                     /* own; -1: none yet */
	struct buf in;                /* own */
	/* for so long a domain that has no key is not asked for again; 0: asked each time */
	int64_t keeps_none_ms;
	struct buf none; /* own: the last one that had none */
	int64_t none_at_ms;
};

struct dkim_sign_how {
	int64_t now_sec;  /* wall clock: t= */
	int64_t life_sec; /* x= is so much later; 0: none */
};

void dkim_signer_init(struct dkim_signer *, int (*key_channel)(int *out));
void dkim_signer_done(struct dkim_signer *);
/*
 * dkim_sign_put - a DKIM-Signature for each key that the domain has, to be put before the message.
 *   message  head, empty line, body as it will be sent; lines end in CRLF
 *   domain   d=; U-labels are fine
 *   out      whole fields, each with its CRLF; untouched unless E_OK
 *   returns  E_OK, E_DENY (no key signs for this domain), E_IO (no answer of the role; logged),
 *            E_BAD (no From, or no name of a domain), E_LIMIT (a head of too many fields).  Blocks
 *            as long as the role takes, at most DKIM_SIGN_WAIT_MS an ask.
 */
MUST_USE int dkim_sign_put(struct dkim_signer *, struct span message,
    struct span domain, const struct dkim_sign_how *, struct buf *out);
/*
 * dkim_sign_nearest - the same, of the domain, or of the nearest above it that has keys and two labels
 * or more
 */
MUST_USE int dkim_sign_nearest(struct dkim_signer *, struct span message,
    struct span domain, const struct dkim_sign_how *, struct buf *out);
/* dkim_sign_has_key - whether any key signs for the domain.  E_OK, E_DENY, E_IO, E_BAD; blocks as above */
MUST_USE int dkim_sign_has_key(struct dkim_signer *, struct span domain);
/* dkim_sign_parts - the same of a head (its empty line may be there), and of what is behind that */
MUST_USE int dkim_sign_parts(struct dkim_signer *, struct span head, struct span body,
    struct span domain, const struct dkim_sign_how *, struct buf *out);
/*
 * dkim_author_domain - the domain of the one address in the one From of a message, in A-labels and
 * lower case: who may sign for it is the caller's to decide.
 *   returns  E_OK, E_BAD (no From, several, several addresses, no domain)
 */
MUST_USE int dkim_author_domain(struct span message, struct arena *, struct span *out);

#endif
