/* SPDX-License-Identifier: ISC */
/* match.c - values against keys: comparators, match types, and the match values of variables. */
#include <string.h>

#include "mime/casemap.h"
#include "mime/charset.h"
#include "mime/find.h"
#include "sieve/check_state.h"
#include "sieve/match.h"
#include "sieve/regex.h"
#include "sieve/run_state.h"

struct sieve_key {
	struct span text;
	struct span folded; /* as the comparator has it, for what searches */
	struct regex *regex;
};

/* ---- names ---- */

int
comparator_find(struct span name)
{
	static const char *const names[] = {[CMP_CASEMAP] = "i;ascii-casemap",
	    [CMP_OCTET] = "i;octet",
	    [CMP_NUMERIC] = "i;ascii-numeric",
	    [CMP_UNICODE] = "i;unicode-casemap"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_eqs(name, names[i]))
			return (int)i;
	return -1;
}

int
relation_find(struct span name)
{
	static const char *const names[] = {[REL_GT] = "gt",
	    [REL_GE] = "ge",
	    [REL_LT] = "lt",
	    [REL_LE] = "le",
	    [REL_EQ] = "eq",
	    [REL_NE] = "ne"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return (int)i;
	return -1;
}

static uint64_t
comparator_ext(int comparator)
{
	switch (comparator) {
	case CMP_NUMERIC:
		return EXT_BIT(NUMERIC);
	case CMP_UNICODE:
		return EXT_BIT(UNICODE);
	default:
		return EXT_BIT(OCTET) | EXT_BIT(CASEMAP);
	}
}

/* ---- check ---- */

static int
check_comparator(struct sieve_check *c, struct sieve_node *node, int *out)
{
	const struct sieve_arg *arg = node_opt_arg(node, OPT_COMPARATOR);
	struct span name;
	*out = CMP_CASEMAP;
	if (!arg)
		return E_OK;
	name = arg->strings->text;
	*out = comparator_find(name);
	if (*out < 0 || !check_has(c, comparator_ext(*out)))
		return check_error(c, arg->line, "unknown comparator '%.*s'%s",
		    SPAN_ARG(span_head(name, 100)),
		    *out < 0 ? "" : " without require of \"comparator-...\"");
	return E_OK;
}

static int
check_regex_keys(struct sieve_check *c, const struct sieve_arg *keys, int comparator)
{
	struct buf why = {0};
	int err = E_OK;
	for (struct sieve_string *s = keys ? keys->strings : NULL; s && err == E_OK;
	     s = s->next) {
		struct regex *regex = NULL;
		if (!string_is_constant(s))
			continue;
		if (regex_compile(s->text, comparator != CMP_OCTET,
			comparator == CMP_OCTET, &c->program->arena, &regex,
			&why) != E_OK)
			err = check_error(c, s->line,
			    "invalid regular expression '%.*s': %s",
			    SPAN_ARG(span_head(s->text, 128)), buf_cstr(&why));
		s->data = regex;
	}
	buf_free(&why);
	return err;
}

static struct sieve_arg *
last_position(const struct sieve_node *node)
{
	for (size_t i = SIEVE_POSITIONS_MAX; i > 0; i--)
		if (node->pos[i - 1])
			return node->pos[i - 1];
	return NULL;
}

/* What every test with a match type has; the keys are its last argument. */
int
check_match(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_arg *relation = node_opt_arg(node, OPT_MATCH);
	int kind = node_opt_value(node, OPT_MATCH, MATCH_IS), comparator;
	int err = check_comparator(c, node, &comparator);
	if (err != E_OK)
		return err;
	if (relation && relation_find(relation->strings->text) < 0)
		return check_error(c, relation->line,
		    "the :%s match-type requires one of gt, ge, lt, le, eq and ne, but "
		    "'%.*s' was found",
		    kind == MATCH_COUNT ? "count" : "value",
		    SPAN_ARG(span_head(relation->strings->text, 40)));
	if (comparator == CMP_NUMERIC &&
	    (kind == MATCH_CONTAINS || kind == MATCH_MATCHES || kind == MATCH_REGEX))
		return check_error(c, node->line,
		    "the i;ascii-numeric comparator does not support substring "
		    "matching "
		    "(:contains, :matches, :regex)");
	if (kind == MATCH_REGEX)
		return check_regex_keys(c, last_position(node), comparator);
	return E_OK;
}

/* ---- comparing ---- */

/* RFC 4790 9.1: the digits at the front; what has none is the largest. */
static bool
number_of(struct span s, struct span *digits)
{
	size_t n = 0;
	while (n < s.n && ch_digit(s.p[n]))
		n++;
	*digits = span_head(s, n);
	while (digits->n > 1 && digits->p[0] == '0')
		*digits = span_from(*digits, 1);
	return n > 0;
}

static int
compare_numbers(struct span a, struct span b)
{
	struct span x, y;
	bool has_x = number_of(a, &x), has_y = number_of(b, &y);
	if (!has_x || !has_y)
		return has_x ? -1 : has_y;
	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return span_cmp(x, y);
}

static int
compare_any_case(struct span a, struct span b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned char x = (unsigned char)ch_upper(a.p[i]);
		unsigned char y = (unsigned char)ch_upper(b.p[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

static int
compare_unicode(struct span a, struct span b)
{
	struct buf x = {0}, y = {0};
	int result;
	casemap_fold(&x, a);
	casemap_fold(&y, b);
	result = span_cmp(buf_as_span(&x), buf_as_span(&y));
	buf_free(&x);
	buf_free(&y);
	return result;
}

int
comparator_compare(enum sieve_comparator comparator, struct span a, struct span b)
{
	switch (comparator) {
	case CMP_OCTET:
		return span_cmp(a, b);
	case CMP_NUMERIC:
		return compare_numbers(a, b);
	case CMP_UNICODE:
		return compare_unicode(a, b);
	default:
		return compare_any_case(a, b);
	}
}

static bool
holds(enum sieve_relation relation, int compared)
{
	switch (relation) {
	case REL_GT:
		return compared > 0;
	case REL_GE:
		return compared >= 0;
	case REL_LT:
		return compared < 0;
	case REL_LE:
		return compared <= 0;
	case REL_EQ:
		return compared == 0;
	default:
		return compared != 0;
	}
}

/* ---- folded text, and where each octet of it came from ---- */

struct folded {
	struct buf text;
	struct buf origin; /* a size_t for each octet of text, and one for its end */
};

static void
fold_with_origin(struct span in, struct folded *f)
{
	size_t at = 0;
	struct span rest = in;
	f->text.max = f->origin.max = SIZE_MAX;
	while (rest.n) {
		struct span next = rest;
		size_t before = f->text.len;
		(void)utf8_next(&next);
		casemap_fold(&f->text, span_head(rest, rest.n - next.n));
		for (size_t i = before; i < f->text.len; i++)
			buf_put(&f->origin, &at, sizeof(at));
		at += rest.n - next.n;
		rest = next;
	}
	buf_put(&f->origin, &at, sizeof(at));
}

static size_t
origin_of(const struct folded *f, size_t at)
{
	size_t origin;
	memcpy(&origin, f->origin.p + at * sizeof(origin), sizeof(origin));
	return origin;
}

/* ---- match values ---- */

static void
set_match_values(struct sieve_run *run, const struct sieve_matcher *m,
    const struct span *values, size_t n)
{
	size_t at[SIEVE_MATCH_VALUES_MAX];
	if (m->keeps_values || !(run->frame->script->exts & EXT_BIT(VARIABLES)))
		return;
	buf_reset(&run->match_text);
	run->match_text.max = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		at[i] = run->match_text.len;
		buf_span(&run->match_text,
		    span_head(values[i], run->program->limits.variable_bytes));
	}
	for (size_t i = 0; i < n; i++) {
		size_t end = i + 1 < n ? at[i + 1] : run->match_text.len;
		run->match_values[i] =
		    span_make(run->match_text.p + at[i], end - at[i]);
	}
	run->n_match_values = n;
}

/* ---- one value, one key ---- */

static bool
contains(const struct sieve_matcher *m, struct span value, const struct sieve_key *key)
{
	struct buf folded = {.max = SIZE_MAX};
	bool is_found;
	switch (m->comparator) {
	case CMP_OCTET:
		return find_bytes(value, key->text);
	case CMP_UNICODE:
		casemap_fold(&folded, value);
		is_found = find_bytes(buf_as_span(&folded), key->folded);
		buf_free(&folded);
		return is_found;
	default:
		return find_any_case(value, key->folded);
	}
}

static bool
matches_unicode(struct sieve_run *run, struct span value, const struct sieve_key *key,
    struct span *values, size_t *n, uint64_t *work)
{
	struct folded f = {0};
	bool is_match;
	(void)run;
	fold_with_origin(value, &f);
	is_match = wildcard_match(buf_as_span(&f.text), key->folded, false, false,
	    values, SIEVE_MATCH_VALUES_MAX, n, work);
	for (size_t i = 0; is_match && i < *n; i++) {
		size_t from = (size_t)(values[i].p - f.text.p);
		size_t begin = origin_of(&f, from),
		       end = origin_of(&f, from + values[i].n);
		values[i] = span_make(value.p + begin, end - begin);
	}
	buf_free(&f.text);
	buf_free(&f.origin);
	return is_match;
}

static bool
matches(struct sieve_run *run, const struct sieve_matcher *m, struct span value,
    const struct sieve_key *key, uint64_t *work)
{
	struct span values[SIEVE_MATCH_VALUES_MAX];
	size_t n = 0;
	bool is_match;
	if (!value.p)
		value = (struct span){"", 0};
	if (m->comparator == CMP_UNICODE)
		is_match = matches_unicode(run, value, key, values, &n, work);
	else
		is_match = wildcard_match(value, key->text,
		    m->comparator == CMP_CASEMAP, m->comparator == CMP_OCTET, values,
		    SIEVE_MATCH_VALUES_MAX, &n, work);
	if (is_match)
		set_match_values(run, m, values, n);
	return is_match;
}

/* One that is given up is the script's mistake, and is said: it cannot be told from no match. */
static bool
matches_regex(struct sieve_run *run, const struct sieve_matcher *m, struct span value,
    const struct sieve_key *key)
{
	struct span values[SIEVE_MATCH_VALUES_MAX];
	struct arena scratch = {.max_bytes = (size_t)2 * SIEVE_REGEX_HEAP_KB << 10};
	size_t n;
	int err;
	if (!key->regex) /* said already */
		return false;
	err = regex_match(
	    key->regex, value, &scratch, values, SIEVE_MATCH_VALUES_MAX, &n);
	if (err == E_LIMIT)
		(void)run_limit(run, m->node->line,
		    "the regular expression '%.*s' takes too long on this message",
		    SPAN_ARG(span_head(key->text, 128)));
	if (err == E_OK)
		set_match_values(run, m, values, n);
	arena_reset(&scratch);
	return err == E_OK;
}

static bool
is_in_list(struct sieve_run *run, struct span value, const struct sieve_key *key)
{
	return run->in->list_has && run->in->list_has(run->in->ctx, key->text, value);
}

static bool
match_key(struct sieve_run *run, const struct sieve_matcher *m, struct span value,
    const struct sieve_key *key)
{
	uint64_t work = value.n + key->text.n;
	bool is_match = false;
	switch (m->kind) {
	case MATCH_IS:
		is_match = comparator_compare(m->comparator, value, key->text) == 0;
		break;
	case MATCH_CONTAINS:
		is_match = contains(m, value, key);
		break;
	case MATCH_MATCHES:
		is_match = matches(run, m, value, key, &work);
		break;
	case MATCH_REGEX:
		work +=
		    4 * value.n + SIEVE_REGEX_MATCH_LIMIT; /* what it may have done */
		is_match = matches_regex(run, m, value, key);
		break;
	case MATCH_VALUE:
	case MATCH_COUNT:
		is_match = holds(
		    m->relation, comparator_compare(m->comparator, value, key->text));
		break;
	case MATCH_LIST:
		is_match = is_in_list(run, value, key);
		break;
	}
	return run_spend(run, m->node->line, work) == E_OK && is_match;
}

/* ---- a test ---- */

static const char *
match_name(enum sieve_match_kind kind)
{
	static const char *const names[] = {[MATCH_IS] = ":is",
	    [MATCH_CONTAINS] = ":contains",
	    [MATCH_MATCHES] = ":matches",
	    [MATCH_REGEX] = ":regex",
	    [MATCH_VALUE] = ":value",
	    [MATCH_COUNT] = ":count",
	    [MATCH_LIST] = ":list"};
	return names[kind];
}

static void
fold_key(struct sieve_run *run, const struct sieve_matcher *m, struct sieve_key *key)
{
	struct buf folded = {.max = SIZE_MAX};
	if (m->comparator == CMP_UNICODE)
		casemap_fold(&folded, key->text);
	else
		for (size_t i = 0; i < key->text.n; i++)
			buf_ch(&folded, ch_upper(key->text.p[i]));
	key->folded = run_copy(run, &folded);
	buf_free(&folded);
}

/* A key made of variables is compiled when it is known. */
static void
compile_key(struct sieve_run *run, const struct sieve_matcher *m,
    const struct sieve_string *s, struct sieve_key *key)
{
	struct buf why = {0};
	if (s->data) {
		key->regex = s->data;
		return;
	}
	(void)run_spend(run, s->line, 10 * key->text.n);
	if (regex_compile(key->text, m->comparator != CMP_OCTET,
		m->comparator == CMP_OCTET, &run->tmp, &key->regex, &why) != E_OK) {
		/* not the script's end: the key came with a message */
		sieve_warning(run->errors, s->line,
		    "invalid regular expression '%.*s': %s",
		    SPAN_ARG(span_head(key->text, 128)), buf_cstr(&why));
		key->regex = NULL;
	}
	buf_free(&why);
}

static void
make_key(struct sieve_run *run, struct sieve_matcher *m, const struct sieve_string *s)
{
	struct sieve_key *key = &m->keys[m->n_keys];
	key->text = run_string(run, s);
	if (run->err != E_OK)
		return;
	if (m->kind == MATCH_REGEX)
		compile_key(run, m, s, key);
	else if (m->kind == MATCH_CONTAINS ||
		 (m->kind == MATCH_MATCHES && m->comparator == CMP_UNICODE))
		fold_key(run, m, key);
	m->n_keys++;
}

int
match_begin(struct sieve_run *run, const struct sieve_node *node,
    const struct sieve_arg *keys, struct sieve_matcher *m)
{
	const struct sieve_arg *relation = node_opt_arg(node, OPT_MATCH);
	const struct sieve_arg *comparator = node_opt_arg(node, OPT_COMPARATOR);
	size_t n = 0;
	*m = (struct sieve_matcher){.node = node,
	    .kind = (enum sieve_match_kind)node_opt_value(node, OPT_MATCH, MATCH_IS)};
	/* of the script's own strings: on purpose (README) */
	if (node->word->test == test_string)
		m->comparator = CMP_OCTET;
	if (comparator)
		m->comparator =
		    (enum sieve_comparator)comparator_find(comparator->strings->text);
	if (relation)
		m->relation =
		    (enum sieve_relation)relation_find(relation->strings->text);
	for (const struct sieve_string *s = keys->strings; s; s = s->next)
		n++;
	if (!(m->keys = run_get(run, (n + 1) * sizeof(*m->keys))))
		return run->err;
	for (const struct sieve_string *s = keys->strings; s && run->err == E_OK;
	     s = s->next)
		make_key(run, m, s);
	for (size_t i = 0; i < m->n_keys && run_traces(run); i++)
		run_trace(run, node->line, "  %s \"%.*s\"", match_name(m->kind),
		    SPAN_ARG(span_head(m->keys[i].text, 200)));
	return run->err;
}

int
match_value(struct sieve_run *run, struct sieve_matcher *m, struct span value)
{
	if (m->kind == MATCH_COUNT) {
		m->count++;
		return run->err;
	}
	if (m->is_found)
		return run->err;
	for (size_t i = 0; i < m->n_keys && !m->is_found && run->err == E_OK; i++)
		m->is_found = match_key(run, m, value, &m->keys[i]);
	run_trace(run, m->node->line, "  \"%.*s\" %s", SPAN_ARG(span_head(value, 200)),
	    m->is_found ? "matches" : "does not match");
	return run->err;
}

int
match_end(struct sieve_run *run, struct sieve_matcher *m, bool *out)
{
	struct buf count = {0};
	if (m->kind == MATCH_COUNT) {
		buf_putf(&count, "%llu", (unsigned long long)m->count);
		run_trace(run, m->node->line, "  count is %s", buf_cstr(&count));
		for (size_t i = 0; i < m->n_keys && !m->is_found && run->err == E_OK;
		     i++)
			m->is_found =
			    match_key(run, m, buf_as_span(&count), &m->keys[i]);
		buf_free(&count);
	}
	*out = m->is_found;
	return run->err;
}
