/* SPDX-License-Identifier: ISC */
/* arc_say.h - what became of a chain of ARC, in words: RFC 8617 6. */
#ifndef SMTPD_POLICY_ARC_SAY_H
#define SMTPD_POLICY_ARC_SAY_H

#include "dkim/arc.h"
#include "dkim/authres.h"
#include "smtpd/policy/ip.h"

/*
 * arc_say - arc=pass (as.2.list.example) smtp.remote-ip=192.0.2.1 header.oldest-pass=0: the domain
 * that sealed it last; the last property only of a pass
 */
void arc_say(const struct arc_check *, const struct ip *client, struct authres *);

#endif
