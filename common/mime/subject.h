/* SPDX-License-Identifier: ISC */
/* subject.h - the base subject of a message, for SORT and THREAD.  RFC 5256 2.1. */
#ifndef MIME_SUBJECT_H
#define MIME_SUBJECT_H

#include "base/buf.h"

/*
 * subject_base - pure; the words are compared in any ASCII case, the result keeps its own.
 *   utf8   unfolded, encoded words decoded (word_decode)
 *   out    blanks made one; may become empty
 *   returns  is it a reply or a forward (RFC 5256 3, THREAD=REFERENCES step 4.B)?
 */
bool subject_base(struct buf *out, struct span utf8);

#endif
