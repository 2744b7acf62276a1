/* SPDX-License-Identifier: ISC */
/* regex.c - extended regular expressions, translated for pcre2. */
#include "sieve/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

struct regex {
	pcre2_code *code;
	struct span text; /* what pcre2 was given */
	size_t size_bytes;
};

/* Memory of an arena: it goes with it. */
static void *
get_memory(size_t bytes, void *arena)
{
	return arena_get(arena, bytes);
}

static void
put_memory(void *p, void *arena)
{
	(void)p;
	(void)arena;
}

/* ---- translation ---- */

struct translation {
	struct span in;
	struct buf *out, *why;
	size_t atom_at;     /* where in out the last atom begins */
	bool has_atom;      /* something that may be repeated stands there */
	unsigned n_repeats; /* of it, already */
	size_t groups[64];  /* where in out the open groups begin */
	size_t n_groups;
	uint64_t
	    product; /* of the bounds of repeats in each other: what pcre2 multiplies out */
};

static int
wrong(struct translation *t, const char *why)
{
	buf_str(t->why, why);
	return E_BAD;
}

static void
begin_atom(struct translation *t)
{
	t->atom_at = t->out->len;
	t->has_atom = true;
	t->n_repeats = 0;
}

/* Behind the '['.  A backslash is itself in it; so is a ']' that comes first. */
static int
take_bracket(struct translation *t)
{
	bool is_first = true;
	begin_atom(t);
	buf_ch(t->out, '[');
	if (span_take(&t->in, '^'))
		buf_ch(t->out, '^');
	for (; t->in.n; is_first = false) {
		char c = t->in.p[0];
		if (c == ']' && !is_first) {
			t->in = span_from(t->in, 1);
			buf_ch(t->out, ']');
			return E_OK;
		}
		if (c == '[' && t->in.n > 1 && strchr(":.=", t->in.p[1]) &&
		    t->in.p[1]) {
			char close[2] = {t->in.p[1], ']'};
			struct span rest = span_from(t->in, 2);
			size_t n = span_search(rest, span_make(close, 2));
			if (close[0] != ':')
				return wrong(t, "collating elements are not known");
			if (n == rest.n)
				return wrong(t, "a class of characters has no end");
			buf_span(t->out, span_head(t->in, n + 4));
			t->in = span_from(t->in, n + 4);
			continue;
		}
		if (c == '\\' || c == '[' || (c == ']' && is_first))
			buf_ch(t->out, '\\');
		buf_ch(t->out, c);
		t->in = span_from(t->in, 1);
	}
	return wrong(t, "a bracket has no end");
}

/* Behind a backslash. */
static int
take_escape(struct translation *t)
{
	char c;
	if (!t->in.n)
		return wrong(t, "a backslash stands at the end");
	c = t->in.p[0];
	t->in = span_from(t->in, 1);
	begin_atom(t);
	if (c == '<' || c == '>') {
		buf_str(t->out, c == '<' ? "\\b(?=\\w)" : "\\b(?<=\\w)");
		t->has_atom = false;
	} else if (c == '`' || c == '\'') {
		buf_str(t->out, c == '`' ? "\\A" : "\\z");
		t->has_atom = false;
	} else if (c == 'b' || c == 'B') {
		buf_putf(t->out, "\\%c", c);
		t->has_atom = false;
	} else if ((c >= '1' && c <= '9') || (c && strchr("wWsSdD", c))) {
		buf_putf(t->out, "\\%c", c);
	} else {
		if (!ch_alnum(c) && (unsigned char)c < 128)
			buf_ch(t->out, '\\');
		buf_ch(t->out, c);
	}
	return E_OK;
}

/* "{2,5}" at the front: its length; 0 when it is none, and the brace is itself. */
static size_t
bounds_at(struct span in, uint64_t *least, uint64_t *most)
{
	size_t end = span_find(in, '}');
	struct span first, rest = span_from(span_head(in, end), 1);
	bool has_comma = span_find(rest, ',') < rest.n;
	if (end == in.n)
		return 0;
	first = span_cut(&rest, ',');
	if (span_u64(first, UINT32_MAX, least) != E_OK)
		return 0;
	if (!has_comma)
		*most = *least;
	else if (!rest.n)
		*most = UINT64_MAX;
	else if (span_u64(rest, UINT32_MAX, most) != E_OK)
		return 0;
	return end + 1;
}

enum { REPEAT_MAX = 255, REPEATS_MAX = 1000, REPEATED_MAX = 8 };

/* "*", "+", "?" or bounds; of what is repeated already, the whole of it is repeated. */
static int
take_repeat(struct translation *t, size_t n, uint64_t least, uint64_t most)
{
	uint64_t bound = most == UINT64_MAX ? least : most;
	if (!t->has_atom)
		return wrong(t, "a repetition has nothing to repeat");
	if (bound > REPEAT_MAX || (most != UINT64_MAX && least > most))
		return wrong(t, "the bounds of a repetition are wrong or too large");
	if (bound > 1 && (t->product *= bound) > REPEATS_MAX)
		return wrong(t, "bounds of repetitions make it too large");
	if (t->n_repeats == REPEATED_MAX)
		return wrong(t, "too many repetitions of one thing");
	if (t->n_repeats++) {
		struct buf whole = {0};
		buf_str(&whole, "(?:");
		buf_put(&whole, t->out->p + t->atom_at, t->out->len - t->atom_at);
		buf_ch(&whole, ')');
		buf_cut(t->out, t->atom_at);
		buf_span(t->out, buf_as_span(&whole));
		buf_free(&whole);
	}
	buf_span(t->out, span_head(t->in, n));
	t->in = span_from(t->in, n);
	return E_OK;
}

static int
take_group(struct translation *t, char c)
{
	t->in = span_from(t->in, 1);
	if (c == '(') {
		if (t->n_groups == COUNT(t->groups))
			return wrong(t, "groups are nested too deep");
		t->groups[t->n_groups++] = t->out->len;
		buf_ch(t->out, '(');
		t->has_atom = false;
		return E_OK;
	}
	if (!t->n_groups)
		return wrong(t, "a ')' closes nothing");
	buf_ch(t->out, ')');
	t->atom_at = t->groups[--t->n_groups];
	t->has_atom = true;
	t->n_repeats = 0;
	return E_OK;
}

static int
take_one(struct translation *t)
{
	char c = t->in.p[0];
	uint64_t least = 0, most = 0;
	size_t n;
	switch (c) {
	case '(':
	case ')':
		return take_group(t, c);
	case '[':
		t->in = span_from(t->in, 1);
		return take_bracket(t);
	case '\\':
		t->in = span_from(t->in, 1);
		return take_escape(t);
	case '*':
	case '+':
	case '?':
		return take_repeat(t, 1, 0, c == '?' ? 1 : UINT64_MAX);
	case '{':
		if ((n = bounds_at(t->in, &least, &most)) > 0)
			return take_repeat(t, n, least, most);
		begin_atom(t);
		buf_str(t->out, "\\{");
		break;
	case '|':
	case '^':
	case '$':
		buf_ch(t->out, c);
		t->has_atom = false;
		break;
	default:
		begin_atom(t);
		do /* all octets of a character are one atom */
			buf_ch(t->out, t->in.p[0]), t->in = span_from(t->in, 1);
		while (t->in.n && ((unsigned char)t->in.p[0] & 0xc0) == 0x80);
		return E_OK;
	}
	t->in = span_from(t->in, 1);
	return E_OK;
}

static int
translate(struct span pattern, struct buf *out, struct buf *why)
{
	struct translation t = {.in = pattern, .out = out, .why = why, .product = 1};
	int err;
	while (t.in.n)
		if ((err = take_one(&t)) != E_OK)
			return err;
	return t.n_groups ? wrong(&t, "a '(' has no end") : E_OK;
}

/* ---- pcre2 ---- */

static int
compile(struct span text, uint32_t flags, struct arena *arena, struct regex *r,
    struct buf *why)
{
	pcre2_general_context *memory =
	    pcre2_general_context_create(get_memory, put_memory, arena);
	pcre2_compile_context *context =
	    memory ? pcre2_compile_context_create(memory) : NULL;
	PCRE2_UCHAR text_of_error[200];
	size_t at;
	int error;
	if (!context)
		return E_LIMIT;
	pcre2_set_parens_nest_limit(context, 64);
	r->text = arena_span(arena, text);
	r->code =
	    pcre2_compile((PCRE2_SPTR)text.p, text.n, flags, &error, &at, context);
	if (!r->code) {
		if (pcre2_get_error_message(
			error, text_of_error, sizeof(text_of_error)) > 0)
			buf_str(why, (const char *)text_of_error);
		return E_BAD;
	}
	pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &r->size_bytes);
	if (r->size_bytes > SIEVE_REGEX_COMPILED_BYTES_MAX) {
		buf_str(why, "it is too large");
		return E_LIMIT;
	}
	return E_OK;
}

int
regex_compile(struct span pattern, bool is_any_case, bool is_octets,
    struct arena *arena, struct regex **out, struct buf *why)
{
	uint32_t flags = PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C |
	                 PCRE2_AUTO_CALLOUT;
	struct buf text = {.max = 8 * SIEVE_REGEX_BYTES_MAX};
	struct regex *r = arena_get(arena, sizeof(*r));
	int err;
	*out = r;
	if (!r || pattern.n > SIEVE_REGEX_BYTES_MAX) {
		buf_putf(why, "it is longer than %d octets", SIEVE_REGEX_BYTES_MAX);
		return E_LIMIT;
	}
	if (is_any_case)
		flags |= PCRE2_CASELESS;
	if (!is_octets && utf8_valid(pattern))
		flags |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	if ((err = translate(pattern, &text, why)) == E_OK &&
	    (err = buf_done(&text)) == E_OK)
		err = compile(span_of(buf_cstr(&text)), flags, arena, r, why);
	buf_free(&text);
	return err;
}

size_t
regex_size(const struct regex *r)
{
	return r->size_bytes;
}

/*
 * pcre2's own limits begin anew wherever a match may begin; so each item of the pattern is counted
 * where it is tried (PCRE2_AUTO_CALLOUT), with the octets that the one before it took.
 */
struct counting {
	struct span pattern;
	size_t at; /* in the text, at the item before */
	struct sieve_work work;
};

/* What trying an item is worth in octets compared, and an octet that one takes. */
enum { ITEM_WORK = 24, TAKEN_WORK = 4 };

/* What an item may compare in vain: what a group matched, or as often as its bounds say. */
static uint64_t
hidden_work(const struct counting *c, const pcre2_callout_block *b)
{
	struct span item =
	    span_head(span_from(c->pattern, b->pattern_position), b->next_item_length);
	uint64_t work = 0;
	if (item.n > 1 && item.p[0] == '\\' && ch_digit(item.p[1]))
		work += TAKEN_WORK * (b->current_position - b->start_match);
	if (item.n && item.p[item.n - 1] == '}')
		work += TAKEN_WORK * REPEAT_MAX;
	return work;
}

static int
count_item(pcre2_callout_block *b, void *ctx)
{
	struct counting *c = ctx;
	c->work.done += ITEM_WORK + hidden_work(c, b);
	if (b->current_position > c->at)
		c->work.done += TAKEN_WORK * (b->current_position - c->at);
	c->at = b->current_position;
	return c->work.done > c->work.most ? PCRE2_ERROR_CALLOUT : 0;
}

/* At most so much of it, and no half character. */
static struct span
text_looked_at(struct span text)
{
	size_t n = SIEVE_REGEX_TEXT_BYTES_MAX;
	if (text.n <= n)
		return text;
	while (n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return span_head(text, n);
}

static int
execute(const struct regex *r, struct span text, struct arena *scratch,
    struct counting *counting, pcre2_match_data **data)
{
	struct span seen = text_looked_at(text);
	pcre2_general_context *memory =
	    pcre2_general_context_create(get_memory, put_memory, scratch);
	pcre2_match_context *context =
	    memory ? pcre2_match_context_create(memory) : NULL;
	*data = context ? pcre2_match_data_create_from_pattern(r->code, memory) : NULL;
	if (!*data)
		return PCRE2_ERROR_NOMEMORY;
	pcre2_set_match_limit(context, SIEVE_REGEX_WORK_MAX);
	pcre2_set_depth_limit(context, SIEVE_REGEX_WORK_MAX);
	pcre2_set_heap_limit(context, SIEVE_REGEX_HEAP_KB);
	pcre2_set_callout(context, count_item, counting);
	/* where it was cut is no end that '$' could mean */
	return pcre2_match(r->code, (PCRE2_SPTR)(seen.p ? seen.p : ""), seen.n, 0,
	    seen.n < text.n ? PCRE2_NOTEOL : 0, *data, context);
}

int
regex_match(const struct regex *r, struct span text, struct arena *scratch,
    struct span *groups, size_t max, size_t *n_groups, struct sieve_work *work)
{
	struct counting counting = {.pattern = r->text,
	    .work.most = work->most > work->done ? work->most - work->done : 0};
	pcre2_match_data *data;
	size_t *at;
	int n;
	if (counting.work.most > SIEVE_REGEX_WORK_MAX)
		counting.work.most = SIEVE_REGEX_WORK_MAX;
	n = execute(r, text, scratch, &counting, &data);
	work->done +=
	    counting.work.done +
	    (text.n < SIEVE_REGEX_TEXT_BYTES_MAX ? text.n : SIEVE_REGEX_TEXT_BYTES_MAX);
	*n_groups = 0;
	if (n == PCRE2_ERROR_NOMATCH)
		return E_MORE;
	if (n < 0)
		return E_LIMIT;
	at = pcre2_get_ovector_pointer(data);
	for (size_t i = 0; i < (size_t)pcre2_get_ovector_count(data) && i < max; i++) {
		bool is_set = i < (size_t)n && at[2 * i] != PCRE2_UNSET;
		groups[i] =
		    is_set ? span_make(text.p + at[2 * i], at[2 * i + 1] - at[2 * i])
			   : (struct span){"", 0};
		*n_groups = i + 1;
	}
	return E_OK;
}
