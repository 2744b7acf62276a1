/* SPDX-License-Identifier: ISC */
/*
 * auth_home.h - what the tests of auth share: accounts, and a channel to its asks.  u1 and sleeper
 * (suspended) have the password "pass", old has verifiers of SCRAM-SHA-1 alone, broken cannot be
 * read, manyN has "pass" with a salt of its own; u1 and strict (which logs in to POP3 and IMAP by
 * nothing else) have app passwords.
 */
#ifndef TEST_AUTH_HOME_H
#define TEST_AUTH_HOME_H

#include "account/app.h"
#include "auth/auth.h"
#include "auth/scram.h"
#include "auth/verify.h"

/* app passwords, by number: "k7q2m-0xvbn-t4zrd-h9wcN" */
enum { APP_ANY, APP_MAIL_ONLY, APP_OLD, APP_HERE, APP_THERE, APPS };

const char *app_text(int); /* static */

int auth_home_setup(void **state);
int auth_home_teardown(void **state);
int auth_home_open(void **state); /* a channel, for a test */
int auth_home_close(void **state);
void auth_home_again(void); /* as if the process began anew */
extern struct conf *home_conf;
extern struct buf home_body;
int ask(
    uint16_t type); /* with home_body, which is empty then: what serving it returns */

extern const struct auth_conn over_tls, in_clear, bound, loopback;
struct auth_reply start(
    const struct auth_conn *, const char *mech, const struct span *initial);
struct auth_reply step(struct span response);

extern struct verify_way by_pop;
extern unsigned n_computed; /* PBKDF2s since it was set */

#endif
