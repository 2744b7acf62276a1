/* SPDX-License-Identifier: ISC */
/* turn.c - in an agent: what happened over IMAP is taken from the keeper, and scripts run over it. */
#include "deliver/turn.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/copy_here.h"
#include "deliver/lookat.h"
#include "deliver/perform.h"
#include "deliver/programs.h"
#include "proc/ask.h"
#include "proc/child.h"
#include "store/store.h"
#include "tls/hash.h"

enum {
	/* messages that are said to be done at once: so many are run again after a death */
	DONE_MOST = 32,
	/* a message at which an agent died so often is left as it is */
	TRIES_MOST = 3,
	ARENA_BYTES = 4 << 20,
};

static struct {
	int chan, home;      /* borrow */
	struct store *store; /* borrow: lookat's */
	struct arena arena;  /* of one event */
	struct numset done;  /* own: that the keeper was not told yet */
	int64_t ends_ms;
	struct buf flags, changed;
} turn = {.arena = {.max_bytes = ARENA_BYTES}};

/* ---- one message ---- */

static void
flag_put(struct buf *out, const char *name)
{
	if (out->len)
		buf_ch(out, ' ');
	buf_str(out, name);
}

static void
flags_put(struct buf *out, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} rows[] = {{FLAG_SEEN, "\\Seen"}, {FLAG_ANSWERED, "\\Answered"},
	    {FLAG_FLAGGED, "\\Flagged"}, {FLAG_DELETED, "\\Deleted"},
	    {FLAG_DRAFT, "\\Draft"}};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (flags & rows[i].flag)
			flag_put(out, rows[i].name);
}

static void
set_flags(const struct store_view *v, const struct store_record *r)
{
	uint64_t bits = r->keywords;
	buf_reset(&turn.flags);
	flags_put(&turn.flags, r->flags);
	for (uint32_t i = 0; i < v->head->n_keywords && i < STORE_KEYWORDS_MAX; i++)
		if (bits >> i & 1)
			flag_put(&turn.flags, v->head->keywords[i]);
}

static void
set_changed(const struct store_event *e)
{
	buf_reset(&turn.changed);
	flags_put(&turn.changed, e->flags);
	for (size_t i = 0; i < e->n_keywords; i++) {
		if (turn.changed.len)
			buf_ch(&turn.changed, ' ');
		buf_span(&turn.changed, e->keywords[i]);
	}
}

/* Of event and message: run again, it is the same. */
static struct file_id
id_of(const struct store_event *e, uint32_t uid)
{
	struct buf text = {0};
	unsigned char sum[SHA256_BYTES];
	struct file_id id;
	buf_str(&text, "event");
	buf_u64(&text, e->at_us);
	buf_u64(&text, e->number);
	buf_u32(&text, e->mailbox);
	buf_u32(&text, uid);
	sha256(buf_as_span(&text), sum);
	memcpy(id.b, sum, sizeof id.b);
	buf_free(&text);
	return id;
}

static const struct sieve_action *
keep_of(const struct work *w)
{
	const struct sieve_action *a = w->result.actions;
	while (a && a->kind != ACTION_KEEP)
		a = a->next;
	return a;
}

static int
store_change(const struct store_event *e, uint32_t uid, const struct store_change *c)
{
	struct numset uids = {0};
	enum store_said said = STORE_DONE;
	if (!c->flags && !c->n_keywords)
		return E_OK;
	if (numset_add(&uids, uid, uid) == E_OK)
		said = store_flags(turn.store, e->mailbox, &uids, c, NULL);
	numset_free(&uids);
	return said == STORE_LATER || said == STORE_DISK_FULL ? E_LIMIT : E_OK;
}

/* What of after is not in before. */
static struct store_change
difference(enum store_how how, const struct sieve_flags *after,
    const struct sieve_flags *before, struct span names[STORE_KEYWORDS_MAX])
{
	struct store_change c = {.how = how, .keywords = names};
	for (size_t i = 0; i < after->n; i++) {
		struct span name = after->rows[i];
		uint32_t flag = work_flag(name);
		size_t k = 0;
		while (k < before->n && !span_ieq(name, before->rows[k]))
			k++;
		if (k < before->n)
			continue;
		c.flags |= flag;
		if (!flag && mailbox_keyword_check(name) &&
		    c.n_keywords < STORE_KEYWORDS_MAX)
			names[c.n_keywords++] = name;
	}
	return c;
}

/* RFC 6785 3.8: what the script changed of them, and no more: others may change them, too. */
static int
change_flags(const struct store_event *e, uint32_t uid, const struct sieve_flags *now)
{
	struct span names[STORE_KEYWORDS_MAX], rows[SIEVE_FLAGS_MAX + 1];
	struct sieve_flags was = {.rows = rows};
	struct span rest = buf_as_span(&turn.flags);
	while (rest.n && was.n < SIEVE_FLAGS_MAX)
		rows[was.n++] = span_cut(&rest, ' ');
	struct store_change more = difference(STORE_ADD, now, &was, names);
	int err = store_change(e, uid, &more);
	struct store_change less = difference(STORE_REMOVE, &was, now, names);
	return err == E_OK ? store_change(e, uid, &less) : err;
}

/* RFC 6785 2.2.4: it is not expunged; what follows from that is the user's. */
static int
end_message(
    const struct store_event *e, uint32_t uid, const struct work *w, bool is_kept)
{
	const struct sieve_action *keep = keep_of(w);
	const struct store_change deleted = {.how = STORE_ADD, .flags = FLAG_DELETED};
	if (keep && keep->store.has_flags)
		return change_flags(e, uid, &keep->store.flags);
	return keep || is_kept ? E_OK : store_change(e, uid, &deleted);
}

static bool
is_late(const struct store_event *e)
{
	uint64_t now_us = (uint64_t)clock_wall_us();
	return now_us > e->at_us &&
	       now_us - e->at_us > UINT64_C(1000000) * TURN_PIPE_AGE_MOST_SEC;
}

static int
do_all(
    const struct store_event *e, uint32_t uid, const struct work *w, struct span file)
{
	bool is_kept = w->is_kept;
	int err = E_OK;
	for (size_t i = 0; i < w->answer.n_stores && err == E_OK; i++) {
		err = turn_room(turn.chan);
		if (err == E_OK)
			err = copy_here(turn.home, w->order->id, &w->answer.stores[i],
			    w->order->message, file);
	}
	if (err == E_OK)
		err = turn_send(turn.chan, w, &is_kept);
	if (err == E_OK)
		err = turn_pipe(turn.chan, w, is_late(e), &is_kept);
	if (err == E_OK)
		err = end_message(e, uid, w, is_kept);
	if (err == E_OK && w->answer.wants_done)
		perform_done(turn.home);
	return err;
}

/* Without the Return-Path that delivery put before it: scripts do not see that, and it is not sent on. */
static struct span
without_path(struct span file)
{
	static const struct span name = {"Return-Path:", 12};
	if (!span_istarts(file, name))
		return file;
	size_t at = span_find(file, '\n');
	return at < file.n ? span_from(file, at + 1) : file;
}

static int
run_message(const struct store_event *e, const struct store_view *v,
    const struct store_record *r, const struct span *file)
{
	struct span own = span_of(the_child.account);
	struct agent_order o = {.id = id_of(e, r->uid),
	    .size_bytes = file->n,
	    .address = own,
	    .to = own,
	    .message = without_path(*file)};
	struct about_event about = {.event = e, .who = e->who.n ? e->who : own};
	set_flags(v, r);
	about.flags = buf_as_span(&turn.flags);
	about.changed = buf_as_span(&turn.changed);
	/* one that thinks for too long ends the process: the next one tries it alone */
	alarm((unsigned)conf_int(the_child.conf, "deliver", "agent_time") + 1);
	const struct work *w = perform_event(turn.home, &o, &about);
	alarm(0);
	return do_all(e, r->uid, w, *file);
}

/* E_OK; E_LIMIT: not now */
static int
run_uid(const struct store_event *e, const struct store_view *v, uint32_t uid)
{
	const struct store_record *r = store_record_of(v, uid);
	struct span file;
	if (!r || (r->flags & FLAG_GONE))
		return E_OK;
	int err = store_message_map(turn.store, r, &file);
	if (err != E_OK)
		return err == E_BAD ? E_OK : E_LIMIT;
	if (file.n <= ORDER_MESSAGE_MAX)
		err = run_message(e, v, r, &file);
	store_message_unmap(&file);
	return err;
}

/* ---- one event ---- */

static int
say_done(const struct store_event *e)
{
	enum store_said said = store_event_done(turn.store, e->number, &turn.done);
	numset_reset(&turn.done);
	return said == STORE_DONE ? E_OK : E_LIMIT;
}

static int
note_done(uint32_t uid)
{
	return numset_add(&turn.done, uid, uid) == E_OK ? E_OK : E_LIMIT;
}

/* E_OK: all of it; E_MORE: the time is over; E_LIMIT: not now */
static int
run_uids(const struct store_event *e, const struct store_view *v)
{
	unsigned n = 0, most = e->tries > 1 ? 1 : DONE_MOST;
	uint32_t uid = numset_from(&e->uids, 1);
	int err = E_OK;
	if (e->tries > TRIES_MOST) {
		log_event(LOG_WARNING, "event_given_up", "account=%s mailbox=%s uid=%u",
		    log_qs(the_child.account), log_q(e->mailbox_name), uid);
		err = note_done(uid);
		uid = uid < UINT32_MAX ? numset_from(&e->uids, uid + 1) : 0;
	}
	while (uid && err == E_OK) {
		err = run_uid(e, v, uid);
		if (err == E_OK)
			err = note_done(uid);
		if (err == E_OK && ++n % most == 0)
			err = say_done(e);
		uid = uid < UINT32_MAX ? numset_from(&e->uids, uid + 1) : 0;
		if (uid && err == E_OK && clock_mono_ms() >= turn.ends_ms)
			err = E_MORE;
	}
	/* what was not done was not tried either: no script died of it */
	int said = say_done(e);
	return err == E_OK ? said : err;
}

static int
drop_event(const struct store_event *e)
{
	return store_event_done(turn.store, e->number, &e->uids) == STORE_DONE
	           ? E_OK
	           : E_LIMIT;
}

static int
run_event(const struct store_event *e)
{
	static struct program programs[PROGRAMS_MOST];
	struct store_view v;
	size_t n = programs_load_event(turn.home, e, programs);
	programs_unload();
	if (n == 0)
		return drop_event(e);
	int err = store_peek(turn.store, e->mailbox_name, &v);
	if (err == E_BAD)
		return drop_event(e);
	if (err != E_OK) {
		(void)say_done(e); /* of none: it was not tried */
		return E_LIMIT;
	}
	set_changed(e);
	err = run_uids(e, &v);
	store_unpeek(turn.store, &v);
	return err;
}

static enum turn_end
run_all(void)
{
	struct store_event e;
	int err = E_OK;
	turn.store = lookat_store();
	if (!turn.store)
		return TURN_LATER;
	while (err == E_OK && clock_mono_ms() < turn.ends_ms) {
		arena_reset(&turn.arena);
		err = store_event_take(turn.store, 0, &turn.arena, &e);
		if (err == E_OK)
			err = run_event(&e);
		else
			err = err == E_BAD ? E_DENY : E_LIMIT;
		numset_free(&e.uids);
	}
	return err == E_DENY ? TURN_DONE : err == E_LIMIT ? TURN_LATER : TURN_MORE;
}

int
turn_run(int chan, int home)
{
	struct buf b = {0};
	turn.chan = chan;
	turn.home = home;
	turn.ends_ms = clock_mono_ms() + TURN_MS;
	enum turn_end end = run_all();
	/* what was stored is shown at once, to who looks */
	if (turn.store && store_sync(turn.store) != E_OK)
		end = TURN_LATER;
	arena_reset(&turn.arena);
	buf_u8(&b, (uint8_t)end);
	int err = ask_send(
	    chan, TURN_END, buf_as_span(&b), -1, deadline_in_ms(TURN_ASK_WAIT_MS));
	buf_free(&b);
	return err;
}
