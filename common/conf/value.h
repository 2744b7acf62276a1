/* SPDX-License-Identifier: ISC */
/* value.h - one value of one setting: from its text, and back. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "conf/conf.h"

struct conf_value {
	char **items; /* own; one for CONF_STR, any number for CONF_LIST, else none */
	size_t n_items;
	int64_t number; /* BOOL 0 or 1, INT, BYTES in bytes, SECONDS */
	unsigned line;  /* where it is set; 0: the default */
};

enum { LIST_ITEMS_MAX = 1024, VALUE_TEXT_MAX = 4096 };

/*
 * value_check - one text as written ("50M", "5m", "yes"), or one item of a list.
 *   number   what it says, for all types but CONF_STR and CONF_LIST
 *   wrong    on E_BAD: what would be right
 *   returns  E_OK, E_BAD
 */
MUST_USE int value_check(
    const struct conf_setting *, const char *text, int64_t *number, struct buf *wrong);
/* value_set - from texts that value_check found right: anything else is a bug() */
void value_set(const struct conf_setting *, const char *const *texts, size_t n,
    struct conf_value *out);
void value_default(const struct conf_setting *, struct conf_value *out);
void value_free(struct conf_value *);
bool value_same(const struct conf_value *, const struct conf_value *);
void value_dump(
    const struct conf_setting *, const struct conf_value *, struct buf *out);
void value_dump_json(
    const struct conf_setting *, const struct conf_value *, struct buf *out);
/* value_number - 52428800 as "50M", 300 as "5m": the shortest that reads back as the same */
void value_number(enum conf_type, int64_t number, struct buf *out);
/* value_parse_number - the reverse, for options of commands too.  E_OK, E_BAD */
MUST_USE int value_parse_number(enum conf_type, struct span text, int64_t *out);

#endif
