/* SPDX-License-Identifier: ISC */
/*
 * store_home.h - what the tests of the store share: an account in a directory of its own, its
 * keeper, messages.
 */
#ifndef TEST_STORE_HOME_H
#define TEST_STORE_HOME_H

#include "store/incoming.h"
#include "store/store.h"

struct home {
	char dir[64];
	struct store *a, *b; /* two sessions */
};

extern char home_dir[64];
/* a new directory becomes home_dir: before home_setup, which else does it */
void home_place(void);
int home_setup(void **state); /* an account, and both sessions of it */
int home_teardown(void **state);
void home_reopen(struct home *); /* both sessions again, after the keeper ended */
int home_keeper(void);           /* its pid; 0: there is none */
void home_kill(void);            /* kill -9, and it is gone */
void home_end(void);             /* it ends in order, and is gone */
void home_damage(void);          /* killed, and its index is overwritten */
/* the keeper is killed; another one begins and ends in order, which writes a dump */
void home_dump(void);

/* a message of some 4 KB, others than those of other numbers; borrow until the next */
struct span text_of(unsigned n);
/* written and synced */
void message_begin(struct store *, struct incoming *, unsigned n);
uint32_t append(struct store *, const char *mailbox, unsigned n); /* its uid */
/* append_many - n of them, fast: in MULTIAPPENDs of small messages */
void append_many(struct store *, const char *mailbox, unsigned n);
void deliver(const char *text); /* into new/, as a placer does it */
void deliver_junk(const char *text);
/* with such directions, whatever they are */
struct file_id deliver_directed(const char *text, bool is_junk, struct span directions);
/* is_there - the file that put (msg_path_put, tmp_path_put) calls so */
bool is_there(void (*put)(struct buf *, struct file_id), struct file_id);
/* wait_until_gone - a message's file that is doomed: it goes soon */
void wait_until_gone(struct file_id);
/*
 * leased - a lease on the one file of that pattern: until it is closed, own, and no longer than 45 s
 * (fs.lease-break-time), who opens that without waiting for it cannot
 */
int leased(const char *pattern);
struct numset set_of(uint32_t from, uint32_t to);
void mailbox_check(struct store *, const char *name, uint64_t messages, uint64_t unseen,
    uint64_t deleted);
/* store_check - rows, records and files of the whole account agree; returns its messages */
uint64_t store_check(struct store *);
double ms_now(void);

/* Calls, in short. */
struct store_view selected(struct store *, const char *mailbox);
/* flags - of the uids from..to; keyword: one of them, NULL: none */
enum store_said flags(struct store *, const struct store_view *, uint32_t from,
    uint32_t to, enum store_how, uint32_t bits, const char *keyword);
enum store_said expunge(struct store *, const struct store_view *, uint32_t from,
    uint32_t to, bool only_deleted);
void set_check(const struct numset *, const char *want);

#endif
