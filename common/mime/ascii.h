/* SPDX-License-Identifier: ISC */
/* ascii.h - a search in ASCII text in any case, at the speed of memory. */
#ifndef MIME_ASCII_H
#define MIME_ASCII_H

#include "base/span.h"

/*
 * ascii_contains - is the needle in it, letters in any case?
 *   needle  its letters in upper case, as casemap_fold makes them; an empty one is in everything
 */
bool ascii_contains(struct span haystack, struct span needle);

#endif
