/* SPDX-License-Identifier: ISC */
/*
 * body.h - the content of a part, as body and extracttext see it.  most: octets of it that are looked
 * at; what decoding them is worth is spent before.
 */
#ifndef SIEVE_BODY_H
#define SIEVE_BODY_H

#include "sieve/run_state.h"

bool body_is_html(const struct part *);
/*
 * body_text - without its transfer encoding, text in UTF-8; of HTML, with is_seen, what a reader sees.
 * Borrow: until the next command, and no longer than the message stays as it is
 */
struct span body_text(
    struct sieve_run *, unsigned line, const struct part *, bool is_seen, size_t most);

#endif
