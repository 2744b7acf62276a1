/* SPDX-License-Identifier: ISC */
/*
 * field.h - fields and entities that a script makes: texts of anybody put where nothing of them can
 * become a field of its own.  eol: "\r\n" or "\n", as the message has it.
 */
#ifndef SIEVE_FIELD_H
#define SIEVE_FIELD_H

#include "base/buf.h"

/* field_name_ok - RFC 5322 2.2: printable, no colon */
bool field_name_ok(struct span name);
/* field_put_text - on one line; what is not ASCII as encoded words, folded (RFC 2047) */
void field_put_text(struct buf *, const char *eol, struct span text);
/* the same as a whole field */
void field_put(struct buf *, const char *eol, const char *name, struct span text);
/*
 * field_put_mailbox - a display name as it was decoded, quoted where it is ASCII, or none; the
 * address in brackets
 */
void field_put_mailbox(struct buf *, const char *eol, const char *name,
    struct span display, struct span address);
/* field_put_mailboxes - of a value with addresses: their names and they, and nothing else of it */
void field_put_mailboxes(
    struct buf *, const char *eol, const char *name, struct span value);
/* field_put_lines - a text, its lines ending like that */
void field_put_lines(struct buf *, const char *eol, struct span text);
/* field_is_mime - does it say what an entity is?  "Content-..." and MIME-Version */
bool field_is_mime(struct span name);
/* field_put_plain - Content fields of a UTF-8 text, an empty line, the text; no delimiter in it */
void field_put_plain(struct buf *, const char *eol, struct span text);
/* field_put_entity - a MIME entity: its Content fields and no others, an empty line, its body */
void field_put_entity(struct buf *, const char *eol, struct span entity);

#endif
