/* SPDX-License-Identifier: ISC */
/*
 * tag.h - lists of tags, "v=1; a=rsa-sha256; ...", RFC 6376 3.2: signatures and key records; pure.
 * Blanks of FWS stand where the grammar lets them; values may be UTF-8 (RFC 8616).
 */
#ifndef DKIM_TAG_H
#define DKIM_TAG_H

#include "base/buf.h"

enum {
	TAGS_MAX = 64,            /* of a list */
	TAG_BASE64_MAX = 8 << 10, /* octets of a value in base64, with its blanks */
};

struct tag {
	struct span name;
	struct span value; /* without the blanks at its ends */
	struct span raw;   /* with them: all from behind "=" to before ";" */
};

struct tag_list {
	struct tag all[TAGS_MAX];
	size_t n;
};

/*
 * tag_list_parse - all of a list.  A name that comes twice makes all of it bad.
 *   in       the raw value of a field, or a TXT record
 *   out      borrows from in
 *   returns  E_OK, E_BAD, E_LIMIT (past TAGS_MAX).  Names are told apart by case.
 */
MUST_USE int tag_list_parse(struct span in, struct tag_list *out);
/* tag_find - NULL: there is none of that name; borrow: the list */
const struct tag *tag_find(const struct tag_list *, const char *name);
/*
 * tag_item_next - the next of a list with colons, "from : to", without blanks around it; it may be
 * empty.  E_OK, E_MORE (in is at its end: p NULL).  The first call takes the whole value
 */
MUST_USE int tag_item_next(struct span *in, struct span *item);
bool tag_has_item(struct span value, const char *item); /* ASCII letters in any case */
/* tag_base64 - added to out.  E_OK, E_BAD, E_LIMIT (past TAG_BASE64_MAX) */
MUST_USE int tag_base64(struct span value, struct buf *out);
struct span tag_trim(struct span);

#endif
