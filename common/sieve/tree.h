/* SPDX-License-Identifier: ISC */
/*
 * tree.h - a script as commands, tests and arguments.  The parser makes it (sieve/parse.h), the
 * check fills in what its words mean (sieve/check.h), a run only reads it.  All of it lives in one
 * arena.
 */
#ifndef SIEVE_TREE_H
#define SIEVE_TREE_H

#include "base/arena.h"
#include "sieve/limits.h"

enum { SIEVE_POSITIONS_MAX = 4 }; /* positional arguments of a command or test */

/* What stands between the variables of a string, and they: RFC 5229 3. */
struct sieve_piece {
	struct sieve_piece *next;

	enum {
		PIECE_TEXT,
		PIECE_MATCH,  /* ${1} */
		PIECE_LOCAL,  /* of this script */
		PIECE_GLOBAL, /* of all scripts, RFC 6609 3.4 */
	} kind;
	struct span text; /* or, of a variable, its name in lower case */
	unsigned slot;    /* of a variable or match value */
};

struct sieve_string {
	struct sieve_string *next; /* in its list */
	struct span text;
	unsigned line;
	struct sieve_piece
	    *pieces; /* by check: NULL when there is nothing to fill in */
	void *
	    data; /* by check: what a constant was compiled to, such as a regular expression */
};

struct sieve_arg {
	struct sieve_arg *next;

	enum sieve_arg_kind {
		ARG_NUMBER,
		ARG_STRING, /* one in strings */
		ARG_LIST,   /* strings; NULL: an empty one */
		ARG_TAG,    /* text, without its colon */
	} kind;

	unsigned line;
	uint64_t number;
	struct span text;
	struct sieve_string *strings;
};

struct sieve_tag;
struct sieve_word;
struct sieve_script;

/* A tag as the check understood it. */
struct sieve_opt {
	struct sieve_opt *next;
	const struct sieve_tag *tag;
	struct sieve_arg *value; /* NULL: it takes none */
};

/* A command or a test. */
struct sieve_node {
	struct sieve_node *next;
	unsigned line;
	struct span name; /* borrow: the script's text */
	struct sieve_arg *args;
	struct sieve_node *tests; /* one, or those of a test list */
	struct sieve_node *block;
	bool has_test_list; /* they stand in parentheses */
	bool has_block;

	/* by check */
	const struct sieve_word *word; /* NULL: never to be run */
	struct sieve_opt *opts;
	struct sieve_arg *pos[SIEVE_POSITIONS_MAX];

	/* a test that is the same in each run: of ihave, true, false and what is made of them */
	enum sieve_truth { TRUTH_UNKNOWN, TRUTH_FALSE, TRUTH_TRUE } truth;
	struct sieve_script *script; /* of include; NULL: there is none of that name */
	unsigned slot;               /* of a variable that it sets */
	bool is_global;
};

/* One script, or one that is included. */
struct sieve_script {
	struct sieve_script
	    *next; /* included ones, in the order they were first named */
	struct span name, location;
	struct sieve_node *commands;
	unsigned n_locals; /* slots */
	unsigned id;       /* from 0 */
	uint64_t exts;     /* what it requires, bits by enum sieve_ext */
	bool is_being_checked;
	struct sieve_scope *scope; /* of the check */
};

#endif
