/* SPDX-License-Identifier: ISC */
/* body.h - the content of a part, as body and extracttext see it. */
#ifndef SIEVE_BODY_H
#define SIEVE_BODY_H

#include "mime/tree.h"

bool body_is_html(const struct part *);
/* body_put_part - without its transfer encoding; text in UTF-8.  At most SIEVE_BODY_BYTES_MAX */
void body_put_part(
    const struct tree *, const struct part *, struct arena *, struct buf *out);
/* body_put_text - the same; of HTML what a reader sees */
void body_put_text(
    const struct tree *, const struct part *, struct arena *, struct buf *out);

#endif
