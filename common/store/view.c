/* SPDX-License-Identifier: ISC */
/* view.c - mailboxes in memory files: the keeper writes, sessions map them read-only. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/jobs.h"

enum {
	/* records more than there are: of address space, not of memory */
	VIEW_ROOM_LEAST = 16384,
	/* then, when they are half of all, the others move to a new file */
	VIEW_GONE_MOST = 4096,
};

#define RELEASE(field, value)                                                          \
	atomic_store_explicit(&(field), (value), memory_order_release)

size_t
view_bytes(const struct view *v)
{
	return VIEW_RECORDS_AT + v->cap * sizeof *v->records;
}

/* A new file with room; our mapping stays writable, and nobody gets another such one. */
static int
view_make(size_t records, struct view *out)
{
	*out =
	    (struct view){.fd = memfd_create("view", MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.cap = (uint32_t)(records + records / 2 + VIEW_ROOM_LEAST)};
	size_t bytes = view_bytes(out);
	if (out->fd < 0 || ftruncate(out->fd, (off_t)bytes) != 0)
		goto failed;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, out->fd, 0);
	if (p == MAP_FAILED)
		goto failed;
	if (fcntl(out->fd, F_ADD_SEALS,
		F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
		munmap(p, bytes);
		goto failed;
	}
	out->head = p;
	out->records = (struct store_record *)((char *)p + VIEW_RECORDS_AT);
	return E_OK;
failed:
	log_event(LOG_ERR, "no_view", "records=%zu err=%s", records, log_errno(errno));
	if (out->fd >= 0)
		close(out->fd);
	return E_IO;
}

static void
view_unmap(struct view *v)
{
	RELEASE(v->head->is_superseded, 1);
	munmap(v->head, view_bytes(v));
	close(v->fd);
}

/* Those that are not gone, in a new file. */
static int
view_move(struct view *v)
{
	struct view next;
	uint32_t n = 0;
	int err = view_make(v->head->n - v->head->n_gone, &next);
	if (err != E_OK)
		return err;
	next.n_selected = v->n_selected;
	next.idle_since_ms = v->idle_since_ms;
	memcpy(next.head, v->head, sizeof *v->head);
	for (uint32_t i = 0; i < v->head->n; i++)
		if (!(v->records[i].flags & FLAG_GONE))
			next.records[n++] = v->records[i];
	next.head->n = n;
	next.head->n_gone = 0;
	view_unmap(v);
	*v = next;
	return E_OK;
}

/* In order of uid: new ones come at the end. */
static int
view_append(struct view *v, const struct store_record *r)
{
	if (v->head->n == v->cap) {
		int err = view_move(v);
		if (err != E_OK)
			return err;
	}
	v->records[v->head->n] = *r;
	RELEASE(v->head->n, v->head->n + 1);
	return E_OK;
}

static int
load_record(void *ctx, const struct store_record *r)
{
	return view_append(ctx, r);
}

static void
publish_keywords(const struct slot *s, struct view_head *h, uint32_t n)
{
	if (h->n_keywords >= n)
		return;
	for (uint32_t i = h->n_keywords; i < n; i++)
		strcpy(h->keywords[i],
		    s->keywords[i]); /* at most STORE_KEYWORD_MAX: asks.c */
	RELEASE(h->n_keywords, n);
}

static void
publish_head(struct slot *s, struct view_head *h, uint64_t unseen)
{
	publish_keywords(s, h, s->now.n_keywords);
	RELEASE(h->uidnext, s->now.uidnext);
	RELEASE(h->unseen, (uint32_t)unseen);
	RELEASE(h->is_deleted, s->now.is_dead);
	RELEASE(h->modseq, s->now.modseq);
}

static bool
is_mostly_gone(const struct view_head *h)
{
	return h->n_gone > VIEW_GONE_MOST && h->n_gone > h->n / 2;
}

void
view_publish_head(struct slot *s)
{
	if (s->view) {
		publish_head(s, s->view->head, s->now.unseen);
		if (is_mostly_gone(s->view->head) && view_move(s->view) != E_OK)
			view_free(s);
	}
	for (struct guest_view *g = s->guests; g; g = g->next) {
		if (!g->view)
			continue;
		publish_head(s, g->view->head, g->unseen);
		if (is_mostly_gone(g->view->head) && view_move(g->view) != E_OK)
			guest_view_end(g);
	}
}

void
view_publish_rename(struct slot *s)
{
	if (s->view)
		RELEASE(s->view->head->is_renamed, 1);
	for (struct guest_view *g = s->guests; g; g = g->next)
		if (g->view)
			RELEASE(g->view->head->is_renamed, 1);
}

uint64_t
view_count_from(const struct view *v, uint32_t uid)
{
	uint64_t count = 0;
	for (uint32_t i = v->head->n; i && v->records[i - 1].uid >= uid; i--)
		count += !(v->records[i - 1].flags & FLAG_GONE);
	return count;
}

static bool
has_itemless(const struct view *v)
{
	for (uint32_t i = 0; i < v->head->n; i++)
		if (!cache_is_there(v->records[i].cache_gen))
			return true;
	return false;
}

int
view_of(struct slot *s, struct view **out)
{
	if (!s->view) {
		struct view made;
		int err = view_make(s->now.messages, &made);
		if (err != E_OK)
			return err;
		made.idle_since_ms = clock_mono_ms();
		s->view = mem_new(sizeof *s->view);
		*s->view = made;
		err = record_each(&the_keeper.tables, s->now.id, load_record, s->view);
		if (err != E_OK) {
			view_free(s);
			return err;
		}
		s->view->head->is_kept = s->now.is_kept;
		view_publish_head(s);
		if (has_itemless(s->view))
			helper_want(s);
	}
	*out = s->view;
	return E_OK;
}

/* Changes come in order of uid mostly: the one behind the last is looked at first. */
static struct store_record *
find(struct view *v, uint32_t uid)
{
	static uint32_t hint;
	if (hint < v->head->n && v->records[hint].uid == uid)
		return &v->records[hint++];
	uint32_t i = store_records_before(v->records, v->head->n, uid);
	if (i == v->head->n || v->records[i].uid != uid)
		return NULL;
	hint = i + 1;
	return &v->records[i];
}

static void
note_change(struct view *v, const struct store_record *r)
{
	uint32_t k = v->head->n_changes;
	/* who reads it there sees that those before it are counted */
	RELEASE(v->head->changed[k % VIEW_CHANGES], (uint32_t)(r - v->records));
	RELEASE(v->head->n_changes, k + 1);
}

/* modseq last: who sees it sees what it covers. */
static void
publish_set(struct store_record *to, const struct store_record *from)
{
	atomic_store_explicit(&to->keywords, from->keywords, memory_order_relaxed);
	atomic_store_explicit(&to->cache_at, from->cache_at, memory_order_relaxed);
	RELEASE(to->cache_gen, from->cache_gen);
	atomic_store_explicit(&to->flags, from->flags, memory_order_relaxed);
	RELEASE(to->modseq, from->modseq);
}

/* E_OK, E_IO: there is no room for one more */
static int
publish(struct view *v, enum change_kind kind, const struct store_record *r)
{
	if (kind == CHANGE_ADD)
		return view_append(v, r);
	struct store_record *to = find(v, r->uid);
	if (!to || (to->flags & FLAG_GONE))
		return E_OK;
	/* not when its cache item found a place */
	bool is_told = to->modseq != r->modseq || to->flags != r->flags ||
	               to->keywords != r->keywords;
	if (kind == CHANGE_SET) {
		publish_set(to, r);
		if (is_told)
			note_change(v, to);
		return E_OK;
	}
	/* who sees that it went sees of when; who sees it counted finds it among the changes */
	RELEASE(to->modseq, r->modseq);
	atomic_fetch_or_explicit(&to->flags, FLAG_GONE, memory_order_release);
	note_change(v, to);
	v->head->n_gone++;
	return E_OK;
}

/* ---- a guest's ---- */

static bool
is_unseen(const struct store_record *r)
{
	return !(r->flags & (FLAG_SEEN | FLAG_GONE));
}

static struct store_record
record_for(const struct guest_view *g, const struct store_record *r)
{
	struct store_record mine = *r;
	mine.flags = r->flags & ~(uint32_t)FLAG_SEEN;
	if (numset_has(&g->seen, r->uid))
		mine.flags |= FLAG_SEEN;
	return mine;
}

static void
publish_for(struct guest_view *g, enum change_kind kind, const struct store_record *r)
{
	struct store_record mine = record_for(g, r),
			    *to = kind == CHANGE_ADD ? NULL : find(g->view, r->uid);
	if (kind != CHANGE_ADD && !to)
		return;
	if (to) {
		g->unseen -= is_unseen(to);
		if (mine.modseq < to->modseq)
			mine.modseq = to->modseq; /* what he has seen changed later */
	}
	if (kind != CHANGE_GONE && !(to && (to->flags & FLAG_GONE)))
		g->unseen += is_unseen(&mine);
	if (publish(g->view, kind, &mine) != E_OK)
		guest_view_end(g);
}

void
view_toggle_seen(struct guest_view *g, const struct numset *uids, uint64_t modseq)
{
	struct view *v = g->view;
	for (size_t i = 0; v && i < uids->n; i++)
		for (uint32_t at = store_records_before(
			 v->records, v->head->n, uids->ranges[i].from);
		     at < v->head->n && v->records[at].uid <= uids->ranges[i].to;
		     at++) {
			struct store_record *r = &v->records[at];
			if (r->flags & FLAG_GONE)
				continue;
			g->unseen -= is_unseen(r);
			atomic_fetch_xor_explicit(
			    &r->flags, FLAG_SEEN, memory_order_relaxed);
			g->unseen += is_unseen(r);
			RELEASE(r->modseq, modseq);
			note_change(v, r);
		}
}

struct load_for {
	struct guest_view *guest;
	struct view *view;
};

/* When each was seen is not kept, only when the last was: they are told once more. */
static int
load_for(void *ctx, const struct store_record *r)
{
	struct load_for *l = ctx;
	struct store_record mine = record_for(l->guest, r);
	if (mine.modseq < l->guest->modseq)
		mine.modseq = l->guest->modseq;
	l->guest->unseen += is_unseen(&mine);
	return view_append(l->view, &mine);
}

int
view_for(struct slot *s, struct guest_view *g)
{
	struct view made;
	int err = g->view ? E_OK : view_make(s->now.messages, &made);
	if (g->view || err != E_OK)
		return err;
	made.idle_since_ms = clock_mono_ms();
	g->view = mem_new(sizeof *g->view);
	*g->view = made;
	g->unseen = 0;
	err = record_each(&the_keeper.tables, s->now.id, load_for,
	    &(struct load_for){.guest = g, .view = g->view});
	if (err == E_OK)
		publish_head(s, g->view->head, g->unseen);
	else
		guest_view_end(g);
	return err;
}

void
guest_view_end(struct guest_view *g)
{
	if (!g->view)
		return;
	view_unmap(g->view);
	mem_free(&g->view);
}

/* ---- all of a mailbox ---- */

/* Keywords first: a record that has one is told by its name. */
void
view_publish(struct slot *s, enum change_kind kind, const struct store_record *r)
{
	if (s->view) {
		publish_keywords(s, s->view->head, s->next.n_keywords);
		if (publish(s->view, kind, r) != E_OK)
			view_free(s); /* the next one who selects it makes it anew */
	}
	for (struct guest_view *g = s->guests; g; g = g->next)
		if (g->view) {
			publish_keywords(s, g->view->head, s->next.n_keywords);
			publish_for(g, kind, r);
		}
}

void
view_free(struct slot *s)
{
	if (!s->view)
		return;
	view_unmap(s->view);
	mem_free(&s->view);
}

void
view_supersede(struct slot *s)
{
	if (s->view && view_move(s->view) != E_OK)
		view_free(s);
	guests_end_views(s);
}

void
views_drop_idle(int64_t now_ms)
{
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_by_id; i++) {
		struct view *v = k->by_id[i]->view;
		if (v && v->n_selected == 0 && now_ms - v->idle_since_ms > VIEW_IDLE_MS)
			view_free(k->by_id[i]);
		guests_drop_idle(k->by_id[i], now_ms);
	}
}
