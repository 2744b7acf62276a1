/* SPDX-License-Identifier: ISC */
/* mech.h - inside the role "auth": a SASL conversation, run by libsasl2. */
#ifndef AUTH_MECH_H
#define AUTH_MECH_H

#include "auth/auth.h"
#include "auth/verify.h"

struct mech_talk;

/* mech_init - before the jail: loads the plug-ins and runs each mechanism once, so that nothing is
 * loaded later.  verify_open comes first.  E_OK, E_IO (logged) */
MUST_USE int mech_init(const struct conf *);
void mech_done(void);
/*
 * mech_refuse_with - who says that no password would be right for this name now.  Then none is looked at,
 * so that not even the time tells of one that is known, and it is AUTH_TEMP.  NULL: nobody does
 */
void mech_refuse_with(bool (*fn)(struct span name, const struct verify_way *));
/* mech_start - begins a conversation; its first reply.  own: *out, also when it failed */
enum auth_status mech_start(const struct auth_conn *, struct span mech,
    const struct span *initial, struct mech_talk **out, struct span *challenge);
/* mech_step - challenge: borrow, until the next step or mech_free */
enum auth_status mech_step(
    struct mech_talk *, struct span response, struct span *challenge);
void mech_free(struct mech_talk **);
/*
 * mech_waits - after AUTH_TEMP: whether the answer is not that, but waits for what the issuer says of
 * this token (oauth_said); then mech_resume goes on.  token: borrow, until that
 */
bool mech_waits(const struct mech_talk *, struct span *token);
enum auth_status mech_resume(struct mech_talk *, struct span *challenge);
/* mech_name - the login name as it was understood, or empty; borrow: the conversation */
struct span mech_name(const struct mech_talk *);
/* mech_way - how it came, and by which password; borrow: the conversation */
const struct verify_way *mech_way(const struct mech_talk *);

#endif
