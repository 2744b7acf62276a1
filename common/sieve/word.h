/* SPDX-License-Identifier: ISC */
/*
 * word.h - the words of the language: commands and tests, a row each, with the arguments they take;
 * and their tags.  Everything that a script may say is in a row here, or in those of a dialect.
 */
#ifndef SIEVE_WORD_H
#define SIEVE_WORD_H

#include "sieve/ext.h"
#include "sieve/tree.h"

struct sieve_check;
struct sieve_run;

/* Of tags that have one of these in common a word takes one. */
enum sieve_opt_kind {
	OPT_COMPARATOR, /* RFC 5228 2.7.3 */
	OPT_MATCH,      /* RFC 5228 2.7.1, 5231, 6134, regex */
	OPT_PART,       /* of an address: RFC 5228 2.7.4, 5233 */
	OPT_SIZE,
	OPT_INDEX, /* RFC 5260 */
	OPT_LAST,
	OPT_FIELD_INDEX, /* of deleteheader: RFC 5293 5 */
	OPT_FIELD_LAST,
	OPT_ZONE,
	OPT_COPY,   /* RFC 3894 */
	OPT_CREATE, /* RFC 5490 */
	OPT_FLAGS,  /* RFC 5232 */
	OPT_SPECIAL_USE,
	OPT_MAILBOXID,
	OPT_FCC,
	OPT_BODY,     /* RFC 5173 */
	OPT_MIME,     /* RFC 5703 */
	OPT_MIME_OPT, /* :type, :subtype, :contenttype, :param */
	OPT_ANYCHILD,
	OPT_NAME,  /* of foreverypart, break */
	OPT_FIRST, /* of extracttext */
	/* modifiers of set, by precedence: RFC 5229 4.1 */
	OPT_MOD_CASE,
	OPT_MOD_FIRST,
	OPT_MOD_QUOTE,
	OPT_MOD_URL,
	OPT_MOD_LENGTH,
	OPT_PERIOD, /* of vacation: :days, :seconds */
	OPT_SUBJECT,
	OPT_HEADERS, /* of enclose */
	OPT_FROM,
	OPT_ADDRESSES,
	OPT_BODY_IS_MIME, /* of vacation */
	OPT_HANDLE,
	OPT_IMPORTANCE, /* of notify */
	OPT_OPTIONS,
	OPT_MESSAGE,
	OPT_LOCATION, /* of include */
	OPT_ONCE,
	OPT_OPTIONAL,
	OPT_UNIQUE, /* of duplicate: :header, :uniqueid */
	OPT_SECONDS,
	OPT_AT_END, /* addheader :last, duplicate :last */
	OPT_PERCENT,
	OPT_LIST,   /* of redirect: RFC 6134 2.5 */
	OPT_NOTIFY, /* of redirect: RFC 6009 */
	OPT_RET,
	OPT_TRY, /* of pipe */
	OPT_DIALECT_A,
	OPT_DIALECT_B,
	OPT_COUNT
};

#define OPT_BIT(kind) (UINT64_C(1) << OPT_##kind)

enum sieve_match_kind {
	MATCH_IS,
	MATCH_CONTAINS,
	MATCH_MATCHES,
	MATCH_REGEX,
	MATCH_VALUE,
	MATCH_COUNT,
	MATCH_LIST,
};

enum sieve_part_kind { ADDR_ALL, ADDR_LOCALPART, ADDR_DOMAIN, ADDR_USER, ADDR_DETAIL };

enum sieve_body_kind { BODY_TEXT, BODY_RAW, BODY_CONTENT };

enum sieve_mime_opt { MIME_TYPE, MIME_SUBTYPE, MIME_CONTENTTYPE, MIME_PARAM };

enum sieve_modifier {
	MOD_LOWER,
	MOD_UPPER,
	MOD_LOWERFIRST,
	MOD_UPPERFIRST,
	MOD_QUOTEWILDCARD,
	MOD_QUOTEREGEX,
	MOD_ENCODEURL,
	MOD_LENGTH,
};

struct sieve_tag {
	const char *name;
	enum sieve_opt_kind kind;
	/* what follows it: '-' nothing, 's' a string, 'l' a list of strings, 'n' a number */
	char takes;
	/* of a string or list: no variable in it */
	bool is_constant;
	int value;     /* which of its kind */
	uint64_t exts; /* any of these makes it known; 0: it is always */
};

enum sieve_tests { TESTS_NONE, TESTS_ONE, TESTS_LIST };

enum sieve_block { BLOCK_NONE, BLOCK_NEEDED };

struct sieve_word {
	const char *name;
	uint64_t exts; /* any of these makes it known; 0: it is always */
	uint64_t opts; /* tags that it takes, bits by enum sieve_opt_kind */
	/*
	 * positional arguments, '|' between: kind and what it is called, "lheader names".  Kinds: s
	 * string, l list, n number, c string without variables, C list without variables; S an
	 * optional string, L an optional list, N an optional number.
	 */
	const char *args;
	enum sieve_tests tests;
	enum sieve_block block;
	/* check - more about it; NULL: nothing.  E_OK, E_BAD (said) */
	int (*check)(struct sieve_check *, struct sieve_node *);
	/* one of the two; a word with neither only means something to the check */
	int (*command)(struct sieve_run *, const struct sieve_node *);
	int (*test)(struct sieve_run *, const struct sieve_node *, bool *out);
};

/* Words that a program adds: tests of the language, and nobody else. */
struct sieve_dialect {
	const char *name; /* what a script requires */
	const char *also; /* another name that may be required with it */
	/* "NAME." begins variables that are constants of the check; their values */
	const char *name_space;
	struct span (*variable)(void *ctx, struct span name);
	const struct sieve_word *commands, *tests;
	size_t n_commands, n_tests;
	const struct sieve_tag *tags;
	size_t n_tags;
};

/* word_find - NULL when there is none; whether its extension is required is not asked */
const struct sieve_word *word_find_command(
    struct span name, const struct sieve_dialect *);
const struct sieve_word *word_find_test(struct span name, const struct sieve_dialect *);
/* sieve_tag_find - of those that the word takes; NULL when it does not */
const struct sieve_tag *sieve_tag_find(
    struct span name, const struct sieve_word *, const struct sieve_dialect *);

/* node_opt - a tag of that kind; NULL when it is not there */
const struct sieve_opt *node_opt(const struct sieve_node *, enum sieve_opt_kind);
/* node_opt_value - which of its kind was given, or the default */
int node_opt_value(const struct sieve_node *, enum sieve_opt_kind, int otherwise);
/* node_opt_arg - the argument of that tag; NULL */
const struct sieve_arg *node_opt_arg(const struct sieve_node *, enum sieve_opt_kind);

#endif
