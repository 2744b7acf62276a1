/* SPDX-License-Identifier: ISC */
/* password.h - a password from a terminal without echo, from standard input, or from a file. */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "ctl/ctl.h"

enum { PASSWORD_BYTES_MAX = 512 };

struct password_opts {
	bool is_stdin;    /* --password-stdin: the first line */
	const char *file; /* --password-file: its first line */
};

/*
 * password_read - into out, which the caller wipes.  EX_OK, or what it said on stderr about:
 * EX_NOINPUT, EX_DATAERR
 */
MUST_USE int password_read(
    const struct password_opts *, const char *address, struct buf *out);
/* password_check - EX_OK, EX_DATAERR (said): empty, too long, or with control characters */
MUST_USE int password_check(struct span password, const char *address);

#endif
