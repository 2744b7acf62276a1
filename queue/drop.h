/* SPDX-License-Identifier: ISC */
/*
 * drop.h - the process that takes in spool/drop/: it alone reads what local users wrote there, and
 * holds no file but those.
 *   drop.c       the role: events, turns, the door
 *   drop_look.c  what a name is, and what goes
 *   drop_take.c  one file into the spool, as any client
 */
#ifndef QUEUE_DROP_H
#define QUEUE_DROP_H

#include <sys/stat.h>

#include "base/id.h"
#include "proc/jail.h"

struct drop_dir {
	int drop, corrupt;   /* own: directories */
	gid_t gid;           /* of drop/: what was made in it has it too */
	uint64_t most_bytes; /* of a file */
	unsigned n_aside;    /* files that were put aside since the start */
};

extern struct drop_dir the_drop;

enum {
	DROP_ASIDE_MOST = 10000, /* then what is damaged is removed instead */
	DROP_CHUNK = 256 * 1024,
};

/* What becomes of a file. */
enum drop_outcome {
	DROP_TAKEN, /* the spool has it, and has removed it */
	DROP_GONE,  /* it was not there any more, or has been removed, or put aside */
	DROP_WAITS, /* no spool, or it is busy: later */
	DROP_FULL,  /* no room: later */
};

/*
 * drop_look - is this name a message? What is not is removed.  E_OK with *out and *name, E_BAD (it
 * is not, or is gone)
 */
MUST_USE int drop_look(const char *text, struct id *name, struct stat *out);
/* drop_open - and is it still?  E_OK, E_BAD */
MUST_USE int drop_open(struct id name, int *out, struct stat *st);
/* drop_aside - it is moved to corrupt/drop-NAME: damaged, or too many of one user */
void drop_aside(const char *text, uid_t uid, const char *why);
enum drop_outcome drop_take(struct id name);

void drop_jail(struct jail *);
int drop_prepare(void);
int drop_run(void);

#endif
