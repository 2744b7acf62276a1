/* SPDX-License-Identifier: ISC */
/* cmd_metadata.c - GETMETADATA and SETMETADATA: RFC 5464. */
#include "imapd/metadata.h"

#include "imapd/share.h"
#include "imapd/special_use.h"

/* ---- GETMETADATA ---- */

static int
parse_depth(struct parse *p, enum depth *out)
{
	static const struct {
		const char *text;
		enum depth depth;
	} depths[] = {{"0", DEPTH_0}, {"1", DEPTH_1}, {"infinity", DEPTH_INFINITY}};

	for (size_t i = 0; i < COUNT(depths); i++)
		if (parse_word(p, depths[i].text)) {
			*out = depths[i].depth;
			return E_OK;
		}
	return parse_fail(p, p->in, "DEPTH 0, 1 or infinity");
}

/* "(MAXSIZE 1024 DEPTH 1) " */
static int
parse_options(struct parse *p, struct metadata_want *w)
{
	do {
		if (parse_word(p, "MAXSIZE")) {
			w->has_maxsize = true;
			if (parse_sp(p) != E_OK || parse_number(p, &w->maxsize) != E_OK)
				return E_BAD;
		} else if (!parse_word(p, "DEPTH") || parse_sp(p) != E_OK ||
			   parse_depth(p, &w->depth) != E_OK) {
			return parse_fail(p, p->in, "MAXSIZE or DEPTH");
		}
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? parse_sp(p) : E_BAD;
}

/* It begins with options, and not with entries. */
static bool
is_at_options(const struct parse *p)
{
	return span_istarts(p->in, SPAN("(MAXSIZE ")) ||
	       span_istarts(p->in, SPAN("(DEPTH "));
}

/* The grammar has the options in front of the mailbox, all its examples behind it. */
static int
parse_get(struct parse *p, struct span *mailbox, struct metadata_want *w)
{
	if (parse_ch(p, '(') && parse_options(p, w) != E_OK)
		return E_BAD;
	if (parse_mailbox(p, mailbox) != E_OK || parse_sp(p) != E_OK)
		return E_BAD;
	if (is_at_options(p) && (!parse_ch(p, '(') || parse_options(p, w) != E_OK))
		return E_BAD;
	return parse_metadata_entries(p, w) == E_OK ? parse_end(p) : E_BAD;
}

enum reply
cmd_getmetadata(struct session *s, struct command *c)
{
	struct metadata_want want = {.n = 0};
	struct span mailbox;
	if (parse_get(&c->parse, &mailbox, &want) != E_OK)
		return R_SYNTAX;
	enum store_said said = metadata_put(s, mailbox, &want);
	if (said == STORE_DONE && want.long_bytes)
		buf_putf(&s->code, "METADATA LONGENTRIES %zu", want.long_bytes);
	return reply_of(said, false);
}

/* ---- SETMETADATA ---- */

struct changes {
	size_t n;
	struct metadata_entry all[METADATA_ENTRIES_MOST];
};

static int
parse_change(struct session *s, struct parse *p, struct metadata_entry *e)
{
	struct span from = p->in, name;
	if (parse_astring(p, &name) != E_OK)
		return E_BAD;
	e->name = metadata_entry(s, name);
	if (!metadata_entry_check(e->name))
		return parse_fail(p, from, "an entry of /private or /shared");
	return parse_sp(p) == E_OK ? parse_nstring(p, &e->value, &e->is_nil) : E_BAD;
}

static int
parse_changes(struct session *s, struct parse *p, struct changes *all)
{
	if (!parse_ch(p, '('))
		return parse_fail(p, p->in, "a list of entries and values");
	do {
		if (all->n == COUNT(all->all))
			return parse_fail(p, p->in, "fewer entries");
		if (parse_change(s, p, &all->all[all->n++]) != E_OK)
			return E_BAD;
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? parse_end(p)
	                        : parse_fail(p, p->in, "the end of the list");
}

/* "\Drafts", as CREATE takes it: RFC 6154 4.  "" is NIL. */
static bool
fix_special_use(struct metadata_entry *e)
{
	struct span use = e->value;
	if (e->is_nil || use.n == 0) {
		e->is_nil = true;
		return true;
	}
	const char *ours = span_take(&use, '\\') ? special_use_of(use) : NULL;
	e->value = span_of(ours);
	return ours != NULL;
}

/* What cannot be: the reply and its code; R_DONE: all can. */
static enum reply
check_changes(struct session *s, const struct place *place, struct changes *all)
{
	struct span mailbox = place->name;
	for (size_t i = 0; i < all->n; i++) {
		struct metadata_entry *e = &all->all[i];
		bool is_use = span_eqs(e->name, METADATA_SPECIAL_USE);
		if (!e->is_nil && e->value.n > METADATA_VALUE_MAX) {
			buf_putf(&s->code, "METADATA MAXSIZE %d", METADATA_VALUE_MAX);
			return R_LIMIT;
		}
		/* RFC 5464 4.3: of others' mailboxes there is what is shared */
		if (place->owner_local && !span_starts(e->name, SPAN("/shared/"))) {
			buf_str(&s->code, "METADATA NOPRIVATE");
			return R_CANNOT;
		}
		if (mailbox.n == 0 && span_eqs(e->name, "/shared/admin")) {
			buf_str(&s->code, "NOPERM");
			return R_CANNOT;
		}
		if (is_use && (mailbox.n == 0 || span_eqs(mailbox, "INBOX") ||
				  !fix_special_use(e))) {
			buf_str(&s->code, "USEATTR");
			return R_CANNOT;
		}
	}
	return R_DONE;
}

enum reply
cmd_setmetadata(struct session *s, struct command *c)
{
	struct changes all = {.n = 0};
	struct span mailbox;
	struct place place;
	if (parse_mailbox(&c->parse, &mailbox) != E_OK || parse_sp(&c->parse) != E_OK ||
	    parse_changes(s, &c->parse, &all) != E_OK)
		return R_SYNTAX;
	enum reply r = share_find(s, mailbox, &place);
	if (r == R_DONE)
		r = check_changes(s, &place, &all);
	if (r != R_DONE)
		return r;
	enum store_said said =
	    store_metadata_set(place.store, place.name, all.all, all.n);
	if (said == STORE_TOO_MANY)
		buf_str(&s->code, "METADATA TOOMANY");
	return reply_of(said, false);
}
