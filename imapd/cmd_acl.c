/* SPDX-License-Identifier: ISC */
/* cmd_acl.c - SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS: RFC 4314. */
#include "imapd/acl.h"

static bool
is_utf8(const struct session *s)
{
	return s->enabled & (EN_UTF8 | EN_REV2);
}

/* ---- identifiers ---- */

/* What it is called in the store: in the arena. */
static enum reply
canonical(struct session *s, struct parse *p, struct span identifier, struct span *out)
{
	struct buf b = {.max = IDENTIFIER_MAX + ACCOUNT_DOMAIN_MAX};
	int err = identifier_put(&b, identifier, span_of(s->account));
	if (buf_done(&b) != E_OK)
		err = E_BAD;
	*out = arena_span(&s->arena, buf_as_span(&b));
	buf_free(&b);
	if (err == E_BAD)
		p->expected = "an identifier";
	return err == E_OK ? R_DONE : err == E_BAD ? R_SYNTAX : R_CANNOT;
}

/* As others know it: the owner by his address. */
static struct span
shown(const struct session *s, struct span identifier, struct buf *space)
{
	struct span who = identifier;
	buf_reset(space);
	if (span_take(&who, '-'))
		buf_ch(space, '-');
	if (!span_eqs(who, "owner"))
		return identifier;
	buf_str(space, s->account);
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

static void
put_entry(void *ctx, struct span identifier, unsigned rights)
{
	struct session *s = ctx;
	struct buf *out = respond_out(s), space = {0};
	buf_ch(out, ' ');
	put_mailbox(out, shown(s, identifier, &space), true); /* an astring */
	buf_ch(out, ' ');
	put_rights(out, rights);
	buf_free(&space);
}

/* ---- the commands ---- */

enum reply
cmd_getacl(struct session *s, struct command *c)
{
	struct span mailbox;
	struct store_mailbox m;
	if (parse_mailbox(&c->parse, &mailbox) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	int err = store_mailbox(s->store, mailbox, &m);
	if (err != E_OK)
		return err == E_BAD ? R_NO_MAILBOX : R_LATER;
	if (!(m.rights & RIGHT_ADMIN))
		return R_NO_RIGHT;
	struct buf *out = respond_out(s);
	size_t before = out->len;
	buf_str(out, "* ACL ");
	put_mailbox(out, mailbox, is_utf8(s));
	enum store_said said = store_acl(s->store, mailbox, put_entry, s);
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
	if (parse_mailbox(&c->parse, &mailbox) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	int err = store_mailbox(s->store, mailbox, &m);
	if (err != E_OK)
		return err == E_BAD ? R_NO_MAILBOX : R_LATER;
	my_rights_put(s, &m);
	return R_DONE;
}

/* What is always granted, then what can be; c and d by themselves: RFC 4314 2.1.1 */
enum reply
cmd_listrights(struct session *s, struct command *c)
{
	struct parse *p = &c->parse;
	struct span mailbox, identifier, kept;
	struct store_mailbox m;
	if (parse_mailbox(p, &mailbox) != E_OK || parse_sp(p) != E_OK ||
	    parse_astring(p, &identifier) != E_OK || parse_end(p) != E_OK)
		return R_SYNTAX;
	enum reply r = canonical(s, p, identifier, &kept);
	if (r != R_DONE)
		return r;
	int err = store_mailbox(s->store, mailbox, &m);
	if (err != E_OK)
		return err == E_BAD ? R_NO_MAILBOX : R_LATER;
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
	enum reply r = canonical(s, p, identifier, &kept);
	if (r != R_DONE)
		return r;
	return reply_of(store_acl_set(s->store, mailbox, kept, how, rights), false);
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
