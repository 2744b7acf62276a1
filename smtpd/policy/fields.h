/* SPDX-License-Identifier: ISC */
/*
 * fields.h - what a message loses and gets of fields: claims to be our own word go, what a submission
 * lacks comes; our results, seals and signatures go above it (s->policy.above), each whole or, where
 * there is no room, not at all.
 */
#ifndef SMTPD_POLICY_FIELDS_H
#define SMTPD_POLICY_FIELDS_H

#include "smtpd/shape.h"

struct session;

/* fields_take_claims - Authentication-Results that claim to be ours go: RFC 8601 5 */
void fields_take_claims(struct session *, struct shape *);
/* fields_complete - what a submission lacks goes before its header, which is signed with it */
void fields_complete(struct session *, struct shape *);
/* fields_put_results - where any check was done, and where lists, greylisting or filters say something */
void fields_put_results(struct session *);
/*
 * fields_seal - what an alias passes on elsewhere is sealed, so that whoever gets it can know what
 * we found: SPF fails there, and DKIM does when a list changed it (RFC 8617)
 */
void fields_seal(struct session *, const struct shape *);
/* fields_sign - mail of a login, for the domain in its From, where that has keys */
void fields_sign(struct session *, const struct shape *);

#endif
