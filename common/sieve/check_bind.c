/* SPDX-License-Identifier: ISC */
/* check_bind.c - arguments of a command or test to the tags and places that its row has. */
#include "sieve/check_state.h"

static const char *
kind_name(enum sieve_arg_kind kind)
{
	static const char *const names[] = {[ARG_NUMBER] = "a number",
	    [ARG_STRING] = "a string",
	    [ARG_LIST] = "a string list",
	    [ARG_TAG] = "a tag"};
	return names[kind];
}

static bool
is_kind(const struct sieve_arg *arg, char takes)
{
	switch (takes) {
	case 's':
	case 'c':
		return arg->kind == ARG_STRING;
	case 'l':
	case 'C':
		return arg->kind == ARG_STRING || arg->kind == ARG_LIST;
	default:
		return arg->kind == ARG_NUMBER;
	}
}

static const char *
takes_name(char takes)
{
	switch (takes) {
	case 's':
	case 'c':
		return "a string";
	case 'l':
	case 'C':
		return "a string list";
	default:
		return "a number";
	}
}

static int
need_constant(struct sieve_check *c, const struct sieve_node *node,
    const struct sieve_arg *arg, const char *what)
{
	for (const struct sieve_string *s = arg->strings; s; s = s->next)
		if (!string_is_constant(s))
			return check_error(c, s->line,
			    "%s of the %.*s %s cannot have variables in it", what,
			    SPAN_ARG(node->name), check_kind(node->word));
	return E_OK;
}

static int
unknown_tag(
    struct sieve_check *c, const struct sieve_node *node, const struct sieve_arg *arg)
{
	return check_error(c, arg->line,
	    "unknown tagged argument ':%.*s' for the %.*s %s (line %u)",
	    SPAN_ARG(arg->text), SPAN_ARG(node->name), check_kind(node->word),
	    node->line);
}

static int
missing_ext(struct sieve_check *c, const struct sieve_node *node,
    const struct sieve_arg *arg, uint64_t exts)
{
	struct buf names = {0};
	int err;
	sieve_ext_names_put(exts, &names);
	err = check_error(c, arg->line,
	    "unknown tagged argument ':%.*s' for the %.*s %s without require of \"%s\"",
	    SPAN_ARG(arg->text), SPAN_ARG(node->name), check_kind(node->word),
	    buf_cstr(&names));
	buf_free(&names);
	return err;
}

/* A tag takes what stands behind it off the arguments. */
static int
bind_tag(
    struct sieve_check *c, struct sieve_node *node, struct sieve_arg **at, bool is_late)
{
	struct sieve_arg *arg = *at, *value = arg->next;
	const struct sieve_tag *tag =
	    sieve_tag_find(arg->text, node->word, c->want->dialect);
	struct sieve_opt *opt;
	int err;
	if (!tag)
		return unknown_tag(c, node, arg);
	if (tag->exts && !check_has(c, tag->exts))
		return missing_ext(c, node, arg, tag->exts);
	if (is_late) /* RFC 5228 2.6.2 */
		return check_error(c, arg->line,
		    "unexpected tagged argument ':%s' for the %.*s %s: tags stand "
		    "before "
		    "the other arguments",
		    tag->name, SPAN_ARG(node->name), check_kind(node->word));
	if (node_opt(node, tag->kind))
		return check_error(c, arg->line,
		    "unexpected tagged argument ':%s' for the %.*s %s: it, or one that "
		    "excludes it, was there before",
		    tag->name, SPAN_ARG(node->name), check_kind(node->word));
	if (!(opt = arena_get(&c->program->arena, sizeof(*opt))))
		return check_error(c, arg->line, SIEVE_NO_MEMORY);
	*opt = (struct sieve_opt){.next = node->opts, .tag = tag};
	node->opts = opt;
	*at = value;
	if (tag->takes == '-')
		return E_OK;
	if (!value || !is_kind(value, tag->takes))
		return check_error(c, arg->line,
		    "the :%s tag of the %.*s %s requires %s, but %s was found",
		    tag->name, SPAN_ARG(node->name), check_kind(node->word),
		    takes_name(tag->takes), value ? kind_name(value->kind) : "nothing");
	opt->value = value;
	*at = value->next;
	if (tag->is_constant &&
	    (err = need_constant(c, node, value, "a tag's argument")) != E_OK)
		return err;
	return E_OK;
}

struct place {
	char takes; /* lower case, or C */
	bool is_optional;
	struct span name;
};

static size_t
places_of(const struct sieve_word *word, struct place *places)
{
	struct span rest = span_of(word->args);
	size_t n = 0;
	while (rest.n && n < SIEVE_POSITIONS_MAX) {
		struct span item = span_cut(&rest, '|');
		char kind = item.p[0];
		places[n++] =
		    (struct place){.takes = kind == 'C' ? 'C' : ch_lower(kind),
			.is_optional = kind == 'S' || kind == 'L' || kind == 'N',
			.name = span_from(item, 1)};
	}
	return n;
}

static int
wrong_count(struct sieve_check *c, const struct sieve_node *node, size_t least,
    size_t most, size_t n)
{
	if (!most)
		return check_error(c, node->line,
		    "the %.*s %s accepts no positional arguments, but %zu %s specified",
		    SPAN_ARG(node->name), check_kind(node->word), n,
		    n == 1 ? "is" : "are");
	return check_error(c, node->line,
	    "the %.*s %s requires %zu positional argument%s, but %zu %s specified",
	    SPAN_ARG(node->name), check_kind(node->word), n < least ? least : most,
	    (n < least ? least : most) == 1 ? "" : "s", n, n == 1 ? "is" : "are");
}

/* Optional places are filled when there are more arguments than required ones. */
static int
bind_places(struct sieve_check *c, struct sieve_node *node, struct sieve_arg *left)
{
	struct place places[SIEVE_POSITIONS_MAX];
	size_t n_places = places_of(node->word, places), n_needed = 0, n = 0, spare;
	int err;
	for (size_t i = 0; i < n_places; i++)
		n_needed += !places[i].is_optional;
	for (struct sieve_arg *a = left; a; a = a->next)
		n++;
	spare = n > n_needed ? n - n_needed : 0;
	for (size_t i = 0; i < n_places && left; i++) {
		if (places[i].is_optional && !spare)
			continue;
		spare -= places[i].is_optional;
		if (!is_kind(left, places[i].takes))
			return check_error(c, left->line,
			    "the %.*s %s expects %s as positional argument %zu (%.*s), "
			    "but "
			    "%s was found",
			    SPAN_ARG(node->name), check_kind(node->word),
			    takes_name(places[i].takes), i + 1,
			    SPAN_ARG(places[i].name), kind_name(left->kind));
		if ((places[i].takes == 'c' || places[i].takes == 'C') &&
		    (err = need_constant(c, node, left, "an argument")) != E_OK)
			return err;
		node->pos[i] = left;
		left = left->next;
		n--;
	}
	for (size_t i = 0; i < n_places; i++)
		n += node->pos[i] != NULL;
	if (!left && n >= n_needed)
		return E_OK;
	(void)wrong_count(c, node, n_needed, n_places, n);
	return n < n_needed ? E_MORE : E_BAD;
}

/* What is no tag and no tag's is a positional one. */
int
check_bind(struct sieve_check *c, struct sieve_node *node)
{
	struct sieve_arg *args = node->args, *left = NULL, **end = &left;
	int err;
	for (struct sieve_arg *a = args; a; a = a->next)
		if ((err = check_strings(c, a)) != E_OK)
			return err;
	node->opts = NULL;
	while (args) {
		if (args->kind == ARG_TAG) {
			if ((err = bind_tag(c, node, &args, left != NULL)) != E_OK)
				return err;
			continue;
		}
		*end = args;
		end = &args->next;
		args = args->next;
		*end = NULL;
	}
	return bind_places(c, node, left);
}
