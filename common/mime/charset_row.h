/* SPDX-License-Identifier: ISC */
/* charset_row.h - the table of charsets, shared by charset.c and charset_row.c. */
#ifndef MIME_CHARSET_ROW_H
#define MIME_CHARSET_ROW_H

#include "base/span.h"

enum charset_way {
	WAY_UTF8,  /* bad octets become U+FFFD */
	WAY_ASCII, /* UTF-8, bad octets read as windows-1252 */
	WAY_UTF7,  /* charset_utf7 */
	WAY_ICONV, /* this and all below: iconv */
	WAY_MARK,  /* the first character may say that it is little-endian */
	WAY_SHIFT, /* escapes choose what octets mean, until others do: beyond what is bad */
	WAY_UHC, /* a bad character A2 E8 is taken before it is called bad */
};

struct charset_row {
	const char *iconv_name;
	enum charset_way way;
	/* octets below 128 at a character's beginning are ASCII, and iconv keeps none for later */
	bool is_ascii_like;
	unsigned char unit; /* octets that go with a bad one */
	/* as labels have them, lower case, one blank between and around each */
	const char *names;
};

/* charset_row_find - of a label; NULL when it is not known */
const struct charset_row *charset_row_find(struct span name);
const struct charset_row *charset_row_at(size_t i); /* NULL past the end */
size_t charset_row_index(const struct charset_row *);

enum { CHARSET_ROWS_MAX = 64, CHARSET_NAME_MAX = 40 };

#endif
