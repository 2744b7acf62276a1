/* SPDX-License-Identifier: ISC */
/* cmd_mailbox.c - CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. */
#include "imapd/command.h"
#include "imapd/share.h"
#include "imapd/special_use.h"

/*
 * What a mailbox may be made for (RFC 6154 2, RFC 8457); \All and \Flagged are views of others, and
 * there are none.
 */
static const char *const uses[] = {
    "\\Archive", "\\Drafts", "\\Important", "\\Junk", "\\Sent", "\\Trash"};

const char *
special_use_of(struct span name)
{
	for (size_t i = 0; i < COUNT(uses); i++)
		if (span_ieqs(name, uses[i] + 1))
			return uses[i];
	return NULL;
}

/* "(USE (\Sent))": RFC 6154 3.  out stays NULL for a use, or for several, that cannot be had. */
static int
parse_uses(struct parse *p, size_t *n, const char **out)
{
	struct span name;
	if (!parse_ch(p, '(') || !parse_word(p, "USE") || parse_sp(p) != E_OK ||
	    !parse_ch(p, '('))
		return E_BAD;
	if (parse_ch(p, ')'))
		return parse_ch(p, ')') ? E_OK : E_BAD;
	do {
		if (!parse_ch(p, '\\') || parse_atom(p, &name) != E_OK)
			return E_BAD;
		*out = ++*n == 1 ? special_use_of(name) : NULL;
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') && parse_ch(p, ')') ? E_OK : E_BAD;
}

enum reply
cmd_create(struct session *s, struct command *c)
{
	struct span name;
	size_t n_uses = 0;
	const char *use = NULL;
	struct store_mailbox made;
	if (parse_mailbox(&c->parse, &name) != E_OK)
		return R_SYNTAX;
	if (!parse_is_at_end(&c->parse) &&
	    (parse_sp(&c->parse) != E_OK ||
		parse_uses(&c->parse, &n_uses, &use) != E_OK))
		return R_SYNTAX;
	if (parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	if (n_uses && !use) {
		buf_str(&s->code, "USEATTR");
		return R_CANNOT;
	}
	if (name.n > 1 && span_ends(name, SPAN("/")))
		name.n--; /* there will be others below it: RFC 9051 6.3.4 */
	s->own_names[0] = name;
	struct place place;
	enum reply reply = share_find(s, name, &place);
	if (reply != R_DONE || (use && place.owner_local))
		return reply == R_DONE ? R_CANNOT : reply;
	enum store_said said =
	    store_mailbox_create(place.store, place.name, use, &made);
	if (said == STORE_DONE) {
		buf_str(&s->code, "MAILBOXID (");
		put_mailboxid(&s->code, made.id);
		buf_ch(&s->code, ')');
	}
	return reply_of(said, false);
}

/* A mailbox that this very session has selected and removed is closed. */
static void
close_removed(struct session *s)
{
	if (!s->selected || !s->selected->view.head->is_deleted)
		return;
	selected_close(s);
	buf_str(respond_out(s), "* OK [CLOSED] it is no more\r\n");
}

enum reply
cmd_delete(struct session *s, struct command *c)
{
	struct span name;
	if (parse_mailbox(&c->parse, &name) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	s->own_names[0] = name;
	struct place place;
	enum reply reply = share_find(s, name, &place);
	if (reply != R_DONE)
		return reply;
	enum store_said said = store_mailbox_delete(place.store, place.name);
	close_removed(s);
	return reply_of(said, false);
}

enum reply
cmd_rename(struct session *s, struct command *c)
{
	struct span from, to;
	if (parse_mailbox(&c->parse, &from) != E_OK || parse_sp(&c->parse) != E_OK ||
	    parse_mailbox(&c->parse, &to) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	if (to.n > 1 && span_ends(to, SPAN("/")))
		to.n--;
	if (share_is_name(from) || share_is_name(to))
		return R_CANNOT;
	s->own_names[0] = from;
	s->own_names[1] = to;
	return reply_of(store_mailbox_rename(session_own(s), from, to), false);
}

static enum reply
subscribe(struct session *s, struct command *c, bool is_subscribed)
{
	struct span name;
	if (parse_mailbox(&c->parse, &name) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	s->own_names[0] = name;
	return reply_of(store_subscribe(session_own(s), name, is_subscribed), false);
}

enum reply
cmd_subscribe(struct session *s, struct command *c)
{
	return subscribe(s, c, true);
}

enum reply
cmd_unsubscribe(struct session *s, struct command *c)
{
	return subscribe(s, c, false);
}
