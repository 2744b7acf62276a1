/* SPDX-License-Identifier: ISC */
/*
 * fuzz_map.c - whatever the key, a query has as many ' as it had and an even number more, and a
 * filter no bracket or star of the key's; a definition's file is read to its end.
 * fuzz: common/maps/template.c common/maps/definition.c common/base/file.c
 */
#include <stdlib.h>
#include <string.h>

#include "maps/definition.h"
#include "maps/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t
count(struct span s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

static void
sql(struct span key)
{
	struct buf out = {0};
	if (template_expand(SPAN("a='%s' and b='%d'"), MAP_ESCAPE_SQL, key, &out) ==
	    E_OK) {
		struct span said = buf_as_span(&out);
		if (count(said, '\'') % 2 || count(said, '\\') || count(said, '\0'))
			abort();
	}
	buf_free(&out);
}

static void
ldap(struct span key)
{
	struct buf out = {0};
	if (template_expand(SPAN("(a=%s)"), MAP_ESCAPE_LDAP, key, &out) == E_OK) {
		struct span said = buf_as_span(&out);
		if (count(said, '(') != 1 || count(said, ')') != 1 || count(said, '*'))
			abort();
	}
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct map_definition d;
	char why[MAP_WHY_MAX] = "";
	struct span text = span_make(data, n);
	sql(text);
	ldap(text);
	if (definition_parse(text, &d, why) == E_OK)
		definition_wants(&d, text);
	else if (!why[0])
		abort();
	definition_free(&d);
	return 0;
}
