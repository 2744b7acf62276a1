/* SPDX-License-Identifier: ISC */
/*
 * sieve_errand.h - what is to be done in the folder of an account's scripts and lists: by a process of
 * its mailbox's uid, jailed to it.
 */
#ifndef CTL_SIEVE_ERRAND_H
#define CTL_SIEVE_ERRAND_H

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "sieve/scripts.h"

struct errand {
	/* in the worker.  E_OK, or why not: the command says it */
	int (*fn)(struct errand *, struct sieve_scripts *);
	const char *noun;  /* what it is about: "script" */
	struct span name;  /* borrow */
	struct buf text;   /* own: to be stored, or what came of it */
	size_t answer_max; /* octets of what comes; 0: nothing */
	bool activates;
	int out; /* own: memory that the worker writes what came into */
};

/* errand_answer - in the worker: the text is what came of it.  E_OK, E_LIMIT, E_IO */
MUST_USE int errand_answer(struct errand *);
/*
 * errand_run - what came of it is in its text then, which is to be freed in any case.
 *   returns  EX_OK, or what it said about
 */
MUST_USE int errand_run(struct merpati *, const char *address, struct errand *);

/*
 * errand_table - the command whose one argument is the address and whose answer is rows: t with its
 * columns, row puts one.  Prints and frees them.  The command's status
 */
MUST_USE int errand_table(struct merpati *, int argc, char **argv, struct errand *,
    struct table *t, void (*row)(struct table *, struct rd *));

#endif
