/* SPDX-License-Identifier: ISC */
/* ehlo.h - what a server can do: the reply to EHLO, RFC 5321 4.1.1.1, or to LHLO. */
#ifndef QUEUE_RELAY_EHLO_H
#define QUEUE_RELAY_EHLO_H

#include "base/span.h"

enum ehlo_can {
	EHLO_PIPELINING = 1,   /* RFC 2920 */
	EHLO_8BITMIME = 2,     /* RFC 6152 */
	EHLO_SMTPUTF8 = 4,     /* RFC 6531 */
	EHLO_CHUNKING = 8,     /* RFC 3030 */
	EHLO_DSN = 16,         /* RFC 3461 */
	EHLO_STARTTLS = 32,    /* RFC 3207 */
	EHLO_SIZE = 64,        /* RFC 1870 */
	EHLO_REQUIRETLS = 128, /* RFC 8689 */
	EHLO_BINARYMIME = 256, /* RFC 3030 */
};

enum ehlo_mech { MECH_PLAIN = 1, MECH_LOGIN = 2, MECH_SCRAM_SHA_256 = 4 };

struct ehlo {
	unsigned can;        /* enum ehlo_can */
	unsigned mechs;      /* enum ehlo_mech, of AUTH (RFC 4954) */
	uint64_t size_bytes; /* of SIZE; 0: no limit said */
	struct span name;    /* borrow: of the reply's text; whom it calls itself */
};

/*
 * ehlo_parse - text of the reply, a LF between its lines.  What is not known or malformed counts as
 * not there.
 */
void ehlo_parse(struct span text, struct ehlo *out);

#endif
