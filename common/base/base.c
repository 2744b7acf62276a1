/* SPDX-License-Identifier: ISC */
/* base.c - bug() and memory that cannot fail. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

const char *
err_name(int err)
{
	switch (err) {
	case E_MORE:
		return "more";
	case E_OK:
		return "ok";
	case E_BAD:
		return "bad";
	case E_LIMIT:
		return "limit";
	case E_IO:
		return "io";
	case E_DENY:
		return "deny";
	}
	return "unknown";
}

void
bug_at(const char *file, int line, const char *what)
{
	log_event(LOG_CRIT, "bug", "file=%s line=%d what=%s", file, line, log_qs(what));
	abort();
}

void *
mem_new(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);
	if (!p)
		bug("out of memory");
	return p;
}

void *
mem_grow(void *p, size_t count, size_t size)
{
	void *q = reallocarray(p, count ? count : 1, size);
	if (!q)
		bug("out of memory");
	return q;
}

void *
mem_room(void *p, size_t n, size_t *cap, size_t size)
{
	enum { FIRST = 16 };

	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : FIRST;
	return mem_grow(p, *cap, size);
}

char *
mem_dup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = mem_new(n);
	memcpy(p, s, n);
	return p;
}

void
mem_free(void *pp)
{
	void *p;
	memcpy(&p, pp, sizeof p);
	free(p);
	memset(pp, 0, sizeof p);
}
