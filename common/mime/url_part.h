/* SPDX-License-Identifier: ISC */
/* url_part.h - what SECTION and PARTIAL of an IMAP URL mean of a message.  Pure. */
#ifndef MIME_URL_PART_H
#define MIME_URL_PART_H

#include "mime/imap_url.h"
#include "mime/section.h"

/* url_section - without one: the whole message.  E_OK, E_BAD (no section), E_LIMIT */
MUST_USE int url_section(const struct imap_url *, struct arena *, struct section *out);
/* url_partial - borrow: of text; all of it without PARTIAL */
struct span url_partial(const struct imap_url *, struct span text);

#endif
