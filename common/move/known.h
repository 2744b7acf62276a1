/* SPDX-License-Identifier: ISC */
/*
 * known.h - what an import knows of a folder of its source from before: which messages it brought,
 * as which files here, and the flags they had there.  A text file a folder, import/HASH in the
 * mailbox's home:
 *   merpati-import 1
 *   source NAME
 *   folder NAME
 *   uidvalidity N is-adopted          of the source; 0 or 1: the mailbox here has its numbers
 *   + KEY FILEID FLAGS [KEYWORD...]   a message that is about to be appended
 *   .                                 those above were
 * It is written whole at the end of a folder, and grows while messages come: rows are synced before
 * their messages are appended, so that after a crash the last of them, which no "." confirms, are
 * looked for among the files here.  Names and keys are percent-encoded: one word.  Reading is pure.
 */
#ifndef MOVE_KNOWN_H
#define MOVE_KNOWN_H

#include "base/id.h"
#include "move/keywords.h"

enum { KNOWN_BYTES_MAX = 1 << 30, KNOWN_KEY_MAX = 512 };

struct known_row {
	struct span key; /* borrow: the arena */
	struct file_id id;
	uint32_t flags;
	uint64_t keywords; /* bits of the table given to known_read */
	bool is_confirmed;
	bool is_seen; /* for who goes through a listing */
};

struct known {
	struct arena arena;     /* own */
	struct known_row *rows; /* own; in order of key after known_read */
	size_t n, cap;
	uint32_t uidvalidity;
	bool is_adopted;
};

/*
 * known_read - pure.
 *   names    gets the keywords, in the arena
 *   returns  E_OK; E_BAD (not of this source and folder, or no such file at all).  It ends at a
 *            torn line
 */
MUST_USE int known_read(struct span text, struct span source, struct span folder,
    struct keywords *names, struct known *out);
/* known_find - NULL: none.  Only rows that known_read found */
struct known_row *known_find(const struct known *, struct span key);
/* known_add - behind the others: known_find does not see it */
void known_add(struct known *, const struct known_row *);
void known_free(struct known *);

void known_head_put(
    struct buf *, struct span source, struct span folder, const struct known *);
void known_row_put(struct buf *, const struct known_row *, const struct keywords *);
void known_confirm_put(struct buf *);

/* ---- the file: known_file.c.  In the home ---- */
/* known_path - "import/HASH" */
void known_path(struct buf *out, struct span source, struct span folder);
/* E_OK, E_BAD (there is none), E_IO */
MUST_USE int known_load(const char *path, struct buf *out);
/* whole and synced, or not at all.  E_OK, E_IO */
MUST_USE int known_replace(const char *path, struct span text);
MUST_USE int known_append(const char *path, struct span text); /* synced.  E_OK, E_IO */

#endif
