/* SPDX-License-Identifier: ISC */
/*
 * lists.h - lists that a user's scripts ask about (RFC 6134), on disk below the home of the mailbox:
 *   sieve/lists/NAME   a regular file, 0600: a member a line, in any case; "#" begins a comment,
 *                      "@DOMAIN" is each address of it
 * Files of the site have the same form.  What holds of scripts.h holds here: changes are on stable
 * storage, the old or the new one is there after a crash, who changes holds the folder's lock, readers
 * need none.
 */
#ifndef SIEVE_LISTS_H
#define SIEVE_LISTS_H

#include "base/arena.h"
#include "base/buf.h"

struct sieve_scripts;

enum {
	LIST_NAME_MAX = 64,       /* octets */
	LIST_BYTES_MAX = 4 << 20, /* of a file */
	LIST_MEMBER_MAX = 998,    /* octets: a line of a message (RFC 5322 2.1.1) */
	LISTS_SEEN_MAX = 1000, /* files of a folder: no more are made, or looked at */
};

/* ---- pure ---- */

/* a-z, A-Z, 0-9 and "-_." but no dot first: none leads out of a folder, or is hidden */
bool list_name_check(struct span);
/* list_next - the next member of a file's text.  E_OK, E_MORE (its end) */
MUST_USE int list_next(struct span *text, struct span *out);
bool list_text_has(struct span text, struct span value);

/* The first line that would be none. */
struct list_wrong {
	unsigned line;
	const char *what; /* what would be right; static storage */
};

/*
 * list_text_check - can it be a list?  A member is UTF-8 without control characters, and what has an
 * "@" is an address, or "@DOMAIN": "Anna <anna@example.com>" would never be found.
 *   is_any    members that have an "@" may be anything: values of a field that no address test sees
 *   returns   E_OK, E_BAD (wrong says), E_LIMIT (more than LIST_BYTES_MAX)
 */
MUST_USE int list_text_check(struct span text, bool is_any, struct list_wrong *wrong);

/* ---- the folder of one user ---- */

struct sieve_lists {
	int dir; /* own: HOME/sieve/lists; -1: not there, no lists */
};

struct sieve_list_row {
	struct span name; /* borrow: the arena */
	uint64_t bytes;
	unsigned members;
	bool
	    is_read; /* else it is larger than LIST_BYTES_MAX, or cannot be read: nobody is in it */
};

/* sieve_lists_open - makes: the folder, if it is not there.  E_OK, E_IO */
MUST_USE int sieve_lists_open(
    const struct sieve_scripts *, bool makes, struct sieve_lists *out);
void sieve_lists_close(struct sieve_lists *);
/* sieve_lists_all - by name.  E_OK, E_LIMIT (more than LISTS_SEEN_MAX files), E_IO */
MUST_USE int sieve_lists_all(const struct sieve_lists *, struct arena *,
    struct sieve_list_row **out, size_t *n_out);
/* sieve_list_read - appends its text, whose max bounds it.  E_OK, E_MORE (no such list), E_LIMIT, E_IO */
MUST_USE int sieve_list_read(
    const struct sieve_lists *, struct span name, struct buf *out);
/*
 * sieve_list_put - new, or in its place.  E_OK, E_BAD (no name), E_LIMIT (too long, no room, or there
 * are LISTS_SEEN_MAX others), E_IO
 */
MUST_USE int sieve_list_put(
    const struct sieve_lists *, struct span name, struct span text);
/* sieve_list_delete - E_OK, E_MORE (no such list), E_IO */
MUST_USE int sieve_list_delete(const struct sieve_lists *, struct span name);

#endif
