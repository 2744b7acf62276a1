/* SPDX-License-Identifier: ISC */
/*
 * access.h - an item of the setting access, a line of access_file: whose mail is taken, or not,
 * whatever else is known of it; pure.
 *   VERDICT WHAT=PATTERN [TEXT]
 *   VERDICT  allow, deny
 *   WHAT     client   PATTERN is a network, "192.0.2.0/24", or an address
 *            helo     a name, or "*.example.com": all names below that
 *            sender   an address; "*@example.com": all of that domain; "*@*.example.com": of all
 *                     below it; "<>": the null sender
 *   TEXT     of deny: what the client is told, one line
 */
#ifndef CONF_ACCESS_H
#define CONF_ACCESS_H

#include "base/span.h"

enum {
	ACCESS_LINE_MAX = 1000,   /* octets */
	ACCESS_PATTERN_MAX = 320, /* octets: an address */
	ACCESS_TEXT_MAX = 400,    /* octets */
};

enum access_what { ACCESS_CLIENT, ACCESS_HELO, ACCESS_SENDER, ACCESS_WHATS };

/* All borrow the line. */
struct access_row {
	bool is_deny;
	enum access_what what;
	bool is_below;  /* "*.": of what is below pattern */
	bool is_domain; /* of sender: all addresses of the domain pattern */
	struct span
	    pattern; /* without stars: a network, a name, an address or a domain; "" is "<>" */
	struct span text; /* or empty */
};

/* access_parse - E_OK, E_BAD.  Never blocks or allocates */
MUST_USE int access_parse(struct span line, struct access_row *out);

#endif
