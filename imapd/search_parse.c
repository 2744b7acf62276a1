/* SPDX-License-Identifier: ISC */
/* search_parse.c - the keys of a search, made a tree. */
#include "imapd/search_parse.h"

#include <string.h>

#include "mime/casemap.h"

/* The tree that is being made. */
struct reader {
	struct parse *p;
	struct search *search;
	unsigned depth;
	unsigned n_keys;
};

enum argument {
	ARG_NONE,
	ARG_TEXT,
	ARG_HEADER, /* field name and text */
	ARG_BEFORE, /* a date */
	ARG_ON,
	ARG_SINCE,
	ARG_SECONDS, /* not 0 */
	ARG_OCTETS,
	ARG_MODSEQ,
	ARG_KEYWORD,
	ARG_OBJECT,
	ARG_SET,
	ARG_AFTER, /* a UID: those above */
	ARG_BELOW,
	ARG_KEY,
	ARG_FUZZY, /* a key, too */
	ARG_TWO_KEYS,
	ARG_NEW, /* none; it is two keys */
};

/* clang-format off */
static const struct row {
	const char *name;
	enum argument argument;
	enum search_what what;
	bool is_not;
	uint32_t flags;
	const char *field;
} rows[] = {
	/* name               argument      what             not    flags          field */
	{"ALL",               ARG_NONE,     SEARCH_ALL,      false, 0,             NULL},
	{"ANSWERED",          ARG_NONE,     SEARCH_FLAGS,    false, FLAG_ANSWERED, NULL},
	{"BCC",               ARG_TEXT,     SEARCH_FIELD,    false, 0,             "bcc"},
	{"BEFORE",            ARG_BEFORE,   SEARCH_ARRIVED,  false, 0,             NULL},
	{"BODY",              ARG_TEXT,     SEARCH_BODY,     false, 0,             NULL},
	{"CC",                ARG_TEXT,     SEARCH_FIELD,    false, 0,             "cc"},
	{"DELETED",           ARG_NONE,     SEARCH_FLAGS,    false, FLAG_DELETED,  NULL},
	{"DRAFT",             ARG_NONE,     SEARCH_FLAGS,    false, FLAG_DRAFT,    NULL},
	{"EMAILID",           ARG_OBJECT,   SEARCH_EMAILID,  false, 0,             NULL},
	{"FLAGGED",           ARG_NONE,     SEARCH_FLAGS,    false, FLAG_FLAGGED,  NULL},
	{"FROM",              ARG_TEXT,     SEARCH_FIELD,    false, 0,             "from"},
	{"FUZZY",             ARG_FUZZY,    SEARCH_AND,      false, 0,             NULL},
	{"HEADER",            ARG_HEADER,   SEARCH_FIELD,    false, 0,             NULL},
	{"KEYWORD",           ARG_KEYWORD,  SEARCH_KEYWORD,  false, 0,             NULL},
	{"LARGER",            ARG_OCTETS,   SEARCH_LARGER,   false, 0,             NULL},
	{"MODSEQ",            ARG_MODSEQ,   SEARCH_MODSEQ,   false, 0,             NULL},
	{"NEW",               ARG_NEW,      SEARCH_AND,      false, 0,             NULL},
	{"NOT",               ARG_KEY,      SEARCH_AND,      true,  0,             NULL},
	{"OLD",               ARG_NONE,     SEARCH_RECENT,   true,  0,             NULL},
	{"OLDER",             ARG_SECONDS,  SEARCH_OLDER,    false, 0,             NULL},
	{"ON",                ARG_ON,       SEARCH_ARRIVED,  false, 0,             NULL},
	{"OR",                ARG_TWO_KEYS, SEARCH_OR,       false, 0,             NULL},
	{"RECENT",            ARG_NONE,     SEARCH_RECENT,   false, 0,             NULL},
	{"SAVEDATESUPPORTED", ARG_NONE,     SEARCH_ALL,      false, 0,             NULL},
	{"SAVEDBEFORE",       ARG_BEFORE,   SEARCH_SAVED,    false, 0,             NULL},
	{"SAVEDON",           ARG_ON,       SEARCH_SAVED,    false, 0,             NULL},
	{"SAVEDSINCE",        ARG_SINCE,    SEARCH_SAVED,    false, 0,             NULL},
	{"SEEN",              ARG_NONE,     SEARCH_FLAGS,    false, FLAG_SEEN,     NULL},
	{"SENTBEFORE",        ARG_BEFORE,   SEARCH_SENT,     false, 0,             NULL},
	{"SENTON",            ARG_ON,       SEARCH_SENT,     false, 0,             NULL},
	{"SENTSINCE",         ARG_SINCE,    SEARCH_SENT,     false, 0,             NULL},
	{"SINCE",             ARG_SINCE,    SEARCH_ARRIVED,  false, 0,             NULL},
	{"SMALLER",           ARG_OCTETS,   SEARCH_SMALLER,  false, 0,             NULL},
	{"SUBJECT",           ARG_TEXT,     SEARCH_FIELD,    false, 0,             "subject"},
	{"TEXT",              ARG_TEXT,     SEARCH_TEXT,     false, 0,             NULL},
	{"THREADID",          ARG_OBJECT,   SEARCH_THREADID, false, 0,             NULL},
	{"TO",                ARG_TEXT,     SEARCH_FIELD,    false, 0,             "to"},
	{"UID",               ARG_SET,      SEARCH_UIDS,     false, 0,             NULL},
	{"UIDAFTER",          ARG_AFTER,    SEARCH_UIDS,     false, 0,             NULL},
	{"UIDBEFORE",         ARG_BELOW,    SEARCH_UIDS,     false, 0,             NULL},
	{"UNANSWERED",        ARG_NONE,     SEARCH_FLAGS,    true,  FLAG_ANSWERED, NULL},
	{"UNDELETED",         ARG_NONE,     SEARCH_FLAGS,    true,  FLAG_DELETED,  NULL},
	{"UNDRAFT",           ARG_NONE,     SEARCH_FLAGS,    true,  FLAG_DRAFT,    NULL},
	{"UNFLAGGED",         ARG_NONE,     SEARCH_FLAGS,    true,  FLAG_FLAGGED,  NULL},
	{"UNKEYWORD",         ARG_KEYWORD,  SEARCH_KEYWORD,  true,  0,             NULL},
	{"UNSEEN",            ARG_NONE,     SEARCH_FLAGS,    true,  FLAG_SEEN,     NULL},
	{"YOUNGER",           ARG_SECONDS,  SEARCH_YOUNGER,  false, 0,             NULL},
};

static const struct {
	const char *name;
	enum search_return returns;
} return_options[] = {
	{"ALL", RETURN_ALL}, {"CONTEXT", RETURN_CONTEXT}, {"COUNT", RETURN_COUNT}, {"MAX", RETURN_MAX}, {"MIN", RETURN_MIN},
	{"PARTIAL", RETURN_PARTIAL}, {"RELEVANCY", RETURN_RELEVANCY}, {"SAVE", RETURN_SAVE}, {"UPDATE", RETURN_UPDATE},
};

/* clang-format on */

static int key_read(struct reader *, struct search_key **out);

static struct search_key *
key_new(struct reader *r, enum search_what what)
{
	struct search_key *k = NULL;
	if (r->n_keys < SEARCH_KEYS_MAX)
		k = arena_get(r->p->arena, sizeof *k);
	if (!k)
		return NULL;
	r->n_keys++;
	k->what = what;
	return k;
}

/* ---- arguments ---- */

static int
text_read(struct reader *r, struct span *out)
{
	struct buf folded = {0};
	struct span text;
	if (parse_astring(r->p, &text) != E_OK)
		return E_BAD;
	if (!utf8_valid(text))
		return parse_fail(r->p, r->p->in, "text in UTF-8");
	casemap_fold(&folded, text);
	*out = arena_span(r->p->arena, buf_as_span(&folded));
	bool is_whole = buf_done(&folded) == E_OK && out->n == folded.len;
	buf_free(&folded);
	return is_whole ? E_OK : parse_fail(r->p, r->p->in, "a shorter text");
}

static int
header_read(struct reader *r, struct search_key *k)
{
	if (parse_astring(r->p, &k->field) != E_OK || parse_sp(r->p) != E_OK)
		return E_BAD;
	return text_read(r, &k->text);
}

static int
date_read(struct reader *r, enum argument argument, struct search_key *k)
{
	int32_t day;
	if (parse_date(r->p, &day) != E_OK)
		return E_BAD;
	k->from_day = argument == ARG_BEFORE ? INT64_MIN : day;
	k->to_day = argument == ARG_BEFORE ? (int64_t)day - 1
	            : argument == ARG_ON   ? day
	                                   : INT64_MAX;
	return E_OK;
}

static int
seconds_read(struct reader *r, uint64_t *out)
{
	uint32_t n;
	if (parse_number(r->p, &n) != E_OK)
		return E_BAD;
	*out = n;
	return n ? E_OK : parse_fail(r->p, r->p->in, "a number that is not 0");
}

/*
 * ["/flags/\\seen" all] 620162338: there is one mod-sequence a message, so the entry says nothing
 * (RFC 7162 3.1.5)
 */
static int
modseq_read(struct reader *r, uint64_t *out)
{
	struct span entry;
	r->search->has_modseq = true;
	if (parse_peek(r->p, '"')) {
		if (parse_string(r->p, &entry) != E_OK || parse_sp(r->p) != E_OK)
			return E_BAD;
		if (!parse_word(r->p, "all") && !parse_word(r->p, "priv") &&
		    !parse_word(r->p, "shared"))
			return parse_fail(r->p, r->p->in, "all, priv or shared");
		if (parse_sp(r->p) != E_OK)
			return E_BAD;
	}
	return parse_number64(r->p, out);
}

/* ---- keys of keys ---- */

/* Puts what is read behind the last of a list. */
static int
kid_read(struct reader *r, struct search_key ***last)
{
	if (key_read(r, *last) != E_OK)
		return E_BAD;
	*last = &(**last)->next;
	return E_OK;
}

/* OR a OR b c is one OR of three: what people write is this long, and no deeper for it. */
static int
or_read(struct reader *r, struct search_key *k)
{
	struct search_key **last = &k->kids;
	do
		if (parse_sp(r->p) != E_OK || kid_read(r, &last) != E_OK ||
		    parse_sp(r->p) != E_OK)
			return E_BAD;
	while (parse_word(r->p, "OR"));
	return kid_read(r, &last);
}

static int
keys_read(struct reader *r, struct search_key **out)
{
	struct search_key *k = key_new(r, SEARCH_AND), **last;
	if (!k)
		return parse_fail(r->p, r->p->in, "a shorter search");
	last = &k->kids;
	do
		if (kid_read(r, &last) != E_OK)
			return E_BAD;
	while (parse_ch(r->p, ' '));
	*out = k->kids->next ? k : k->kids;
	return E_OK;
}

static int
not_read(struct reader *r, struct search_key **out)
{
	if (parse_sp(r->p) != E_OK || key_read(r, out) != E_OK)
		return E_BAD;
	(*out)->is_not = !(*out)->is_not;
	return E_OK;
}

/* What must not be there is looked for exactly: near misses of it would go, too. */
static void
make_fuzzy(struct search_key *k)
{
	if (k->is_not)
		return;
	k->is_fuzzy = true;
	for (struct search_key *kid = k->kids; kid; kid = kid->next)
		make_fuzzy(kid);
}

static int
fuzzy_read(struct reader *r, struct search_key **out)
{
	if (parse_sp(r->p) != E_OK || key_read(r, out) != E_OK)
		return E_BAD;
	r->search->has_fuzzy = true;
	make_fuzzy(*out);
	return E_OK;
}

static int
list_read(struct reader *r, struct search_key **out)
{
	if (keys_read(r, out) != E_OK)
		return E_BAD;
	return parse_ch(r->p, ')')
	           ? E_OK
	           : parse_fail(r->p, r->p->in, "the end of a list of search keys");
}

static int
new_read(struct reader *r, struct search_key *k)
{
	struct search_key *recent = key_new(r, SEARCH_RECENT),
			  *unseen = key_new(r, SEARCH_FLAGS);
	if (!recent || !unseen)
		return parse_fail(r->p, r->p->in, "a shorter search");
	unseen->flags = FLAG_SEEN;
	unseen->is_not = true;
	recent->next = unseen;
	k->kids = recent;
	return E_OK;
}

/* RFC 9738 3.2: the UIDs above, or below, this one */
static int
bound_read(struct reader *r, bool is_after, struct search_key *k)
{
	uint32_t uid;
	struct num_range *range = arena_get(r->p->arena, sizeof *range);
	if (!range || parse_number(r->p, &uid) != E_OK || uid == 0)
		return parse_fail(r->p, r->p->in, "a UID");
	bool is_none = is_after ? uid >= SEQ_STAR - 1 : uid == 1;
	*range = is_after ? (struct num_range){uid + 1, SEQ_STAR - 1}
	                  : (struct num_range){1, uid - 1};
	k->set = (struct seqset){.n = !is_none, .ranges = range};
	return E_OK;
}

static int
argument_read(struct reader *r, enum argument argument, struct search_key *k)
{
	switch (argument) {
	case ARG_TEXT:
		return text_read(r, &k->text);
	case ARG_HEADER:
		return header_read(r, k);
	case ARG_BEFORE:
	case ARG_ON:
	case ARG_SINCE:
		return date_read(r, argument, k);
	case ARG_SECONDS:
		return seconds_read(r, &k->number);
	case ARG_OCTETS:
		return parse_number64(r->p, &k->number);
	case ARG_MODSEQ:
		return modseq_read(r, &k->number);
	case ARG_KEYWORD:
	case ARG_OBJECT:
		return parse_atom(r->p, &k->text);
	case ARG_AFTER:
	case ARG_BELOW:
		return bound_read(r, argument == ARG_AFTER, k);
	case ARG_SET:
		return parse_seqset(r->p, &k->set);
	default:
		bug("an argument of a search key that is none");
	}
}

static int
named_read(struct reader *r, const struct row *row, struct search_key **out)
{
	if (row->argument == ARG_KEY)
		return not_read(r, out);
	if (row->argument == ARG_FUZZY)
		return fuzzy_read(r, out);
	struct search_key *k = *out = key_new(r, row->what);
	if (!k)
		return parse_fail(r->p, r->p->in, "a shorter search");
	k->is_not = row->is_not;
	k->flags = row->flags;
	k->field = span_of(row->field);
	if (row->argument == ARG_NONE)
		return E_OK;
	if (row->argument == ARG_NEW)
		return new_read(r, k);
	if (row->argument == ARG_TWO_KEYS)
		return or_read(r, k);
	return parse_sp(r->p) == E_OK ? argument_read(r, row->argument, k) : E_BAD;
}

static int
numbers_read(struct reader *r, struct search_key **out)
{
	*out = key_new(r, SEARCH_NUMBERS);
	if (!*out)
		return parse_fail(r->p, r->p->in, "a shorter search");
	int err = parse_seqset(r->p, &(*out)->set);
	r->search->has_numbers |= err == E_OK && !(*out)->set.is_saved;
	return err;
}

static const struct row *
row_of(struct span name)
{
	size_t low = 0, high = COUNT(rows);
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int cmp = strncasecmp(name.p, rows[mid].name, name.n);
		if (cmp == 0 && rows[mid].name[name.n] == '\0')
			return &rows[mid];
		if (cmp > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int
key_read(struct reader *r, struct search_key **out)
{
	struct span name;
	const struct row *row;
	int err = E_BAD;
	if (r->depth == SEARCH_DEPTH_MAX)
		return parse_fail(r->p, r->p->in, "less nesting");
	r->depth++;
	if (parse_ch(r->p, '('))
		err = list_read(r, out);
	else if (r->p->in.n && (ch_digit(r->p->in.p[0]) || r->p->in.p[0] == '*' ||
				   r->p->in.p[0] == '$'))
		err = numbers_read(r, out);
	else if (parse_atom(r->p, &name) == E_OK && (row = row_of(name)))
		err = named_read(r, row, out);
	else
		r->p->expected = "a search key";
	r->depth--;
	return err;
}

/* ---- the whole ---- */

/* UPDATE (UID FLAGS): RFC 5465 7, where the grammar has no SP and the example one */
static int
update_atts_read(struct parse *p, struct search *out)
{
	struct span list = p->in;
	list = span_from(list, list.n && list.p[0] == ' ');
	out->has_update_atts = list.n && list.p[0] == '(';
	if (!out->has_update_atts)
		return E_OK;
	p->in = list;
	return fetch_atts_parse(p, &out->update_atts);
}

/* RFC 9394 3.1: one PARTIAL or one ALL, not both */
static int
option_end(struct parse *p, unsigned option, struct search *out)
{
	unsigned before = out->returns & (RETURN_ALL | RETURN_PARTIAL);
	if ((option == RETURN_ALL && before & RETURN_PARTIAL) ||
	    (option == RETURN_PARTIAL && before))
		return parse_fail(p, p->in, "one of PARTIAL and ALL");
	out->returns |= option;
	if (option == RETURN_UPDATE)
		return update_atts_read(p, out);
	if (option != RETURN_PARTIAL)
		return E_OK;
	return parse_sp(p) == E_OK ? partial_parse(p, &out->partial) : E_BAD;
}

static int
option_read(struct parse *p, struct search *out)
{
	for (size_t i = 0; i < COUNT(return_options); i++)
		if (parse_word(p, return_options[i].name))
			return option_end(p, return_options[i].returns, out);
	return parse_fail(p, p->in, "a return option");
}

int
search_parse_return(struct parse *p, struct search *out)
{
	struct span from = p->in;
	*out = (struct search){.has_return = parse_word(p, "RETURN")};
	if (!out->has_return)
		return E_OK;
	int err = parse_sp(p) == E_OK && parse_ch(p, '(')
	              ? E_OK
	              : parse_fail(p, p->in, "a list of return options");
	if (err == E_OK && !parse_peek(p, ')'))
		do
			err = option_read(p, out);
		while (err == E_OK && parse_ch(p, ' '));
	if (err == E_OK && !parse_ch(p, ')'))
		err = parse_fail(p, p->in, "the end of the return options");
	if (err == E_OK)
		err = parse_sp(p);
	if (!out->returns)
		out->returns = RETURN_ALL;
	if (err != E_OK)
		p->in = from;
	return err;
}

/* A charset and the space behind it: that is known before whether it is one of ours. */
static int
charset_read(struct parse *p, struct search *out)
{
	struct span name;
	if (parse_astring(p, &name) != E_OK || parse_sp(p) != E_OK)
		return E_BAD;
	out->has_charset = true;
	return span_ieqs(name, "UTF-8") || span_ieqs(name, "US-ASCII") ? E_OK : E_DENY;
}

static int
root_read(struct parse *p, struct search *out)
{
	struct reader r = {.p = p, .search = out};
	int err = keys_read(&r, &out->root);
	if (err == E_OK && out->returns & RETURN_RELEVANCY && !out->has_fuzzy)
		return parse_fail(p, p->in, "FUZZY, for RELEVANCY"); /* RFC 6203 4 */
	return err == E_OK ? parse_end(p) : err;
}

int
search_parse_criteria(struct parse *p, struct search *out)
{
	struct span from = p->in;
	int err = charset_read(p, out);
	if (err == E_OK)
		err = root_read(p, out);
	if (err != E_OK)
		p->in = from;
	return err;
}

int
search_parse(struct parse *p, struct search *out)
{
	struct span from = p->in;
	int err = search_parse_return(p, out);
	if (err == E_OK && parse_word(p, "CHARSET"))
		err = parse_sp(p) == E_OK ? search_parse_criteria(p, out) : E_BAD;
	else if (err == E_OK)
		err = root_read(p, out);
	if (err != E_OK)
		p->in = from;
	return err;
}
