/* SPDX-License-Identifier: ISC */
/* spend.h - budgets of logins (smtpd/budget): what a session asks, and what its client is told. */
#ifndef SMTPD_SPEND_H
#define SMTPD_SPEND_H

#include "smtpd/reply.h"

struct session;

/* spend_login - after its password was right.  R_AUTH_OK, or why it may not send.  Logs */
MUST_USE enum reply spend_login(struct session *);
/*
 * spend_message - its recipients are counted, right before the message is handed over: what is
 * refused for something else costs nothing.  R_NONE: they are, or nobody logged in; else why not
 */
MUST_USE enum reply spend_message(struct session *);

#endif
