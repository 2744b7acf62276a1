/* SPDX-License-Identifier: ISC */
/*
 * pace.h - what a client of port 25 does, against the rates of its network (rates.h).  relay_networks
 * and logins are not counted.
 */
#ifndef SMTPD_PACE_H
#define SMTPD_PACE_H

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

#endif
