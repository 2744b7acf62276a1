/* SPDX-License-Identifier: ISC */
/* flags.c - setflag, addflag, removeflag, hasflag.  RFC 5232. */
#include "sieve/check_state.h"
#include "sieve/run_state.h"

enum {
	FLAG_WORK = SIEVE_FLAGS_MAX
}; /* what an octet of flags is worth in octets compared */

static const char *const system_flags[] = {
    "\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"};

/* RFC 3501 9: flag-keyword is an atom; of system flags only those that a client may set. */
static bool
flag_ok(struct span flag)
{
	if (!flag.n || flag.n > SIEVE_FLAG_BYTES_MAX)
		return false;
	if (flag.p[0] == '\\') {
		for (size_t i = 0; i < COUNT(system_flags); i++)
			if (span_ieqs(flag, system_flags[i]))
				return true;
		return false;
	}
	for (size_t i = 0; i < flag.n; i++)
		if (flag.p[i] <= ' ' || flag.p[i] > '~' ||
		    span_find(SPAN("(){%*\"\\]"), flag.p[i]) < 8)
			return false;
	return true;
}

static bool
next_flag(struct span *rest, struct span *flag)
{
	do
		*flag = span_cut(rest, ' ');
	while (!flag->n && rest->n);
	return flag->n > 0;
}

static bool
has_flag(struct span flags, struct span flag)
{
	struct span one;
	while (next_flag(&flags, &one))
		if (span_ieq(one, flag))
			return true;
	return false;
}

void
flags_put(struct buf *out, const struct span *rows, size_t n)
{
	size_t count = 0;
	struct span flag, all = buf_as_span(out);
	while (next_flag(&all, &flag))
		count++;
	for (size_t i = 0; i < n; i++) {
		struct span rest = rows[i];
		while (count < SIEVE_FLAGS_MAX && next_flag(&rest, &flag)) {
			if (!flag_ok(flag) || has_flag(buf_as_span(out), flag))
				continue;
			if (out->len)
				buf_ch(out, ' ');
			buf_span(out, flag);
			count++;
		}
	}
}

struct sieve_flags
flags_taken(struct sieve_run *run, struct span text)
{
	struct span *rows = run_get(run, (SIEVE_FLAGS_MAX + 1) * sizeof(*rows));
	struct sieve_flags out = {0};
	while (rows && out.n < SIEVE_FLAGS_MAX && next_flag(&text, &rows[out.n]))
		out.n++;
	if (out.n)
		out.rows = action_spans(run, rows, out.n);
	return out;
}

/* ---- commands ---- */

static void
remove_flags(struct buf *out, struct span from, const struct span *rows, size_t n)
{
	struct span flag;
	while (next_flag(&from, &flag)) {
		bool is_removed = false;
		for (size_t i = 0; i < n; i++)
			is_removed |= has_flag(rows[i], flag);
		if (!is_removed)
			flags_put(out, &flag, 1);
	}
}

/* Each word of a list is looked for among those that are there, at most SIEVE_FLAGS_MAX. */
static int
spend_flags(struct sieve_run *run, unsigned line, const struct span *rows, size_t n)
{
	uint64_t work = 0;
	for (size_t i = 0; i < n; i++)
		work += FLAG_WORK * (uint64_t)(rows[i].n + 1);
	return run_spend(run, line, work);
}

enum change { FLAG_SET, FLAG_ADD, FLAG_REMOVE };

static int
change_flags(struct sieve_run *run, const struct sieve_node *node, enum change change)
{
	size_t n;
	struct span *rows = run_list(run, node->pos[1], &n), before;
	struct buf out = {0};
	if (spend_flags(run, node->line, rows, n) != E_OK)
		return run->err;
	before = node->pos[0]
	             ? buf_as_span(variable_of(run, node->is_global, node->slot))
	             : buf_as_span(&run->flags);
	if (change == FLAG_ADD)
		flags_put(&out, &before, 1);
	if (change == FLAG_REMOVE)
		remove_flags(&out, before, rows, n);
	else
		flags_put(&out, rows, n);
	run_trace(run, node->line, "%.*s: flags are now \"%.*s\"", SPAN_ARG(node->name),
	    SPAN_ARG(buf_as_span(&out)));
	if (node->pos[0]) {
		variable_set(run, node->is_global, node->slot, buf_as_span(&out));
		buf_free(&out);
	} else {
		buf_free(&run->flags);
		run->flags = out;
		run->has_flags = true;
	}
	return run->err;
}

int
run_setflag(struct sieve_run *run, const struct sieve_node *node)
{
	return change_flags(run, node, FLAG_SET);
}

int
run_addflag(struct sieve_run *run, const struct sieve_node *node)
{
	return change_flags(run, node, FLAG_ADD);
}

int
run_removeflag(struct sieve_run *run, const struct sieve_node *node)
{
	return change_flags(run, node, FLAG_REMOVE);
}

/* ---- hasflag ---- */

int
check_hasflag(struct sieve_check *c, struct sieve_node *node)
{
	if (node->pos[0] && !check_has(c, EXT_BIT(VARIABLES)))
		return check_error(c, node->line,
		    "the hasflag test cannot name a variable without require of "
		    "\"variables\"");
	for (struct sieve_string *s = node->pos[0] ? node->pos[0]->strings : NULL; s;
	     s = s->next) {
		struct sieve_piece *piece =
		    arena_get(&c->program->arena, sizeof(*piece));
		if (!piece)
			return check_error(c, s->line, SIEVE_NO_MEMORY);
		if (!string_is_constant(s))
			return check_error(
			    c, s->line, "the name of a variable must be a constant");
		if (check_variable(c, s->line, s->text, piece) != E_OK)
			return E_BAD;
		s->data = piece;
	}
	return check_match(c, node);
}

static int
match_flags(struct sieve_run *run, struct sieve_matcher *m, struct span flags)
{
	struct span flag, rest;
	struct buf once = {0};
	if (spend_flags(run, m->node->line, &flags, 1) != E_OK)
		return run->err;
	flags_put(&once, &flags, 1);
	rest = buf_as_span(&once);
	while (run->err == E_OK && next_flag(&rest, &flag))
		(void)match_value(run, m, flag);
	buf_free(&once);
	return run->err;
}

/* Keys are lists of flags, too: each of their words is one. */
static struct sieve_arg *
split_keys(struct sieve_run *run, const struct sieve_arg *keys, struct sieve_arg *out)
{
	size_t n;
	struct span *rows = run_list(run, keys, &n), flag;
	struct sieve_string **end = &out->strings;
	*out = (struct sieve_arg){.kind = ARG_LIST, .line = keys->line};
	if (spend_flags(run, keys->line, rows, n) != E_OK)
		return out;
	for (size_t i = 0; i < n; i++) {
		struct span rest = rows[i];
		do {
			struct sieve_string *s = run_get(run, sizeof(*s));
			if (!s)
				return out;
			if (!next_flag(&rest, &flag))
				flag = (struct span){"", 0};
			s->text = flag;
			s->line = keys->line;
			*end = s;
			end = &s->next;
		} while (rest.n);
	}
	return out;
}

int
test_hasflag(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct sieve_matcher m;
	struct sieve_arg keys;
	if (match_begin(run, node, split_keys(run, node->pos[1], &keys), &m) != E_OK)
		return run->err;
	if (!node->pos[0])
		(void)match_flags(run, &m, buf_as_span(&run->flags));
	for (const struct sieve_string *s = node->pos[0] ? node->pos[0]->strings : NULL;
	     s; s = s->next) {
		const struct sieve_piece *piece = s->data;
		(void)match_flags(run, &m,
		    buf_as_span(
			variable_of(run, piece->kind == PIECE_GLOBAL, piece->slot)));
	}
	return match_end(run, &m, out);
}
