/* SPDX-License-Identifier: ISC */
/* select.c - a session's side: the selected mailbox, its view, and waiting for changes. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/state.h"
#include "store/undelete.h"

/* ---- the view ---- */

static int
map_view(const struct ask_selected *a, int fd, struct store_view *out)
{
	if (fd < 0 ||
	    a->mapped_bytes < VIEW_RECORDS_AT + a->n * sizeof(struct store_record))
		return E_IO;
	void *p = mmap(NULL, a->mapped_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return E_IO;
	*out = (struct store_view){.mailbox = a->mailbox,
	    .uidvalidity = a->uidvalidity,
	    .uidnext = a->uidnext,
	    .modseq = a->modseq,
	    .unseen = a->unseen,
	    .n = a->n,
	    .recent_from = a->recent_from,
	    .rights = a->rights,
	    .head = p,
	    .mapped_bytes = a->mapped_bytes,
	    .records =
		(const struct store_record *)((const char *)p + VIEW_RECORDS_AT)};
	return E_OK;
}

bool
view_is_current(const struct view_head *h)
{
	return !h->is_superseded && !h->is_deleted && !h->is_renamed;
}

/* The view that was left, as it is now.  False: the keeper must be asked */
static bool
take_left(struct store *s, struct store_view *out)
{
	const struct view_head *h = s->left.head;
	if (!keeper_is_there(s) || !view_is_current(h))
		return false;
	*out = s->left;
	out->modseq = h->modseq; /* before what it covers */
	out->n = h->n;
	out->unseen = h->unseen;
	out->uidnext = h->uidnext;
	if (out->n && out->records[out->n - 1].uid >= out->uidnext)
		out->uidnext = out->records[out->n - 1].uid + 1; /* it came just now */
	s->left = (struct store_view){.n = 0};
	return true;
}

/*
 * What was left just now, and is still selected for the keeper: the view says all that the keeper
 * would.
 */
static bool
select_again(struct store *s, struct span mailbox, struct store_view *out)
{
	if (!s->left.head || !span_eq(mailbox, buf_as_span(&s->name)) ||
	    !take_left(s, out))
		return false;
	out->recent_from = s->left_uidnext;
	return true;
}

static int
view_ask(struct store *s, uint16_t ask, struct buf *body, struct ask_selected *a,
    struct store_view *out)
{
	struct answer answer;
	*out = (struct store_view){.n = 0};
	int err = keeper_ask(s, ask, body, true, &answer);
	if (err == E_OK)
		err = ask_selected_get(&answer.body, a) == E_OK ? a->err : E_IO;
	if (err == E_OK)
		err = map_view(a, answer.fd, out);
	if (answer.fd >= 0)
		close(answer.fd);
	return err == E_OK || err == E_BAD || err == E_DENY ? err : E_IO;
}

static int
select_by(struct store *s, uint16_t ask, struct buf *body, struct store_view *out)
{
	struct ask_selected a;
	int err = view_ask(s, ask, body, &a, out);
	if (err != E_OK)
		return err;
	s->head = (struct view_head *)(uintptr_t)out->head;
	s->is_reselected = false;
	s->selected = out->mailbox;
	s->is_superseded = false;
	s->has_uidls = a.n_uidls > 0;
	s->armed_mailbox = a.is_dozed ? a.mailbox : 0;
	s->armed_modseq = a.modseq;
	s->is_early = a.is_early;
	return E_OK;
}

int
store_peek(struct store *s, struct span mailbox, struct store_view *out)
{
	struct ask_selected a;
	struct buf body = {0};
	if (mailbox.n == 0)
		return E_BAD;
	buf_bytes(&body, mailbox);
	return view_ask(s, KEEPER_PEEK, &body, &a, out);
}

void
store_unpeek(struct store *s, struct store_view *v)
{
	store_cache_flush(s);
	if (!s->head)
		caches_unmap(s);
	munmap((void *)(uintptr_t)v->head, v->mapped_bytes);
	*v = (struct store_view){.n = 0};
}

/*
 * Mail comes to INBOX without a word to its view; and who is shown what is \Recent the keeper says.
 */
static void
note_name(
    struct store *s, struct span mailbox, bool is_examine, const struct store_view *v)
{
	buf_reset(&s->name);
	if (!is_examine && v->recent_from != UINT32_MAX &&
	    !mailbox_name_is_inbox(mailbox))
		buf_span(&s->name, mailbox);
}

int
store_select(
    struct store *s, struct span mailbox, bool is_examine, struct store_view *out)
{
	struct buf body = {0};
	if (mailbox.n == 0)
		return E_BAD;
	if (!is_examine && select_again(s, mailbox, out))
		return E_OK;
	buf_bytes(&body, mailbox);
	buf_u8(&body, is_examine);
	int err = select_by(s, KEEPER_SELECT, &body, out);
	if (err == E_OK)
		note_name(s, mailbox, is_examine, out);
	return err;
}

int
store_kept_select(struct store *s, struct store_view *out)
{
	struct buf body = {0};
	buf_bytes(&body, SPAN(""));
	buf_u8(&body, true);
	buf_reset(&s->name);
	return select_by(s, KEEPER_SELECT, &body, out);
}

static int
renew(
    struct store *s, const struct store_view *was, unsigned may, struct store_view *out)
{
	struct buf body = {0};
	uint32_t recent_from = was->recent_from;
	buf_u32(&body, was->mailbox);
	buf_u8(&body, (uint8_t)may);
	buf_reset(&s->name); /* another one may have it by now */
	int err = select_by(s, KEEPER_RENEW, &body, out);
	if (err == E_OK)
		out->recent_from = recent_from;
	return err;
}

int
store_view_renew(struct store *s, struct store_view *was, struct store_view *out)
{
	return renew(s, was, 0, out);
}

int
store_reselect(struct store *s, uint32_t mailbox, uint32_t recent_from,
    bool is_for_news, struct store_view *out)
{
	struct store_view was = {.mailbox = mailbox, .recent_from = recent_from};
	/* what was told early of it is asked for, where more will be said */
	bool is_left = s->is_reselected && s->left.head && s->left.mailbox == mailbox &&
	               (is_for_news || !s->is_early);
	if (is_left && take_left(s, out)) {
		out->recent_from = recent_from;
		return E_OK;
	}
	store_unselect_now(s);
	if (is_for_news)
		doze_watch_first(s);
	int err = renew(
	    s, &was, RENEW_MAY_DOZE | (is_for_news ? RENEW_MAY_BE_EARLY : 0), out);
	s->is_reselected = err == E_OK;
	return err;
}

static void
unselect(struct store *s, struct store_view *v, uint32_t uidnext)
{
	struct buf body = {0};
	/* one that was renewed is only unmapped: the mailbox is still selected */
	if (s->head == v->head) {
		buf_u32(&body, v->mailbox);
		buf_u32(&body, uidnext);
		keeper_tell(s, KEEPER_UNSELECT, buf_as_span(&body));
		buf_free(&body);
		store_cache_flush(s);
		caches_unmap(s);
		s->head = NULL;
	}
	munmap((void *)(uintptr_t)v->head, v->mapped_bytes);
	*v = (struct store_view){.n = 0};
}

void
store_unselect(struct store *s, struct store_view *v)
{
	if (v->head)
		unselect(s, v, v->head->uidnext);
}

void
store_unselect_later(struct store *s, struct store_view *v)
{
	if (v->head != s->head || (s->name.len == 0 && !s->is_reselected)) {
		store_unselect(s, v);
		return;
	}
	s->left = *v;
	s->left_uidnext = v->head->uidnext;
	*v = (struct store_view){.n = 0};
}

bool
store_is_unselecting(const struct store *s)
{
	return s->left.head != NULL;
}

void
store_unselect_now(struct store *s)
{
	if (s->left.head)
		unselect(s, &s->left, s->left_uidnext);
}

uint32_t
store_records_before(const struct store_record *records, uint32_t n, uint32_t uid)
{
	uint32_t low = 0, high = n;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (records[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct store_record *
store_record_of(const struct store_view *v, uint32_t uid)
{
	uint32_t n = atomic_load_explicit(&v->head->n, memory_order_acquire);
	uint32_t i = store_records_before(v->records, n, uid);
	return i < n && v->records[i].uid == uid ? &v->records[i] : NULL;
}

int
sync_all(struct store *s, bool *is_behind)
{
	struct buf body = {0};
	struct answer answer;
	enum store_said said = keeper_ask_said(s, KEEPER_SYNC, &body, true, &answer);
	if (said != STORE_DONE)
		return E_IO;
	*is_behind = rd_u8(&answer.body) != 0;
	return answer_end(&answer);
}

int
store_sync(struct store *s)
{
	bool is_behind;
	return sync_all(s, &is_behind);
}

int
store_settle(struct store *s)
{
	return s->is_early ? store_sync(s) : E_OK;
}

/* ---- waiting ---- */

/* The channel of the last wait, if that one was answered. */
static bool
watch_is_free(struct store *s)
{
	struct ask_msg m;
	if (s->watch < 0)
		return false;
	int err = ask_recv(s->watch, &s->in, &m, 0);
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	return err == E_OK;
}

int
store_watch(struct store *s, const struct store_view *v, uint64_t modseq, int *out)
{
	struct buf body = {0};
	int err = E_OK;
	/* the watch may be with the next keeper: then nobody writes the view any more */
	bool is_there = keeper_is_there(s);
	(void)is_there;
	if (!watch_is_free(s)) {
		store_watch_end(s);
		err = keeper_reach(s, &s->watch);
	}
	buf_u32(&body, v ? v->mailbox : 0);
	buf_u64(&body, modseq);
	buf_u64(&body, s->metadata_seen);
	if (err == E_OK)
		err = ask_send(s->watch, KEEPER_WAIT, buf_as_span(&body), -1,
		    deadline_in_ms(STORE_WAIT_MS));
	buf_free(&body);
	if (err != E_OK) {
		store_watch_end(s);
		return E_IO;
	}
	*out = s->watch;
	return E_OK;
}

void
store_watch_end(struct store *s)
{
	if (s->watch >= 0)
		close(s->watch);
	s->watch = -1;
	if (s->has_watched_new)
		store_doze_end(s, true);
}
