/* SPDX-License-Identifier: ISC */
/*
 * source.h - an item of the setting relay_sources: where mail of some senders comes from.
 *   PATTERN=[ADDRESS][,ADDRESS] [name=NAME]
 *   PATTERN  of a sender: as of a route (route.h); that of mail without one is only *
 *   ADDRESS  one of IPv4, one of IPv6, or either; of the other kind it is any, as the settings
 *            relay_source4 and relay_source6 say
 *   NAME     in EHLO, in place of relay_name
 */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include "base/span.h"

enum { SOURCE_ADDRESS_MAX = 45, SOURCE_NAME_MAX = 255 };

struct source {
	struct span pattern;
	struct span v4, v6, name; /* empty: as without it */
};

/* source_parse - spans borrow from text.  E_OK, E_BAD.  Never blocks or allocates */
MUST_USE int source_parse(struct span text, struct source *out);

#endif
