/* SPDX-License-Identifier: ISC */
/* dump.h - the file "dump": what a rebuild needs beside the files of messages. */
#ifndef STORE_DUMP_H
#define STORE_DUMP_H

#include "store/annotations.h"

/* dump_write - in one go.  E_OK, E_IO (logged; the old one stays) */
MUST_USE int dump_write(struct tables *);
/* dump_begin - a job that does it while others are served */
void dump_begin(void);

/* instead of a special use */
#define DUMP_KEPT "=kept"
#define DUMP_DEAD "=dead"

/*
 * dump_read - pure: a function is called for each line.  E_OK, E_BAD (a line is wrong: it ends
 * there), or what one returned
 */
struct dump_visitor {
	void *ctx;
	int (*on_mailbox)(void *ctx, const struct mailbox *);
	int (*on_keyword)(void *ctx, uint32_t mailbox, uint32_t bit, struct span name);
	int (*on_record)(void *ctx, uint32_t mailbox, const struct store_record *);
	int (*on_subscription)(void *ctx, struct span name);
	int (*on_uidl)(void *ctx, struct file_id, struct span uidl);
	int (*on_sum)(void *ctx, struct file_id, const unsigned char sha256[32]);
	int (*on_seen)(void *ctx, struct file_id, uint32_t day);
	int (*on_doomed)(void *ctx, struct file_id);
	int (*on_annotation)(void *ctx, const struct annotation *);
	int (*on_kept)(void *ctx, const struct kept_row *);
	const char *only; /* letters of the lines that are looked at; NULL: all */
};

MUST_USE int dump_read(struct span text, const struct dump_visitor *);

/* by_file_id - for qsort and bsearch: of what begins with an id */
int by_file_id(const void *, const void *);

#endif
