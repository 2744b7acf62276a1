/* SPDX-License-Identifier: ISC */
/*
 * maps.h - the setting alias_maps: where aliases stand besides the alias file, in SQLite,
 * PostgreSQL or LDAP, in the order of the setting.  One interface, whoever asks: the role "maps" for
 * the role lookup, which has no network; and the command itself.
 */
#ifndef MAPS_MAPS_H
#define MAPS_MAPS_H

#include "base/arena.h"
#include "base/buf.h"

struct ask_table;
struct conf;
struct jail;
struct maps;

enum {
	MAPS_MOST = 8,
	MAP_KEY_MAX = 320,      /* octets: an address */
	MAP_ANSWER_MAX = 60000, /* octets of all targets, as they travel */
	/* a map that failed is left alone so long: who asks hears "later" at once */
	MAP_REST_MS = 2000,
	MAP_CACHE_SLOTS = 1024,
	/* of all maps and keys of one question; less than LOOKUP_WAIT_MS */
	MAPS_WAIT_MS = 4000,
};

/*
 * maps_open - reads all definitions and loads the modules; connects to nothing yet.  Blocks on the
 * disk.
 *   errors   "path: what is wrong" lines; may be NULL: then they are logged
 *   returns  E_OK; E_BAD: *out is NULL
 */
MUST_USE int maps_open(const struct conf *, struct buf *errors, struct maps **out);
void maps_close(struct maps **);
/*
 * maps_find - the first map that has the key says the targets, with ", " between.  Blocks until the
 * deadline at most, about.
 *   out      appended; of several rows, or columns, all
 *   returns  E_OK; E_BAD: none has it; E_IO: one that might have it did not answer (logged, once)
 */
MUST_USE int maps_find(
    struct maps *, struct span key, int64_t deadline, struct buf *out);

bool maps_are_off(const struct conf *); /* alias_maps names none */

/* ---- the role "maps" of smtpd and deliver ---- */
enum maps_ask {
	MAPS_FIND = 1, /* str key -> u8 0 - err, str targets */
};

/*
 * maps_allow_files - the folders of databases that are files (dbpath of a definition); before any
 * map is opened, as a jail is made ahead
 */
void maps_allow_files(const struct conf *, struct jail *);
int maps_self_test(const struct conf *, struct buf *errors);
int maps_prepare(void);
void maps_jail(struct jail *);
int maps_run(void);
const struct ask_table *maps_table(unsigned kind);

/* clang-format off */
/* A lazy row of a daemon's roles: for the role lookup, which has a channel to it */
#define MAPS_ROLE {.name = "maps", .user = USER_LOOKUP, .flags = ROLE_LAZY, .at_start = 1, \
	.is_off = maps_are_off, .prepare = maps_prepare, .jail = maps_jail, .run = maps_run}
/* clang-format on */

/*
 * maps_ask - the asking side, for processes with a channel to the role.
 *   chan     own; -1: none yet
 *   out      arena
 *   returns  as maps_find
 */
MUST_USE int maps_ask(
    int *chan, struct span key, int64_t deadline, struct arena *, struct span *out);

#endif
