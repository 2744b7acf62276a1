/* SPDX-License-Identifier: ISC */
/*
 * pace.h - what a client of port 25 does, against the rates of its network (rates.h).  relay_networks
 * and logins are not counted.
 */
#ifndef SMTPD_PACE_H
#define SMTPD_PACE_H

#include "dkim/authres.h"
#include "smtpd/reply.h"

struct session;

/* pace_count - a command was answered */
void pace_count(struct session *, bool is_error);
/*
 * pace_check - at HELO (0, 0), MAIL and RCPT: so much more is to come.  Asks the role "rates", where a
 * setting wants it.  R_NONE, or the refusal
 */
enum reply pace_check(struct session *, uint32_t messages, uint32_t recipients);
void pace_end(struct session *); /* what was not told yet */
/*
 * pace_say - x-pregreet and x-rates, where there is such a test and the client is subject to it: it
 * passed, or (temperror) the role did not answer.  Who fails has no message: its refusal is in the log
 */
void pace_say(const struct session *, struct authres *);
/* pace_log - " pregreet=pass rates=pass", "rates=unknown" */
void pace_log(const struct session *, struct buf *out);

#endif
