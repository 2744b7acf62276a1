/* SPDX-License-Identifier: ISC */
/* select.c - a session's side: the selected mailbox, its view, and waiting for changes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/state.h"
#include "store/undelete.h"

/* Files in new/ that are taken in already are sought among so many of a view's last records. */
enum { LEAVING_MOST = 16 };

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

/* The keeper still writes it, under that name. */
static bool
is_current(const struct view_head *h)
{
	return !h->is_superseded && !h->is_deleted && !h->is_renamed;
}

/* The view that was left, as it is now.  False: the keeper must be asked */
static bool
take_left(struct store *s, struct store_view *out)
{
	const struct view_head *h = s->left.head;
	if (!keeper_is_there(s) || !is_current(h))
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
renew(struct store *s, const struct store_view *was, bool may_doze,
    struct store_view *out)
{
	struct buf body = {0};
	uint32_t recent_from = was->recent_from;
	buf_u32(&body, was->mailbox);
	buf_u8(&body, may_doze);
	buf_reset(&s->name); /* another one may have it by now */
	int err = select_by(s, KEEPER_RENEW, &body, out);
	if (err == E_OK)
		out->recent_from = recent_from;
	return err;
}

int
store_view_renew(struct store *s, struct store_view *was, struct store_view *out)
{
	return renew(s, was, false, out);
}

int
store_reselect(
    struct store *s, uint32_t mailbox, uint32_t recent_from, struct store_view *out)
{
	struct store_view was = {.mailbox = mailbox, .recent_from = recent_from};
	bool is_left = s->is_reselected && s->left.head && s->left.mailbox == mailbox;
	if (is_left && take_left(s, out)) {
		out->recent_from = recent_from;
		return E_OK;
	}
	store_unselect_now(s);
	int err = renew(s, &was, true, out);
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
}

/* ---- sleeping ---- */

/* E_OK; E_MORE: what would wake who sleeps has happened; E_IO.  takes_in: NULL, where it is not said */
static int
doze_said(enum store_said said, struct answer *a, bool *takes_in)
{
	if (said == STORE_NONEXISTENT)
		return E_MORE;
	bool is_past = rd_u8(&a->body) != 0;
	if (takes_in)
		*takes_in = rd_u8(&a->body) != 0;
	if (said != STORE_DONE || answer_end(a) != E_OK)
		return E_IO;
	return is_past ? E_MORE : E_OK;
}

/*
 * What came before new/ is watched is taken in before the keeper looks: both are asked at once.
 * E_OK; E_MORE: it is past modseq
 */
static int
ask_doze(struct store *s, const struct store_view *v, uint64_t modseq, bool *takes_in)
{
	struct buf body = {0};
	struct answer answer;
	buf_u32(&body, v->mailbox);
	buf_u64(&body, modseq);
	buf_u8(&body, *takes_in);
	enum store_said said = keeper_ask_said(s, KEEPER_DOZE, &body, true, &answer);
	return doze_said(said, &answer, takes_in);
}

/* E_OK; E_MORE: something happened since */
static int
ask_doze_all(
    struct store *s, const struct store_view *v, uint64_t modseq, uint64_t since)
{
	struct buf body = {0};
	struct answer answer;
	buf_u64(&body, since);
	buf_u64(&body, s->metadata_seen);
	buf_u32(&body, v ? v->mailbox : 0);
	buf_u64(&body, modseq);
	enum store_said said =
	    keeper_ask_said(s, KEEPER_DOZE_ALL, &body, true, &answer);
	return doze_said(said, &answer, NULL);
}

/*
 * The file is there for as long as nothing changes: all who sleep in the mailbox watch it, or (0)
 * who follow the account.
 */
static int
watch_mailbox(int inotify, uint32_t mailbox)
{
	struct buf name = {0};
	buf_putf(&name, "index/wake.%u", mailbox);
	int file =
	    open(buf_cstr(&name), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = file >= 0 ? E_OK : E_IO;
	if (err == E_OK && inotify_add_watch(inotify, buf_cstr(&name),
			       IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) < 0)
		err = errno == ENOENT ? E_MORE : E_IO;
	if (file >= 0)
		close(file);
	buf_free(&name);
	return err;
}

/* As the keeper watches it: each write, as a placer keeps its file open for a while. */
static int
watch_new(int inotify)
{
	const uint32_t events = IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY;
	return inotify_add_watch(inotify, "new", events) >= 0 ? E_OK : E_IO;
}

/*
 * The kernel lets a close wait for the watches that it ends, 5 to 15 ms: they are ended before.
 * Another process may have it, who sleeps there: then they are not ours to end.
 */
static void
doze_drop(struct store *s, bool is_ours)
{
	for (int wd = 1; s->dozing >= 0 && is_ours && wd <= 2; wd++)
		inotify_rm_watch(s->dozing, wd);
	if (s->dozing >= 0)
		close(s->dozing);
	s->dozing = -1;
	s->doze_mailbox = 0;
}

static int
doze_begin(struct store *s, uint32_t mailbox)
{
	doze_drop(s, false);
	s->dozing = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return s->dozing >= 0 ? watch_mailbox(s->dozing, mailbox) : E_IO;
}

/*
 * It would wake who sleeps now, too: nothing came there since the keeper was asked, which lives, and
 * nothing changed that is not looked at.
 */
static bool
doze_goes_on(struct store *s, const struct store_view *v, uint64_t modseq)
{
	struct pollfd p = {.fd = s->dozing, .events = POLLIN};
	return s->dozing >= 0 && s->doze_mailbox == v->mailbox && is_current(v->head) &&
	       v->head->modseq <= modseq && keeper_is_there(s) && poll(&p, 1, 0) == 0;
}

/* Its file moves a moment after the view was written; it lies among the last then. */
static bool
is_taken_in(const struct store_view *v, const char *file)
{
	struct file_name name;
	if (file_name_parse(span_of(file), &name) != E_OK)
		return false;
	uint32_t n = atomic_load_explicit(&v->head->n, memory_order_acquire);
	for (uint32_t back = 1; back <= n && back <= LEAVING_MOST; back++)
		if (file_id_eq(v->records[n - back].id, name.id))
			return true;
	return false;
}

/* No mail lies there that is not taken in. */
static bool
nothing_is_new(const struct store_view *v)
{
	DIR *d = folder_open_unnoted("new");
	struct dirent *e;
	if (!d)
		return false;
	do {
		errno = 0;
		e = readdir(d);
	} while (e && (e->d_name[0] == '.' || is_taken_in(v, e->d_name)));
	bool are_none = !e && errno == 0;
	closedir(d);
	return are_none;
}

/*
 * Both are watched by now: what the keeper said when it made the view (KEEPER_RENEW) is true yet, if
 * it lives and the view says that nothing changed since.
 */
static bool
is_armed(struct store *s, const struct store_view *v, uint64_t modseq)
{
	if (s->armed_mailbox != v->mailbox || s->armed_modseq > modseq ||
	    !nothing_is_new(v) || !keeper_is_there(s))
		return false;
	atomic_thread_fence(memory_order_seq_cst); /* as in doze_publish */
	return is_current(v->head) && v->head->modseq == s->armed_modseq;
}

static int
doze_new(struct store *s, const struct store_view *v, uint64_t modseq, bool takes_in)
{
	bool has_new = takes_in;
	int err = doze_begin(s, v->mailbox);
	if (err == E_OK && takes_in)
		err = watch_new(s->dozing);
	if (err == E_OK && takes_in && is_armed(s, v, modseq)) {
		s->doze_mailbox = v->mailbox;
		return E_OK;
	}
	if (err == E_OK)
		err = ask_doze(s, v, modseq, &takes_in);
	if (err != E_OK) {
		doze_drop(s, true);
		return err;
	}
	s->doze_mailbox = v->mailbox;
	s->takes_in_not = takes_in ? 0 : v->mailbox;
	if (takes_in != has_new) {
		doze_drop(s, true);
		return E_LIMIT;
	}
	return E_OK;
}

int
store_doze(struct store *s, const struct store_view *v, uint64_t modseq, int *out,
    bool *is_same)
{
	*is_same = doze_goes_on(s, v, modseq);
	int err = E_OK;
	if (!*is_same)
		err = doze_new(s, v, modseq, s->takes_in_not != v->mailbox);
	if (err == E_LIMIT) /* whether mail comes there is known now */
		err = doze_new(s, v, modseq, s->takes_in_not != v->mailbox);
	*out = s->dozing;
	return err == E_LIMIT ? E_IO : err;
}

int
store_doze_all(struct store *s, const struct store_view *v, uint64_t modseq,
    uint64_t since, int *out)
{
	int err = doze_begin(s, 0);
	if (err == E_OK)
		err = watch_new(s->dozing);
	/* what came before new/ is watched is taken in before the keeper is asked */
	if (err == E_OK)
		err = store_sync(s);
	if (err == E_OK)
		err = ask_doze_all(s, v, modseq, since);
	if (err != E_OK)
		doze_drop(s, true);
	*out = s->dozing;
	return err;
}

void
store_doze_end(struct store *s, bool is_ours)
{
	doze_drop(s, is_ours);
}
