/* SPDX-License-Identifier: ISC */
/* base.h - the words every file uses: result codes, attributes, and bug(). */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define FMT(f, a) __attribute__((format(printf, f, a)))
#define NORETURN __attribute__((noreturn))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The six results.  One meaning each, everywhere:
 *   E_MORE   not enough input yet; nothing was consumed
 *   E_OK     done
 *   E_BAD    the input is not what its grammar says
 *   E_LIMIT  a named limit would be passed (too long, too many, too late)
 *   E_IO     the world failed: disk, network, a peer that went away
 *   E_DENY   well-formed, but not permitted
 */
enum { E_MORE = 1, E_OK = 0, E_BAD = -1, E_LIMIT = -2, E_IO = -3, E_DENY = -4 };

/* err_name - "ok", "more", "bad", "limit", "io", "deny"; for log lines. */
const char *err_name(int err);

/* bug - our own mistake: logs file, line and what, then aborts.  Never for the world's failures. */
#define bug(what) bug_at(__FILE__, __LINE__, what)
NORETURN void bug_at(const char *file, int line, const char *what);

/* Memory that cannot fail: the process dies alone, and the spool is in a listed state. */
void *mem_new(size_t bytes); /* zeroed; own */
/* realloc of count*size, overflow checked */
void *mem_grow(void *p, size_t count, size_t size);
/*
 * mem_room - for one more than n of *cap; else twice as many, *cap says how many.  Returns what p
 * is then
 */
void *mem_room(void *p, size_t n, size_t *cap, size_t size);
char *mem_dup(const char *s); /* own */
void mem_free(void *pp);      /* void **: frees and sets to NULL; NULL is fine */

#endif
