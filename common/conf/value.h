/* SPDX-License-Identifier: ISC */
/* value.h - one value of one setting: from its text, and back. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "conf/conf.h"

struct conf_value {
	char **items;    /* own; one for all types but CONF_LIST */
	size_t n_items;
	int64_t number;  /* BOOL 0 or 1, INT, BYTES in bytes, SECONDS */
};

/*
 * value_set - from the texts as written ("50M", "5m", "yes").
 *   wrong    on E_BAD: what would be right
 *   returns  E_OK, E_BAD; *out is unchanged then
 */
MUST_USE int value_set(const struct conf_setting *, const char *const *texts, size_t n,
    struct conf_value *out, struct buf *wrong);
void value_default(const struct conf_setting *, struct conf_value *out); /* a default that is wrong is a bug() */
void value_free(struct conf_value *);
bool value_same(const struct conf_value *, const struct conf_value *);
void value_dump(const struct conf_setting *, const struct conf_value *, struct buf *out);

#endif
