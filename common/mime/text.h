/* SPDX-License-Identifier: ISC */
/*
 * text.h - what SEARCH BODY, TEXT and HEADER look through, RFC 9051 6.4.4: the fields of heads,
 * unfolded and decoded, and text parts, decoded and in UTF-8; those of nested messages too.  What
 * is compared is folded (casemap.h).  ASCII in no encoding, the usual case, is searched where it
 * stands.  Not looked through: parts that are no text, and what stands before and behind the parts
 * of a multipart.
 */
#ifndef MIME_TEXT_H
#define MIME_TEXT_H

#include "mime/tree.h"

enum text_where {
	/* no field of any head: neither of parts nor of messages in it (RFC 9051 6.4.4) */
	TEXT_BODY,
	TEXT_TEXT, /* all heads too */
};

/* of one part: past it nothing is looked for */
enum { TEXT_DECODED_BYTES_MAX = 32 << 20 };

/* What searching needs meanwhile.  {0} is a valid one; keep it from one message to the next. */
struct text_scratch {
	struct arena arena;               /* own */
	struct buf decoded, utf8, folded; /* own */
};

void text_scratch_free(struct text_scratch *);

/*
 * text_each - fn with each text that there is, in UTF-8, not folded: the fields of a head, a line
 * each; what a text part says.  fn returning true ends it, and is the answer
 */
typedef bool text_fn(void *ctx, bool is_head, struct span utf8);
bool text_each(
    const struct tree *, enum text_where, struct text_scratch *, text_fn *, void *ctx);
/*
 * text_contains - is the needle in it? It is folded by casemap_fold; an empty one is in every
 * message.
 */
bool text_contains(
    const struct tree *, enum text_where, struct span needle, struct text_scratch *);
/*
 * text_field_contains - HEADER name needle: is it in a field of that name? An empty needle: is
 * there such a field?
 *   head  of a message, or some fields of it; may go on with the body
 */
bool text_field_contains(
    struct span head, struct span name, struct span needle, struct text_scratch *);
/* text_value_put - a value of a field on one line in UTF-8, not folded */
void text_value_put(struct buf *out, struct span raw);
/* text_field_put - the values of all fields of that name, decoded and folded, an LF between */
void text_field_put(struct buf *out, struct span head, struct span name);

#endif
