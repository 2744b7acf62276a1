/* SPDX-License-Identifier: ISC */
/* mailbox_filter.c - which mailboxes a command is about. */
#include "imapd/mailbox_filter.h"

static const struct {
	const char *word;
	enum filter_kind kind;
	bool has_names;
} words[] = {
    {"SELECTED", FILTER_SELECTED, false},
    {"SELECTED-DELAYED", FILTER_SELECTED_DELAYED, false},
    {"INBOXES", FILTER_INBOXES, false},
    {"PERSONAL", FILTER_PERSONAL, false},
    {"SUBSCRIBED", FILTER_SUBSCRIBED, false},
    {"SUBTREE", FILTER_SUBTREE, true},
    {"SUBTREE-ONE", FILTER_SUBTREE_ONE, true},
    {"MAILBOXES", FILTER_MAILBOXES, true},
};

/* ---- as it is written ---- */

static int
name_read(struct parse *p, struct filter *f, size_t *n_names)
{
	if (*n_names == FILTER_NAMES_MOST)
		return parse_fail(p, p->in, "a smaller number of mailboxes");
	++*n_names;
	return parse_mailbox(p, &f->names[f->n++]);
}

/* mailbox / "(" mailbox *(SP mailbox) ")" */
static int
names_read(struct parse *p, struct filter *f, size_t *n_names)
{
	size_t most = FILTER_NAMES_MOST - *n_names;
	bool is_list = parse_ch(p, '(');
	f->names = arena_get(p->arena, (is_list && most ? most : 1) * sizeof *f->names);
	if (!f->names)
		return parse_fail(p, p->in, "a shorter command");
	do
		if (name_read(p, f, n_names) != E_OK)
			return E_BAD;
	while (is_list && parse_ch(p, ' '));
	return !is_list || parse_ch(p, ')')
	           ? E_OK
	           : parse_fail(p, p->in, "the end of a list of mailboxes");
}

int
filter_parse(struct parse *p, unsigned kinds, size_t *n_names, struct filter *out)
{
	struct span from = p->in;
	*out = (struct filter){.n = 0};
	for (size_t i = 0; i < COUNT(words); i++) {
		if (!(words[i].kind & kinds) || !parse_word(p, words[i].word))
			continue;
		out->kind = words[i].kind;
		if (!words[i].has_names)
			return E_OK;
		if (parse_sp(p) == E_OK && names_read(p, out, n_names) == E_OK)
			return E_OK;
		break;
	}
	return parse_fail(p, from, "mailboxes");
}

int
filters_parse(struct parse *p, unsigned kinds, struct filter **out)
{
	struct span from = p->in;
	struct filter **last = out;
	size_t n_names = 0, n = 0;
	*out = NULL;
	do {
		struct filter *f = arena_get(p->arena, sizeof *f);
		if (!f || n++ == FILTERS_MOST)
			return parse_fail(p, from, "a smaller number of mailboxes");
		if (filter_parse(p, kinds, &n_names, f) != E_OK)
			return parse_fail(p, from, "mailboxes");
		*last = f;
		last = &f->next;
	} while (parse_ch(p, ' '));
	return E_OK;
}

unsigned
filters_kinds(const struct filter *f)
{
	unsigned kinds = 0;
	for (; f; f = f->next)
		kinds |= f->kind;
	return kinds;
}

/* ---- mailboxes ---- */

/* So many levels is name below root: 0 is root itself; -1: it is not below it. */
static int
levels_below(struct span name, struct span root)
{
	int levels = 0;
	if (!span_starts(name, root))
		return -1;
	struct span rest = span_from(name, root.n);
	if (rest.n && rest.p[0] != '/')
		return -1;
	for (size_t i = 0; i < rest.n; i++)
		levels += rest.p[i] == '/';
	return levels;
}

static bool
names_have(const struct filter *f, struct span name, int levels_most)
{
	for (size_t i = 0; i < f->n; i++) {
		int levels = levels_below(name, f->names[i]);
		if (levels >= 0 && levels <= levels_most)
			return true;
	}
	return false;
}

bool
filter_has(const struct filter *f, const struct filter_mailbox *m)
{
	switch (f->kind) {
	case FILTER_SELECTED:
	case FILTER_SELECTED_DELAYED:
		return m->is_selected;
	case FILTER_INBOXES:
	case FILTER_PERSONAL:
		return true;
	case FILTER_SUBSCRIBED:
		return m->is_subscribed;
	case FILTER_SUBTREE:
		return names_have(f, m->name, STORE_DEPTH_MAX);
	case FILTER_SUBTREE_ONE:
		return names_have(f, m->name, 1);
	case FILTER_MAILBOXES:
		return names_have(f, m->name, 0);
	}
	bug("a filter that is none");
}

bool
filters_have(const struct filter *f, const struct filter_mailbox *m)
{
	for (; f; f = f->next)
		if (filter_has(f, m))
			return true;
	return false;
}
