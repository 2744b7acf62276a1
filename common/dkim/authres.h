/* SPDX-License-Identifier: ISC */
/*
 * authres.h - Authentication-Results, RFC 8601 (RFC 7601's grammar): what the checks found is
 * collected once, and written as that field and as ARC's (RFC 8617 4.1.1); fields are read; and
 * those that claim to be ours are found, which no stranger may bring (5).  Pure.
 */
#ifndef DKIM_AUTHRES_H
#define DKIM_AUTHRES_H

#include "base/arena.h"
#include "base/buf.h"

#define AUTHRES_FIELD_NAME "Authentication-Results"

enum {
	AUTHRES_LINE_BEST = 78, /* octets; folded there, where there is a blank */
	AUTHRES_VALUE_MAX =
	    256, /* octets of a value; a longer one is cut, "..." behind it */
	AUTHRES_COMMENT_MAX = 200, /* octets of a comment or a reason; cut likewise */
	AUTHRES_BYTES_MAX =
	    16 << 10, /* of all results; those past that are left out, whole */
	AUTHRES_PROPS_MAX = 16, /* of one result that is read; more are passed over */
};

/* ---- what is collected: {0} is empty ---- */

struct authres {
	struct buf
	    text;      /* own: ";\r\n\tspf=pass smtp.mailfrom=a@b.example" and so on */
	size_t column; /* where the last line of it ends */
	size_t at;     /* where the last result begins */
	bool is_full;  /* no result more is taken */
	bool has_utf8; /* set by the owner: non-ASCII may stand in values (RFC 6532) */
};

void authres_done(struct authres *);
/*
 * authres_result - the next result; what the calls below add belongs to it.  In this order: at most
 *   one comment, at most one reason, any number of properties.
 *   method, result  keywords of RFC 8601 2.7: "spf", "pass"
 */
void authres_result(struct authres *, const char *method, const char *result);
/*
 * Outside text is fine in all of these: what may not stand in a field (control characters, without
 * has_utf8 all that is not ASCII) becomes "?", parentheses, quotes and backslashes are escaped.
 */
void authres_comment(
    struct authres *, struct span text); /* "(text)"; nothing when empty */
void authres_reason(struct authres *, struct span text); /* reason="text" */
/* name: "smtp.mailfrom", "header.d".  An empty value is "" in the field */
void authres_prop(struct authres *, const char *name, struct span value);
/*
 * authres_put - the whole field with its CRLF; without a result it says "none" (2.2).
 *   head    "Authentication-Results:", or "ARC-Authentication-Results: i=1;"
 *   server  our authserv-id (2.5)
 */
void authres_put(
    const struct authres *, struct span head, struct span server, struct buf *out);

/* ---- fields that are read ---- */

struct authres_property {
	struct span type, name, value; /* "header", "d", "example.com" */
};

struct authres_read { /* one result; all in the arena or borrowed from the field */
	struct span method, result, reason;
	struct authres_property props[AUTHRES_PROPS_MAX];
	size_t n_props;
};

struct authres_reader {
	struct span server;  /* authserv-id, unquoted */
	uint32_t version;    /* 1 where none is said */
	struct span rest;    /* borrow: the field; what is not read yet */
	struct arena *arena; /* borrow */
};

/*
 * authres_open - the beginning of a field's value, raw or unfolded.  Of ARC-Authentication-Results:
 *   of what stands behind "i=N;".
 *   returns  E_OK, E_BAD (no authserv-id)
 */
MUST_USE int authres_open(
    struct span value, struct arena *, struct authres_reader *out);
/* authres_next - the next result.  E_OK, E_MORE (there is none), E_BAD (not well-formed: no more) */
MUST_USE int authres_next(struct authres_reader *, struct authres_read *out);
/* authres_property - value of a property, { NULL, 0 } when there is none: "header", "from" */
struct span authres_property(
    const struct authres_read *, const char *type, const char *name);

/*
 * authres_claim_next - the next field of a header that must be taken out of what a stranger sends
 *   (RFC 8601 5): it names our authserv-id, or its authserv-id cannot be told.
 *   head     advanced past it; a whole message is fine
 *   whole    borrow: head.  The field with its line end
 *   returns  E_OK, E_MORE (no more).  Linear, whatever stands there
 */
MUST_USE int authres_claim_next(
    struct span *head, struct span server, struct span *whole);

/*
 * authres_ours - the field that we put above our Received: the last of our name before the first
 *   Received, as what filters of ours put there stands above it.  That it is ours says who knows how the message came (ENV_JUDGED), not the field.
 *   head     of a message as we stored it; a whole message is fine
 *   value    borrow: head.  Raw, without its line end
 *   returns  E_OK, E_MORE (there is none)
 */
MUST_USE int authres_ours(struct span head, struct span server, struct span *value);

#endif
