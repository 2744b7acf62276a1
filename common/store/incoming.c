/* SPDX-License-Identifier: ISC */
/*
 * incoming.c - a session's side: new messages.  Written as tmp/ID, which a lock marks as in use; at
 * its end it gets its name in msg/ too, and both are synced.  Then the keeper is asked for rows,
 * and takes the name in tmp/ away.  A crash leaves tmp/ID without a row (the keeper's tmp_sweep
 * takes both names away) or a whole message.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/state.h"
#include "tls/hash.h"

static bool was_quota; /* of what failed last */

bool
incoming_was_quota(void)
{
	return was_quota;
}

enum store_said
incoming_said(int err)
{
	if (err == E_OK)
		return STORE_DONE;
	return err != E_LIMIT         ? STORE_LATER
	       : incoming_was_quota() ? STORE_OVER_QUOTA
	                              : STORE_DISK_FULL;
}

static int
world_err(void)
{
	was_quota = errno == EDQUOT;
	bool is_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
	log_event(is_full ? LOG_WARNING : LOG_ERR, "message_not_written", "err=%s",
	    log_errno(errno));
	return is_full ? E_LIMIT : E_IO;
}

/* ---- the file ---- */

/* A sweep may take a file away before its lock is held: then another one is made. */
static int
make_file(struct incoming *m)
{
	struct buf path = {0};
	struct stat st = {.st_nlink = 0};
	int err = E_OK;
	while (err == E_OK && st.st_nlink == 0) {
		buf_reset(&path);
		m->id = file_id_of(id_new(), 0);
		tmp_path_put(&path, m->id);
		if (m->fd >= 0)
			close(m->fd);
		m->fd = open(buf_cstr(&path),
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (m->fd < 0 || flock(m->fd, LOCK_EX) != 0 || fstat(m->fd, &st) != 0)
			err = world_err();
	}
	buf_free(&path);
	return err;
}

int
incoming_begin(struct store *s, struct incoming *out)
{
	(void)s;
	*out = (struct incoming){.fd = -1, .date_sec = clock_wall_sec()};
	int err = make_file(out);
	if (err == E_OK)
		out->sum = hash_new();
	return err;
}

int
incoming_write(struct incoming *m, struct span bytes)
{
	hash_add(m->sum, bytes);
	m->size_bytes += bytes.n;
	return file_write(m->fd, bytes) == E_OK ? E_OK : world_err();
}

int
home_folder_sync(const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd >= 0 && fsync(fd) == 0 ? E_OK : world_err();
	if (fd >= 0)
		close(fd);
	return err;
}

/* Its second name, in a folder that may be new. */
static int
link_message(const char *from, const char *to, const char *folder)
{
	if (link(from, to) == 0)
		return E_OK;
	if (errno != ENOENT || (mkdir(folder, 0700) != 0 && errno != EEXIST))
		return world_err();
	int err = home_folder_sync("msg");
	if (err == E_OK && link(from, to) != 0)
		err = world_err();
	return err;
}

static void
folder_put(struct buf *out, struct file_id id)
{
	struct buf path = {0};
	msg_path_put(&path, id);
	buf_span(out, span_head(buf_as_span(&path), sizeof "msg/xx" - 1));
	buf_free(&path);
}

/* Its last byte was written: it gets its sum and its name, not synced. */
static int
end_unsynced(struct incoming *m)
{
	struct buf from = {0}, to = {0}, folder = {0};
	hash_end(&m->sum, m->sha256);
	tmp_path_put(&from, m->id);
	msg_path_put(&to, m->id);
	folder_put(&folder, m->id);
	int err = link_message(buf_cstr(&from), buf_cstr(&to), buf_cstr(&folder));
	m->is_linked = err == E_OK;
	buf_free(&from);
	buf_free(&to);
	buf_free(&folder);
	return err;
}

int
incoming_end(struct incoming *m)
{
	struct buf folder = {0};
	int err = end_unsynced(m);
	/*
	 * the file first: on most file systems that syncs its names too, and the folder has nothing
	 * left to do
	 */
	if (err == E_OK && fsync(m->fd) != 0)
		err = world_err();
	folder_put(&folder, m->id);
	if (err == E_OK)
		err = home_folder_sync(buf_cstr(&folder));
	buf_free(&folder);
	return err;
}

int
incoming_end_all(struct incoming *all, size_t n)
{
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = end_unsynced(&all[i]);
	if (err == E_OK && n && syncfs(all[0].fd) != 0)
		err = world_err();
	return err;
}

void
incoming_drop(struct incoming *m)
{
	struct buf path = {0};
	if (m->fd >= 0 && !m->is_kept) {
		msg_path_put(&path, m->id);
		if (m->is_linked)
			unlink(buf_cstr(&path));
		buf_reset(&path);
		tmp_path_put(&path, m->id);
		unlink(buf_cstr(&path));
	}
	if (m->fd >= 0)
		close(m->fd);
	if (m->sum)
		hash_end(&m->sum, NULL);
	m->fd = -1;
	buf_free(&path);
}

/* ---- its row ---- */

/* of all messages of one APPEND; those behind come without their item */
enum { CACHE_BYTES_MOST = 32 << 20 };

static enum store_said
append(struct store *s, const struct ask_append *a, struct incoming *all,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	struct buf body = {.max = ASK_BODY_MOST};
	struct answer answer;
	ask_append_put(&body, a);
	for (uint16_t i = 0; i < a->n; i++) {
		struct incoming m = all[i];
		if (m.n_keywords > STORE_KEYWORDS_MAX || !m.is_linked)
			bug("an APPEND of what is no message");
		if (body.len > CACHE_BYTES_MOST || m.cache.n > STORE_CACHE_ITEM_MAX)
			m.cache = SPAN("");
		ask_message_put(&body, &m);
	}
	enum store_said said = keeper_ask_said(s, KEEPER_APPEND, &body, false, &answer);
	uint32_t validity = rd_u32(&answer.body), uid = rd_u32(&answer.body);
	if (said == STORE_DONE && answer_end(&answer) != E_OK)
		said = STORE_LATER;
	/* at LATER nobody knows: its keeper, or the next one, tells whether it has a row */
	for (uint16_t i = 0; i < a->n; i++)
		all[i].is_kept = said == STORE_DONE || said == STORE_LATER;
	if (said == STORE_DONE && uidvalidity)
		*uidvalidity = validity;
	if (said == STORE_DONE && first_uid)
		*first_uid = uid;
	return said;
}

enum store_said
store_append(struct store *s, struct span mailbox, struct incoming *all, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	struct ask_append a = {.target = mailbox,
	    .quota_bytes = s->quota_bytes,
	    .quota_messages = s->quota_messages,
	    .n = (uint16_t)n,
	    .is_copy = n > 0 && all[0].is_copy};
	if (n == 0 || n > STORE_APPENDS_MOST)
		return STORE_TOO_MANY;
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	return append(s, &a, all, uidvalidity, first_uid);
}

enum store_said
store_replace(struct store *s, uint32_t mailbox, uint32_t uid, struct span target,
    struct incoming *m, uint32_t *uidvalidity, uint32_t *new_uid)
{
	struct ask_append a = {.target = target,
	    .quota_bytes = s->quota_bytes,
	    .quota_messages = s->quota_messages,
	    .replaced_mailbox = mailbox,
	    .replaced_uid = uid,
	    .n = 1};
	if (target.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	return append(s, &a, m, uidvalidity, new_uid);
}
