/* SPDX-License-Identifier: ISC */
/* rules.h - what the configuration says of strangers and their mail, read once. */
#ifndef SMTPD_POLICY_RULES_H
#define SMTPD_POLICY_RULES_H

#include "smtpd/policy/dnsbl.h"
#include "smtpd/policy/helo.h"

struct conf;

/* What is done about a verdict that speaks against a message. */
enum policy_mode { POLICY_OFF, POLICY_NOTE, POLICY_REFUSE };

/* The settings, read once by each process. */
struct policy_rules {
	const char
	    *server; /* borrow: the configuration; our name in Authentication-Results */
	enum policy_mode rdns, spf, dkim, dmarc;
	enum policy_mode arc;
	bool has_greylist;
	const char *seal_domain; /* borrow: the configuration; "": nothing is sealed */
	const struct conf *conf; /* borrow: lists that are looked at rarely */
	bool has_signing;        /* of what logins send */
	struct helo_rules helo;
	struct dnsbl_rules dnsbl;
};

void policy_rules_load(struct policy_rules *, const struct conf *);

#endif
