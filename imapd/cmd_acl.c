/* SPDX-License-Identifier: ISC */
/* cmd_acl.c - SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS: RFC 4314. */
#include "imapd/acl.h"

#include "imapd/share.h"

static bool
is_utf8(const struct session *s)
{
	return s->enabled & (EN_UTF8 | EN_REV2);
}

/* ---- identifiers ---- */

/* What it is called in the store: in the arena. */
static enum reply
canonical(struct session *s, struct parse *p, const struct place *place,
    struct span identifier, struct span *out)
{
	struct buf b = {.max = IDENTIFIER_MAX + ACCOUNT_DOMAIN_MAX}, owner = {0};
	share_owner_put(&owner, s, place);
	int err = identifier_put(&b, identifier, buf_as_span(&owner));
	if (buf_done(&b) != E_OK)
		err = E_BAD;
	buf_free(&owner);
	*out = arena_span(&s->arena, buf_as_span(&b));
	buf_free(&b);
	if (err == E_BAD)
		p->expected = "an identifier";
	return err == E_OK ? R_DONE : err == E_BAD ? R_SYNTAX : R_CANNOT;
}

/* As others know it: the owner by his address. */
static struct span
shown(const struct session *s, const struct place *place, struct span identifier,
    struct buf *space)
{
	struct span who = identifier;
	buf_reset(space);
	if (span_take(&who, '-'))
		buf_ch(space, '-');
	if (!span_eqs(who, "owner"))
		return identifier;
	share_owner_put(space, s, place);
	return buf_as_span(space);
}

/* ---- what is told ---- */

void
my_rights_put(struct session *s, const struct store_mailbox *m)
{
	struct buf *out = respond_out(s);
	buf_str(out, "* MYRIGHTS ");
	put_mailbox(out, span_of(m->name), is_utf8(s));
	buf_ch(out, ' ');
	rights_put(out, m->rights);
	buf_str(out, "\r\n");
}

static void
put_rights(struct buf *out, unsigned rights)
{
	if (rights)
		rights_put(out, rights);
	else
		buf_str(out, "\"\"");
}

struct entries {
	struct session *session;
	const struct place *place;
};

static void
put_entry(void *ctx, struct span identifier, unsigned rights)
{
	const struct entries *e = ctx;
	struct buf *out = respond_out(e->session), space = {0};
	buf_ch(out, ' ');
	put_mailbox(out, shown(e->session, e->place, identifier, &space),
	    true); /* an astring */
	buf_ch(out, ' ');
	put_rights(out, rights);
	buf_free(&space);
}

/* ---- the commands ---- */

static enum reply
find(struct session *s, struct span mailbox, struct place *place,
    struct store_mailbox *m)
{
	enum reply reply = share_find(s, mailbox, place);
	if (reply != R_DONE)
		return reply;
	int err = store_mailbox(place->store, place->name, m);
	if (err != E_OK)
		return err == E_BAD ? R_NO_MAILBOX : R_LATER;
	return share_name(place, m) == E_OK ? R_DONE : R_CANNOT;
}

enum reply
cmd_getacl(struct session *s, struct command *c)
{
	struct span mailbox;
	struct store_mailbox m;
	struct place place;
	if (parse_mailbox(&c->parse, &mailbox) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	enum reply reply = find(s, mailbox, &place, &m);
	if (reply != R_DONE)
		return reply;
	if (!(m.rights & RIGHT_ADMIN))
		return R_NO_RIGHT;
	struct buf *out = respond_out(s);
	size_t before = out->len;
	buf_str(out, "* ACL ");
	put_mailbox(out, mailbox, is_utf8(s));
	enum store_said said = store_acl(place.store, place.name, put_entry,
	    &(struct entries){.session = s, .place = &place});
	if (said == STORE_DONE)
		buf_str(out, "\r\n");
	else
		buf_cut(out, before);
	return reply_of(said, false);
}

enum reply
cmd_myrights(struct session *s, struct command *c)
{
	struct span mailbox;
	struct store_mailbox m;
	struct place place;
	if (parse_mailbox(&c->parse, &mailbox) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	enum reply reply = find(s, mailbox, &place, &m);
	if (reply == R_DONE)
		my_rights_put(s, &m);
	return reply;
}

/* What is always granted, then what can be; c and d by themselves: RFC 4314 2.1.1 */
enum reply
cmd_listrights(struct session *s, struct command *c)
{
	struct parse *p = &c->parse;
	struct span mailbox, identifier, kept;
	struct place place;
	struct store_mailbox m;
	if (parse_mailbox(p, &mailbox) != E_OK || parse_sp(p) != E_OK ||
	    parse_astring(p, &identifier) != E_OK || parse_end(p) != E_OK)
		return R_SYNTAX;
	enum reply r = find(s, mailbox, &place, &m);
	if (r == R_DONE)
		r = canonical(s, p, &place, identifier, &kept);
	if (r != R_DONE)
		return r;
	if (!(m.rights & RIGHT_ADMIN))
		return R_NO_RIGHT;
	struct buf *out = respond_out(s);
	buf_str(out, "* LISTRIGHTS ");
	put_mailbox(out, mailbox, is_utf8(s));
	buf_ch(out, ' ');
	put_mailbox(out, identifier, true);
	buf_str(out, span_eqs(kept, "owner") ? " la r s w i p k x t e c d\r\n"
					     : " \"\" l r s w i p k x t e a c d\r\n");
	return R_DONE;
}

/* "+lr", "-w", "lrs", "": RFC 4314 3.1 */
static int
parse_change(struct parse *p, enum store_acl_how *how, unsigned *rights)
{
	struct span from = p->in, text;
	if (parse_astring(p, &text) != E_OK)
		return E_BAD;
	*how = span_take(&text, '+')   ? ACL_ADD
	       : span_take(&text, '-') ? ACL_REMOVE
	                               : ACL_SET;
	return rights_parse(text, rights) == E_OK
	           ? E_OK
	           : parse_fail(p, from, "rights of lrswipkxtea");
}

static enum reply
change(struct session *s, struct command *c, bool is_delete)
{
	struct parse *p = &c->parse;
	struct span mailbox, identifier, kept;
	struct place place;
	enum store_acl_how how = ACL_DELETE;
	unsigned rights = 0;
	if (parse_mailbox(p, &mailbox) != E_OK || parse_sp(p) != E_OK ||
	    parse_astring(p, &identifier) != E_OK)
		return R_SYNTAX;
	if (!is_delete &&
	    (parse_sp(p) != E_OK || parse_change(p, &how, &rights) != E_OK))
		return R_SYNTAX;
	if (parse_end(p) != E_OK)
		return R_SYNTAX;
	enum reply r = share_find(s, mailbox, &place);
	if (r == R_DONE)
		r = canonical(s, p, &place, identifier, &kept);
	if (r != R_DONE)
		return r;
	enum store_said said =
	    store_acl_set(place.store, place.name, kept, how, rights);
	if (said == STORE_DONE && !span_eqs(kept, "owner"))
		share_granted(s, &place);
	return reply_of(said, false);
}

enum reply
cmd_setacl(struct session *s, struct command *c)
{
	return change(s, c, false);
}

enum reply
cmd_deleteacl(struct session *s, struct command *c)
{
	return change(s, c, true);
}
