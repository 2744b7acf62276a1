/* SPDX-License-Identifier: ISC */
/*
 * greylist.h - who sends for the first time is asked to come again (RFC 6647): the process that
 * knows who came when, and how it is asked.
 *   greylist.c         the role            greylist_rows.c    what it knows, kept
 *   greylist_client.c  the asking side
 */
#ifndef SMTPD_POLICY_GREYLIST_H
#define SMTPD_POLICY_GREYLIST_H

#include "dkim/authres.h"
#include "proc/child.h"
#include "smtpd/policy/ip.h"

struct jail;

/* ---- the asking side, for sessions; blocks, at most GREYLIST_WAIT_MS ---- */

enum greylist_verdict {
	GREYLIST_WAIT,  /* 451 4.7.1, "come again in so many seconds" */
	GREYLIST_PASS,  /* it came again */
	GREYLIST_KNOWN, /* whoever sends this passed often enough */
	GREYLIST_DOWN,  /* nobody answers: it passes (logged) */
	GREYLIST_VERDICTS
};

enum {
	GREYLIST_KEY_MAX = 256,
	GREYLIST_PATH_MAX = 320, /* octets of an address */
	GREYLIST_WAIT_MS = 3000,
};

/*
 * greylist_key_put - who sends: the organisation that SPF says this client sends for, so that a farm
 *   of hosts is one sender, "spf:example.com"; where SPF did not pass, its network: "net:192.0.2.0/24",
 *   "net:2001:db8::/64".
 *   spf_domain  that passed (MAIL FROM's, EHLO's for "<>"), or empty; psl_prepare was called
 */
void greylist_key_put(struct span spf_domain, const struct ip *, struct buf *out);
/*
 * greylist_ask - for each recipient that would be taken, last of all checks: not of who logged in, is
 *   in relay_networks, or stands on a list that trusts it.  Counts in the metrics.
 *   left_sec  of GREYLIST_WAIT
 */
enum greylist_verdict greylist_ask(
    struct span key, struct span sender, struct span rcpt, uint32_t *left_sec);

/* What it said of the recipients of a message. */
struct greylisted {
	uint32_t n[GREYLIST_VERDICTS];
};

/* greylist_say - x-greylist, of the recipients that were not delayed; nothing where it was not asked */
void greylist_say(const struct greylisted *, struct authres *);
/* greylist_log - " greylist=passed", "known", "down" or "delayed"; where only some wait: how many */
void greylist_log(const struct greylisted *, struct buf *out);

/*
 * ---- the role: {.name = "greylist", .user = USER_LOOKUP, .flags = ROLE_SINGLE | ROLE_LAZY,
 * .at_start = 1, .jail = greylist_jail, .run = greylist_run}; before_start: greylist_folder_make ----
 */

enum greylist_asks {
	/* str key, str sender, str rcpt -> u8 enum greylist_verdict, u32 seconds left */
	GREYLIST_JUDGE = 1,
};

/* greylist_folder_make - STATE/greylist with its owner, where greylisting is on; logs what fails */
void greylist_folder_make(const struct conf *);
void greylist_jail(struct jail *);
int greylist_run(void);
const struct ask_table *greylist_table(unsigned kind);

#endif
