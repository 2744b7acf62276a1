/* SPDX-License-Identifier: ISC */
/* variables.c - names and values of variables, set and its modifiers, test string.  RFC 5229. */
#include <string.h>

#include "mime/charset.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

bool
variable_name_ok(struct span name)
{
	if (!name.n || ch_digit(name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ch_alnum(name.p[i]) && name.p[i] != '_')
			return false;
	return true;
}

static struct sieve_variable *
scope_find(const struct sieve_scope *scope, struct span name)
{
	for (struct sieve_variable *v = scope->variables; v; v = v->next)
		if (span_ieq(v->name, name))
			return v;
	return NULL;
}

static struct sieve_variable *
scope_add(
    struct sieve_check *c, struct sieve_scope *scope, unsigned line, struct span name)
{
	struct sieve_variable *v;
	if (scope->n == SIEVE_VARIABLES_MAX) {
		if (!scope->is_full)
			(void)check_error(c, line, "more than %d variables are used",
			    SIEVE_VARIABLES_MAX);
		scope->is_full = true;
		return NULL;
	}
	if (!(v = arena_get(&c->program->arena, sizeof(*v)))) {
		(void)check_error(c, line, SIEVE_NO_MEMORY);
		return NULL;
	}
	v->name = arena_span(&c->program->arena, name);
	v->slot = scope->n++;
	v->next = scope->variables;
	scope->variables = v;
	return v;
}

static int
check_name(struct sieve_check *c, unsigned line, struct span name)
{
	if (name.n > SIEVE_VARIABLE_NAME_MAX)
		return check_error(c, line,
		    "the name of a variable has %zu octets; %d are the most", name.n,
		    SIEVE_VARIABLE_NAME_MAX);
	if (!variable_name_ok(name))
		return check_error(c, line, "invalid variable name '%.*s'",
		    SPAN_ARG(span_head(name, 60)));
	return E_OK;
}

static int
global_slot(struct sieve_check *c, unsigned line, struct span name, unsigned *slot)
{
	struct sieve_variable *v = scope_find(&c->globals, name);
	if (!v)
		v = scope_add(c, &c->globals, line, name);
	if (!v)
		return E_BAD;
	*slot = v->slot;
	return E_OK;
}

/* "global.name": RFC 6609 3.4.2 */
static int
in_namespace(
    struct sieve_check *c, unsigned line, struct span name, struct sieve_piece *out)
{
	struct span space = span_cut(&name, '.');
	const struct sieve_dialect *dialect = c->want->dialect;
	int err;
	if (dialect && span_ieqs(space, dialect->name_space)) {
		*out = (struct sieve_piece){
		    .kind = PIECE_TEXT, .text = dialect->variable(c->want->ctx, name)};
		return E_OK;
	}
	if (!span_ieqs(space, "global"))
		return check_error(c, line,
		    "unknown variable namespace '%.*s' (of '%.*s')",
		    SPAN_ARG(span_head(space, 60)), SPAN_ARG(span_head(name, 60)));
	if (!check_has(c, EXT_BIT(INCLUDE)))
		return check_error(c, line,
		    "unknown variable namespace 'global' without require of "
		    "\"include\"");
	if ((err = check_name(c, line, name)) != E_OK)
		return err;
	out->kind = PIECE_GLOBAL;
	return global_slot(c, line, name, &out->slot);
}

int
check_variable(
    struct sieve_check *c, unsigned line, struct span name, struct sieve_piece *out)
{
	struct sieve_variable *v;
	int err;
	*out = (struct sieve_piece){.kind = PIECE_LOCAL, .text = name};
	if (span_find(name, '.') < name.n)
		return in_namespace(c, line, name, out);
	if ((err = check_name(c, line, name)) != E_OK)
		return err;
	v = scope_find(c->script->scope, name);
	if (!v && !(v = scope_add(c, c->script->scope, line, name)))
		return E_BAD;
	out->kind = v->is_global ? PIECE_GLOBAL : PIECE_LOCAL;
	out->slot = v->slot;
	return E_OK;
}

int
check_global(struct sieve_check *c, unsigned line, struct span name)
{
	struct sieve_variable *v = scope_find(c->script->scope, name);
	int err = check_name(c, line, name);
	if (err != E_OK)
		return err;
	if (v && !v->is_global)
		return check_error(c, line,
		    "'%.*s' was used as a variable of this script before it is made "
		    "global",
		    SPAN_ARG(name));
	if (!v && !(v = scope_add(c, c->script->scope, line, name)))
		return E_BAD;
	v->is_global = true;
	return global_slot(c, line, name, &v->slot);
}

/* The variable that a command's first argument names. */
static int
check_target(
    struct sieve_check *c, struct sieve_node *node, const struct sieve_arg *arg)
{
	struct sieve_piece piece;
	struct span name;
	int err;
	if (!check_constant(arg, &name))
		return check_error(
		    c, arg->line, "the name of a variable must be a constant");
	if ((err = check_variable(c, arg->line, name, &piece)) != E_OK)
		return err;
	node->slot = piece.slot;
	node->is_global = piece.kind == PIECE_GLOBAL;
	return E_OK;
}

int
check_set(struct sieve_check *c, struct sieve_node *node)
{
	return check_target(c, node, node->pos[0]);
}

int
check_extracttext(struct sieve_check *c, struct sieve_node *node)
{
	if (!check_has(c, EXT_BIT(VARIABLES)))
		return check_error(c, node->line,
		    "the extracttext command needs require of \"variables\"");
	if (!c->loop)
		return check_error(c, node->line,
		    "the extracttext command can only be used inside a foreverypart "
		    "loop");
	return check_target(c, node, node->pos[0]);
}

int
check_flag(struct sieve_check *c, struct sieve_node *node)
{
	if (!node->pos[0])
		return E_OK;
	if (!check_has(c, EXT_BIT(VARIABLES)))
		return check_error(c, node->line,
		    "the %.*s command cannot name a variable without require of "
		    "\"variables\"",
		    SPAN_ARG(node->name));
	return check_target(c, node, node->pos[0]);
}

/* ---- values ---- */

struct buf *
variable_of(struct sieve_run *run, bool is_global, unsigned slot)
{
	static struct buf none;
	unsigned n = is_global ? run->program->n_globals : run->frame->n_locals;
	struct buf *values = is_global ? run->globals : run->frame->locals;
	return slot < n ? &values[slot] : &none;
}

struct span
cut_utf8(struct span s, size_t n)
{
	if (s.n <= n)
		return s;
	while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return span_head(s, n);
}

void
variable_set(struct sieve_run *run, bool is_global, unsigned slot, struct span value)
{
	struct buf *v = variable_of(run, is_global, slot);
	struct span cut = cut_utf8(value, run->program->limits.variable_bytes);
	buf_reset(v);
	buf_span(v, cut);
}

static size_t
count_chars(struct span s)
{
	size_t n = 0;
	for (; s.n; n++)
		(void)utf8_next(&s);
	return n;
}

/* ASCII letters alone: what other letters become depends on their language (RFC 5229 4.1.1). */
static void
put_case(struct span in, int modifier, struct buf *out)
{
	size_t n = modifier == MOD_LOWERFIRST || modifier == MOD_UPPERFIRST ? 1 : in.n;
	bool is_lower = modifier == MOD_LOWER || modifier == MOD_LOWERFIRST;
	for (size_t i = 0; i < in.n; i++) {
		if (i >= n)
			buf_ch(out, in.p[i]);
		else
			buf_ch(out, is_lower ? ch_lower(in.p[i]) : ch_upper(in.p[i]));
	}
}

/* What does not fit is left out whole, so that a backslash keeps what it quotes. */
static void
put_quoted(struct span in, const char *special, size_t max, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		bool is_special = strchr(special, in.p[i]) != NULL && in.p[i];
		if (out->len + 1 + is_special > max)
			return;
		if (is_special)
			buf_ch(out, '\\');
		buf_ch(out, in.p[i]);
	}
}

static bool
is_unreserved(char c)
{
	return ch_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Octets that the character at the front takes. */
static size_t
url_size(struct span in)
{
	size_t n = 1;
	while (n < in.n && ((unsigned char)in.p[n] & 0xc0) == 0x80)
		n++;
	return is_unreserved(in.p[0]) ? 1 : 3 * n;
}

static void
put_url(struct span in, size_t max, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		/* what does not fit is left out, and no character is cut in two */
		if (((unsigned char)in.p[i] & 0xc0) != 0x80 &&
		    out->len + url_size(span_from(in, i)) > max)
			return;
		if (is_unreserved(in.p[i]))
			buf_ch(out, in.p[i]);
		else
			buf_putf(out, "%%%02X", (unsigned)(unsigned char)in.p[i]);
	}
}

static void
put_modified(struct span in, int modifier, size_t max, struct buf *out)
{
	switch (modifier) {
	case MOD_QUOTEWILDCARD:
		put_quoted(in, "*?\\", max, out);
		break;
	case MOD_QUOTEREGEX:
		put_quoted(in, ".^$*+?()[]{}|\\-", max, out);
		break;
	case MOD_ENCODEURL:
		put_url(in, max, out);
		break;
	case MOD_LENGTH:
		buf_putf(out, "%zu", count_chars(in));
		break;
	default:
		put_case(in, modifier, out);
	}
}

/* Modifiers apply by precedence, the highest first: RFC 5229 4.1. */
void
modify(struct sieve_run *run, const struct sieve_node *node, struct span value,
    struct buf *out)
{
	static const enum sieve_opt_kind order[] = {
	    OPT_MOD_CASE, OPT_MOD_FIRST, OPT_MOD_QUOTE, OPT_MOD_URL, OPT_MOD_LENGTH};

	size_t max = run->program->limits.variable_bytes;
	buf_span(out, value);
	for (size_t i = 0; i < COUNT(order); i++) {
		const struct sieve_opt *opt = node_opt(node, order[i]);
		struct buf next = {.max = out->max};
		if (!opt)
			continue;
		put_modified(buf_as_span(out), opt->tag->value, max, &next);
		buf_free(out);
		*out = next;
	}
}

int
run_set(struct sieve_run *run, const struct sieve_node *node)
{
	struct buf out = {.max = SIEVE_EXPANDED_BYTES_MAX};
	modify(run, node, run_arg(run, node->pos[1]), &out);
	if (run_spend(run, node->line, out.len) == E_OK) {
		variable_set(run, node->is_global, node->slot, buf_as_span(&out));
		run_trace(run, node->line, "set \"%.*s\" to \"%.*s\"",
		    SPAN_ARG(node->pos[0]->strings->text),
		    SPAN_ARG(span_head(buf_as_span(&out), 200)));
	}
	buf_free(&out);
	return run->err;
}

/* RFC 5229 5: of :count, strings that are not empty are counted. */
int
test_string(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct sieve_matcher m;
	size_t n;
	struct span *rows = run_list(run, node->pos[0], &n);
	if (match_begin(run, node, node->pos[1], &m) != E_OK)
		return run->err;
	for (size_t i = 0; i < n; i++)
		if (m.kind != MATCH_COUNT || rows[i].n)
			(void)match_value(run, &m, rows[i]);
	return match_end(run, &m, out);
}
