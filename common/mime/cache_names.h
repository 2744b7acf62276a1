/* SPDX-License-Identifier: ISC */
/* cache_names.h - the fields that items hold, shared by cache.c and cache_names.c. */
#ifndef MIME_CACHE_NAMES_H
#define MIME_CACHE_NAMES_H

#include "base/span.h"

enum {
	CACHE_NAMES_MAX = 64, /* bits of a cache_names */
	CACHE_ROW_BYTES = 3,  /* of a field: u8 name, u16 octets */
};

/* The first ones, whose values SEARCH looks through. */
enum {
	CACHE_NAME_FROM,
	CACHE_NAME_TO,
	CACHE_NAME_CC,
	CACHE_NAME_BCC,
	CACHE_NAME_SUBJECT,
	CACHE_N_SEARCHED
};

/* cache_name_find - number of a name, any case; -1 when items do not know it */
int cache_name_find(struct span name);

#endif
