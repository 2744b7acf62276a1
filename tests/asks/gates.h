/* SPDX-License-Identifier: ISC */
/*
 * gates.h - tables of asks that a file keeps to itself: each of these includes the file, as a test
 * may.  A sample is an ask that is sound as far as its length goes; ctx is what the table's
 * handlers are given.
 */
#ifndef TESTS_ASKS_GATES_H
#define TESTS_ASKS_GATES_H

#include "proc/child.h"

/* keeper.c: common/store/sessions.c */
const struct ask_table *keeper_table(unsigned kind);
void *keeper_ctx(void);
void sample_keeper(uint16_t type, struct buf *);

/* store_door.c: common/store/door.c */
const struct ask_table *deposit_table(unsigned kind);
void sample_deposit(uint16_t type, struct buf *);

/* imap_shares.c: imapd/shares.c and imapd/share_monitor.c */
const struct ask_table *shares_table(unsigned kind);
void sample_shares(uint16_t type, struct buf *);
const struct ask_table *share_monitor_table(unsigned kind);
void sample_share_monitor(uint16_t type, struct buf *);

/* smtp_pool.c: smtpd/pool.c */
const struct ask_table *pool_table(unsigned kind);

/* spool_client.c: queue/intake.c */
const struct ask_table *client_table(unsigned kind);
void *client_ctx(void);
void sample_client(uint16_t type, struct buf *);

/* queue_sched.c: queue/sched_asks.c */
const struct ask_table *sched_table(unsigned kind);
void *sched_ctx(void);
void sample_sched(uint16_t type, struct buf *);

/* queue_admin.c: queue/admin.c */
const struct ask_table *admin_table(unsigned kind);
const struct ask_table *admin_hold_table(unsigned kind);
void *admin_ctx(void);
void sample_admin(uint16_t type, struct buf *);

/*
 * queue_relay.c: queue/relays.c.  A relay has no table: each of its messages, wrong in each way,
 * and what became of it
 */
void attack_relays(
    void (*tell)(bool ok, const char *kind, const char *ask, const char *what));

/* queue_unix.c: queue/main.c.  What is asked is the number of a route */
const struct ask_table *unix_table(unsigned kind);
void *unix_ctx(void);
void sample_unix(uint16_t route, struct buf *);

/*
 * ctl_moving.c: common/ctl/moving.c.  The rows that an import may use, those of an export, and all
 */
const struct ask_table *import_table(unsigned kind);
const struct ask_table *export_table(unsigned kind);
const struct ask_table *moving_table(void);
void *import_ctx(void);
void *export_ctx(void);
void sample_moving(uint16_t type, struct buf *);

/* ctl_mailbox.c: common/ctl/cmd_mailbox.c */
const struct ask_table *upkeep_table(unsigned kind);
void *upkeep_ctx(void);
void sample_upkeep(uint16_t type, struct buf *);

/* ctl_retention.c: common/ctl/cmd_retention.c */
const struct ask_table *retention_table(unsigned kind);
void *retention_ctx(void);
void sample_retention(uint16_t type, struct buf *);

/* deliver_signer.c: deliver/letter_sign.c */
const struct ask_table *signer_table(unsigned kind);
void sample_signer(uint16_t type, struct buf *);

/* deliver_owned.c: deliver/retainer.c and deliver/agent_asks.c */
const struct ask_table *owned_table(unsigned kind);
void sample_owned(uint16_t type, struct buf *);

/* queue_bounce.c: queue/bounce.c */
const struct ask_table *report_table(unsigned kind);

#endif
