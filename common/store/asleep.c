/* SPDX-License-Identifier: ISC */
/* asleep.c - a session's side: what wakes it from a sleep, and whether it may fall asleep. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"
#include "store/state.h"

/* Files in new/ that are taken in already are sought among so many of a view's last records. */
enum { LEAVING_MOST = 16 };

/* ---- the keeper is asked ---- */

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

/* ---- what is watched ---- */

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

/* As the keeper watches it. */
static int
watch_new(int inotify)
{
	const uint32_t events = IN_MOVED_TO | IN_MODIFY;
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
	s->has_watched_new = false;
}

static int
doze_begin(struct store *s, bool takes_in)
{
	doze_drop(s, s->has_watched_new);
	s->dozing = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->dozing < 0)
		return E_IO;
	return takes_in ? watch_new(s->dozing) : E_OK;
}

/* Where it cannot be, that is tried again when the session lies down. */
void
doze_watch_first(struct store *s)
{
	s->has_watched_new = doze_begin(s, true) == E_OK;
	if (!s->has_watched_new)
		doze_drop(s, true);
}

/* What came since was taken in most likely: it is looked for anew, and wakes nobody once more. */
static void
forget_events(struct store *s)
{
	char space[4096];
	while (read(s->dozing, space, sizeof space) > 0)
		s->has_watched_new = false;
}

static int
doze_in(struct store *s, uint32_t mailbox, bool takes_in)
{
	int err = E_OK;
	if (s->has_watched_new && takes_in)
		forget_events(s); /* before what else is watched can say something */
	else
		err = doze_begin(s, takes_in);
	return err == E_OK ? watch_mailbox(s->dozing, mailbox) : err;
}

/* ---- nothing is missed ---- */

/*
 * It would wake who sleeps now, too: nothing came there since the keeper was asked, which lives, and
 * nothing changed that is not looked at.
 */
static bool
doze_goes_on(struct store *s, const struct store_view *v, uint64_t modseq)
{
	struct pollfd p = {.fd = s->dozing, .events = POLLIN};
	return s->dozing >= 0 && s->doze_mailbox == v->mailbox &&
	       view_is_current(v->head) && v->head->modseq <= modseq &&
	       keeper_is_there(s) && poll(&p, 1, 0) == 0;
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
	    !(s->has_watched_new || nothing_is_new(v)) || !keeper_is_there(s))
		return false;
	atomic_thread_fence(memory_order_seq_cst); /* as in doze_publish */
	return view_is_current(v->head) && v->head->modseq == s->armed_modseq;
}

/* ---- falling asleep ---- */

static int
doze_new(struct store *s, const struct store_view *v, uint64_t modseq, bool takes_in)
{
	bool has_new = takes_in;
	int err = doze_in(s, v->mailbox, takes_in);
	bool is_done = err == E_OK && takes_in && is_armed(s, v, modseq);
	s->has_watched_new = false;
	if (is_done) {
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
	int err = doze_begin(s, true);
	if (err == E_OK)
		err = watch_mailbox(s->dozing, 0);
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
