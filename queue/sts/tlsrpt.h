/* SPDX-License-Identifier: ISC */
/*
 * tlsrpt.h - reports on TLS, RFC 8460: what came out is counted, and when a UTC day is over, each
 * domain that asks for it in the DNS gets a report, by mail through our own spool or by HTTPS.  Off
 * unless tlsrpt_from is set.
 */
#ifndef QUEUE_STS_TLSRPT_H
#define QUEUE_STS_TLSRPT_H

#include "queue/sts/tally.h"

enum {
	TLSRPT_AGAIN_SEC = 1800,  /* after one that could not be sent, doubling */
	TLSRPT_TRIES_SEC = 86400, /* so long it is tried (RFC 8460 5.5) */
	/* a day that is over for so long is not reported any more */
	TLSRPT_OLD_SEC = 3 * 86400,
};

struct conf;

void tlsrpt_open(const struct conf *);
void tlsrpt_close(void);
void tlsrpt_note(const struct sts_note *);
/* as tally_next; E_BAD where nothing is counted */
int tlsrpt_next(uint32_t day, struct span domain, struct tally_row *out);
/* all of days that are over are due now; how many these are */
uint32_t tlsrpt_hurry(void);
void tlsrpt_tick(void); /* the next report that is due, if none is on its way */

#endif
