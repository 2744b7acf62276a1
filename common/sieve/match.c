/* SPDX-License-Identifier: ISC */
/* match.c - values against keys: comparators, match types, and the match values of variables. */
#include <stdlib.h>
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
	struct span
	    folded; /* as the comparator has it; without it where that is not needed: text */
	struct regex *regex;
};

/* What things cost beside the octets that are compared, in these. */
enum {
	KEY_WORK = 16,
	VALUE_WORK = 128,
	FOLD_WORK = 16,    /* of an octet of Unicode */
	COMPILE_WORK = 16, /* of an octet of a pattern, as it is and compiled */
	/* so many keys are sorted before so many values are looked at */
	SORT_KEYS_LEAST = 16,
	SORT_VALUES_LEAST = 16,
};

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
	if (kind == MATCH_LIST && node_opt(node, OPT_COMPARATOR)) /* RFC 6134 2.2 */
		return check_error(
		    c, node->line, "the :list match-type does not take a comparator");
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

/* ---- a value, and where each octet of what it is folded to came from ---- */

struct value {
	struct span text;
	struct buf folded; /* own */
};

/* Does it need to be folded, and are keys? */
static bool
is_folded(const struct sieve_matcher *m)
{
	switch (m->kind) {
	case MATCH_IS:
		return m->is_sorted || m->comparator == CMP_UNICODE;
	case MATCH_CONTAINS: /* without: as it is searched */
	case MATCH_MATCHES:
	case MATCH_VALUE:
	case MATCH_COUNT:
		return m->comparator == CMP_UNICODE;
	default:
		return false;
	}
}

static void
value_fold(struct sieve_run *run, const struct sieve_matcher *m, struct value *v)
{
	uint64_t work =
	    m->comparator == CMP_UNICODE ? FOLD_WORK * (uint64_t)v->text.n : v->text.n;
	v->folded.max = SIZE_MAX;
	if (is_folded(m) && run_spend(run, m->node->line, work) == E_OK)
		comparator_fold(m->comparator, v->text, &v->folded);
}

/* A walk over a value and what it is folded to, side by side. */
struct origin {
	struct span rest;
	size_t at, folded_at, folded_end; /* of the character that is looked at */
	struct buf folded;
	size_t next;
};

static void
origin_step(struct origin *o)
{
	struct span next = o->rest;
	(void)utf8_next(&next);
	buf_reset(&o->folded);
	casemap_fold(&o->folded, span_head(o->rest, o->rest.n - next.n));
	o->at = o->next;
	o->next += o->rest.n - next.n;
	o->folded_at = o->folded_end;
	o->folded_end += o->folded.len;
	o->rest = next;
}

/* Asked for places further and further on. */
static size_t
origin_of(struct origin *o, size_t folded_at)
{
	while (o->folded_end <= folded_at && o->rest.n)
		origin_step(o);
	return folded_at < o->folded_end ? o->at : o->next;
}

/* Values of a folded text become those of the text: the first is the whole, the others follow. */
static void
values_unfold(const struct value *v, struct span *values, size_t n)
{
	struct origin o = {.rest = v->text};
	for (size_t i = 1; i < n; i++) {
		size_t at = (size_t)(values[i].p - v->folded.p);
		size_t begin = origin_of(&o, at), end = origin_of(&o, at + values[i].n);
		values[i] = span_make(v->text.p + begin, end - begin);
	}
	if (n)
		values[0] = v->text;
	buf_free(&o.folded);
}

/* ---- match values ---- */

static bool
has_match_values(const struct sieve_run *run, const struct sieve_matcher *m)
{
	return !m->keeps_values && (run->frame->script->exts & EXT_BIT(VARIABLES)) != 0;
}

static void
set_match_values(struct sieve_run *run, const struct sieve_matcher *m,
    const struct span *values, size_t n)
{
	size_t at[SIEVE_MATCH_VALUES_MAX];
	if (!has_match_values(run, m))
		return;
	buf_reset(&run->match_text);
	run->match_text.max = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		at[i] = run->match_text.len;
		buf_span(&run->match_text,
		    cut_utf8(values[i], run->program->limits.variable_bytes));
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
contains(const struct sieve_matcher *m, const struct value *v,
    const struct sieve_key *key, uint64_t *work)
{
	if (m->comparator == CMP_UNICODE)
		return find_counted(buf_as_span(&v->folded), key->folded, false, work);
	return find_counted(v->text, key->folded, m->comparator == CMP_CASEMAP, work);
}

static int
given_up(struct sieve_run *run, const struct sieve_matcher *m, const char *what,
    const struct sieve_key *key)
{
	return run_limit(run, m->node->line,
	    "the %s '%.*s' takes too long on this message", what,
	    SPAN_ARG(span_head(key->text, 128)));
}

static bool
matches(struct sieve_run *run, const struct sieve_matcher *m, const struct value *v,
    const struct sieve_key *key, struct sieve_work *work)
{
	struct span values[SIEVE_MATCH_VALUES_MAX];
	struct span text =
	    m->comparator == CMP_UNICODE ? buf_as_span(&v->folded) : v->text;
	size_t n = 0;
	int err = wildcard_match(text.p ? text : (struct span){"", 0}, key->folded,
	    m->comparator == CMP_CASEMAP, m->comparator == CMP_OCTET, values,
	    SIEVE_MATCH_VALUES_MAX, &n, work);
	if (err == E_LIMIT)
		(void)given_up(run, m, "pattern", key);
	if (err != E_OK)
		return false;
	if (m->comparator == CMP_UNICODE && has_match_values(run, m) && text.n) {
		work->done += FOLD_WORK * (uint64_t)v->text.n;
		values_unfold(v, values, n);
	}
	set_match_values(run, m, values, n);
	return true;
}

/* One that is given up is said: it cannot be told from no match. */
static bool
matches_regex(struct sieve_run *run, const struct sieve_matcher *m,
    const struct value *v, const struct sieve_key *key, struct sieve_work *work)
{
	struct span values[SIEVE_MATCH_VALUES_MAX];
	struct arena scratch = {.max_bytes = (size_t)2 * SIEVE_REGEX_HEAP_KB << 10};
	size_t n;
	int err;
	if (!key->regex) /* said already */
		return false;
	err = regex_match(
	    key->regex, v->text, &scratch, values, SIEVE_MATCH_VALUES_MAX, &n, work);
	if (err == E_LIMIT)
		(void)given_up(run, m, "regular expression", key);
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

/* As a comparator sees them, in order; work: at most the octets of the shorter one. */
static int
compare(const struct sieve_matcher *m, const struct value *v,
    const struct sieve_key *key, uint64_t *work)
{
	struct span a = is_folded(m) ? buf_as_span(&v->folded) : v->text;
	struct span b = is_folded(m) ? key->folded : key->text;
	bool is_octets = is_folded(m);
	*work += m->comparator == CMP_NUMERIC ? a.n + b.n : a.n < b.n ? a.n : b.n;
	return is_octets ? span_cmp(a, b) : comparator_compare(m->comparator, a, b);
}

static bool
match_key(struct sieve_run *run, const struct sieve_matcher *m, const struct value *v,
    const struct sieve_key *key)
{
	struct sieve_work work = run_work(run);
	bool is_match = false;
	work.done = KEY_WORK;
	switch (m->kind) {
	case MATCH_IS:
		is_match = compare(m, v, key, &work.done) == 0;
		break;
	case MATCH_CONTAINS:
		is_match = contains(m, v, key, &work.done);
		break;
	case MATCH_MATCHES:
		is_match = matches(run, m, v, key, &work);
		break;
	case MATCH_REGEX:
		is_match = matches_regex(run, m, v, key, &work);
		break;
	case MATCH_VALUE:
	case MATCH_COUNT:
		is_match = relation_holds(m->relation, compare(m, v, key, &work.done));
		break;
	case MATCH_LIST:
		work.done += CALL_WORK;
		is_match = is_in_list(run, v->text, key);
		if (is_match)
			set_match_values(run, m, &v->text, 1);
		break;
	}
	return run_spend(run, m->node->line, work.done) == E_OK && is_match;
}

/* ---- many keys ---- */

static int
key_order(const void *a, const void *b)
{
	const struct sieve_key *x = a, *y = b;
	return span_cmp(x->folded, y->folded);
}

/* Equal to one of many: keys are sorted once, so that many values cost little. */
static bool
is_sorted_key(
    struct sieve_run *run, const struct sieve_matcher *m, const struct value *v)
{
	size_t low = 0, high = m->n_keys;
	uint64_t work = 0;
	bool is_match = false;
	while (low < high && !is_match) {
		size_t middle = low + (high - low) / 2;
		int order = compare(m, v, &m->keys[middle], &work);
		work += KEY_WORK;
		is_match = order == 0;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
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
	if (run_spend(run, m->node->line, FOLD_WORK * (uint64_t)key->text.n) == E_OK)
		comparator_fold(m->comparator, key->text, &folded);
	key->folded = run_copy(run, &folded);
	buf_free(&folded);
}

/* When there are many values, too: not before. */
static void
sort_keys(struct sieve_run *run, struct sieve_matcher *m)
{
	uint64_t work = 0, n_turns = 1;
	if (m->kind != MATCH_IS || m->comparator == CMP_NUMERIC ||
	    m->n_keys < SORT_KEYS_LEAST || m->n_values != SORT_VALUES_LEAST)
		return;
	for (size_t n = m->n_keys; n > 1; n /= 2)
		n_turns++;
	for (size_t i = 0; i < m->n_keys && run->err == E_OK; i++) {
		if (m->comparator == CMP_CASEMAP)
			fold_key(run, m, &m->keys[i]);
		work += KEY_WORK + m->keys[i].folded.n;
	}
	if (run_spend(run, m->node->line, n_turns * work) != E_OK)
		return;
	qsort(m->keys, m->n_keys, sizeof(*m->keys), key_order);
	m->is_sorted = true;
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
	if (run_spend(run, s->line, COMPILE_WORK * (uint64_t)key->text.n) != E_OK)
		return;
	if (regex_compile(key->text, m->comparator != CMP_OCTET,
		m->comparator == CMP_OCTET, &run->tmp, &key->regex, &why) != E_OK) {
		/* not the script's end: the key came with a message */
		sieve_warning(run->errors, s->line,
		    "invalid regular expression '%.*s': %s",
		    SPAN_ARG(span_head(key->text, 128)), buf_cstr(&why));
		key->regex = NULL;
	} else {
		(void)run_spend(run, s->line, COMPILE_WORK * regex_size(key->regex));
	}
	buf_free(&why);
}

static void
make_key(struct sieve_run *run, struct sieve_matcher *m, const struct sieve_string *s)
{
	struct sieve_key *key = &m->keys[m->n_keys];
	key->text = key->folded = run_string(run, s);
	if (run->err != E_OK)
		return;
	if (m->kind == MATCH_REGEX)
		compile_key(run, m, s, key);
	else if ((m->kind == MATCH_CONTAINS && m->comparator != CMP_OCTET) ||
		 is_folded(m))
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
	if (run_spend(run, node->line, KEY_WORK * (uint64_t)n) != E_OK ||
	    !(m->keys = run_get(run, (n + 1) * sizeof(*m->keys))))
		return run->err;
	for (const struct sieve_string *s = keys->strings; s && run->err == E_OK;
	     s = s->next)
		make_key(run, m, s);
	for (size_t i = 0; i < m->n_keys && run_traces(run); i++)
		run_trace(run, node->line, "  %s \"%.*s\"", match_name(m->kind),
		    SPAN_ARG(span_head(m->keys[i].text, 200)));
	return run->err;
}

static bool
is_any_key(struct sieve_run *run, const struct sieve_matcher *m, struct span text)
{
	struct value v = {.text = text};
	bool is_found = false;
	value_fold(run, m, &v);
	if (m->is_sorted && run->err == E_OK)
		is_found = is_sorted_key(run, m, &v);
	for (size_t i = 0;
	     i < m->n_keys && !m->is_sorted && !is_found && run->err == E_OK; i++)
		is_found = match_key(run, m, &v, &m->keys[i]);
	buf_free(&v.folded);
	return is_found;
}

int
match_value(struct sieve_run *run, struct sieve_matcher *m, struct span value)
{
	if (run_spend(run, m->node->line, VALUE_WORK) != E_OK)
		return run->err;
	if (m->kind == MATCH_COUNT) {
		m->count++;
		return run->err;
	}
	if (m->is_found || m->n_values == SIEVE_VALUES_MAX)
		return run->err;
	sort_keys(run, m);
	m->n_values++;
	m->is_found = is_any_key(run, m, value);
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
		m->is_found = is_any_key(run, m, buf_as_span(&count));
		buf_free(&count);
	}
	*out = m->is_found;
	return run->err;
}
