/* SPDX-License-Identifier: ISC */
/*
 * programs.h - the scripts that apply to a mailbox, as programs: those of the site before, the
 * user's active one, those of the site behind.  In an agent.  The user's are read anew for each
 * message and parsed when they are others than the last time; the site's are read once, by the
 * monitor's child before it becomes the user, for the life of an agent is short.
 */
#ifndef DELIVER_PROGRAMS_H
#define DELIVER_PROGRAMS_H

#include "proc/jail.h"
#include "sieve/run.h"
#include "store/store.h"

struct conf;

enum {
	PROGRAMS_GLOBAL_MOST = 16, /* scripts of the site, before and behind together */
	PROGRAMS_MOST = PROGRAMS_GLOBAL_MOST + 1,
	PROGRAMS_INCLUDED_MOST = 255,
};

/* One of them. */
struct program {
	struct span name; /* borrow */
	bool is_user;
	const struct sieve_program *program; /* borrow; NULL: it does not compile */
	const struct sieve_errors *errors;   /* borrow: why */
	/* of the user's: changes with the text of it, or of what it includes; borrow */
	struct span version;
};

/* programs_prepare - with the monitor's rights.  What cannot be read is logged, and left out */
void programs_prepare(const struct conf *);
void programs_jail(const struct conf *, struct jail *);
/*
 * programs_load - what applies now.
 *   home     borrow: descriptor of the mailbox's directory
 *   out      room for PROGRAMS_MOST; borrows until the next call
 *   returns  how many
 */
size_t programs_load(int home, struct program *out);
/*
 * programs_load_event - what applies to an event of IMAP: those of the site whose rule fits, then the
 * one of the user's that the METADATA name.  As above
 */
size_t programs_load_event(int home, const struct store_event *, struct program *out);
/* programs_folder - HOME/sieve, until programs_unload; -1: there is none */
int programs_folder(void);
void programs_unload(void); /* what was opened; the programs stay */
/* programs_exts - what this site lets scripts require: without programs no pipes */
uint64_t programs_exts(const struct conf *);
/* programs_limits - what this site lets scripts do */
void programs_limits(const struct conf *, struct sieve_limits *out);
/*
 * programs_self_test - the site's scripts can be read and compile.  E_OK; E_BAD with lines in errors
 */
MUST_USE int programs_self_test(const struct conf *, struct buf *errors);

#endif
