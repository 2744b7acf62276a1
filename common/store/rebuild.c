/* SPDX-License-Identifier: ISC */
/*
 * rebuild.c - an index where there is none: of a new account, or from files, dump (rebuild_dump.c)
 * and floor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/at_work.h"
#include "store/keeper.h"
#include "store/rebuild.h"
#include "store/retention.h"
#include "store/sum.h"

enum {
	ASIDES_MOST = 100, /* of one second */
	BLOCK_BYTES =
	    4096, /* or a part of one: where a file is cut that lost its end */
};

/* ---- mailboxes ---- */

struct mailbox *
rebuild_add_mailbox(struct rebuilding *r, const struct mailbox *m)
{
	r->all = mem_room(r->all, r->n, &r->cap, sizeof *r->all);
	r->last = NULL;
	r->all[r->n] = *m;
	return &r->all[r->n++];
}

/* RFC 6154 */
static const struct {
	const char *name, *special_use;
} first_mailboxes[] = {{"INBOX", ""}, {"Sent", "\\Sent"}, {"Drafts", "\\Drafts"},
    {"Junk", "\\Junk"}, {"Trash", "\\Trash"}, {"Archive", "\\Archive"}};

/* Those that a new account has; in a rebuild, INBOX at least. */
static int
add_firsts(struct rebuilding *r, size_t n)
{
	struct floor *f = r->floor;
	int64_t now = clock_wall_sec();
	int err = E_OK;
	if (f->uidvalidity == 0)
		f->uidvalidity = now > 0 && now < UINT32_MAX - STORE_MAILBOXES_MAX
		                     ? (uint32_t)now
		                     : 1;
	for (size_t i = 0; i < n && err == E_OK; i++) {
		struct mailbox m = {.id = ++f->mailbox,
		    .uidvalidity = ++f->uidvalidity,
		    .uidnext = f->uid + 1,
		    .modseq = f->modseq + 1,
		    .expunged_floor = f->modseq + 1,
		    .first_recent = f->uid + 1};
		strcpy(m.name, first_mailboxes[i].name);
		strcpy(m.special_use, first_mailboxes[i].special_use);
		rebuild_add_mailbox(r, &m);
		err = subscription_put(r->tables, r->txn, span_of(m.name), true);
	}
	return err;
}

static int
finish(struct rebuilding *r, int err)
{
	for (size_t i = 0; i < r->n && err == E_OK; i++)
		err = mailbox_put(r->tables, r->txn, &r->all[i]);
	if (err != E_OK)
		db_abort(&r->txn);
	else
		err = db_commit(&r->txn);
	if (err == E_OK)
		err = floor_write(r->floor); /* before anything of it is told */
	mem_free(&r->all);
	mem_free(&r->sums);
	mem_free(&r->waiting);
	buf_free(&r->kept_name);
	mem_free(&r->doomed.all);
	mem_free(&r->expunged);
	return err == E_OK ? db_sync(r->tables->db) : err;
}

int
index_make(struct tables *t, struct floor *f)
{
	struct rebuilding r = {.tables = t, .floor = f};
	int err = db_begin(t->db, &r.txn);
	if (err != E_OK)
		return err;
	err = add_firsts(&r, COUNT(first_mailboxes));
	/* nobody who gets the first message waits for a floor */
	f->uid += FLOOR_UIDS_AHEAD;
	f->modseq += FLOOR_MODSEQS_AHEAD;
	return finish(&r, err);
}

/* ---- a message ---- */

bool
message_is_there(struct file_id id)
{
	struct buf path = {0};
	msg_path_put(&path, id);
	bool is_there = access(buf_cstr(&path), F_OK) == 0;
	buf_free(&path);
	return is_there;
}

/*
 * Of one whose sum nobody knows any more: what tells that a power cut tore it, on a disk that lost what it had
 * said it had.  One that is torn elsewhere cannot be told from one that came so.  NULL: nothing does
 */
static const char *
why_torn(int fd, uint64_t size_bytes)
{
	struct stat st;
	char last;
	if (fstat(fd, &st) != 0)
		return NULL;
	if ((uint64_t)st.st_size != size_bytes)
		return "it has another size than it had";
	if (st.st_size == 0)
		return "it is empty";
	if (pread(fd, &last, 1, st.st_size - 1) != 1)
		return NULL;
	if (last == '\0')
		return "it ends in zeros";
	return last != '\n' && st.st_size % BLOCK_BYTES == 0
	           ? "it ends with a block, and within a line"
	           : NULL;
}

static void
say_torn(struct rebuilding *r, int fd, const struct file_name *f, const char *path)
{
	const char *why = why_torn(fd, f->size_bytes);
	if (!why)
		return;
	r->torn++;
	log_event(LOG_ERR, "file_torn", "file=%s why=\"%s\" do=\"%s\"", path, why,
	    "look at it; verify takes it as it is");
}

/*
 * What it was when the message came, where the dump knows it: damage of before is found.  Else what
 * it is now.  One that cannot be read has none.
 */
static void
sum_find(struct rebuilding *r, struct file_name *f)
{
	struct dumped_sum key = {.id = f->id}, *was = NULL;
	struct buf path = {0};
	if (r->n_sums)
		was = bsearch(&key, r->sums, r->n_sums, sizeof key, by_file_id);
	if (was) {
		memcpy(f->sha256, was->sha256, sizeof f->sha256);
		return;
	}
	msg_path_put(&path, f->id);
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || file_sum(fd, f->sha256) != E_OK) {
		log_event(LOG_ERR, "no_sum", "file=%s err=%s", buf_cstr(&path),
		    log_errno(errno));
		memset(f->sha256, 0, sizeof f->sha256);
	}
	if (fd >= 0) {
		say_torn(r, fd, f, buf_cstr(&path));
		close(fd);
	}
	buf_free(&path);
}

int
rebuild_add_message(
    struct rebuilding *r, struct mailbox *m, const struct store_record *rec)
{
	struct file_name f = {.id = rec->id, .size_bytes = rec->size_bytes};
	int64_t now = clock_wall_sec();
	bool is_copy;
	mailbox_count(m, rec, 1);
	int err = records_append(r->tables, r->txn, m->id, rec, 1);
	if (err == E_OK)
		err = file_is_known(r->tables, f.id, &is_copy);
	if (err == E_OK && !is_copy)
		sum_find(r, &f);
	if (err == E_OK)
		err = file_refer(r->tables, r->txn, &f, now);
	if (err == E_OK)
		err = seen_put(r->tables, r->txn, rec->id, now);
	return err;
}

/* ---- from the files ---- */

void
rebuild_step(struct rebuilding *r)
{
	at_work_tell(++r->looked_at, r->to_look_at);
}

/* A session is just about to append it. */
static bool
is_arriving(struct file_id id)
{
	struct buf path = {0};
	tmp_path_put(&path, id);
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool is_held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (fd >= 0)
		close(fd);
	buf_free(&path);
	return is_held;
}

bool
rebuild_is_doomed(const struct rebuilding *r, struct file_id id)
{
	return r->doomed.n &&
	       bsearch(&id, r->doomed.all, r->doomed.n, sizeof id, by_file_id);
}

/* What was deleted is not shown again; the next keeper removes the files. */
static int
doom_again(struct rebuilding *r)
{
	struct id_set *set = &r->doomed;
	struct buf ids = {0};
	for (size_t i = 0; i < set->n; i++)
		if ((i == 0 || !file_id_eq(set->all[i], set->all[i - 1])) &&
		    message_is_there(set->all[i]))
			buf_put(&ids, set->all[i].b, FILE_ID_BYTES);
	int err = buf_done(&ids);
	if (err == E_OK)
		err = doomed_put(r->tables, r->txn, buf_as_span(&ids));
	buf_free(&ids);
	return err;
}

/* A file that no row names: it came after the dump. */
static int
adopt(struct rebuilding *r, const char *folder, const char *name)
{
	struct store_record rec = {.uid = 0};
	struct buf path = {0};
	struct stat st;
	bool is_known;
	if (file_id_parse(span_of(name), &rec.id) != E_OK || is_arriving(rec.id))
		return E_OK;
	int err = file_is_known(r->tables, rec.id, &is_known);
	if (err != E_OK || is_known || rebuild_is_doomed(r, rec.id))
		return err;
	buf_putf(&path, "%s/%s", folder, name);
	err = stat(buf_cstr(&path), &st) == 0 ? E_OK : E_IO;
	buf_free(&path);
	if (err != E_OK)
		return err;
	struct mailbox *inbox = &r->all[0];
	if (inbox->uidnext < inbox->reserved)
		inbox->uidnext = inbox->reserved;
	rec.uid = inbox->uidnext++;
	rec.size_bytes = (uint64_t)st.st_size;
	rec.date_sec = (int64_t)st.st_mtim.tv_sec;
	rec.saved_sec = clock_wall_sec(); /* into this folder it comes now */
	rec.modseq = inbox->modseq;
	r->found++;
	return rebuild_add_message(r, inbox, &rec);
}

static int
adopt_folder(struct rebuilding *r, const char *folder)
{
	DIR *d = opendir(folder);
	int err = d || errno == ENOENT ? E_OK : E_IO;
	for (struct dirent *e; d && err == E_OK && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		err = adopt(r, folder, e->d_name);
		rebuild_step(r);
	}
	if (d)
		closedir(d);
	return err;
}

static int
count_folder(struct rebuilding *r, const char *folder)
{
	DIR *d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d));)
		r->to_look_at += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return E_OK;
}

static int
each_folder(struct rebuilding *r, int (*fn)(struct rebuilding *, const char *folder))
{
	char folder[16];
	int err = E_OK;
	for (unsigned i = 0; i < 256 && err == E_OK; i++) {
		snprintf(folder, sizeof folder, "msg/%02x", i);
		err = fn(r, folder);
	}
	return err;
}

/* It becomes the first of all. */
static int
find_inbox(struct rebuilding *r)
{
	size_t at = 0;
	int err = E_OK;
	while (at < r->n && (r->all[at].is_dead || r->all[at].is_kept ||
				strcmp(r->all[at].name, "INBOX") != 0))
		at++;
	if (at == r->n)
		err = add_firsts(r, r->n ? 1 : COUNT(first_mailboxes));
	struct mailbox inbox = r->all[at];
	r->all[at] = r->all[0];
	r->all[0] = inbox;
	r->last = NULL;
	return err;
}

/* Before anybody sees it: whose mail lies in INBOX is to look at it before rules do. */
static void
hold_retention(const struct rebuilding *r)
{
	const struct retention_stamp stamp = {clock_wall_sec(), RETENTION_REBUILT};
	if (r->found && retention_stamp_put(&stamp) != E_OK)
		log_event(LOG_WARNING, "retention_not_held", "found=%u", r->found);
}

static int
fill(struct tables *t, struct floor *f, struct store_rebuilt *out)
{
	struct rebuilding r = {.tables = t, .floor = f};
	int err = db_begin(t->db, &r.txn);
	if (err == E_OK)
		err = each_folder(&r, count_folder);
	if (err != E_OK)
		return err;
	err = rebuild_read_dump(&r);
	/* none, or one that ends early: what it said is taken, the rest is found by name */
	if (err == E_OK || err == E_BAD)
		err = find_inbox(&r);
	if (err == E_OK)
		err = doom_again(&r);
	if (err == E_OK)
		err = each_folder(&r, adopt_folder);
	hold_retention(&r);
	for (size_t i = 0; i < r.n; i++) {
		if (r.all[i].uidnext > f->uid)
			f->uid = r.all[i].uidnext;
		if (r.all[i].modseq > f->modseq)
			f->modseq = r.all[i].modseq;
	}
	log_event(LOG_NOTICE, "rebuilt",
	    "aside=%s from_dump=%u found=%u without_file=%u torn=%u result=%s",
	    out->aside[0] ? out->aside : "none", r.from_dump, r.found, r.without,
	    r.torn, err_name(err));
	out->from_dump = r.from_dump;
	out->found = r.found;
	out->without_file = r.without;
	return finish(&r, err);
}

static int
put_aside(struct store_rebuilt *out)
{
	int64_t now = clock_wall_sec();
	for (unsigned i = 0; i < ASIDES_MOST; i++) {
		snprintf(out->aside, sizeof out->aside, "index.broken-%lld%s%.0u",
		    (long long)now, i ? "." : "", i);
		if (rename("index/db", out->aside) == 0)
			return E_OK;
		if (errno != EEXIST && errno != ENOTEMPTY)
			break;
	}
	out->aside[0] = '\0';
	return errno == ENOENT ? E_OK : E_IO;
}

static int
make_anew(struct tables *t, struct floor *f, struct store_rebuilt *out)
{
	*out = (struct store_rebuilt){.found = 0};
	tables_close(t);
	if (put_aside(out) != E_OK)
		return E_IO;
	int err = floor_read(f);
	if (err == E_IO)
		return err;
	err = tables_open(t, "index/db", true);
	return err == E_OK ? fill(t, f, out) : E_IO;
}

int
index_rebuild(struct tables *t, struct floor *f, struct store_rebuilt *out)
{
	at_work_begin();
	int err = make_anew(t, f, out);
	at_work_end();
	return err;
}
