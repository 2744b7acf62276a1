/* SPDX-License-Identifier: ISC */
/*
 * job_read.c - what is told of what is there: SELECT, mailboxes, numbers.  What tells of INBOX
 * waits until new/ is taken in.
 */
#include <string.h>

#include "store/kept.h"

struct read_job {
	struct job job;
	uint64_t want;    /* of takein_want */
	struct span name; /* borrow: the body */
	uint32_t mailbox; /* RENEW, DOZE */
	uint64_t modseq;  /* DOZE */
	bool is_examine, may_doze;
	bool is_behind; /* SYNC: as it was when that was found to be done */
};

static int
read_step(struct job *j)
{
	j->is_done = takein_is_done(((struct read_job *)j)->want);
	return E_OK;
}

static struct read_job *
begin(struct asker *a, const struct job_kind *kind, uint16_t ask, const struct rd *body,
    struct rd *rest)
{
	struct read_job *r = job_new(sizeof *r, kind, a->ctx, ask, body->in);
	*rest = rd_of(buf_as_span(&r->job.body));
	return r;
}

static int
go(struct read_job *r, const struct rd *rest, bool takes_in)
{
	if (rd_end(rest) != E_OK) {
		job_drop(&r->job);
		return E_BAD;
	}
	r->want = takes_in ? takein_want() : 0;
	job_add(&r->job);
	return E_MORE;
}

/* ---- SELECT ---- */

static void
tell_view(const struct job *j, struct slot *s, const struct view *v, bool is_shown,
    struct ask_selected *out)
{
	*out = (struct ask_selected){.mailbox = s->now.id,
	    .uidvalidity = s->now.uidvalidity,
	    .uidnext = s->now.uidnext,
	    .modseq = s->now.modseq,
	    .unseen = j->guest ? guest_unseen(s, j->guest) : s->now.unseen,
	    .n = v->head->n,
	    .recent_from = is_shown ? s->next.first_recent : UINT32_MAX,
	    .mapped_bytes = view_bytes(v),
	    .n_uidls = the_keeper.n_uidls,
	    .rights = (uint16_t)acl_rights(j, s->now.id)};
}

static int
select_slot(struct read_job *r, struct slot *s, bool is_examine,
    struct ask_selected *out, int *fd)
{
	struct view *v;
	int err = s ? E_OK : E_BAD;
	if (s && !acl_may(&r->job, s, RIGHT_READ))
		err = acl_hides(&r->job, s) ? E_BAD : E_DENY;
	if (err == E_OK)
		err = r->job.guest ? guest_view(s, r->job.guest, &v) : view_of(s, &v);
	is_examine |=
	    r->job.guest != NULL; /* what is \Recent is the account's own matter */
	session_select(r->job.session, err == E_OK ? s->now.id : 0, is_examine);
	if (err != E_OK)
		return err;
	bool is_shown = is_examine ? s->recent == NULL && !r->job.guest
	                           : s->recent == r->job.session;
	tell_view(&r->job, s, v, is_shown, out);
	*fd = v->fd;
	return E_OK;
}

/* It need not ask again before it sleeps, if nothing changes until then.  Mail comes to all but what is kept. */
static bool
doze_soon(const struct read_job *r, struct slot *s)
{
	if (!r->may_doze || r->job.guest || !slot_takes_in(s) || takein_is_behind())
		return false;
	s->is_dozed = r->job.session->is_dozing = true;
	return true;
}

/* Instead of "said": what a session reads first. */
static void
select_answer(struct job *j, struct buf *reply, int *fd)
{
	struct read_job *r = (struct read_job *)j;
	struct slot *s =
	    j->ask == KEEPER_RENEW ? slot_of(r->mailbox) : slot_asked(r->name);
	struct ask_selected out = {.err = E_OK};
	int err = select_slot(r, s, r->is_examine, &out, fd);
	out.err = (int8_t)(err == E_OK || err == E_BAD || err == E_DENY ? err : E_IO);
	if (err == E_OK)
		out.is_dozed = doze_soon(r, s);
	out.is_early = jobs_are_early();
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
	buf_reset(reply);
	ask_selected_put(reply, &out);
}

static const struct job_kind select_kind = {
    .name = "select", .is_reader = true, .step = read_step, .answer = select_answer};

int
ask_select(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd rest;
	struct read_job *r = begin(a, &select_kind, KEEPER_SELECT, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	r->name = rd_str(&rest, STORE_NAME_MAX);
	r->is_examine = rd_u8(&rest) == 1;
	return go(r, &rest, mailbox_name_is_inbox(r->name));
}

int
ask_renew(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = a->ctx;
	struct rd rest;
	struct read_job *r = begin(a, &select_kind, KEEPER_RENEW, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	r->mailbox = rd_u32(&rest);
	uint8_t may = rd_u8(&rest);
	r->may_doze = may & RENEW_MAY_DOZE;
	r->job.may_be_early = may & RENEW_MAY_BE_EARLY;
	/* what is \Recent was decided at SELECT */
	struct slot *slot = slot_of(r->mailbox);
	r->is_examine = !slot || slot->recent != s;
	return go(r, &rest, true);
}

/* ---- PEEK ---- */

/*
 * A view that is there for a peek alone goes with the next one: who looks through all mailboxes
 * does not have all of their views made to stay.
 */
static int
peek_slot(struct slot *s, struct view **out)
{
	static uint32_t made_for; /* mailbox; 0: none */
	struct slot *before = slot_even_dead(made_for);
	if (before && before != s && before->view && before->view->n_selected == 0)
		view_free(before);
	if (before != s)
		made_for = s && !s->view ? s->now.id : 0;
	return s ? view_of(s, out) : E_BAD;
}

static void
peek_answer(struct job *j, struct buf *reply, int *fd)
{
	struct slot *s = slot_asked(((struct read_job *)j)->name);
	struct ask_selected out = {.err = E_OK};
	struct view *v;
	if (s && !acl_may(j, s, RIGHT_READ))
		s = NULL; /* who looks through all leaves out what he may not read */
	int err = peek_slot(s, &v);
	if (err == E_OK) {
		tell_view(j, s, v, false, &out);
		*fd = v->fd;
	}
	out.err = (int8_t)(err == E_OK || err == E_BAD ? err : E_IO);
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
	buf_reset(reply);
	ask_selected_put(reply, &out);
}

static const struct job_kind peek_kind = {
    .name = "peek", .is_reader = true, .step = read_step, .answer = peek_answer};

int
ask_peek(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd rest;
	struct read_job *r = begin(a, &peek_kind, KEEPER_PEEK, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	r->name = rd_str(&rest, STORE_NAME_MAX);
	return go(r, &rest, mailbox_name_is_inbox(r->name));
}

/* ---- SYNC, MAILBOXES, MAILBOX ---- */

/* Who asks may have sought the file of a message that was told of. */
static int
sync_step(struct job *j)
{
	struct read_job *r = (struct read_job *)j;
	j->is_done = takein_is_done(r->want);
	if (j->is_done)
		takein_put_away();
	r->is_behind = takein_is_behind();
	return E_OK;
}

static void
sync_answer(struct job *j, struct buf *reply, int *fd)
{
	(void)fd;
	buf_u8(reply, ((struct read_job *)j)->is_behind);
}

static const struct job_kind sync_kind = {
    .name = "sync", .is_reader = true, .step = sync_step, .answer = sync_answer};

int
ask_sync(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd rest;
	struct read_job *r = begin(a, &sync_kind, KEEPER_SYNC, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	return go(r, &rest, true);
}

/* ---- DOZE ---- */

/* Mail that is there already would not wake it: it stays up, and with it who takes that in. */
static bool
misses_mail(const struct slot *s)
{
	return takein_is_behind() && slot_takes_in(s);
}

static void
doze_answer(struct job *j, struct buf *reply, int *fd)
{
	const struct read_job *r = (struct read_job *)j;
	struct slot *slot = slot_of(r->mailbox);
	bool is_past = slot && slot->now.modseq > r->modseq;
	enum store_said said = !slot                           ? STORE_NONEXISTENT
	                       : !is_past && misses_mail(slot) ? STORE_LATER
	                                                       : STORE_DONE;
	bool is_dozing = said == STORE_DONE && !is_past;
	(void)fd;
	if (is_dozing)
		slot->is_dozed = true;
	j->session->is_dozing = is_dozing;
	buf_reset(reply);
	buf_u8(reply, said);
	buf_u8(reply, is_past);
	buf_u8(reply, slot && slot_takes_in(slot));
}

static const struct job_kind doze_kind = {
    .name = "doze", .is_reader = true, .step = read_step, .answer = doze_answer};

int
ask_doze(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd rest;
	struct read_job *r = begin(a, &doze_kind, KEEPER_DOZE, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	r->mailbox = rd_u32(&rest);
	r->modseq = rd_u64(&rest);
	bool takes_in = rd_u8(&rest) == 1;
	return go(r, &rest, takes_in);
}

static void
mailboxes_answer(struct job *j, struct buf *reply, int *fd)
{
	struct store_mailbox m;
	(void)fd;
	for (size_t i = 0; i < the_keeper.n_by_name; i++) {
		if (acl_hides(j, the_keeper.by_name[i]))
			continue;
		acl_tell(j, the_keeper.by_name[i], false, &m);
		ask_mailbox_put(reply, &m);
	}
}

static const struct job_kind mailboxes_kind = {.name = "mailboxes",
    .is_reader = true,
    .step = read_step,
    .answer = mailboxes_answer};

int
ask_mailboxes(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd rest;
	struct read_job *r = begin(a, &mailboxes_kind, KEEPER_MAILBOXES, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	return go(r, &rest, true);
}

static void
mailbox_answer(struct job *j, struct buf *reply, int *fd)
{
	struct slot *s = slot_asked(((struct read_job *)j)->name);
	struct store_mailbox m;
	(void)fd;
	if (s && acl_hides(j, s))
		s = NULL;
	buf_reset(reply);
	buf_u8(reply, s ? STORE_DONE : STORE_NONEXISTENT);
	if (!s)
		return;
	acl_tell(j, s, true, &m);
	ask_mailbox_put(reply, &m);
}

static const struct job_kind mailbox_kind = {
    .name = "mailbox", .is_reader = true, .step = read_step, .answer = mailbox_answer};

int
ask_mailbox(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd rest;
	struct read_job *r = begin(a, &mailbox_kind, KEEPER_MAILBOX, body, &rest);
	(void)fd, (void)reply, (void)fd_back;
	r->name = rd_str(&rest, STORE_NAME_MAX);
	return go(r, &rest, mailbox_name_is_inbox(r->name));
}

/* ---- what is answered at once ---- */

static int
tell(struct asker *a, uint16_t ask, struct buf *b)
{
	session_answer(a->ctx, ask, b, -1);
	buf_free(b);
	return E_MORE;
}

int
ask_subscriptions(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {0};
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u8(&b, STORE_DONE);
	for (size_t i = 0; i < the_keeper.n_subscriptions; i++)
		buf_bytes(&b, span_of(the_keeper.subscriptions[i]));
	return tell(a, KEEPER_SUBSCRIPTIONS, &b);
}

int
ask_expunged(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {0};
	struct numset uids = {0};
	uint32_t mailbox = rd_u32(body);
	uint64_t modseq = rd_u64(body);
	struct slot *s = slot_of(mailbox);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (s && !session_may(a->ctx, s, RIGHT_READ))
		s = NULL;
	bool is_known = s && modseq >= s->now.expunged_floor;
	int err = is_known ? expunged_since(&the_keeper.tables, mailbox, modseq, &uids)
	                   : E_OK;
	buf_u8(&b, !s ? STORE_NONEXISTENT : err == E_OK ? STORE_DONE : STORE_LATER);
	buf_u8(&b, is_known);
	numset_encode(&b, uids.ranges, uids.n);
	numset_free(&uids);
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
	return tell(a, KEEPER_EXPUNGED, &b);
}

int
ask_usage(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {0};
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u8(&b, STORE_DONE);
	buf_u64(&b, the_keeper.sum.bytes);
	buf_u64(&b, the_keeper.sum.messages);
	buf_u64(&b, the_keeper.own_limits.bytes);
	buf_u64(&b, the_keeper.own_limits.messages);
	return tell(a, KEEPER_USAGE, &b);
}

static int
put_uidl(void *ctx, struct file_id id, struct span uidl)
{
	struct buf *b = ctx;
	buf_put(b, id.b, FILE_ID_BYTES);
	buf_bytes(b, uidl);
	return buf_done(b);
}

int
ask_uidls(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {0};
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u8(&b, STORE_DONE);
	if (uidl_each(&the_keeper.tables, put_uidl, &b) != E_OK) {
		buf_reset(&b);
		buf_u8(&b, STORE_LATER);
	}
	return tell(a, KEEPER_UIDLS, &b);
}

struct files {
	struct buf *reply;
	size_t n;
};

static int
put_file(void *ctx, const struct file_name *f, uint32_t references)
{
	struct files *files = ctx;
	struct ask_file row = {.file = *f, .references = references};
	ask_file_put(files->reply, &row);
	/* E_BAD ends the walk in peace */
	return ++files->n == ASK_FILES_MOST ? E_BAD : buf_done(files->reply);
}

static int
put_doomed(void *ctx, struct span ids)
{
	int err = E_OK;
	for (struct rd r = rd_of(ids); r.in.n && err == E_OK;) {
		struct file_name f = {.size_bytes = 0};
		rd_file_id(&r, &f.id);
		err = put_file(ctx, &f, 0);
	}
	return err;
}

int
ask_files(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct tables *t = &the_keeper.tables;
	struct buf b = {0};
	struct files files = {&b, 0};
	struct file_id after;
	struct span id = rd_bytes(body, FILE_ID_BYTES);
	uint8_t from = rd_u8(body);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	memcpy(after.b, id.p, FILE_ID_BYTES);
	buf_u8(&b, STORE_DONE);
	int err =
	    from == FILES_DOOMED
		? doomed_each(t, NULL, put_doomed, &files)
		: file_each(t, from == FILES_AFTER ? &after : NULL, put_file, &files);
	if (err != E_OK) {
		buf_reset(&b);
		buf_u8(&b, STORE_LATER);
	}
	the_keeper.is_ending |= db_is_damaged(t->db);
	return tell(a, KEEPER_FILES, &b);
}

/* ---- the end ---- */

static int
leave_step(struct job *j)
{
	j->is_done = true;
	the_keeper.is_ending = the_keeper.is_changed = true;
	return E_OK;
}

/* Behind all that was asked before. */
static const struct job_kind leave_kind = {
    .name = "leave", .is_alone = true, .is_reader = true, .step = leave_step};

int
ask_leave(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	job_add(
	    job_new(sizeof(struct job), &leave_kind, a->ctx, KEEPER_LEAVE, SPAN("")));
	return E_MORE;
}
