/* SPDX-License-Identifier: ISC */
/*
 * sendmail.h - sendmail(1): a program of whoever calls it, with no right that he has not.
 *   sendmail.c        options, and what the names mailq and newaliases do
 *   sendmail_drop.c   a message into spool/drop/, on stable storage
 *   sendmail_smtp.c   -bs: SMTP on standard input and output
 *   letter.c          text to message; dropfile.c: message to file
 */
#ifndef QUEUE_SENDMAIL_H
#define QUEUE_SENDMAIL_H

#include "conf/conf.h"
#include "queue/letter.h"

struct sendmail {
	const char *name;   /* by which it was called, for stderr */
	struct conf *conf;  /* own */
	struct arena arena; /* own: addresses */
	struct letter letter;
	struct letter_rcpts *rcpts; /* own */
	struct span sender;         /* empty: the null sender */
	const char *from;           /* -f; NULL: the caller */
	const char *full_name;      /* -F; NULL: that of the caller's entry */
	struct buf envid;           /* own: -V, as xtext */
	uint8_t ret, notify;        /* -R, -N */
	uint32_t flags;             /* enum envelope_flag: -B */
	bool ignores_dots;          /* -i */
	bool is_verbose;
	uint64_t size_most;
};

/* say - a line on stderr; returns status, one of sysexits.h */
int say(const struct sendmail *, int status, const char *fmt, ...) FMT(3, 4);
/*
 * sendmail_put - the message to its recipients: all of it on stable storage at EX_OK.
 *   returns EX_OK, EX_TEMPFAIL (said): nothing was taken, or, with very many recipients, not for
 *   all
 */
MUST_USE int sendmail_put(
    struct sendmail *, struct span message, const struct rcpt *, size_t n);
/* until QUIT or the end of input; EX_OK, EX_IOERR */
MUST_USE int sendmail_smtp(struct sendmail *);

#endif
