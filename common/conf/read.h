/* SPDX-License-Identifier: ISC */
/* read.h - from the file to values: the grammar, which is libconfuse's, and its errors. */
#ifndef CONF_READ_H
#define CONF_READ_H

#include "conf/value.h"

#define CONF_VERSION "1"

enum { CONF_FILE_BYTES_MAX = 1 << 20 };

struct conf {
	char *path;                 /* own */
	struct conf_value **values; /* own: [section][setting] */
};

/* conf_find - where a setting stands in its table; NULL when there is none */
const struct conf_setting *conf_find(
    const char *section, const char *name, size_t *s_out, size_t *n_out);
/*
 * conf_read - the file of c->path into c->values, which hold the defaults.
 *   errors   a line for each mistake up to the first that the grammar cannot get over
 *   returns  E_OK, E_IO (cannot be read), E_BAD
 */
MUST_USE int conf_read(struct conf *, struct buf *errors);
/*
 * comments_blank - comments become blanks, so that libconfuse counts lines right (3.3 counts a
 * comment's line twice).  E_BAD: a brace or a quote that is never closed; *line and *what say which
 */
MUST_USE int comments_blank(char *text, size_t n, unsigned *line, const char **what);

#endif
