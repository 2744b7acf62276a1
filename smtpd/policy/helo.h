/* SPDX-License-Identifier: ISC */
/* helo.h - what speaks against the name that a client gives itself in HELO or EHLO.  Pure. */
#ifndef SMTPD_POLICY_HELO_H
#define SMTPD_POLICY_HELO_H

#include "dkim/authres.h"
#include "net/lookups.h"
#include "smtpd/policy/ip.h"

struct conf;

enum helo_fault {
	/* neither a name of several labels nor an address literal (RFC 5321 4.1.1.1, 4.1.3) */
	HELO_SYNTAX = 1,
	HELO_LITERAL = 2,  /* an address literal, but not of the client's address */
	HELO_RESOLVES = 4, /* the name has neither addresses nor mail hosts */
	HELO_OURS = 8,     /* our own name, or one of our domains */
	HELO_FAULTS = 4,
};

/* The settings helo_syntax, helo_literal, helo_resolves and helo_ours. */
struct helo_rules {
	unsigned noted,
	    refused; /* enum helo_fault: what is looked for, and what is done */
	const struct conf *conf; /* borrow: our names */
};

void helo_rules_load(struct helo_rules *, const struct conf *);
/*
 * helo_check - of those of the rules.  A name that the DNS cannot tell about at this time is fine.
 *   faults   enum helo_fault, those found
 *   returns  E_OK, E_MORE (ask, then call again)
 */
MUST_USE int helo_check(const struct helo_rules *, struct span helo,
    const struct ip *client, struct lookups *, unsigned *faults);
/* helo_text - of the first of these faults, one line, for the refusal and the log */
const char *helo_text(unsigned faults);
const char *helo_setting(enum helo_fault); /* "helo_syntax" */
/* helo_say - "x-helo=fail reason=... smtp.helo=NAME", or pass: of those that were looked for */
void helo_say(unsigned faults, struct span helo, struct authres *);

#endif
