/* SPDX-License-Identifier: ISC */
/*
 * body.h - the content of a part, as body and extracttext see it.  most: octets of it that are looked
 * at; what decoding them is worth is spent before.
 */
#ifndef SIEVE_BODY_H
#define SIEVE_BODY_H

#include "sieve/run_state.h"

bool body_is_html(const struct part *);
/* body_put_part - without its transfer encoding; text in UTF-8 */
void body_put_part(struct sieve_run *, unsigned line, const struct part *, size_t most,
    struct buf *out);
/* body_put_text - the same; of HTML what a reader sees */
void body_put_text(struct sieve_run *, unsigned line, const struct part *, size_t most,
    struct buf *out);

#endif
