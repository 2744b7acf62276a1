/* SPDX-License-Identifier: ISC */
/* word.c - the tables of commands, tests and tags. */
#include "sieve/word.h"

#include "sieve/check_state.h"
#include "sieve/run_state.h"

/* clang-format off */
static const struct sieve_tag tags[] = {
	/* name		kind		takes	constant value			known with */
	{"comparator",	OPT_COMPARATOR,	's',	true,	0,			0},
	{"is",		OPT_MATCH,	'-',	false,	MATCH_IS,		0},
	{"contains",	OPT_MATCH,	'-',	false,	MATCH_CONTAINS,		0},
	{"matches",	OPT_MATCH,	'-',	false,	MATCH_MATCHES,		0},
	{"regex",	OPT_MATCH,	'-',	false,	MATCH_REGEX,		EXT_BIT(REGEX)},
	{"value",	OPT_MATCH,	's',	true,	MATCH_VALUE,		EXT_BIT(RELATIONAL)},
	{"count",	OPT_MATCH,	's',	true,	MATCH_COUNT,		EXT_BIT(RELATIONAL)},
	{"list",	OPT_MATCH,	'-',	false,	MATCH_LIST,		EXT_BIT(EXTLISTS)},
	{"all",		OPT_PART,	'-',	false,	ADDR_ALL,		0},
	{"localpart",	OPT_PART,	'-',	false,	ADDR_LOCALPART,		0},
	{"domain",	OPT_PART,	'-',	false,	ADDR_DOMAIN,		0},
	{"user",	OPT_PART,	'-',	false,	ADDR_USER,		EXT_BIT(SUBADDRESS)},
	{"detail",	OPT_PART,	'-',	false,	ADDR_DETAIL,		EXT_BIT(SUBADDRESS)},
	{"over",	OPT_SIZE,	'-',	false,	1,			0},
	{"under",	OPT_SIZE,	'-',	false,	0,			0},
	{"index",	OPT_INDEX,	'n',	false,	0,			EXT_BIT(INDEX) | EXT_BIT(DIALECT)},
	{"last",	OPT_LAST,	'-',	false,	0,			EXT_BIT(INDEX)},
	{"index",	OPT_FIELD_INDEX, 'n',	false,	0,			0},
	{"last",	OPT_FIELD_LAST,	'-',	false,	0,			0},
	{"zone",	OPT_ZONE,	's',	false,	1,			0},
	{"originalzone", OPT_ZONE,	'-',	false,	2,			0},
	{"copy",	OPT_COPY,	'-',	false,	0,			EXT_BIT(COPY)},
	{"create",	OPT_CREATE,	'-',	false,	0,			EXT_BIT(MAILBOX)},
	{"flags",	OPT_FLAGS,	'l',	false,	0,			EXT_BIT(FLAGS)},
	{"specialuse",	OPT_SPECIAL_USE, 's',	false,	0,			EXT_BIT(SPECIAL_USE)},
	{"mailboxid",	OPT_MAILBOXID,	's',	false,	0,			EXT_BIT(MAILBOXID)},
	{"fcc",		OPT_FCC,	's',	false,	0,			EXT_BIT(FCC)},
	{"raw",		OPT_BODY,	'-',	false,	BODY_RAW,		0},
	{"text",	OPT_BODY,	'-',	false,	BODY_TEXT,		0},
	{"content",	OPT_BODY,	'l',	false,	BODY_CONTENT,		0},
	{"mime",	OPT_MIME,	'-',	false,	0,			EXT_BIT(MIME)},
	{"anychild",	OPT_ANYCHILD,	'-',	false,	0,			EXT_BIT(MIME)},
	{"type",	OPT_MIME_OPT,	'-',	false,	MIME_TYPE,		EXT_BIT(MIME)},
	{"subtype",	OPT_MIME_OPT,	'-',	false,	MIME_SUBTYPE,		EXT_BIT(MIME)},
	{"contenttype",	OPT_MIME_OPT,	'-',	false,	MIME_CONTENTTYPE,	EXT_BIT(MIME)},
	{"param",	OPT_MIME_OPT,	'l',	false,	MIME_PARAM,		EXT_BIT(MIME)},
	{"name",	OPT_NAME,	's',	true,	0,			0},
	{"first",	OPT_FIRST,	'n',	false,	0,			0},
	{"lower",	OPT_MOD_CASE,	'-',	false,	MOD_LOWER,		0},
	{"upper",	OPT_MOD_CASE,	'-',	false,	MOD_UPPER,		0},
	{"lowerfirst",	OPT_MOD_FIRST,	'-',	false,	MOD_LOWERFIRST,		0},
	{"upperfirst",	OPT_MOD_FIRST,	'-',	false,	MOD_UPPERFIRST,		0},
	{"quotewildcard", OPT_MOD_QUOTE, '-',	false,	MOD_QUOTEWILDCARD,	0},
	{"quoteregex",	OPT_MOD_QUOTE,	'-',	false,	MOD_QUOTEREGEX,		EXT_BIT(REGEX)},
	{"encodeurl",	OPT_MOD_URL,	'-',	false,	MOD_ENCODEURL,		EXT_BIT(ENOTIFY)},
	{"length",	OPT_MOD_LENGTH,	'-',	false,	MOD_LENGTH,		0},
	{"days",	OPT_PERIOD,	'n',	false,	86400,			0},
	{"seconds",	OPT_PERIOD,	'n',	false,	1,			EXT_BIT(VACATION_SECONDS)},
	{"subject",	OPT_SUBJECT,	's',	false,	0,			0},
	{"headers",	OPT_HEADERS,	'l',	false,	0,			0},
	{"from",	OPT_FROM,	's',	false,	0,			0},
	{"addresses",	OPT_ADDRESSES,	'l',	false,	0,			0},
	{"mime",	OPT_BODY_IS_MIME, '-',	false,	0,			0},
	{"handle",	OPT_HANDLE,	's',	false,	0,			0},
	{"importance",	OPT_IMPORTANCE,	's',	false,	0,			0},
	{"options",	OPT_OPTIONS,	'l',	false,	0,			0},
	{"message",	OPT_MESSAGE,	's',	false,	0,			0},
	{"personal",	OPT_LOCATION,	'-',	false,	0,			0},
	{"global",	OPT_LOCATION,	'-',	false,	1,			0},
	{"once",	OPT_ONCE,	'-',	false,	0,			0},
	{"optional",	OPT_OPTIONAL,	'-',	false,	0,			0},
	{"header",	OPT_UNIQUE,	's',	false,	0,			0},
	{"uniqueid",	OPT_UNIQUE,	's',	false,	1,			0},
	{"seconds",	OPT_SECONDS,	'n',	false,	0,			0},
	{"last",	OPT_AT_END,	'-',	false,	0,			0},
	{"percent",	OPT_PERCENT,	'-',	false,	0,			EXT_BIT(SPAMTESTPLUS)},
	{"list",	OPT_LIST,	'-',	false,	0,			EXT_BIT(EXTLISTS)},
	{"notify",	OPT_NOTIFY,	's',	false,	0,			EXT_BIT(REDIRECT_DSN)},
	{"try",		OPT_TRY,	'-',	false,	0,			0},
	{"ret",		OPT_RET,	's',	false,	0,			EXT_BIT(REDIRECT_DSN)},
};

#define MATCHES (OPT_BIT(COMPARATOR) | OPT_BIT(MATCH))
#define INDEXES (OPT_BIT(INDEX) | OPT_BIT(LAST))
#define MIMES (OPT_BIT(MIME) | OPT_BIT(ANYCHILD) | OPT_BIT(MIME_OPT))
#define STORES (OPT_BIT(CREATE) | OPT_BIT(FLAGS) | OPT_BIT(SPECIAL_USE) | OPT_BIT(MAILBOXID))
#define MODIFIERS (OPT_BIT(MOD_CASE) | OPT_BIT(MOD_FIRST) | OPT_BIT(MOD_QUOTE) | \
	OPT_BIT(MOD_URL) | OPT_BIT(MOD_LENGTH))

static const struct sieve_word commands[] = {
	/* name, known with, tags
		positional arguments	tests	block	check			run */
	{"require", 0, 0,
		"Ccapabilities",	TESTS_NONE, BLOCK_NONE, check_require,	run_nothing, NULL},
	{"if", 0, 0,
		"",			TESTS_ONE, BLOCK_NEEDED, NULL,		run_if, NULL},
	{"elsif", 0, 0,
		"",			TESTS_ONE, BLOCK_NEEDED, check_elsif,	run_nothing, NULL},
	{"else", 0, 0,
		"",			TESTS_NONE, BLOCK_NEEDED, check_elsif,	run_nothing, NULL},
	{"stop", 0, 0,
		"",			TESTS_NONE, BLOCK_NONE, NULL,		run_stop, NULL},
	{"keep", 0, OPT_BIT(FLAGS),
		"",			TESTS_NONE, BLOCK_NONE, NULL,		run_keep, NULL},
	{"discard", 0, 0,
		"",			TESTS_NONE, BLOCK_NONE, NULL,		run_discard, NULL},
	{"redirect", 0, OPT_BIT(COPY) | OPT_BIT(LIST) | OPT_BIT(NOTIFY) | OPT_BIT(RET),
		"saddress",		TESTS_NONE, BLOCK_NONE, check_redirect,	run_redirect, NULL},
	{"pipe", EXT_BIT(PIPE), OPT_BIT(COPY) | OPT_BIT(TRY),
		"sprogram name|Larguments", TESTS_NONE, BLOCK_NONE, NULL,	run_pipe, NULL},
	{"fileinto", EXT_BIT(FILEINTO), OPT_BIT(COPY) | STORES,
		"smailbox",		TESTS_NONE, BLOCK_NONE, check_fileinto,	run_fileinto, NULL},
	{"reject", EXT_BIT(REJECT), 0,
		"sreason",		TESTS_NONE, BLOCK_NONE, NULL,		run_reject, NULL},
	{"ereject", EXT_BIT(EREJECT), 0,
		"sreason",		TESTS_NONE, BLOCK_NONE, NULL,		run_ereject, NULL},
	{"vacation", EXT_BIT(VACATION), OPT_BIT(PERIOD) | OPT_BIT(SUBJECT) | OPT_BIT(FROM) |
		OPT_BIT(ADDRESSES) | OPT_BIT(BODY_IS_MIME) | OPT_BIT(HANDLE) | OPT_BIT(FCC) | STORES,
		"sreason",		TESTS_NONE, BLOCK_NONE, check_vacation,	run_vacation, NULL},
	{"setflag", EXT_BIT(FLAGS), 0,
		"Svariable name|llist of flags", TESTS_NONE, BLOCK_NONE, check_flag, run_setflag, NULL},
	{"addflag", EXT_BIT(FLAGS), 0,
		"Svariable name|llist of flags", TESTS_NONE, BLOCK_NONE, check_flag, run_addflag, NULL},
	{"removeflag", EXT_BIT(FLAGS), 0,
		"Svariable name|llist of flags", TESTS_NONE, BLOCK_NONE, check_flag, run_removeflag, NULL},
	{"set", EXT_BIT(VARIABLES), MODIFIERS,
		"cvariable name|svalue", TESTS_NONE, BLOCK_NONE, check_set,	run_set, NULL},
	{"include", EXT_BIT(INCLUDE), OPT_BIT(LOCATION) | OPT_BIT(ONCE) | OPT_BIT(OPTIONAL),
		"cscript name",		TESTS_NONE, BLOCK_NONE, check_include,	run_include, NULL},
	{"return", EXT_BIT(INCLUDE), 0,
		"",			TESTS_NONE, BLOCK_NONE, NULL,		run_return, NULL},
	{"global", EXT_BIT(INCLUDE), 0,
		"Cvariable names",	TESTS_NONE, BLOCK_NONE, check_global_command, run_nothing, NULL},
	{"foreverypart", EXT_BIT(FOREVERYPART), OPT_BIT(NAME),
		"",			TESTS_NONE, BLOCK_NEEDED, check_foreverypart, run_foreverypart, NULL},
	{"break", EXT_BIT(FOREVERYPART), OPT_BIT(NAME),
		"",			TESTS_NONE, BLOCK_NONE, check_break,	run_break, NULL},
	{"extracttext", EXT_BIT(EXTRACTTEXT), OPT_BIT(FIRST) | MODIFIERS,
		"cvariable name",	TESTS_NONE, BLOCK_NONE, check_extracttext, run_extracttext, NULL},
	{"addheader", EXT_BIT(EDITHEADER), OPT_BIT(AT_END),
		"sfield name|svalue",	TESTS_NONE, BLOCK_NONE, check_addheader, run_addheader, NULL},
	{"deleteheader", EXT_BIT(EDITHEADER), MATCHES | OPT_BIT(FIELD_INDEX) | OPT_BIT(FIELD_LAST),
		"sfield name|Lvalue patterns", TESTS_NONE, BLOCK_NONE, check_deleteheader, run_deleteheader, NULL},
	{"replace", EXT_BIT(REPLACE), OPT_BIT(BODY_IS_MIME) | OPT_BIT(SUBJECT) | OPT_BIT(FROM),
		"sreplacement",		TESTS_NONE, BLOCK_NONE, check_replace,	run_replace, NULL},
	{"enclose", EXT_BIT(ENCLOSE), OPT_BIT(SUBJECT) | OPT_BIT(HEADERS),
		"stext",		TESTS_NONE, BLOCK_NONE, check_enclose,	run_enclose, NULL},
	{"notify", EXT_BIT(ENOTIFY), OPT_BIT(FROM) | OPT_BIT(IMPORTANCE) | OPT_BIT(OPTIONS) |
		OPT_BIT(MESSAGE) | OPT_BIT(FCC) | STORES,
		"smethod",		TESTS_NONE, BLOCK_NONE, check_notify,	run_notify, NULL},
	{"error", EXT_BIT(IHAVE), 0,
		"smessage",		TESTS_NONE, BLOCK_NONE, NULL,		run_error_command, NULL},
};

static const struct sieve_word tests[] = {
	{"true", 0, 0,
		"",			TESTS_NONE, BLOCK_NONE, check_true,	NULL, test_true},
	{"false", 0, 0,
		"",			TESTS_NONE, BLOCK_NONE, check_false,	NULL, test_false},
	{"not", 0, 0,
		"",			TESTS_ONE, BLOCK_NONE, check_not,	NULL, test_not},
	{"allof", 0, 0,
		"",			TESTS_LIST, BLOCK_NONE, check_allof,	NULL, test_allof},
	{"anyof", 0, 0,
		"",			TESTS_LIST, BLOCK_NONE, check_anyof,	NULL, test_anyof},
	{"address", 0, MATCHES | INDEXES | OPT_BIT(PART) | OPT_BIT(MIME) | OPT_BIT(ANYCHILD),
		"lheader list|lkey list", TESTS_NONE, BLOCK_NONE, check_address, NULL, test_address},
	{"envelope", EXT_BIT(ENVELOPE), MATCHES | OPT_BIT(PART),
		"lenvelope part|lkey list", TESTS_NONE, BLOCK_NONE, check_envelope, NULL, test_envelope},
	{"exists", 0, OPT_BIT(MIME) | OPT_BIT(ANYCHILD),
		"lheader names",	TESTS_NONE, BLOCK_NONE, check_header,	NULL, test_exists},
	{"header", 0, MATCHES | INDEXES | MIMES,
		"lheader names|lkey list", TESTS_NONE, BLOCK_NONE, check_mime_header, NULL, test_header},
	{"size", 0, OPT_BIT(SIZE),
		"nlimit",		TESTS_NONE, BLOCK_NONE, check_size,	NULL, test_size},
	{"body", EXT_BIT(BODY), MATCHES | OPT_BIT(BODY),
		"lkey list",		TESTS_NONE, BLOCK_NONE, check_body,	NULL, test_body},
	{"environment", EXT_BIT(ENVIRONMENT), MATCHES,
		"sname|lkey list",	TESTS_NONE, BLOCK_NONE, check_match,	NULL, test_environment},
	{"string", EXT_BIT(VARIABLES), MATCHES,
		"lsource|lkey list",	TESTS_NONE, BLOCK_NONE, check_match,	NULL, test_string},
	{"hasflag", EXT_BIT(FLAGS), MATCHES,
		"Lvariable list|llist of flags", TESTS_NONE, BLOCK_NONE, check_hasflag, NULL, test_hasflag},
	{"date", EXT_BIT(DATE), MATCHES | INDEXES | OPT_BIT(ZONE),
		"sheader name|sdate part|lkey list", TESTS_NONE, BLOCK_NONE, check_date, NULL, test_date},
	{"currentdate", EXT_BIT(DATE), MATCHES | OPT_BIT(ZONE),
		"sdate part|lkey list",	TESTS_NONE, BLOCK_NONE, check_currentdate, NULL, test_currentdate},
	{"ihave", EXT_BIT(IHAVE), 0,
		"Ccapabilities",	TESTS_NONE, BLOCK_NONE, check_ihave,	NULL, test_ihave},
	{"mailboxexists", EXT_BIT(MAILBOX), 0,
		"lmailbox names",	TESTS_NONE, BLOCK_NONE, check_mailboxexists, NULL, test_mailboxexists},
	{"metadata", EXT_BIT(MBOXMETADATA), MATCHES,
		"smailbox|sannotation name|lkey list", TESTS_NONE, BLOCK_NONE, check_metadata, NULL, test_metadata},
	{"metadataexists", EXT_BIT(MBOXMETADATA), 0,
		"smailbox|lannotation names", TESTS_NONE, BLOCK_NONE, check_metadata, NULL, test_metadataexists},
	{"servermetadata", EXT_BIT(SERVERMETADATA), MATCHES,
		"sannotation name|lkey list", TESTS_NONE, BLOCK_NONE, check_metadata, NULL, test_servermetadata},
	{"servermetadataexists", EXT_BIT(SERVERMETADATA), 0,
		"lannotation names",	TESTS_NONE, BLOCK_NONE, check_metadata,	NULL, test_servermetadataexists},
	{"spamtest", EXT_BIT(SPAMTEST) | EXT_BIT(SPAMTESTPLUS), MATCHES | OPT_BIT(PERCENT),
		"svalue",		TESTS_NONE, BLOCK_NONE, check_match,	NULL, test_spamtest},
	{"virustest", EXT_BIT(VIRUSTEST), MATCHES,
		"svalue",		TESTS_NONE, BLOCK_NONE, check_match,	NULL, test_virustest},
	{"duplicate", EXT_BIT(DUPLICATE), OPT_BIT(HANDLE) | OPT_BIT(UNIQUE) | OPT_BIT(SECONDS) | OPT_BIT(AT_END),
		"",			TESTS_NONE, BLOCK_NONE, NULL,	NULL, test_duplicate},
	{"valid_ext_list", EXT_BIT(EXTLISTS), 0,
		"llist names",		TESTS_NONE, BLOCK_NONE, NULL,		NULL, test_valid_ext_list},
	{"valid_notify_method", EXT_BIT(ENOTIFY), 0,
		"lnotification uris",	TESTS_NONE, BLOCK_NONE, NULL,		NULL, test_valid_notify_method},
	{"notify_method_capability", EXT_BIT(ENOTIFY), MATCHES,
		"snotification uri|snotification capability|lkey list", TESTS_NONE, BLOCK_NONE, check_match, NULL, test_notify_method_capability},
	{"specialuse_exists", EXT_BIT(SPECIAL_USE), 0,
		"Smailbox|lspecial-use flags", TESTS_NONE, BLOCK_NONE, check_specialuse, NULL, test_specialuse_exists},
	{"mailboxidexists", EXT_BIT(MAILBOXID), 0,
		"lmailbox ids",		TESTS_NONE, BLOCK_NONE, NULL,		NULL, test_mailboxidexists},
};

/* clang-format on */

static const struct sieve_word *
find_in(const struct sieve_word *words, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieqs(name, words[i].name))
			return &words[i];
	return NULL;
}

const struct sieve_word *
word_find_command(struct span name, const struct sieve_dialect *dialect)
{
	const struct sieve_word *w = find_in(commands, COUNT(commands), name);
	if (!w && dialect)
		w = find_in(dialect->commands, dialect->n_commands, name);
	return w;
}

const struct sieve_word *
word_find_test(struct span name, const struct sieve_dialect *dialect)
{
	const struct sieve_word *w = find_in(tests, COUNT(tests), name);
	if (!w && dialect)
		w = find_in(dialect->tests, dialect->n_tests, name);
	return w;
}

static const struct sieve_tag *
find_tag_in(const struct sieve_tag *rows, size_t n, struct span name, uint64_t opts)
{
	for (size_t i = 0; i < n; i++)
		if ((opts >> rows[i].kind & 1) && span_ieqs(name, rows[i].name))
			return &rows[i];
	return NULL;
}

const struct sieve_tag *
sieve_tag_find(struct span name, const struct sieve_word *word,
    const struct sieve_dialect *dialect)
{
	const struct sieve_tag *tag = find_tag_in(tags, COUNT(tags), name, word->opts);
	if (!tag && dialect)
		tag = find_tag_in(dialect->tags, dialect->n_tags, name, word->opts);
	return tag;
}

const struct sieve_opt *
node_opt(const struct sieve_node *node, enum sieve_opt_kind kind)
{
	for (const struct sieve_opt *o = node->opts; o; o = o->next)
		if (o->tag->kind == kind)
			return o;
	return NULL;
}

int
node_opt_value(const struct sieve_node *node, enum sieve_opt_kind kind, int otherwise)
{
	const struct sieve_opt *o = node_opt(node, kind);
	return o ? o->tag->value : otherwise;
}

const struct sieve_arg *
node_opt_arg(const struct sieve_node *node, enum sieve_opt_kind kind)
{
	const struct sieve_opt *o = node_opt(node, kind);
	return o ? o->value : NULL;
}
