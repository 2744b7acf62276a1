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

enum { ENTRIES_MOST = ACL_ENTRIES_MOST + 1 /* the owner's, which no row may name */ };

struct entries {
	struct session *session;
	size_t n;

	struct {
		struct span identifier; /* borrow: arena */
		unsigned rights;
		uint32_t uid, uid_now;
	} all[ENTRIES_MOST];
};

static void
take_entry(void *ctx, struct span identifier, unsigned rights, uint32_t uid)
{
	struct entries *e = ctx;
	if (e->n == ENTRIES_MOST)
		return;
	e->all[e->n].identifier = arena_span(&e->session->arena, identifier);
	e->all[e->n].rights = rights;
	e->all[e->n++].uid = uid;
}

/* Who has the addresses now that were given something: E_OK, E_IO */
static int
look_up(struct entries *e)
{
	struct span whom[ENTRIES_MOST];
	uint32_t uids[ENTRIES_MOST];
	size_t n = 0, at = 0;
	for (size_t i = 0; i < e->n; i++)
		if (e->all[i].uid != RIGHTS_ANY_UID)
			whom[n++] = e->all[i].identifier;
	int err = share_uids(e->session, whom, n, uids);
	for (size_t i = 0; i < e->n && err == E_OK; i++)
		e->all[i].uid_now =
		    e->all[i].uid == RIGHTS_ANY_UID ? RIGHTS_ANY_UID : uids[at++];
	return err;
}

static void
put_entries(const struct entries *e, const struct place *place)
{
	struct buf *out = respond_out(e->session), space = {0};
	for (size_t i = 0; i < e->n; i++) {
		if (e->all[i].uid != e->all[i].uid_now)
			continue; /* another account's: nobody has it */
		buf_ch(out, ' ');
		put_mailbox(out, shown(e->session, place, e->all[i].identifier, &space),
		    true); /* an astring */
		buf_ch(out, ' ');
		put_rights(out, e->all[i].rights);
	}
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
	struct entries e = {.session = s};
	enum store_said said = store_acl(place.store, place.name, take_entry, &e);
	if (said != STORE_DONE)
		return reply_of(said, false);
	if (look_up(&e) != E_OK)
		return R_LATER;
	struct buf *out = respond_out(s);
	buf_str(out, "* ACL ");
	put_mailbox(out, mailbox, is_utf8(s));
	put_entries(&e, &place);
	buf_str(out, "\r\n");
	return R_DONE;
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

/* The account that has the address now; nobody's is taken away as well as given.  E_OK, E_IO */
static int
whose(struct session *s, struct span identifier, enum store_acl_how how, uint32_t *out)
{
	*out = RIGHTS_ANY_UID;
	return how != ACL_DELETE && identifier_is_given(identifier)
	           ? share_uids(s, &identifier, 1, out)
	           : E_OK;
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
	uint32_t uid;
	if (whose(s, kept, how, &uid) != E_OK)
		return R_LATER;
	enum store_said said =
	    store_acl_set(place.store, place.name, kept, how, rights, uid);
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
