/* SPDX-License-Identifier: ISC */
/*
 * scripts.h - the scripts of one user, on disk below the home of the mailbox:
 *   sieve/NAME.sieve   a script, a regular file, 0600
 *   sieve/active       the name of the active one and a newline; not there: none is
 *   sieve/.new         what is being written; left by a crash, it is written over
 * In a name %, / and a dot at its beginning are %25, %2F and %2E, so that no name leaves the
 * folder or is hidden.  Files with other names are nobody's.  A change is on stable storage when its
 * function returns; after a crash the old state is there or the new one, of rename perhaps both
 * names.  Whoever changes holds a lock of the folder meanwhile; readers need none.
 *
 * The process has the uid of the mailbox.  Links are not followed, and what is no regular file is
 * E_IO, never a hang.  All of it blocks on the disk; E_IO is logged.
 */
#ifndef SIEVE_SCRIPTS_H
#define SIEVE_SCRIPTS_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	SIEVE_NAME_CHARS_MAX = 128, /* of a script's name: RFC 5804 1.6 */
	SIEVE_NAME_BYTES_MAX = 512, /* of it in UTF-8 */
	SIEVE_NAME_FILE_MAX = 249,  /* octets of it as file name: 255 with ".sieve" */
	SIEVE_SCRIPTS_SEEN_MAX = 10000, /* files of a folder that are looked at */
};

struct sieve_scripts {
	int dir;           /* own: HOME/sieve; -1: not there, no scripts */
	uint64_t most;     /* scripts that put makes room for; 0: any number */
	size_t bytes_most; /* of one that is put; 0: any size */
};

enum sieve_quota { SIEVE_QUOTA_SIZE, SIEVE_QUOTA_SCRIPTS, SIEVE_QUOTA_DISK };

struct sieve_script_row {
	struct span name; /* borrow: the list's arena */
	bool is_active;
};

/* {0} is a valid one; arena_reset and {0} when it is done with. */
struct sieve_script_list {
	struct arena arena;            /* own */
	struct sieve_script_row *rows; /* by name */
	size_t n;
};

/*
 * sieve_name_valid - RFC 5804 1.6: UTF-8 of 1 to 128 characters, no control character, no line or
 * paragraph separator; and short enough for a file name
 */
bool sieve_name_valid(struct span name);

/*
 * sieve_scripts_open
 *   home     borrow: descriptor of the mailbox's directory
 *   makes    the folder, if it is not there; else *out has none, and there are no scripts
 *   returns  E_OK, E_IO.  out's limits are 0
 */
MUST_USE int sieve_scripts_open(int home, bool makes, struct sieve_scripts *out);
void sieve_scripts_close(struct sieve_scripts *);

/* sieve_scripts_list - E_OK, E_LIMIT (too many files), E_IO */
MUST_USE int sieve_scripts_list(
    const struct sieve_scripts *, struct sieve_script_list *out);
/*
 * sieve_scripts_read - appends the text of a script to out, whose max bounds it.
 *   returns  E_OK, E_MORE (there is none of that name, or no name it is), E_LIMIT, E_IO
 */
MUST_USE int sieve_scripts_read(
    const struct sieve_scripts *, struct span name, struct buf *out);
/*
 * sieve_scripts_active - appends the name of the active one.  E_OK, E_MORE (none is, or what the
 * file says is no name), E_IO.  That the script itself is there is seen when it is read.
 */
MUST_USE int sieve_scripts_active(const struct sieve_scripts *, struct buf *name);
/*
 * sieve_scripts_room - may a script of that size be put?  One of that name is replaced.
 *   returns  E_OK, E_BAD (no name), E_LIMIT (*what says which), E_IO
 */
MUST_USE int sieve_scripts_room(const struct sieve_scripts *, struct span name,
    uint64_t bytes, enum sieve_quota *what);
/* sieve_scripts_put - as sieve_scripts_room; replaces one of that name */
MUST_USE int sieve_scripts_put(
    struct sieve_scripts *, struct span name, struct span text, enum sieve_quota *what);
/* sieve_scripts_delete - E_OK, E_MORE (there is none), E_DENY (it is active), E_IO */
MUST_USE int sieve_scripts_delete(struct sieve_scripts *, struct span name);
/*
 * sieve_scripts_rename - what was active is so under its new name.  E_OK, E_BAD (to is no name),
 * E_MORE (there is no from), E_DENY (there is one named to), E_IO
 */
MUST_USE int sieve_scripts_rename(
    struct sieve_scripts *, struct span from, struct span to);
/* sieve_scripts_activate - name empty: none is active.  E_OK, E_MORE (there is none), E_IO */
MUST_USE int sieve_scripts_activate(struct sieve_scripts *, struct span name);

#endif
