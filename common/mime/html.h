/* SPDX-License-Identifier: ISC */
/* html.h - what a reader sees of HTML: no tags, comments, styles, scripts; entities resolved. */
#ifndef MIME_HTML_H
#define MIME_HTML_H

#include "mime/words.h"

/* html_words - of UTF-8, until the words are full; whatever is broken ends where the text does */
void html_words(struct span html, struct words *out);

#endif
