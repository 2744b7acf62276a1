/* SPDX-License-Identifier: ISC */
/* mail_keys.h - a folder of keys that sign mail, and the role "key" over it, for tests. */
#ifndef TESTS_MAIL_KEYS_H
#define TESTS_MAIL_KEYS_H

#include "dkim/sign.h"
#include "net/lookups.h"
#include "tls/dkim_key.h"

/* of the whole group of tests */
int mail_keys_setup(void **state);
int mail_keys_teardown(void **state);
/* a path in the folder that is STATE of the role */
void mail_keys_path(const char *name, char *out, size_t n);
void mail_keys_dir(const char *name);
void mail_keys_file(const char *name, struct span text);
/* a key in its file; record: its TXT record */
void mail_keys_make(const char *file, enum dkim_key_kind, struct buf *record);
/* the role, in a process of its own: for dkim_signer_init; mail_keys_gone: at the signer's end */
int mail_keys_channel(int *out);
void mail_keys_gone(struct dkim_signer *);

struct mail_record {
	const char *name;
	const struct buf *text;
};

/* answers all that is wanted with TXT records; other names do not exist */
void mail_keys_answer(struct lookups *, const struct mail_record *, size_t n);

#endif
