/* SPDX-License-Identifier: ISC */
/*
 * bodystructure.h - the tree of a message as IMAP's BODY and BODYSTRUCTURE.  RFC 3501 7.4.2 and 9,
 * RFC 9051 7.5.2.  Names of types, encodings and parameters are in lower case; values are as they
 * stand.  An opaque part is application/octet-stream.
 */
#ifndef MIME_BODYSTRUCTURE_H
#define MIME_BODYSTRUCTURE_H

#include "mime/tree.h"

/*
 * bodystructure_put - as it is sent.
 *   is_extended  with extension data: BODYSTRUCTURE; else BODY
 *   arena        for what it needs meanwhile
 */
void bodystructure_put(
    struct buf *out, const struct tree *, bool is_extended, struct arena *arena);
/*
 * bodystructure_put_part - of one part, without extension data: BODYPARTSTRUCTURE, RFC 5259 9.
 *   decoded  its content without its encoding, which is then told of; NULL: as it stands.  Nothing
 *            else is encoded than a leaf
 */
void bodystructure_put_part(struct buf *out, const struct tree *, const struct part *,
    const struct span *decoded, struct arena *arena);
/* bodystructure_put_both - both in one go; both have no maximum of their own */
void bodystructure_put_both(
    struct buf *structure, struct buf *body, const struct tree *, struct arena *arena);

#endif
