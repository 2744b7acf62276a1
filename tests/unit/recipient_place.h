/* SPDX-License-Identifier: ISC */
/* recipient_place.h - what the tests of recipients share: accounts, aliases, and what is said of one. */
#ifndef TEST_RECIPIENT_PLACE_H
#define TEST_RECIPIENT_PLACE_H

#include "account/recipient.h"
#include "conf/conf.h"

enum { RECIPIENT_PATH_BYTES = 128 };

extern struct recipient_place {
	char dir[64];
	struct conf *conf;
	struct recipients *recipients;
} place;

int recipient_setup(void **); /* aliases, and no table of accounts */
int recipient_setup_accounts(void **);
int recipient_teardown(void **);
void recipient_open(const char *more); /* more: settings of common */
void recipient_close(void);

/* names: below place.dir */
void write_file(const char *name, const char *text);
void append_file(const char *name, const char *text);
void make_dirs(const char *const *names); /* up to NULL */
void write_accounts(void);
void add_account(
    struct accounts_writer *, const char *address, const struct account *like);

/* What an address stands for: targets is "mailbox@domain/detail >elsewhere@domain". */
struct recipient_row {
	const char *address;
	enum recipient_verdict verdict;
	const char *targets;
};

void recipient_check(const struct recipient_row *);
/* recipient_said - the same, told */
enum recipient_verdict recipient_said(
    const char *address, struct arena *, struct buf *targets);

#endif
