/* SPDX-License-Identifier: ISC */
/*
 * urls.h - the process that reads what an IMAP URL means for BURL (RFC 4468), and how it is asked.
 * It has the uid and the jail of one account, is forked by the monitor for a session of just that
 * account (carry.h), which has no say in whose it is, and ends with that session's conversation.  It
 * gives nothing but what a URL with "submit+" and this account's name means, and that only when its
 * token holds: a session that was taken over reads no mail for which its client has no token.
 */
#ifndef SMTPD_URLS_H
#define SMTPD_URLS_H

#include "base/span.h"
#include "proc/daemon.h"
#include "smtpd/dial.h"

struct jail;

enum {
	/* such processes of an account: conversations with BURL, and those that just end */
	URLS_OF_ACCOUNT_MOST = 8,
	URLS_OPENED_MOST = 120, /* for one session process, in ASK_TIMES_WINDOW_SEC */
	URLS_READ_MOST = 1200,  /* URLs, by one of them in that time */
	URLS_WAIT_MS = 60000,   /* for what one means */
};

/* What it says of one. */
enum url_said {
	URL_DONE,
	URL_DENIED, /* its token does not hold, or it is for somebody else */
	URL_NONE,   /* there is no such thing, or it is not what a message is made of */
	URL_TOO_BIG, /* larger than was allowed */
	URL_LATER,   /* the mailbox cannot be read now */
	URL_SAID_END
};

/* ---- the asking side: blocks ---- */
/*
 * url_read - in a session of an account.
 *   chan     own, -1 at first: made when needed, kept; ask_hang_up at the end
 *   most     octets, at most
 *   out      own: a file to be read from its beginning; only at URL_DONE
 */
enum url_said url_read(
    int *chan, struct span url, uint64_t most, int *out, uint64_t *bytes);

/* ---- the role: {.name = "urls", .flags = ROLE_SESSION, ...} ---- */
enum urls_asks {
	/* str url, u64 most octets -> u8 enum url_said, fd: a memory file with the octets */
	URLS_READ = 1,
};

int urls_run(void);
const struct ask_table *urls_table(unsigned kind);

/*
 * ---- in the monitor ---- what a session of an account asks: fd (its end of a channel) -> u8 done:
 * a process of that account reads there.  Behind dial's in struct daemon's extra_asks
 */
enum { URLS_OPEN = DIAL_UNIX + 1 };
extern const struct ask_row urls_extra[1];
extern const struct role *urls_role; /* set by main */

#endif
