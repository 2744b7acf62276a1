/* SPDX-License-Identifier: ISC */
/*
 * cmd_list.c - LIST (RFC 9051 6.3.9, RFC 5258, 5819, 6154, 9590) and LSUB (RFC 3501 6.3.9): all names,
 * sorted, with the levels above them; then those that match are said.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "imapd/acl.h"
#include "imapd/metadata.h"
#include "imapd/share.h"
#include "imapd/status.h"
#include "store/pattern.h"

enum { PATTERNS_MOST = 32 };

enum select {
	SELECT_SUBSCRIBED = 1,
	SELECT_REMOTE = 2,
	SELECT_SPECIAL_USE = 4,
	SELECT_RECURSIVE = 8
};

enum want {
	WANT_SUBSCRIBED = 1,
	WANT_CHILDREN = 2,
	WANT_SPECIAL_USE = 4,
	WANT_STATUS = 8,
	WANT_METADATA = 16,
	WANT_MYRIGHTS = 32
};

struct list {
	unsigned select, want; /* enum select, enum want */
	unsigned status_items;
	struct metadata_want metadata; /* RFC 9590 */
	bool is_extended;              /* it was written with what RFC 5258 adds */
	size_t n_patterns;
	struct span patterns[PATTERNS_MOST];
	struct span reference;
	const struct pattern *made; /* n_patterns, in the arena */
};

/* A name: of a mailbox, of a subscription, or of a level above one. */
struct name {
	struct span text;
	const struct store_mailbox *mailbox; /* NULL: there is none of that name */
	bool is_subscribed;
};

struct names {
	struct arena *arena;
	struct name *all; /* own */
	size_t n, cap;
};

/* ---- arguments ---- */

struct word {
	const char *text;
	unsigned bit;
};

static bool
take_word(struct parse *p, const struct word *words, size_t n, unsigned *out)
{
	for (size_t i = 0; i < n; i++)
		if (parse_word(p, words[i].text)) {
			*out |= words[i].bit;
			return true;
		}
	return false;
}

static int
parse_select(struct parse *p, struct list *l)
{
	static const struct word words[] = {{"SUBSCRIBED", SELECT_SUBSCRIBED},
	    {"REMOTE", SELECT_REMOTE}, {"SPECIAL-USE", SELECT_SPECIAL_USE},
	    {"RECURSIVEMATCH", SELECT_RECURSIVE}};
	if (!parse_ch(p, '('))
		return E_OK;
	l->is_extended = true;
	while (take_word(p, words, COUNT(words), &l->select) && parse_ch(p, ' '))
		;
	if (!parse_ch(p, ')') || parse_sp(p) != E_OK) {
		p->expected = "a selection option";
		return E_BAD;
	}
	if ((l->select & SELECT_RECURSIVE) &&
	    !(l->select & (SELECT_SUBSCRIBED | SELECT_SPECIAL_USE))) {
		p->expected = "what RECURSIVEMATCH matches"; /* RFC 5258 3.1 */
		return E_BAD;
	}
	return E_OK;
}

static int
parse_patterns(struct parse *p, struct list *l)
{
	if (!parse_ch(p, '(')) {
		l->n_patterns = 1;
		return parse_list_mailbox(p, &l->patterns[0]);
	}
	l->is_extended = true;
	do {
		if (l->n_patterns == PATTERNS_MOST) {
			p->expected = "fewer patterns";
			return E_BAD;
		}
		if (parse_list_mailbox(p, &l->patterns[l->n_patterns++]) != E_OK)
			return E_BAD;
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? E_OK : E_BAD;
}

static int
parse_return(struct parse *p, struct list *l)
{
	static const struct word words[] = {{"SUBSCRIBED", WANT_SUBSCRIBED},
	    {"CHILDREN", WANT_CHILDREN}, {"SPECIAL-USE", WANT_SPECIAL_USE},
	    {"MYRIGHTS", WANT_MYRIGHTS}};
	if (parse_is_at_end(p))
		return E_OK;
	l->is_extended = true;
	if (parse_sp(p) != E_OK || !parse_word(p, "RETURN") || parse_sp(p) != E_OK ||
	    !parse_ch(p, '('))
		return E_BAD;
	if (parse_ch(p, ')'))
		return parse_end(p);
	do {
		if (take_word(p, words, COUNT(words), &l->want))
			continue;
		if (parse_word(p, "METADATA")) {
			l->want |= WANT_METADATA;
			if (parse_sp(p) != E_OK ||
			    parse_metadata_entries(p, &l->metadata) != E_OK)
				return E_BAD;
			continue;
		}
		if (!parse_word(p, "STATUS") || parse_sp(p) != E_OK ||
		    parse_status_items(p, &l->status_items) != E_OK) {
			p->expected = p->expected ? p->expected : "a return option";
			return E_BAD;
		}
		l->want |= WANT_STATUS; /* RFC 5819 */
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? parse_end(p) : E_BAD;
}

static int
parse_list(struct parse *p, struct list *l)
{
	if (parse_select(p, l) != E_OK ||
	    parse_list_mailbox(p, &l->reference) != E_OK || parse_sp(p) != E_OK ||
	    parse_patterns(p, l) != E_OK || parse_return(p, l) != E_OK)
		return E_BAD;
	if (!l->is_extended)
		l->want = WANT_CHILDREN |
		          WANT_SPECIAL_USE; /* as it may: RFC 9051 7.3.1, RFC 6154 2 */
	if (l->select & SELECT_SUBSCRIBED)
		l->want |= WANT_SUBSCRIBED; /* RFC 5258 3.1 */
	if (l->select & SELECT_SPECIAL_USE)
		l->want |= WANT_SPECIAL_USE;
	return E_OK;
}

/* ---- all names ---- */

static struct name *
names_add(struct names *to, struct span text)
{
	to->all = mem_room(to->all, to->n, &to->cap, sizeof *to->all);
	to->all[to->n] = (struct name){.text = text};
	return &to->all[to->n++];
}

static int
add_mailbox(void *ctx, const struct store_mailbox *m)
{
	struct names *to = ctx;
	struct store_mailbox *copy = arena_get(to->arena, sizeof *copy);
	if (!copy)
		return E_LIMIT;
	*copy = *m;
	*names_add(to, span_of(copy->name)) = (struct name){.text = span_of(copy->name),
	    .mailbox = copy,
	    .is_subscribed = m->is_subscribed};
	return E_OK;
}

static int
add_subscription(void *ctx, struct span text)
{
	struct names *to = ctx;
	names_add(to, arena_span(to->arena, text))->is_subscribed = true;
	return E_OK;
}

static int
by_text(const void *a, const void *b)
{
	return span_cmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* In order, each once. */
static void
names_sort(struct names *l)
{
	size_t kept = 0;
	if (l->n)
		qsort(l->all, l->n, sizeof *l->all, by_text);
	for (size_t i = 0; i < l->n; i++) {
		struct name *before = kept ? &l->all[kept - 1] : NULL;
		if (!before || !span_eq(before->text, l->all[i].text)) {
			l->all[kept++] = l->all[i];
			continue;
		}
		before->is_subscribed |= l->all[i].is_subscribed;
		before->mailbox = before->mailbox ? before->mailbox : l->all[i].mailbox;
	}
	l->n = kept;
}

/* The levels above each name; those that are there already fall together with it. */
static void
names_add_levels(struct names *l)
{
	for (size_t i = 0, n = l->n; i < n; i++) {
		struct span text = l->all[i].text,
			    before = i ? l->all[i - 1].text : SPAN("");
		for (size_t at = 1; at < text.n; at++) {
			struct span level = span_head(text, at);
			if (text.p[at] == '/' &&
			    !(span_starts(before, level) && before.n > at &&
				before.p[at] == '/'))
				names_add(l, level);
		}
	}
	names_sort(l);
}

/* A pattern may match names of mailboxes of others: else those are not asked. */
static bool
is_of_others(const struct pattern *p, size_t n)
{
	struct span root = SPAN(SHARE_ROOT);
	for (size_t i = 0; i < n; i++) {
		struct span text = span_make(p[i].p, p[i].n);
		size_t same = 0;
		while (same < text.n && same < root.n && text.p[same] == root.p[same])
			same++;
		if (same == root.n ||
		    (same < text.n && (text.p[same] == '*' || text.p[same] == '%')))
			return true;
	}
	return false;
}

static int
names_load(struct session *s, struct names *l, bool with_others)
{
	int err = store_mailboxes(session_own(s), add_mailbox, l);
	if (err == E_OK)
		err = store_subscriptions(session_own(s), add_subscription, l);
	if (err != E_OK)
		return err;
	if (with_others)
		share_mailboxes(s, add_mailbox, l);
	names_sort(l);
	names_add_levels(l);
	return E_OK;
}

/* Something below it that has what counts; names below "a" stand together, behind "a/". */
static bool
has_below(const struct names *l, struct span text,
    bool (*counts)(const struct list *, const struct name *), const struct list *how)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct span other = l->all[mid].text;
		int order = span_cmp(span_head(other, text.n), text);
		if (order < 0 ||
		    (order == 0 &&
			(other.n == text.n || (unsigned char)other.p[text.n] < '/')))
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < l->n; low++) {
		struct span other = l->all[low].text;
		if (!span_starts(other, text) || other.n == text.n ||
		    other.p[text.n] != '/')
			return false;
		if (counts(how, &l->all[low]))
			return true;
	}
	return false;
}

static bool
is_mailbox(const struct list *how, const struct name *n)
{
	(void)how;
	return n->mailbox != NULL;
}

/* Meets the selection criteria: RFC 5258 3.1. */
static bool
is_selected(const struct list *how, const struct name *n)
{
	if ((how->select & SELECT_SUBSCRIBED) && !n->is_subscribed)
		return false;
	if ((how->select & SELECT_SPECIAL_USE) &&
	    !(n->mailbox && n->mailbox->special_use[0]))
		return false;
	return n->mailbox || (how->select & SELECT_SUBSCRIBED);
}

/* ---- what is said ---- */

static void
put_attribute(struct buf *out, const char *attribute)
{
	if (out->len && out->p[out->len - 1] != '(')
		buf_ch(out, ' ');
	buf_str(out, attribute);
}

static unsigned
depth_of(struct span text)
{
	unsigned n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '/';
	return n;
}

static void
put_attributes(struct buf *out, const struct names *all, const struct list *l,
    const struct name *n)
{
	bool has_children = has_below(all, n->text, is_mailbox, l);
	if (!n->mailbox)
		put_attribute(out,
		    l->is_extended
			? "\\NonExistent"
			: "\\NonExistent \\Noselect"); /* for who knows only RFC 3501 */
	if ((l->want & WANT_SUBSCRIBED) && n->is_subscribed)
		put_attribute(out, "\\Subscribed");
	if (depth_of(n->text) >= STORE_DEPTH_MAX || (n->mailbox && n->mailbox->is_kept))
		put_attribute(out, "\\NoInferiors");
	else if ((l->want & WANT_CHILDREN) || (!n->mailbox && has_children))
		put_attribute(out, has_children ? "\\HasChildren" : "\\HasNoChildren");
	if ((l->want & WANT_SPECIAL_USE) && n->mailbox && n->mailbox->special_use[0])
		put_attribute(out, n->mailbox->special_use);
}

static void
put_child_info(struct buf *out, const struct list *l)
{
	buf_str(out, " (\"CHILDINFO\" (");
	if (l->select & SELECT_SUBSCRIBED)
		buf_str(out, "\"SUBSCRIBED\"");
	if (l->select & SELECT_SPECIAL_USE)
		buf_str(out, l->select & SELECT_SUBSCRIBED ? " \"SPECIAL-USE\""
							   : "\"SPECIAL-USE\"");
	buf_str(out, "))");
}

/* The list leaves out what a guest has not seen: counting it is asked for by name. */
static void
put_status(struct session *s, const struct name *n, unsigned items)
{
	const struct store_mailbox *m = n->mailbox;
	struct store_mailbox counted;
	struct place place;
	if (share_is_name(n->text)) {
		if (share_find(s, n->text, &place) != R_DONE ||
		    store_mailbox(place.store, place.name, &counted) != E_OK ||
		    share_name(&place, &counted) != E_OK)
			return; /* it went meanwhile */
		m = &counted;
	}
	if (m->rights & RIGHT_READ)
		status_put(s, m, items);
}

static void
put_name(struct session *s, const struct names *all, struct list *l,
    const struct name *n, bool has_info)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* LIST (");
	put_attributes(out, all, l, n);
	buf_str(out, ") \"/\" ");
	put_mailbox(out, n->text, s->enabled & (EN_UTF8 | EN_REV2));
	if (has_info)
		put_child_info(out, l);
	buf_str(out, "\r\n");
	if ((l->want & WANT_MYRIGHTS) && n->mailbox)
		my_rights_put(s, n->mailbox); /* RFC 8440 */
	if ((l->want & WANT_STATUS) && n->mailbox && (n->mailbox->rights & RIGHT_READ))
		put_status(s, n, l->status_items);
	/* one that went meanwhile has none: RFC 9590 3 */
	if ((l->want & WANT_METADATA) && n->mailbox &&
	    metadata_put(s, n->text, &l->metadata) == STORE_LATER)
		log_event(LOG_WARNING, "no_metadata", "%s", "");
}

/* A level without a mailbox is told where a pattern ends in "%": RFC 9051 6.3.9 */
static bool
is_level(const struct list *l, const struct name *n, bool by_level)
{
	return !n->mailbox && by_level &&
	       !(l->select & (SELECT_SUBSCRIBED | SELECT_SPECIAL_USE));
}

static bool
matches(const struct list *l, struct span text, bool *by_level)
{
	bool is_one = false;
	*by_level = false;
	for (size_t i = 0; i < l->n_patterns; i++)
		if (pattern_matches(&l->made[i], text)) {
			is_one = true;
			*by_level |= l->made[i].ends_in_level;
		}
	return is_one;
}

/* It meets the selection criteria, but is not told. */
static bool
is_untold(const struct list *l, const struct name *n)
{
	bool by_level;
	return is_selected(l, n) && !matches(l, n->text, &by_level);
}

/* CHILDINFO: of what is told anyway; else only for something below that is not: RFC 5258 3.5 */
static bool
has_child_info(const struct names *all, const struct list *l, const struct name *n)
{
	return (l->select & SELECT_RECURSIVE) &&
	       has_below(all, n->text, is_selected(l, n) ? is_selected : is_untold, l);
}

static void
put_matching(struct session *s, const struct names *all, struct list *l)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct name *n = &all->all[i];
		bool by_level;
		if (!matches(l, n->text, &by_level))
			continue;
		bool has_info = has_child_info(all, l, n);
		if (is_selected(l, n) || has_info ||
		    (is_level(l, n, by_level) &&
			has_below(all, n->text, is_mailbox, l)))
			put_name(s, all, l, n, has_info);
		if (!respond_flush(s))
			return;
	}
}

/* The root: RFC 9051 6.3.9, "LIST "" """ */
static bool
is_root(const struct list *l)
{
	return !l->is_extended && l->patterns[0].n == 0;
}

static struct pattern *
make_patterns(struct session *s, const struct list *l)
{
	struct pattern *p = arena_get(&s->arena, l->n_patterns * sizeof *p);
	for (size_t i = 0; p && i < l->n_patterns; i++)
		pattern_make(&p[i], l->reference, l->patterns[i]);
	return p;
}

enum reply
cmd_list(struct session *s, struct command *c)
{
	struct list l = {.select = 0};
	struct names all = {.arena = &s->arena};
	if (parse_list(&c->parse, &l) != E_OK)
		return R_SYNTAX;
	if (is_root(&l)) {
		buf_str(respond_out(s), "* LIST (\\Noselect) \"/\" \"\"\r\n");
		return R_DONE;
	}
	status_items_begin(s, l.status_items);
	l.made = make_patterns(s, &l);
	int err =
	    l.made ? names_load(s, &all, is_of_others(l.made, l.n_patterns)) : E_LIMIT;
	if (err == E_OK)
		put_matching(s, &all, &l);
	mem_free(&all.all);
	return err == E_OK ? R_DONE : R_LATER;
}

/* ---- LSUB ---- */

static bool
is_subscribed(const struct list *how, const struct name *n)
{
	(void)how;
	return n->is_subscribed;
}

/* RFC 3501 6.3.9: with "%" also the levels above what is subscribed, as \Noselect */
static void
put_subscribed(struct session *s, const struct names *all, const struct list *l,
    const struct pattern *pattern)
{
	struct buf *out = respond_out(s);
	for (size_t i = 0; i < all->n; i++) {
		const struct name *n = &all->all[i];
		bool is_above = !n->is_subscribed && pattern->ends_in_level &&
		                has_below(all, n->text, is_subscribed, l);
		if (!pattern_matches(pattern, n->text) ||
		    (!n->is_subscribed && !is_above))
			continue;
		buf_str(
		    out, is_above ? "* LSUB (\\Noselect) \"/\" " : "* LSUB () \"/\" ");
		put_mailbox(out, n->text, s->enabled & (EN_UTF8 | EN_REV2));
		buf_str(out, "\r\n");
		if (!respond_flush(s))
			return;
	}
}

enum reply
cmd_lsub(struct session *s, struct command *c)
{
	struct list l = {.n_patterns = 1};
	struct names all = {.arena = &s->arena};
	if (parse_list_mailbox(&c->parse, &l.reference) != E_OK ||
	    parse_sp(&c->parse) != E_OK ||
	    parse_list_mailbox(&c->parse, &l.patterns[0]) != E_OK ||
	    parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	struct pattern *pattern = make_patterns(s, &l);
	int err = pattern ? names_load(s, &all, false) : E_LIMIT;
	if (err == E_OK)
		put_subscribed(s, &all, &l, pattern);
	mem_free(&all.all);
	return err == E_OK ? R_DONE : R_LATER;
}
