/* SPDX-License-Identifier: ISC */
/*
 * retention.h - items of the setting retention: which messages of which folders go, when.  Pure.
 *   [for=WHO] [folder=FOLDER] [older=TIME] [saved=TIME] [larger=SIZE] [flagged] keep|remove|archive=NAME
 * Words in any order, each once; a value with blanks in it stands in ' or ".
 */
#ifndef CONF_RETENTION_H
#define CONF_RETENTION_H

#include "base/buf.h"

enum {
	/* least age of what is removed or archived: what came today is never gone today */
	RETENTION_AGE_LEAST_SEC = 86400,
	RETENTION_AGE_MOST_DAYS = 36500,
	RETENTION_FOLDER_MAX = 255,  /* octets of a pattern */
	RETENTION_ARCHIVE_MAX = 200, /* octets of a name, before its dates are put in */
	RETENTION_ARCHIVE_DEPTH = 32, /* levels of it, as of any mailbox */
};

enum retention_action { RETENTION_KEEP, RETENTION_REMOVE, RETENTION_ARCHIVE };

struct retention_rule {
	struct span text; /* borrow, as all spans here */
	/* an address with * and ?, or a domain without; empty: everybody */
	struct span who;
	/* as LIST has it: * and %; or a special use, with its backslash; empty: any */
	struct span folder;
	struct span archive; /* %Y, %m, %%; its first level may be a special use */
	enum retention_action action;
	int64_t older_sec;     /* since INTERNALDATE, at least; 0: any */
	int64_t saved_sec;     /* the same since SAVEDATE */
	uint64_t larger_bytes; /* more than that; 0: any */
	bool has_flagged;      /* \Flagged messages too: keep always has them */
};

/*
 * retention_rule_parse - one rule.
 *   wrong    at E_BAD what would be right (static storage)
 *   returns  E_OK, E_BAD
 */
MUST_USE int retention_rule_parse(
    struct span text, struct retention_rule *out, const char **wrong);
/*
 * retention_own_parse - one that is kept for an account, or a domain, and so has no for=, and is a line.
 * As retention_rule_parse
 */
MUST_USE int retention_own_parse(
    struct span text, struct retention_rule *out, const char **wrong);
/* retention_rule_is_for - this account */
bool retention_rule_is_for(const struct retention_rule *, struct span address);
/* retention_rule_has_all - of a folder that it is for, it decides about each message */
bool retention_rule_has_all(const struct retention_rule *);
/* retention_use - "\Trash" in any case: a special use of RFC 6154, and no name */
bool retention_use(struct span folder);
/* retention_archive_put - the name for a message of that year and month */
void retention_archive_put(
    const struct retention_rule *, int year, int month, struct buf *out);

#endif
