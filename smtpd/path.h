/* SPDX-License-Identifier: ISC */
/*
 * path.h - forward- and reverse-paths, the argument of EHLO, ESMTP parameters: RFC 5321 4.1.  All
 * pure.
 */
#ifndef SMTPD_PATH_H
#define SMTPD_PATH_H

#include "base/buf.h"

enum {
	PATH_LOCAL_MAX = 64,   /* RFC 5321 4.5.3.1.1 */
	PATH_DOMAIN_MAX = 255, /* 4.5.3.1.2; of its A-labels too */
	PATH_MAX_BYTES = 256,  /* 4.5.3.1.3: with <>, without a source route */
	HELO_MAX = 255,
	PARAM_NAME_MAX = 32,
};

struct path {
	struct span local; /* as written, quotes included; borrow: as path_parse says */
	/* as written, brackets of a literal included; empty: none was given */
	struct span domain;
	bool is_null;   /* <> */
	bool is_quoted; /* local is a quoted string */
	bool has_utf8; /* RFC 6531: legal only with SMTPUTF8, which the caller checks */
};

/*
 * path_parse - one forward- or reverse-path, RFC 5321 4.1.2 and RFC 6531 3.3, source routes dropped
 * (App. F.2).
 *   in       advanced past '>' on E_OK, untouched otherwise
 *   out      borrows from in; dies with the line buffer
 *   returns  E_OK, E_BAD (syntax, or a domain that is none by RFC 5891), E_LIMIT (local part, domain
 *            or all of it too long).  Never blocks
 */
MUST_USE int path_parse(struct span *in, struct path *out);
/*
 * path_put - the address without <>, in its one form: quotes and backslashes that are not needed
 * are left out (4.1.2: the same mailbox)
 */
void path_put(struct buf *out, const struct path *);

/*
 * helo_parse - the argument of EHLO and HELO: anything that cannot break a Received line.  E_OK,
 * E_BAD
 */
MUST_USE int helo_parse(struct span arg);

struct param {
	struct span name,
	    value; /* borrow: the line; value empty and has_value false without '=' */
	bool has_value;
};

/*
 * param_next - the next of " NAME=VALUE NAME ...".  E_OK (advances in), E_MORE (none left), E_BAD
 */
MUST_USE int param_next(struct span *in, struct param *out);

struct mail_params {
	uint64_t size_bytes; /* RFC 1870; 0: not given.  Past any number: UINT64_MAX */
	bool has_8bitmime;   /* RFC 6152 BODY=8BITMIME; with BINARYMIME too */
	bool has_binarymime; /* RFC 3030 BODY=BINARYMIME */
	/* RFC 4865: seconds of HOLDFOR, or the moment of HOLDUNTIL (wall clock); 0: not given */
	int64_t hold_for_sec, hold_until_sec;
	bool has_smtputf8;   /* RFC 6531 */
	bool has_requiretls; /* RFC 8689 */
	uint8_t ret;         /* RFC 3461 RET: enum dsn_ret */
	struct span envid;   /* RFC 3461 ENVID as given, or empty; borrow: the line */
};

/*
 * mail_params_parse - all parameters of MAIL.  AUTH= (RFC 4954 5) is taken and not used.
 *   returns  E_OK, E_BAD (syntax, or given twice), E_DENY (a parameter or value that is not
 *            offered)
 */
MUST_USE int mail_params_parse(struct span in, struct mail_params *out);

struct rcpt_params {
	uint8_t notify;    /* RFC 3461 NOTIFY: bits of enum dsn_notify; 0: not given */
	struct span orcpt; /* RFC 3461 ORCPT as given, or empty; borrow: the line */
};

/*
 * rcpt_params_parse - all parameters of RCPT; has_smtputf8: of its transaction.  E_OK, E_BAD,
 * E_DENY as above
 */
MUST_USE int rcpt_params_parse(
    struct span in, bool has_smtputf8, struct rcpt_params *out);

#endif
