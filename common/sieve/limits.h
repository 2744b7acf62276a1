/* SPDX-License-Identifier: ISC */
/* limits.h - all that a script or a message can make large, named once, and what may be set. */
#ifndef SIEVE_LIMITS_H
#define SIEVE_LIMITS_H

#include "base/span.h"

enum {
	SIEVE_SCRIPT_BYTES_MAX = 1 << 20, /* of one script */
	SIEVE_IDENT_BYTES_MAX = 32,       /* octets of an identifier or tag */
	SIEVE_NEST_MAX = 32,              /* blocks in each other */
	SIEVE_TEST_NEST_MAX = 32,         /* tests in each other */
	SIEVE_ARGS_MAX = 32,              /* of one command or test */
	SIEVE_LIST_MAX = 10000,           /* strings of one list */
	SIEVE_NODES_MAX = 50000,          /* commands and tests of one script */
	SIEVE_ERRORS_MAX = 50,            /* that are kept; all are counted */
	SIEVE_ERROR_BYTES_MAX = 1000,     /* of one text */
	SIEVE_TREE_BYTES_MAX = 32
	                       << 20, /* memory of a parsed script with its includes */

	SIEVE_VARIABLES_MAX = 255, /* of one scope */
	SIEVE_VARIABLE_NAME_MAX = 64,
	SIEVE_MATCH_VALUES_MAX = 33, /* ${0} to ${32} */
	SIEVE_SCRIPT_NAME_MAX = 255, /* octets of an included script's name */
	SIEVE_MAILBOX_NAME_MAX = 1000,
	SIEVE_ADDRESS_BYTES_MAX = 512,
	SIEVE_FLAGS_MAX = 128, /* of one message */
	SIEVE_FLAG_BYTES_MAX = 256,
	SIEVE_EXPANDED_BYTES_MAX =
	    2 << 20, /* of one string whose variables are filled in */
	/*
	 * What a stranger's message may bring: what is behind is there, but no test looks at it, so
	 * that no message makes a script too expensive.
	 */
	SIEVE_HEAD_BYTES_MAX = 256 << 10,  /* of one head */
	SIEVE_HEADS_BYTES_MAX = 1 << 20,   /* of all heads that one test looks into */
	SIEVE_BODY_BYTES_MAX = 2 << 20,    /* of all bodies that one test looks into */
	SIEVE_VALUE_BYTES_MAX = 256 << 10, /* decoded, of one field */
	SIEVE_VALUES_MAX = 4096, /* fields, addresses, parts that one test compares */
	SIEVE_LOOP_PARTS_MAX = 1000, /* of one foreverypart */
	SIEVE_PIPE_ARGS_MAX = 16,    /* of one pipe */
	SIEVE_PIPE_BYTES_MAX = 4096, /* of its name and arguments */
	SIEVE_DUPLICATES_MAX = 32,   /* ids to be remembered, of one result */
	SIEVE_REMADE_BYTES_MAX = 48
	                         << 20, /* of a message that replace or enclose made */
	SIEVE_RUN_BYTES_MAX = 64 << 20, /* memory of a run */

	SIEVE_REGEX_BYTES_MAX = 4096,         /* of a pattern */
	SIEVE_REGEX_TEXT_BYTES_MAX = 8 << 10, /* of what is searched; the rest is not */
	SIEVE_REGEX_WORK_MAX = 1 << 28,       /* of one match, wherever it begins */
	SIEVE_REGEX_HEAP_KB = 8192,           /* of one match */
	SIEVE_REGEX_COMPILED_BYTES_MAX = 1 << 20, /* of a compiled pattern */
};

/* What is counted, and how much of it there may be: whoever counts gives up past it. */
struct sieve_work {
	uint64_t done, most;
};

/* What an administrator may set.  sieve_limits_default has what is set when nobody did. */
struct sieve_limits {
	size_t actions;           /* of one result; 0: no limit */
	size_t redirects;         /* of one result; 0: none may be sent */
	size_t notify_recipients; /* of one notification */
	size_t variable_bytes;
	size_t includes;      /* scripts that one script brings in, all together */
	size_t include_depth; /* scripts in each other */
	size_t header_bytes;  /* of one field that editheader adds */
	/*
	 * What a run may do: a step is a command, a test, or a turn of a loop; work is octets
	 * compared, and what else is done as much as it costs beside them.  One is about a ns.
	 */
	uint64_t steps, work;
	uint64_t vacation_min_sec,
	    vacation_max_sec; /* between two replies; max 0: none */
	uint64_t vacation_default_sec;
	uint64_t duplicate_default_sec, duplicate_max_sec;
};

extern const struct sieve_limits sieve_limits_default;

#endif
