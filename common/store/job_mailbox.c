/* SPDX-License-Identifier: ISC */
/*
 * job_mailbox.c - names of mailboxes: CREATE, DELETE, RENAME, SUBSCRIBE, and the numbers that
 * import brings.
 */
#include <string.h>

#include "store/annotations.h"
#include "store/kept.h"

struct name_job {
	struct job job;
	struct buf name, to;     /* own: as they are kept */
	struct span special_use; /* borrow: the body */
	bool is_subscribed;
	uint32_t uidvalidity, uidnext, reserved; /* ADOPT */
	uint32_t id;                             /* the mailbox that is meant */
};

static int
done(struct job *j, enum store_said said)
{
	j->said = said;
	j->is_done = true;
	return E_OK;
}

/* ---- CREATE ---- */

static unsigned
n_missing(struct span name)
{
	unsigned n = 0;
	for (size_t at = 0; at < name.n; at++) {
		at += span_find(span_from(name, at), '/');
		n += !slot_find(span_head(name, at));
	}
	return n;
}

static int
add_bytes(void *ctx, const struct annotation *a)
{
	*(uint64_t *)ctx += annotation_bytes(a);
	return E_OK;
}

/* What those that are made for name inherit counts as what is given. */
static enum store_said
check_inherited(struct span name)
{
	const struct slot *above = slot_parent(name);
	uint64_t bytes = 0, is = the_keeper.annotated_next.bytes;
	if (!above || the_keeper.annotated_next.rights == 0)
		return STORE_DONE;
	if (annotation_each(&the_keeper.tables, above->next.id, ANNOTATION_RIGHTS,
		add_bytes, &bytes) != E_OK)
		return STORE_LATER;
	return bytes == 0 || is + bytes * n_missing(name) <= METADATA_ACCOUNT_MAX
	           ? STORE_DONE
	           : STORE_TOO_MANY;
}

/* This name and those above it that are not there. */
static enum store_said
make_with_superiors(struct span name, struct span special_use, uint32_t *id)
{
	enum store_said said = check_inherited(name);
	if (said != STORE_DONE)
		return said;
	for (size_t at = 0; at < name.n; at++) {
		at += span_find(span_from(name, at), '/');
		struct span part = span_head(name, at);
		bool is_last = at == name.n;
		if (slot_find(part))
			continue;
		if (the_keeper.n_by_name + the_keeper.n_touched >= STORE_MAILBOXES_MAX)
			return STORE_TOO_MANY;
		struct slot *s = slot_make(part, is_last ? special_use : SPAN(""));
		if (!s)
			return STORE_TOO_MANY;
		*id = s->next.id;
	}
	return STORE_DONE;
}

/*
 * Those that were made for name have the rights of the one above, once nothing can be refused any
 * more: what is in the transaction stays.
 */
static int
inherit(struct span name)
{
	const struct slot *above = slot_parent(name);
	int err = E_OK;
	for (size_t i = 0; i < the_keeper.n_touched && err == E_OK; i++)
		if (the_keeper.touched[i]->is_new)
			err = acl_inherit(above, the_keeper.touched[i]);
	return err;
}

/* RFC 4314 4: of the nearest one above it that is there; where none is, the account's own may. */
static bool
may_create(const struct job *j, struct span name)
{
	const struct slot *parent = slot_parent(name);
	return parent ? acl_may(j, parent, RIGHT_CREATE) : !j->guest;
}

/* RFC 6154 4: who had that use has it no more, as with SETMETADATA. */
static void
take_use(struct span use)
{
	for (size_t i = 0; use.n && i < the_keeper.n_by_name; i++) {
		struct slot *s = the_keeper.by_name[i];
		if (span_ieqs(use, s->now.special_use))
			memset(
			    slot_touch(s)->special_use, 0, sizeof s->next.special_use);
	}
}

static int
create_step(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	struct span name = buf_as_span(&n->name);
	enum store_said said = mailbox_name_check(name);
	if (said == STORE_DONE && mailbox_name_is_inbox(name))
		said = STORE_IS_INBOX;
	/* before a guest hears of what is there */
	if (said == STORE_DONE && j->guest && !may_create(j, name))
		said = STORE_NO_RIGHT;
	/* the account's own matter: its mail goes there */
	if (said == STORE_DONE && j->guest && n->special_use.n)
		said = STORE_NO_RIGHT;
	if (said == STORE_DONE && slot_find(name))
		said = STORE_EXISTS;
	if (said == STORE_DONE && kept_is_above(name))
		said = STORE_IS_KEPT;
	if (said == STORE_DONE && !may_create(j, name))
		said = STORE_NO_RIGHT;
	if (said == STORE_DONE)
		said = make_with_superiors(name, n->special_use, &n->id);
	done(j, said);
	if (said == STORE_DONE) {
		take_use(n->special_use);
		return inherit(name);
	}
	mailboxes_forget();
	return E_OK;
}

static void
create_answer(struct job *j, struct buf *reply, int *fd)
{
	struct slot *s = slot_of(((struct name_job *)j)->id);
	struct store_mailbox m;
	(void)fd;
	if (j->said != STORE_DONE || !s)
		return;
	acl_tell(j, s, true, &m);
	ask_mailbox_put(reply, &m);
}

/* ---- DELETE ---- */

static int
delete_step(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	struct span name = buf_as_span(&n->name);
	struct slot *s = slot_find(name);
	struct sum *sum = &the_keeper.sum_next;
	if (mailbox_name_is_inbox(name))
		return done(j, STORE_IS_INBOX);
	if (!s)
		return done(j, STORE_NONEXISTENT);
	if (s->next.is_kept)
		return done(j, STORE_IS_KEPT);
	if (!acl_may(j, s, RIGHT_DELETE))
		return done(j, acl_refusal(j, s));
	slot_touch(s)->is_dead = true;
	s->next.modseq++;
	sum->messages -=
	    s->next.messages < sum->messages ? s->next.messages : sum->messages;
	sum->bytes -= s->next.bytes < sum->bytes ? s->next.bytes : sum->bytes;
	n->id = s->now.id;
	return done(j, STORE_DONE);
}

static void
delete_synced(struct job *j)
{
	if (j->said == STORE_DONE)
		purge_begin(((struct name_job *)j)->id);
}

/* ---- RENAME ---- */

/* The part of name behind from; NULL: it is neither from nor below it. */
static const char *
below(const char *name, struct span from)
{
	struct span n = span_of(name);
	if (!span_starts(n, from) || (n.n > from.n && n.p[from.n] != '/'))
		return NULL;
	return name + from.n;
}

/* All names are possible before the first is changed. */
static enum store_said
check_names(struct span from, struct span to)
{
	struct keeper *k = &the_keeper;
	struct buf name = {0};
	enum store_said said = STORE_DONE;
	for (size_t i = mailboxes_first(from); i < k->n_by_name && said == STORE_DONE;
	     i++) {
		const char *rest = below(k->by_name[i]->now.name, from);
		if (!rest)
			continue;
		buf_reset(&name);
		buf_span(&name, to);
		buf_str(&name, rest);
		said = mailbox_name_check(buf_as_span(&name));
		if (said == STORE_DONE && slot_find(buf_as_span(&name)))
			said = STORE_EXISTS;
	}
	buf_free(&name);
	return said;
}

static void
change_names(struct span from, struct span to)
{
	struct keeper *k = &the_keeper;
	for (size_t i = mailboxes_first(from); i < k->n_by_name; i++) {
		const char *rest = below(k->by_name[i]->now.name, from);
		if (!rest)
			continue;
		struct mailbox *m = slot_touch(k->by_name[i]);
		memcpy(m->name, to.p, to.n);
		strcpy(m->name + to.n, rest);
	}
}

static enum store_said
superiors_of(struct span name)
{
	uint32_t id;
	size_t at = span_rfind(name, '/');
	return at == name.n ? STORE_DONE
	                    : make_with_superiors(span_head(name, at), SPAN(""), &id);
}

/* RFC 9051 6.3.6: the messages move, INBOX and what is below it stay. */
static int
rename_inbox(struct name_job *n, struct span to)
{
	enum store_said said = make_with_superiors(to, SPAN(""), &n->id);
	int err = said == STORE_DONE ? inherit(to) : E_OK;
	done(&n->job, said);
	if (said == STORE_DONE && err == E_OK)
		return annotations_copy(&the_keeper.tables, job_txn(),
		    ANNOTATION_METADATA, slot_find(SPAN("INBOX"))->now.id, n->id,
		    &the_keeper.annotated_next); /* RFC 5464 4.1 */
	if (err == E_OK)
		mailboxes_forget();
	return err;
}

static int
rename_step(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	struct span from = buf_as_span(&n->name), to = buf_as_span(&n->to);
	enum store_said said = mailbox_name_check(to);
	if (said == STORE_DONE && (slot_find(to) || mailbox_name_is_inbox(to)))
		said = STORE_EXISTS;
	if (said == STORE_DONE && !slot_find(from))
		said = STORE_NONEXISTENT;
	if (said == STORE_DONE && (slot_find(from)->next.is_kept || kept_is_above(to)))
		said = STORE_IS_KEPT;
	if (said == STORE_DONE &&
	    (!acl_may(j, slot_find(from), RIGHT_DELETE) || !may_create(j, to)))
		said = STORE_NO_RIGHT;
	if (said != STORE_DONE)
		return done(j, said);
	if (mailbox_name_is_inbox(from))
		return rename_inbox(n, to);
	if (span_starts(to, from) && to.p[from.n] == '/')
		return done(j, STORE_BAD_NAME); /* below itself */
	said = check_names(from, to);
	if (said == STORE_DONE)
		said = superiors_of(to);
	done(j, said);
	if (said != STORE_DONE) {
		mailboxes_forget();
		return E_OK;
	}
	int err = inherit(to);
	change_names(from, to);
	return err;
}

/* The name is there: now the messages. */
static void
rename_synced(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	if (j->said == STORE_DONE && mailbox_name_is_inbox(buf_as_span(&n->name)))
		job_become(j, move_all(slot_find(SPAN("INBOX"))->now.id, n->id));
}

/* ---- SUBSCRIBE ---- */

static int
subscribe_step(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	struct span name = buf_as_span(&n->name);
	if (mailbox_name_check(name) != STORE_DONE)
		return done(j, STORE_BAD_NAME);
	if (n->is_subscribed && !subscription_has(name) &&
	    the_keeper.n_subscriptions >= STORE_MAILBOXES_MAX)
		return done(j, STORE_TOO_MANY);
	done(j, STORE_DONE);
	return subscription_put(&the_keeper.tables, job_txn(), name, n->is_subscribed);
}

static void
subscribe_synced(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	if (j->said != STORE_DONE)
		return;
	if (subscription_has(buf_as_span(&n->name)) != n->is_subscribed)
		doze_wake();
	subscription_set(buf_as_span(&n->name), n->is_subscribed);
	the_keeper.is_changed = true;
	struct slot *s = slot_find(buf_as_span(&n->name));
	the_keeper.change_names = feed_note();
	if (s)
		s->changed_at = the_keeper.change_names;
}

/* ---- ADOPT ---- */

static int
adopt_step(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	struct keeper *k = &the_keeper;
	struct slot *s = slot_find(buf_as_span(&n->name));
	if (!s)
		return done(j, STORE_NONEXISTENT);
	if (s->next.is_kept)
		return done(j, STORE_IS_KEPT);
	bool is_same = s->next.uidvalidity == n->uidvalidity && s->next.reserved;
	if (!is_same && (s->next.messages || n->uidnext < s->next.uidnext))
		return done(j, STORE_EXISTS);
	if (n->uidvalidity == 0 || n->uidvalidity > UINT32_MAX - STORE_MAILBOXES_MAX)
		return done(j, STORE_TOO_MANY);
	struct mailbox *m = slot_touch(s);
	m->uidvalidity = n->uidvalidity;
	if (n->uidnext > m->uidnext)
		m->uidnext = n->uidnext;
	if (n->reserved > m->reserved)
		m->reserved = n->reserved;
	if (!is_same) {
		m->first_recent = m->uidnext;
		m->modseq++;
	}
	if (n->uidvalidity > k->uidvalidity)
		k->uidvalidity = n->uidvalidity;
	return done(j, STORE_DONE);
}

/* ---- handlers ---- */

static void
name_free(struct job *j)
{
	struct name_job *n = (struct name_job *)j;
	buf_free(&n->name);
	buf_free(&n->to);
}

static const struct job_kind create_kind = {.name = "create",
				 .is_alone = true,
				 .step = create_step,
				 .answer = create_answer,
				 .free = name_free},
			     delete_kind = {.name = "delete",
				 .is_alone = true,
				 .step = delete_step,
				 .synced = delete_synced,
				 .free = name_free},
			     rename_kind = {.name = "rename",
				 .is_alone = true,
				 .step = rename_step,
				 .synced = rename_synced,
				 .free = name_free},
			     subscribe_kind = {.name = "subscribe",
				 .is_alone = true,
				 .step = subscribe_step,
				 .synced = subscribe_synced,
				 .free = name_free},
			     adopt_kind = {.name = "adopt",
				 .is_alone = true,
				 .step = adopt_step,
				 .free = name_free};

static struct name_job *
begin(struct asker *a, const struct job_kind *kind, uint16_t ask, const struct rd *body,
    struct rd *rest)
{
	struct name_job *n = job_new(sizeof *n, kind, a->ctx, ask, body->in);
	*rest = rd_of(buf_as_span(&n->job.body));
	mailbox_name_put(&n->name, rd_str(rest, STORE_NAME_MAX));
	return n;
}

static int
go(struct name_job *n, const struct rd *rest)
{
	if (rd_end(rest) != E_OK) {
		job_drop(&n->job);
		return E_BAD;
	}
	job_add(&n->job);
	return E_MORE;
}

int
ask_create(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r;
	struct name_job *n = begin(a, &create_kind, KEEPER_CREATE, body, &r);
	(void)fd, (void)reply, (void)fd_back;
	n->special_use = rd_str(&r, sizeof((struct mailbox *)0)->special_use - 1);
	return go(n, &r);
}

int
ask_delete(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r;
	struct name_job *n = begin(a, &delete_kind, KEEPER_DELETE, body, &r);
	(void)fd, (void)reply, (void)fd_back;
	return go(n, &r);
}

int
ask_rename(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r;
	struct name_job *n = begin(a, &rename_kind, KEEPER_RENAME, body, &r);
	(void)fd, (void)reply, (void)fd_back;
	mailbox_name_put(&n->to, rd_str(&r, STORE_NAME_MAX));
	return go(n, &r);
}

int
ask_subscribe(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r;
	struct name_job *n = begin(a, &subscribe_kind, KEEPER_SUBSCRIBE, body, &r);
	(void)fd, (void)reply, (void)fd_back;
	n->is_subscribed = rd_u8(&r) == 1;
	return go(n, &r);
}

int
ask_adopt(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r;
	struct name_job *n = begin(a, &adopt_kind, KEEPER_ADOPT, body, &r);
	(void)fd, (void)reply, (void)fd_back;
	n->uidvalidity = rd_u32(&r);
	n->uidnext = rd_u32(&r);
	n->reserved = rd_u32(&r);
	return go(n, &r);
}
