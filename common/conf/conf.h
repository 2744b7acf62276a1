/* SPDX-License-Identifier: ISC */
/*
 * conf.h - merpati.conf: one file, a version number, a section per daemon and "common".
 * The settings stand in one table (settings.c): parser, dump and manual page come from it.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/buf.h"

#define CONF_PATH_DEFAULT "/etc/merpati/merpati.conf"

enum conf_type { CONF_STR, CONF_BOOL, CONF_INT, CONF_BYTES, CONF_SECONDS, CONF_LIST };

struct conf_setting {
	const char *name;
	enum conf_type type;
	const char *def; /* as it would be written; a list: items separated by blanks */
	int64_t least, most; /* numbers, in the unit */
	const char *unit;    /* "bytes", "seconds", "" */
	const char *doc;     /* one line */
	/*
	 * checks a value (of a list: an item) beyond its type: NULL, or what would be right; may be
	 * NULL
	 */
	const char *(*check)(const char *value);
};

struct conf_section {
	const char *name;
	const char *doc;
	const struct conf_setting *settings;
	size_t n_settings;
};

extern const struct conf_section conf_sections[];
extern const size_t conf_n_sections;

struct conf;

/*
 * conf_load - E_OK, E_IO (no such file), E_BAD; errors gets lines "FILE:LINE: what is wrong; what
 * would be right"
 */
MUST_USE int conf_load(const char *path, struct buf *errors, struct conf **out);
void conf_free(struct conf **);
/* The getters: an unknown name is a bug().  borrow: until conf_free */
const char *conf_str(const struct conf *, const char *section, const char *name);
bool conf_bool(const struct conf *, const char *section, const char *name);
/* INT; BYTES in bytes; SECONDS */
int64_t conf_int(const struct conf *, const char *section, const char *name);
size_t conf_list_count(const struct conf *, const char *section, const char *name);
const char *conf_list(
    const struct conf *, const char *section, const char *name, size_t i);
const char *conf_path(const struct conf *);
/* conf_line - the line on which it is set; 0: it has its default */
unsigned conf_line(const struct conf *, const char *section, const char *name);
/*
 * conf_where - adds "FILE:LINE: ", or "FILE: " for a default: how an error about a setting begins
 */
void conf_where(
    const struct conf *, const char *section, const char *name, struct buf *out);
/*
 * conf_dump - what differs from the defaults (or all), in the grammar of the file; parses to itself
 */
void conf_dump(const struct conf *, bool all, struct buf *out);
/*
 * conf_dump_json - the same for programs: {"section": {"setting": value}}; sizes in bytes, times in
 * seconds
 */
void conf_dump_json(const struct conf *, bool all, struct buf *out);
/* conf_manual - the settings as mdoc(7), for merpati.conf(5) */
void conf_manual(struct buf *out);

/* what settings about undelete say at most */
enum { UNDELETE_DAYS_MOST = 3650 };

#endif
