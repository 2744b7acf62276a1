/* SPDX-License-Identifier: ISC */
/*
 * job_acl.c - who may do what: RFC 4314.  The rows are annotations of the mailbox; whoever asks for
 * a session that is held to them is looked at here, whatever is asked.
 */
#include <string.h>

#include "store/annotations.h"
#include "store/jobs.h"

/* ---- what somebody has ---- */

enum { WHOSE_TEXT_MAX = 12 /* octets of a uid, and what is before it */ };

struct gathered {
	const struct guest *guest; /* borrow; NULL: the account itself */
	unsigned plus, minus;
	bool has_owner;
};

static unsigned
rights_of_row(const struct annotation *a)
{
	unsigned rights;
	struct span text = a->value, letters = span_cut(&text, ' ');
	/* one that is not as we write it gives nothing */
	return rights_parse(letters, &rights) == E_OK ? rights : 0;
}

/* Behind the letters: " uN". */
static uint32_t
uid_of_row(const struct annotation *a)
{
	struct span text = a->value;
	uint64_t uid;
	span_cut(&text, ' ');
	return span_take(&text, 'u') && span_u64(text, UINT32_MAX, &uid) == E_OK
	           ? (uint32_t)uid
	           : RIGHTS_ANY_UID;
}

/* What an address was given while another account had it, or none, is not its own. */
static bool
is_whose(const struct annotation *a, uint32_t uid)
{
	uint32_t given = uid_of_row(a);
	return given == RIGHTS_ANY_UID || given == uid;
}

/* What is taken from an address is taken from whoever has it. */
static bool
is_guests(const struct gathered *g, const struct annotation *a, struct span who,
    bool is_minus)
{
	return span_eqs(who, g->guest->who) &&
	       (is_minus || (is_whose(a, g->guest->uid) && uid_of_row(a) != 0));
}

static bool
is_in(struct span groups, struct span who)
{
	return span_starts(who, SPAN("group:")) &&
	       span_has_line(groups, span_from(who, 6));
}

/* RFC 4314 2: all that is given, without all that is taken away. */
static int
gather(void *ctx, const struct annotation *a)
{
	struct gathered *g = ctx;
	struct span who = a->who;
	bool is_minus = span_take(&who, '-');
	bool is_self =
	    g->guest ? is_guests(g, a, who, is_minus) : span_eqs(who, "owner");
	/* a guest may write -anyone: it takes nothing from the account itself */
	bool is_all = span_eqs(who, "anyone") && (g->guest || !is_minus);
	/* the account itself has its own rights, whatever groups it is in */
	is_all |= g->guest && is_in(g->guest->groups, who);
	if (!is_self && !is_all)
		return E_OK;
	g->has_owner |= !is_minus && is_self;
	*(is_minus ? &g->minus : &g->plus) |= rights_of_row(a);
	return E_OK;
}

unsigned
acl_rights(const struct job *j, uint32_t mailbox)
{
	struct gathered g = {.guest = j->guest};
	if (the_keeper.annotated_next.rights == 0)
		return j->guest ? 0 : RIGHTS_ALL;
	if (!j->is_held && !j->guest)
		return RIGHTS_ALL;
	int err =
	    annotation_each(&the_keeper.tables, mailbox, ANNOTATION_RIGHTS, gather, &g);
	if (j->guest)
		return err == E_OK ? g.plus & ~g.minus : 0;
	if (err != E_OK)
		return RIGHTS_OWNER;
	unsigned rights = g.has_owner ? g.plus : RIGHTS_ALL;
	return (rights & ~g.minus) | RIGHTS_OWNER;
}

bool
acl_may(const struct job *j, const struct slot *s, unsigned rights)
{
	return (acl_rights(j, s->now.id) & rights) == rights;
}

bool
acl_has(const struct job *j, const struct slot *s, unsigned all, unsigned any)
{
	unsigned rights = s ? acl_rights(j, s->now.id) : j->guest ? 0 : RIGHTS_ALL;
	return (rights & all) == all && (rights & any);
}

unsigned
session_rights(const struct session *session, uint32_t mailbox)
{
	struct job j = {.is_held = session->is_held, .guest = session->guest};
	return acl_rights(&j, mailbox);
}

bool
session_may(const struct session *session, const struct slot *s, unsigned rights)
{
	struct job j = {.guest = session->guest};
	return acl_may(&j, s, rights);
}

bool
acl_hides(const struct job *j, const struct slot *s)
{
	return j->guest && !acl_may(j, s, RIGHT_LOOKUP);
}

enum store_said
acl_refusal(const struct job *j, const struct slot *s)
{
	return acl_hides(j, s) ? STORE_NONEXISTENT : STORE_NO_RIGHT;
}

/* Who may only look it up, or create, learns of no numbers. */
static void
tell_name(const struct slot *s, struct store_mailbox *out)
{
	*out =
	    (struct store_mailbox){.id = s->now.id, .uidvalidity = s->now.uidvalidity};
	strcpy(out->name, s->now.name);
}

/* What is the account's own matter is not told to a guest: what was read, what it is used for. */
void
acl_tell(const struct job *j, const struct slot *s, bool is_counted,
    struct store_mailbox *out)
{
	unsigned rights = acl_rights(j, s->now.id);
	bool is_read = !j->guest || (rights & RIGHT_READ);
	if (is_read)
		slot_tell(s, out);
	else
		tell_name(s, out);
	out->rights = (uint16_t)rights;
	if (!j->guest)
		return;
	out->special_use[0] = '\0';
	out->is_subscribed = false;
	out->recent = 0;
	out->unseen = is_read && is_counted ? guest_unseen(s, j->guest) : 0;
}

uint32_t
acl_flags(unsigned rights)
{
	uint32_t others = FLAGS_ALL & ~(uint32_t)(FLAG_SEEN | FLAG_DELETED);
	return (rights & RIGHT_SEEN ? (uint32_t)FLAG_SEEN : 0) |
	       (rights & RIGHT_REMOVE ? (uint32_t)FLAG_DELETED : 0) |
	       (rights & RIGHT_WRITE ? others : 0);
}

struct slot *
slot_parent(struct span name)
{
	struct slot *s = NULL;
	for (size_t at = span_rfind(name, '/'); !s && at < name.n;
	     at = span_rfind(name, '/')) {
		name = span_head(name, at);
		s = slot_find(name);
	}
	return s;
}

int
acl_inherit(const struct slot *from, const struct slot *to)
{
	if (!from || the_keeper.annotated_next.rights == 0)
		return E_OK;
	return annotations_copy(&the_keeper.tables, job_txn(), ANNOTATION_RIGHTS,
	    from->next.id, to->next.id, &the_keeper.annotated_next);
}

/* ---- asks ---- */

struct acl_job {
	struct job job;
	struct span name, identifier; /* borrow: the body */
	enum store_acl_how how;
	unsigned rights;
	uint32_t uid; /* whose it is to be: rights.h */
};

static int
done(struct job *j, enum store_said said)
{
	j->said = said;
	j->is_done = true;
	return E_OK;
}

static int
put_row(void *ctx, const struct annotation *a)
{
	struct buf *reply = ctx;
	buf_bytes(reply, a->who);
	buf_u16(reply, (uint16_t)rights_of_row(a));
	buf_u32(reply, uid_of_row(a));
	return buf_done(reply);
}

static int
find_owner(void *ctx, const struct annotation *a)
{
	*(bool *)ctx |= span_eqs(a->who, "owner");
	return E_OK;
}

static int
get_step(struct job *j)
{
	return done(j, STORE_DONE);
}

/* The owner, whom no row names, first. */
static void
get_answer(struct job *j, struct buf *reply, int *fd)
{
	struct tables *t = &the_keeper.tables;
	struct slot *s = slot_find(((struct acl_job *)j)->name);
	bool has_owner = false;
	(void)fd;
	buf_reset(reply);
	enum store_said said = !s                           ? STORE_NONEXISTENT
	                       : acl_may(j, s, RIGHT_ADMIN) ? STORE_DONE
	                                                    : acl_refusal(j, s);
	buf_u8(reply, (uint8_t)said);
	if (said != STORE_DONE)
		return;
	int err =
	    annotation_each(t, s->now.id, ANNOTATION_RIGHTS, find_owner, &has_owner);
	if (!has_owner) {
		buf_bytes(reply, SPAN("owner"));
		buf_u16(reply, RIGHTS_ALL);
		buf_u32(reply, RIGHTS_ANY_UID);
	}
	if (err == E_OK)
		err = annotation_each(t, s->now.id, ANNOTATION_RIGHTS, put_row, reply);
	if (err == E_OK)
		return;
	buf_reset(reply);
	buf_u8(reply, STORE_LATER);
	the_keeper.is_ending |= db_is_damaged(t->db);
}

/* The row that is, and how many others there are. */
struct found {
	struct span identifier;
	uint32_t uid;
	bool is_there;
	unsigned n, rights;
};

static int
find_row(void *ctx, const struct annotation *a)
{
	struct found *f = ctx;
	f->n++;
	if (!span_eq(a->who, f->identifier))
		return E_OK;
	f->is_there = true;
	f->rights = is_whose(a, f->uid) ? rights_of_row(a) : 0;
	annotation_count(&the_keeper.annotated_next, a, -1);
	return E_OK;
}

static unsigned
changed(const struct acl_job *a, const struct found *was)
{
	unsigned before = was->is_there                      ? was->rights
	                  : span_eqs(a->identifier, "owner") ? RIGHTS_ALL
	                                                     : 0;
	switch (a->how) {
	case ACL_ADD:
		return before | a->rights;
	case ACL_REMOVE:
		return before & ~a->rights;
	case ACL_SET:
	case ACL_DELETE:
		break;
	}
	return a->rights;
}

static int
write_row(struct acl_job *a, struct annotation *row, const struct found *was)
{
	struct buf text = {0};
	unsigned rights = changed(a, was);
	/* of an owner without a row that is all, of others nothing: RFC 4314 3.1 */
	bool is_none =
	    a->how == ACL_DELETE || (rights == 0 && !span_eqs(a->identifier, "owner"));
	int err;
	rights_put_plain(&text, rights);
	if (identifier_is_given(a->identifier) && a->uid != RIGHTS_ANY_UID)
		buf_putf(&text, " u%u", (unsigned)a->uid);
	row->value = buf_as_span(&text);
	if (is_none)
		err = annotation_remove(&the_keeper.tables, job_txn(), row);
	else
		err = annotation_put(&the_keeper.tables, job_txn(), row);
	if (!is_none)
		annotation_count(&the_keeper.annotated_next, row, 1);
	buf_free(&text);
	return err;
}

static bool
is_of_owner(struct span identifier)
{
	span_take(&identifier, '-');
	return span_eqs(identifier, "owner");
}

static int
set_step(struct job *j)
{
	struct acl_job *a = (struct acl_job *)j;
	struct slot *s = slot_find(a->name);
	struct found was = {.identifier = a->identifier, .uid = a->uid};
	if (!s)
		return done(j, STORE_NONEXISTENT);
	if (!acl_may(j, s, RIGHT_ADMIN))
		return done(j, acl_refusal(j, s));
	if (j->guest && is_of_owner(a->identifier))
		return done(
		    j, STORE_NO_RIGHT); /* the owner is not shut out by a guest */
	struct annotation row = {
	    .mailbox = s->now.id, .kind = ANNOTATION_RIGHTS, .who = a->identifier};
	int err = annotation_each(
	    &the_keeper.tables, s->now.id, ANNOTATION_RIGHTS, find_row, &was);
	if (err != E_OK)
		return err;
	if (!was.is_there && a->how != ACL_DELETE &&
	    (was.n >= ACL_ENTRIES_MOST || the_keeper.annotated.bytes + a->identifier.n +
						  RIGHTS_TEXT_MAX + WHOSE_TEXT_MAX >
					      METADATA_ACCOUNT_MAX))
		return done(j, STORE_TOO_MANY);
	/* whoever has it selected, sleeps in it or follows it looks at what he may now */
	slot_touch(s)->modseq++;
	done(j, STORE_DONE);
	return write_row(a, &row, &was);
}

static void
set_synced(struct job *j)
{
	struct slot *s = slot_find(((struct acl_job *)j)->name);
	the_keeper.is_changed |= j->said == STORE_DONE;
	if (!s || j->said != STORE_DONE)
		return;
	view_supersede(s);
	sessions_end_waits(s->now.id);
}

/* ---- who was given anything ---- */

struct granted {
	struct buf reply; /* own: said, then who */
	unsigned n;
};

static bool
is_told(const struct granted *g, struct span who)
{
	struct rd r = rd_of(span_from(buf_as_span(&g->reply), 1));
	while (r.in.n && r.err == E_OK)
		if (span_eq(rd_str(&r, IDENTIFIER_MAX), who))
			return true;
	return false;
}

static int
put_granted(void *ctx, const struct annotation *a)
{
	struct granted *g = ctx;
	if (a->kind != ANNOTATION_RIGHTS || !a->who.n || a->who.p[0] == '-' ||
	    span_eqs(a->who, "owner") || !rights_of_row(a))
		return E_OK;
	if (g->n == KEEPER_GRANTED_MOST || is_told(g, a->who))
		return E_OK;
	g->n++;
	buf_bytes(&g->reply, a->who);
	return buf_done(&g->reply);
}

int
ask_granted(
    struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct granted g = {.n = 0};
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u8(&g.reply, STORE_DONE);
	int err = the_keeper.annotated.rights == 0
	              ? E_OK
	              : annotation_every(&the_keeper.tables, put_granted, &g);
	if (err != E_OK) {
		buf_reset(&g.reply);
		buf_u8(&g.reply, STORE_LATER);
	}
	session_answer(asker->ctx, KEEPER_GRANTED, &g.reply, -1);
	buf_free(&g.reply);
	return E_MORE;
}

static const struct job_kind get_kind = {
    .name = "acl", .is_reader = true, .step = get_step, .answer = get_answer};
static const struct job_kind set_kind = {
    .name = "set_acl", .is_alone = true, .step = set_step, .synced = set_synced};

static int
go(struct acl_job *a, const struct rd *r, bool is_good)
{
	if (rd_end(r) != E_OK || !is_good) {
		job_drop(&a->job);
		return E_BAD;
	}
	job_add(&a->job);
	return E_MORE;
}

int
ask_acl(struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct acl_job *a =
	    job_new(sizeof *a, &get_kind, asker->ctx, KEEPER_ACL, body->in);
	struct rd r = rd_of(buf_as_span(&a->job.body));
	(void)fd, (void)reply, (void)fd_back;
	a->name = rd_str(&r, STORE_NAME_MAX);
	return go(a, &r, true);
}

int
ask_set_acl(
    struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct acl_job *a =
	    job_new(sizeof *a, &set_kind, asker->ctx, KEEPER_SET_ACL, body->in);
	struct rd r = rd_of(buf_as_span(&a->job.body));
	(void)fd, (void)reply, (void)fd_back;
	a->name = rd_str(&r, STORE_NAME_MAX);
	a->identifier = rd_str(&r, IDENTIFIER_MAX);
	uint8_t how = rd_u8(&r);
	a->how = how;
	a->rights = rd_u16(&r) & RIGHTS_ALL;
	a->uid = rd_u32(&r);
	return go(a, &r,
	    how <= ACL_DELETE && a->identifier.n &&
		span_find(a->identifier, '\0') == a->identifier.n);
}

int
ask_hold(struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	((struct session *)asker->ctx)->is_held = true;
	return E_MORE; /* and no reply */
}
