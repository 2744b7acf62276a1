/* SPDX-License-Identifier: ISC */
/* url_part.c - what SECTION and PARTIAL of an IMAP URL mean of a message. */
#include "mime/url_part.h"

#include <string.h>

int
url_section(const struct imap_url *url, struct arena *arena, struct section *out)
{
	*out = (struct section){.what = SECTION_ALL};
	if (url->section.n == 0)
		return E_OK;
	char *text = arena_get(arena, url->section.n + 1);
	if (!text)
		return E_LIMIT;
	memcpy(text, url->section.p, url->section.n);
	text[url->section.n] = ']'; /* where section_parse ends */
	struct span in = span_make(text, url->section.n + 1);
	int err = section_parse(&in, arena, out);
	return err == E_OK && in.n != 1 ? E_BAD : err;
}

struct span
url_partial(const struct imap_url *url, struct span text)
{
	if (!url->has_partial)
		return text;
	text = span_from(text, url->from < text.n ? (size_t)url->from : text.n);
	return url->octets && url->octets < text.n
	           ? span_head(text, (size_t)url->octets)
	           : text;
}
