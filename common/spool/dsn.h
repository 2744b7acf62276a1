/* SPDX-License-Identifier: ISC */
/*
 * dsn.h - what a sender asks for in delivery status notifications: the values of NOTIFY, ORCPT, RET
 * and ENVID (RFC 3461 4, RFC 6533 3).  An envelope carries ENVID and ORCPT as they were given, so
 * that they are passed on unchanged (RFC 3461 5.2.1); they are decoded where a report is made.  All
 * pure.
 */
#ifndef SPOOL_DSN_H
#define SPOOL_DSN_H

#include "base/buf.h"

enum {
	DSN_ENVID_MAX = 100, /* octets, encoded: RFC 3461 4.4 */
	DSN_ORCPT_MAX = 500, /* octets, type included: RFC 3461 4.2 */
	DSN_TYPE_MAX = 32,   /* octets of an address type */
};

/* Bits of struct rcpt's notify; 0: not given, and that means FAILURE and DELAY (RFC 3461 4.1). */
enum dsn_notify {
	NOTIFY_NEVER = 1, /* alone */
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8,
};

/* struct envelope's ret */
enum dsn_ret { RET_NONE = 0, RET_FULL = 1, RET_HDRS = 2 };

/*
 * xtext_decode - RFC 3461 4: "+" and two upper case digits is an octet.  E_OK, E_BAD, E_LIMIT (out
 * is full)
 */
MUST_USE int xtext_decode(struct span in, struct buf *out);
void xtext_put(struct buf *out, struct span plain);

/* notify_parse - "NEVER", or names with commas between them, in any case.  E_OK, E_BAD */
MUST_USE int notify_parse(struct span value, uint8_t *out);
void notify_put(struct buf *out, uint8_t notify); /* the value; nothing for 0 */
/* is a report of this kind wanted? */
bool notify_wants(uint8_t notify, enum dsn_notify bit);
/* a recipient that was given twice: what either asks for */
uint8_t notify_join(uint8_t a, uint8_t b);
/* as an alias of several passes it on, RFC 3461 5.2.7.3 c */
uint8_t notify_without_success(uint8_t notify);

MUST_USE int ret_parse(struct span value, uint8_t *out); /* E_OK, E_BAD */
const char *ret_text(uint8_t ret); /* "FULL", "HDRS"; "" for RET_NONE */

/* envid_check - xtext of printable ASCII, of at most DSN_ENVID_MAX octets.  E_OK, E_BAD */
MUST_USE int envid_check(struct span value);
/* decoded: of Original-Envelope-Id */
void envid_put(struct buf *out, struct span envid);

/*
 * orcpt_check - "type;address", at most DSN_ORCPT_MAX octets: the address is xtext of printable
 * ASCII; of type utf-8 it may also be utf-8-addr-xtext, and with SMTPUTF8 utf-8-addr-unitext.
 * E_OK, E_BAD
 */
MUST_USE int orcpt_check(struct span value, bool has_smtputf8);
/*
 * orcpt_put_field - as Original-Recipient says it: "rfc822;a+b@example.org".  Of type utf-8: for
 * is_global the address itself where it is one, else utf-8-addr-xtext (RFC 6533 3).  Never a
 * control character.
 */
void orcpt_put_field(struct buf *out, struct span orcpt, bool is_global);
/* orcpt_put - for a server: as given; without SMTPUTF8 what is not ASCII as \x{...} */
void orcpt_put(struct buf *out, struct span orcpt, bool has_smtputf8);
/*
 * orcpt_make - "rfc822;" or "utf-8;" and the address, encoded: for who submits.  May pass
 * DSN_ORCPT_MAX
 */
void orcpt_make(struct buf *out, struct span address);
/*
 * unitext_put - utf-8-addr-xtext: ASCII, and all else, SP, \, + and = as \x{...}.  Not UTF-8: "?"
 * for an octet
 */
void unitext_put(struct buf *out, struct span utf8);
/*
 * unitext_decode - \x{...} as UTF-8; other octets as they are.  E_OK, E_BAD (one of QUCHAR or
 * HEXPOINT broken)
 */
MUST_USE int unitext_decode(struct span in, struct buf *out);

#endif
