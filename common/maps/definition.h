/* SPDX-License-Identifier: ISC */
/*
 * definition.h - the file that says what a map is: "name = value" lines, as Postfix has them for its
 * sqlite, pgsql and ldap tables; a line that begins with a blank goes on with the one before, "#"
 * begins a comment.  Pure, but for the reading.
 */
#ifndef MAPS_DEFINITION_H
#define MAPS_DEFINITION_H

#include "base/buf.h"
#include "maps/driver.h"

enum { DEFINITION_BYTES_MAX = 64 << 10 };

/*
 * definition_read - of a file, which may hold a password: nobody but its owner and group may read
 * it.  E_OK; E_BAD: why holds a text (it ends with no stop).  Blocks on the disk
 */
MUST_USE int definition_read(const char *path, struct map_definition *out, char *why);
/* definition_parse - the same of a text.  out is the caller's to free, also after E_BAD */
MUST_USE int definition_parse(struct span, struct map_definition *out, char *why);
/* definition_check - it says what the driver needs, nothing else, and its query is one */
MUST_USE int definition_check(
    const struct map_definition *, const struct map_driver *, char *why);
void definition_free(struct map_definition *);
/*
 * definition_wants - its setting domain, a list with commas or blanks, is not there, or has the
 * key's domain: others are not asked about
 */
bool definition_wants(const struct map_definition *, struct span key);

#endif
