/* SPDX-License-Identifier: ISC */
/* rebuild.c - an index where there is none: of a new account, or from files, dump and floor. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/keeper.h"

enum { DUMP_READ_MAX = 1 << 30 };

/* RFC 6154 */
static const struct {
	const char *name, *special_use;
} first_mailboxes[] = {{"INBOX", ""}, {"Sent", "\\Sent"}, {"Drafts", "\\Drafts"}, {"Junk", "\\Junk"},
    {"Trash", "\\Trash"}, {"Archive", "\\Archive"}};

static int
add_firsts(struct tables *t, struct db_txn *txn, struct floor *f)
{
	int err = E_OK;
	for (uint32_t i = 0; i < COUNT(first_mailboxes) && err == E_OK; i++) {
		struct mailbox m = {.id = i + 1, .uidvalidity = ++f->uidvalidity, .uidnext = f->uid + 1,
		    .modseq = f->modseq + 1, .is_subscribed = true};
		strcpy(m.name, first_mailboxes[i].name);
		strcpy(m.special_use, first_mailboxes[i].special_use);
		err = mailbox_put(t, txn, &m);
	}
	return err;
}

static int
finish(struct tables *t, struct db_txn **txn, int err, const struct floor *f)
{
	if (err != E_OK)
		db_abort(txn);
	else
		err = db_commit(txn);
	if (err == E_OK)
		err = floor_write(f); /* before anything of it is told */
	if (err == E_OK)
		err = db_sync(t->db);
	return err == E_OK ? usage_write(t) : err;
}

int
index_make(struct tables *t, struct floor *f)
{
	struct db_txn *txn;
	int64_t now = clock_wall_sec();
	if (f->uidvalidity == 0)
		f->uidvalidity = now > 0 && now < UINT32_MAX - MAILBOXES_MAX ? (uint32_t)now : 1;
	int err = db_begin(t->db, &txn);
	return err == E_OK ? finish(t, &txn, add_firsts(t, txn, f), f) : err;
}

/* ---- rebuild ---- */

struct rebuilding {
	struct tables *tables;
	struct floor *floor;
	struct db_txn *txn;
	unsigned from_dump, without;
};

static bool
message_is_there(struct file_id id)
{
	struct buf path = {0};
	msg_path_put(&path, id);
	bool is_there = access(buf_cstr(&path), F_OK) == 0;
	buf_free(&path);
	return is_there;
}

/* Its uids go on behind all that was ever told. */
static int
on_mailbox(void *ctx, const struct mailbox *m)
{
	struct rebuilding *r = ctx;
	struct mailbox again = *m;
	again.uidnext = r->floor->uid + 1;
	again.modseq = r->floor->modseq + 1;
	again.messages = again.bytes = 0;
	if (m->uidvalidity > r->floor->uidvalidity)
		r->floor->uidvalidity = m->uidvalidity;
	return mailbox_put(r->tables, r->txn, &again);
}

static int
count_in(struct rebuilding *r, uint32_t mailbox, uint64_t bytes, bool is_new, uint32_t *uid)
{
	struct mailbox m;
	int err = mailbox_get(r->tables, r->txn, mailbox, &m);
	if (err != E_OK)
		return err;
	m.messages++;
	m.bytes += bytes;
	if (is_new)
		*uid = m.uidnext++;
	return mailbox_put(r->tables, r->txn, &m);
}

static int
add_message(struct rebuilding *r, uint32_t mailbox, struct store_record *rec, bool is_new)
{
	struct file_name f = {.id = rec->id, .size_bytes = rec->size_bytes};
	int64_t now = clock_wall_sec();
	int err = count_in(r, mailbox, rec->size_bytes, is_new, &rec->uid);
	if (err == E_OK)
		err = record_put(r->tables, r->txn, mailbox, rec);
	if (err == E_OK)
		err = file_refer(r->tables, r->txn, &f, now);
	if (err == E_OK)
		err = seen_put(r->tables, r->txn, rec->id, now);
	return err;
}

static int
on_record(void *ctx, uint32_t mailbox, const struct store_record *was)
{
	struct rebuilding *r = ctx;
	struct store_record rec = *was;
	if (!message_is_there(rec.id)) {
		r->without++;
		return E_OK; /* expunged after the dump, or lost: there is nothing to show */
	}
	rec.modseq = r->floor->modseq + 1;
	r->from_dump++;
	return add_message(r, mailbox, &rec, false);
}

static int
read_dump(struct rebuilding *r)
{
	struct buf text = {.max = DUMP_READ_MAX};
	struct stat st;
	const struct dump_visitor v = {.ctx = r, .on_mailbox = on_mailbox, .on_record = on_record};
	int fd = open("dump", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 && fstat(fd, &st) == 0 ? E_OK : E_BAD;
	char *room = err == E_OK ? buf_room(&text, (size_t)st.st_size) : NULL;
	if (err == E_OK && (!room || read(fd, room, (size_t)st.st_size) != st.st_size))
		err = E_BAD;
	if (err == E_OK) {
		buf_added(&text, (size_t)st.st_size);
		err = dump_read(buf_as_span(&text), &v);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	return err;
}

/* A file that no row names: it came after the dump. */
static int
adopt(struct rebuilding *r, const char *folder, const char *name, unsigned *n)
{
	struct store_record rec = {.uid = 0};
	struct buf row = {0}, path = {0};
	struct stat st;
	if (file_id_parse(span_of(name), &rec.id) != E_OK)
		return E_OK;
	int known = db_get(r->tables->files, r->txn, span_make(rec.id.b, FILE_ID_BYTES), &row);
	buf_free(&row);
	if (known != E_BAD)
		return known;
	buf_putf(&path, "%s/%s", folder, name);
	int err = stat(buf_cstr(&path), &st) == 0 ? E_OK : E_IO;
	buf_free(&path);
	if (err != E_OK)
		return err;
	rec.size_bytes = (uint64_t)st.st_size;
	rec.date_sec = rec.saved_sec = (int64_t)st.st_mtim.tv_sec;
	rec.modseq = r->floor->modseq + 1;
	++*n;
	return add_message(r, 1, &rec, true);
}

static int
adopt_folder(struct rebuilding *r, const char *folder, unsigned *n)
{
	DIR *d = opendir(folder);
	int err = d ? E_OK : errno == ENOENT ? E_OK : E_IO;
	for (struct dirent *e; d && err == E_OK && (e = readdir(d));)
		err = adopt(r, folder, e->d_name, n);
	if (d)
		closedir(d);
	return err;
}

static int
adopt_all(struct rebuilding *r, unsigned *n)
{
	char folder[16];
	int err = E_OK;
	for (unsigned i = 0; i < 256 && err == E_OK; i++) {
		snprintf(folder, sizeof folder, "msg/%02x", i);
		err = adopt_folder(r, folder, n);
	}
	return err;
}

static int
fill(struct tables *t, struct floor *f)
{
	struct rebuilding r = {.tables = t, .floor = f};
	unsigned adopted = 0;
	int err = db_begin(t->db, &r.txn);
	if (err != E_OK)
		return err;
	err = read_dump(&r);
	if (err == E_BAD) { /* no dump, or one that ends early: what it said is taken, the rest is found by name */
		struct mailbox inbox;
		if (mailbox_get(t, r.txn, 1, &inbox) == E_BAD)
			err = add_firsts(t, r.txn, f);
		else
			err = E_OK;
	}
	if (err == E_OK)
		err = adopt_all(&r, &adopted);
	f->uid += adopted + FLOOR_UIDS_AHEAD;
	f->modseq += FLOOR_MODSEQS_AHEAD;
	log_event(LOG_NOTICE, "rebuilt", "from_dump=%u found=%u without_file=%u result=%s", r.from_dump, adopted, r.without,
	    err_name(err));
	return finish(t, &r.txn, err, f);
}

int
index_rebuild(struct tables *t, struct floor *f)
{
	char aside[64];
	tables_close(t);
	snprintf(aside, sizeof aside, "index.broken-%lld", (long long)clock_wall_sec());
	log_event(LOG_ALERT, "index_damaged", "aside=%s do=\"nothing: it is rebuilt from files, dump and floor\"", aside);
	if (rename("index/db", aside) != 0 && errno != ENOENT)
		return E_IO;
	int err = floor_read(f);
	if (err == E_IO)
		return err;
	err = tables_open(t, "index/db", true);
	return err == E_OK ? fill(t, f) : E_IO;
}

struct sum {
	uint64_t bytes, messages;
};

static int
add_up(void *ctx, const struct mailbox *m)
{
	struct sum *s = ctx;
	s->bytes += m->bytes;
	s->messages += m->messages;
	return E_OK;
}

int
usage_write(struct tables *t)
{
	struct sum s = {0};
	char text[64];
	int err = mailbox_each(t, add_up, &s);
	if (err != E_OK)
		return err;
	int n = snprintf(text, sizeof text, "%llu %llu\n", (unsigned long long)s.bytes, (unsigned long long)s.messages);
	/* not synced: the truth is the index.  Readable by the look-ups' group, which is the home's. */
	return file_replace("usage", span_make(text, (size_t)n), 0644, false);
}
