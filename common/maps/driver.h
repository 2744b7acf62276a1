/* SPDX-License-Identifier: ISC */
/*
 * driver.h - what a kind of map is to bring, as a module that is loaded when a configuration names
 * it: so nobody who has no LDAP pays for its library.  A module uses nothing of ours but this
 * header: it has no log and no buffers, and says in words what went wrong.
 */
#ifndef MAPS_DRIVER_H
#define MAPS_DRIVER_H

#include <string.h>
#include <time.h>

#include "base/base.h"

enum {
	MAP_WHY_MAX = 256,
	MAP_PAIRS_MAX = 32,
};

/* How a key stands in a query so that it is a value and nothing else. */
enum map_escape {
	MAP_ESCAPE_SQL, /* within '', each ' twice */
	MAP_ESCAPE_LDAP /* RFC 4515 3: \2a for * */
};

/* "name = value" of a definition, as C strings. */
struct map_definition {
	struct map_pair {
		const char *name, *value; /* own: of whoever read it */
	} pairs[MAP_PAIRS_MAX];

	size_t n;
};

/* map_setting - its value, or what stands in when it is not there */
static inline const char *
map_setting(const struct map_definition *d, const char *name, const char *otherwise)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->pairs[i].name, name) == 0)
			return d->pairs[i].value;
	return otherwise;
}

/* map_now_ms - CLOCK_MONOTONIC: for the deadlines of a module */
static inline int64_t
map_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Each value of an answer, in order. */
struct map_sink {
	void (*value)(void *ctx, const char *p, size_t n);
	void *ctx;
};

struct map_driver {
	const char *kind;     /* "sqlite" */
	const char *query;    /* the setting that holds the query */
	const char *settings; /* what else a definition may say, blanks between */
	const char *needed;   /* and what of it it must */
	enum map_escape escape;
	/*
	 * open - connects.
	 *   timeout_ms  blocks at most about so long
	 *   why         in words, MAP_WHY_MAX bytes, when it returns NULL
	 */
	void *(*open)(const struct map_definition *, int timeout_ms, char *why);
	/*
	 * find - asks.  text is the query with the key in it.
	 *   returns  E_OK, also when there is no value; E_IO (why): then close is all that may be called;
	 *            E_BAD (why): the query is wrong
	 */
	int (*find)(void *, const char *text, int timeout_ms, const struct map_sink *,
	    char *why);
	void (*close)(void *);
};

/* The one name that a module exports. */
extern const struct map_driver map_driver;

#endif
