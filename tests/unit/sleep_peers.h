/* SPDX-License-Identifier: ISC */
/* sleep_peers.h - sessions of one account and nests, at the monitor of imapd, as a test has them. */
#ifndef TEST_SLEEP_PEERS_H
#define TEST_SLEEP_PEERS_H

#include "login/sleep.h"
#include "tests/unit/monitor_peers.h"

extern const char sleep_account[];

int sleep_setup(void **state); /* of a cmocka test */
int sleep_teardown(void **state);

struct peer session_new(void); /* with a client */
void session_serves(struct peer *);
void session_idles(struct peer *);
/* session_lies_down - asks SLEEP_BEGIN: whether it sleeps */
bool session_lies_down(struct peer *);
/* session_lies_down_later - the same, which the monitor has not read yet */
void session_lies_down_later(struct peer *);
void session_again(struct peer *); /* tells SLEEP_AGAIN */
void session_again_later(
    struct peer *); /* the same, which the monitor has not read yet */

unsigned nest_heard(
    struct peer *nest, struct id *id); /* the kind of CTL_CLIENT, and the sleeper */
void nest_heard_sleep(struct peer *nest, struct id *id);
void nest_heard_awake(struct peer *nest, struct id want);
void nest_wakes(struct peer *nest, struct id, bool is_change);

#endif
