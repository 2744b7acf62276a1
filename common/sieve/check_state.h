/* SPDX-License-Identifier: ISC */
/* check_state.h - what the check carries along, and what extensions use of it. */
#ifndef SIEVE_CHECK_STATE_H
#define SIEVE_CHECK_STATE_H

#include "sieve/check.h"
#include "sieve/word.h"

struct sieve_variable {
	struct sieve_variable *next;
	struct span name; /* lower case */
	unsigned slot;
	bool is_global;
};

/* The names of one script's variables. */
struct sieve_scope {
	struct sieve_variable *variables;
	unsigned n;
	bool is_full; /* said once */
};

/* A loop that break may name. */
struct sieve_loop {
	const struct sieve_loop *outer; /* NULL: none */
	struct span name;               /* n is 0: it has none */
};

struct sieve_check {
	const struct sieve_checking *want; /* borrow */
	const struct sieve_limits *limits; /* borrow */
	struct sieve_errors *errors;       /* borrow */
	struct sieve_program *program; /* borrow; all that is made is in its arena */
	struct sieve_script *script;   /* looked at now */
	uint64_t exts;                 /* required so far in it */
	bool is_past_requires;         /* a command stood there that is none */
	unsigned depth;                /* of blocks */
	unsigned include_depth;
	const struct sieve_loop *loop; /* innermost */
	const struct sieve_node
	    *before; /* the command before this one in its block; or NULL */
	struct sieve_scope globals;
};

/* check_error - about a word: says it with its line.  E_BAD */
int check_error(struct sieve_check *, unsigned line, const char *fmt, ...) FMT(3, 4);
bool check_has(
    const struct sieve_check *, uint64_t exts); /* one of these is required */
/* check_kind - "command" or "test" */
const char *check_kind(const struct sieve_word *);

/* ---- check_bind.c ---- */
/*
 * check_bind - every argument to its tag or place.  E_OK, E_BAD (said, one error), E_MORE (said: some
 * are missing)
 */
MUST_USE int check_bind(struct sieve_check *, struct sieve_node *);

/* ---- check_string.c ---- */
/* check_strings - encoded characters undone, variables found, of all strings of an argument */
MUST_USE int check_strings(struct sieve_check *, struct sieve_arg *);
/* the text of a string that has no variables; false: it has some, or is none */
bool check_constant(const struct sieve_arg *, struct span *out);
bool string_is_constant(const struct sieve_string *);

/* ---- variables.c ---- */
/* variable_name_ok - an identifier, or digits */
bool variable_name_ok(struct span name);
/*
 * check_variable - the slot of a variable of this script, made when it is new.  E_OK, E_BAD (said:
 * too many, no name of one)
 */
MUST_USE int check_variable(
    struct sieve_check *, unsigned line, struct span name, struct sieve_piece *out);
/* check_global - the name means the variable of all scripts from now on */
MUST_USE int check_global(struct sieve_check *, unsigned line, struct span name);

/* ---- deliver.c ---- */
/* check_fcc - the tags of RFC 8580 3.1 on a command that sends: they go with :fcc.  E_OK, E_BAD (said) */
MUST_USE int check_fcc(struct sieve_check *, const struct sieve_node *);

/* ---- include.c ---- */
/* check_script - a text as a script of the program, in a scope of its own.  E_OK, E_BAD (said) */
MUST_USE int check_script(
    struct sieve_check *, struct span text, struct sieve_script *);

/* ---- what rows of the table name ---- */
typedef int check_fn(struct sieve_check *, struct sieve_node *);
check_fn check_require, check_elsif, check_not, check_allof, check_anyof, check_true,
    check_false, check_size;
check_fn check_match, check_header, check_address, check_envelope, check_hasflag,
    check_date, check_currentdate, check_body;
check_fn check_fileinto, check_redirect, check_vacation, check_flag, check_set,
    check_include, check_global_command, check_foreverypart, check_break,
    check_extracttext, check_replace, check_enclose, check_addheader,
    check_deleteheader, check_notify, check_ihave, check_specialuse, check_metadata,
    check_mime_header, check_mailboxexists;

#endif
