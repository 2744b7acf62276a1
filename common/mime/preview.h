/* SPDX-License-Identifier: ISC */
/*
 * preview.h - the first words of a message, RFC 8970 3.3: of its first text/plain that has any,
 * else of its first text/html without tags, entities, styles and scripts.  Attachments and nested
 * messages have no part in it.
 */
#ifndef MIME_PREVIEW_H
#define MIME_PREVIEW_H

#include "mime/tree.h"

enum {
	PREVIEW_CHARS_MAX = 200,
	/* of a part, as it stands: past it nothing is looked for */
	PREVIEW_LOOK_BYTES_MAX = 256 << 10,
};

/*
 * preview_put - UTF-8 on one line, runs of blanks made one; nothing when there are no words to show
 */
void preview_put(struct buf *out, const struct tree *, struct arena *);

#endif
