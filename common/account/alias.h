/* SPDX-License-Identifier: ISC */
/*
 * alias.h - the alias file, in memory.  "name: target, target", where name is a local part (for
 * every local domain) or an address; continued by lines that begin with a blank; # comments;
 * "quoted local parts".  A target is an address, a local part, or :include:/path, a file of targets
 * with one or more a line.
 */
#ifndef ACCOUNT_ALIAS_H
#define ACCOUNT_ALIAS_H

#include "base/arena.h"

enum {
	ALIAS_FILE_BYTES_MAX = 64 << 20,
	ALIAS_INCLUDE_BYTES_MAX = 4 << 20,
	ALIAS_NAME_MAX = 320,
	ALIAS_LOOK_EVERY_MS = 1000, /* how soon a changed file is seen */
};

struct aliases;

/* own; a file that is not there is empty */
struct aliases *aliases_new(const char *path);
void aliases_free(struct aliases **);
/* aliases_look - reads the file again when it changed; what alias_find gave before is void then */
void aliases_look(struct aliases *);
/*
 * alias_find - the targets of a name, in lower case, as they stand in the file (commas between).
 * E_OK, E_BAD (no such name), E_IO (the file cannot be read; what was read before stays in force)
 */
MUST_USE int alias_find(struct aliases *, struct span name, struct span *out);
/*
 * alias_next_target - takes the first target off *list: commas, blanks, line ends and comments
 * between.
 *   out      borrow: of list; quotes are kept
 *   returns  E_OK, E_MORE (the list is at its end)
 */
MUST_USE int alias_next_target(struct span *list, struct span *out);
/* alias_include - the text of an included file.  E_OK, E_IO, E_LIMIT; into the arena */
MUST_USE int alias_include(struct span path, struct arena *, struct span *out);

/*
 * alias_each - pure: every "name: targets" of a file's text, in order.  fn returns E_OK to go on.
 */
MUST_USE int alias_each(struct span text,
    int (*fn)(void *ctx, struct span name, struct span targets), void *ctx);

#endif
