/* SPDX-License-Identifier: ISC */
/* dkim_files.h - the folders of the keys that sign mail (tls/dkim_key.h), as the command changes them. */
#ifndef CTL_DKIM_FILES_H
#define CTL_DKIM_FILES_H

#include "base/buf.h"
#include "tls/dkim_key.h"

struct conf;

struct dkim_file {
	char *domain, *selector; /* own */
	enum dkim_key_kind kind;
	bool is_current;  /* it signs */
	int64_t made_sec; /* wall clock */
};

struct dkim_files {
	struct dkim_file *all; /* own: by domain, selector, kind */
	size_t n, cap;
};

/*
 * dkim_files_read - of this domain, or of all (an empty span).  Adds to out.
 *   returns  E_OK (also when there are none), E_IO (said)
 */
MUST_USE int dkim_files_read(
    const struct conf *, struct span domain, struct dkim_files *);
void dkim_files_free(struct dkim_files *);
/* dkim_folder_open - of a domain; is_new: made where it is not there.  -1: said */
int dkim_folder_open(const struct conf *, struct span domain, bool is_new);
/*
 * dkim_file_make - a new key in its file, on the disk, which only the role "key" reads.
 *   E_OK, E_IO (said; also where there is such a file)
 */
MUST_USE int dkim_file_make(
    const struct conf *, int dir, struct span selector, enum dkim_key_kind);
/* dkim_file_use - from now on it signs.  E_OK, E_IO (said) */
MUST_USE int dkim_file_use(int dir, struct span selector, enum dkim_key_kind);
/* dkim_file_remove - for good, and the link where it leads to it.  E_OK, E_IO (said) */
MUST_USE int dkim_file_remove(int dir, struct span selector, enum dkim_key_kind);

#endif
