/* SPDX-License-Identifier: ISC */
/*
 * rebuild_dump.c - what a rebuild takes from the dump: mailboxes, records, what was seen, what was
 * deleted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/dump.h"
#include "store/rebuild.h"

enum { DUMP_READ_MAX = 1 << 30 };

/* ---- lines ---- */

static struct mailbox *
mailbox_of(struct rebuilding *r, uint32_t id)
{
	if (r->last && r->last->id == id)
		return r->last;
	r->last = NULL;
	for (size_t i = 0; i < r->n && !r->last; i++)
		if (r->all[i].id == id)
			r->last = &r->all[i];
	return r->last;
}

/* Its uids go on behind all that was ever told. */
static int
on_mailbox(void *ctx, const struct mailbox *m)
{
	struct rebuilding *r = ctx;
	struct floor *f = r->floor;
	struct mailbox *again = rebuild_add_mailbox(r, m);
	if (again->uidnext <= f->uid)
		again->uidnext = f->uid + 1;
	if (again->modseq <= f->modseq)
		again->modseq = f->modseq + 1;
	again->expunged_floor = again->modseq;
	if (m->uidvalidity > f->uidvalidity)
		f->uidvalidity = m->uidvalidity;
	if (m->id > f->mailbox)
		f->mailbox = m->id;
	return E_OK;
}

static int
on_keyword(void *ctx, uint32_t mailbox, uint32_t bit, struct span name)
{
	struct rebuilding *r = ctx;
	return keyword_put(r->tables, r->txn, mailbox, bit, name);
}

static int
on_subscription(void *ctx, struct span name)
{
	struct rebuilding *r = ctx;
	return subscription_put(r->tables, r->txn, name, true);
}

static int
on_uidl(void *ctx, struct file_id id, struct span uidl)
{
	struct rebuilding *r = ctx;
	return message_is_there(id) ? uidl_put(r->tables, r->txn, id, uidl) : E_OK;
}

static int
on_sum(void *ctx, struct file_id id, const unsigned char sha256[SHA256_BYTES])
{
	struct rebuilding *r = ctx;
	if (r->n_sums && memcmp(r->sums[r->n_sums - 1].id.b, id.b, FILE_ID_BYTES) >= 0)
		return E_BAD; /* not as we write it */
	r->sums = mem_room(r->sums, r->n_sums, &r->sums_cap, sizeof *r->sums);
	struct dumped_sum *s = &r->sums[r->n_sums++];
	s->id = id;
	memcpy(s->sha256, sha256, sizeof s->sha256);
	return E_OK;
}

/* What was taken in and has gone since: a replay of the spool brings it no second time. */
static int
on_seen(void *ctx, struct file_id id, uint32_t day)
{
	struct rebuilding *r = ctx;
	return seen_put_day(r->tables, r->txn, id, day);
}

static int
on_doomed(void *ctx, struct file_id id)
{
	struct id_set *set = &((struct rebuilding *)ctx)->doomed;
	set->all = mem_room(set->all, set->n, &set->cap, sizeof *set->all);
	set->all[set->n++] = id;
	return E_OK;
}

/* Its record comes next; one of where it was may have been written before it was expunged. */
static int
on_kept(void *ctx, const struct kept_row *k)
{
	struct rebuilding *r = ctx;
	buf_reset(&r->kept_name);
	buf_span(&r->kept_name, k->name);
	r->kept = *k;
	r->kept.name = buf_as_span(&r->kept_name);
	return E_OK;
}

/* The record was good: its row is, too. */
static int
put_kept(struct rebuilding *r, const struct mailbox *m, uint32_t uid)
{
	if (!m->is_kept || r->kept.uid != uid)
		return E_OK;
	int err = tables_keep(r->tables);
	return err == E_OK ? kept_put(r->tables, r->txn, &r->kept) : err;
}

static int
on_expunged(void *ctx, const struct kept_row *k)
{
	struct rebuilding *r = ctx;
	r->expunged =
	    mem_room(r->expunged, r->n_expunged, &r->expunged_cap, sizeof *r->expunged);
	r->expunged[r->n_expunged++] = (struct place){k->mailbox, k->was};
	return E_OK;
}

static int
by_place(const void *a, const void *b)
{
	const struct place *p = a, *q = b;
	if (p->mailbox != q->mailbox)
		return p->mailbox < q->mailbox ? -1 : 1;
	return (p->uid > q->uid) - (p->uid < q->uid);
}

static bool
is_expunged(const struct rebuilding *r, uint32_t mailbox, uint32_t uid)
{
	const struct place key = {mailbox, uid};
	return r->n_expunged &&
	       bsearch(&key, r->expunged, r->n_expunged, sizeof key, by_place);
}

static int
on_annotation(void *ctx, const struct annotation *a)
{
	struct rebuilding *r = ctx;
	return a->mailbox == 0 || mailbox_of(r, a->mailbox)
	           ? annotation_put(r->tables, r->txn, a)
	           : E_OK;
}

/* ---- what lies in new/ ---- */

static void
add_waiting(struct rebuilding *r, const char *text)
{
	struct waiting w;
	if (strlen(text) >= NAME_NEW_MAX ||
	    file_name_parse(span_of(text), &w.name) != E_OK)
		return;
	w.id = w.name.id;
	r->waiting =
	    mem_room(r->waiting, r->n_waiting, &r->waiting_cap, sizeof *r->waiting);
	r->waiting[r->n_waiting++] = w;
}

static int
find_waiting(struct rebuilding *r)
{
	DIR *d = opendir("new");
	int err = d || errno == ENOENT ? E_OK : E_IO;
	for (struct dirent *e; d && (e = readdir(d));)
		add_waiting(r, e->d_name);
	if (d)
		closedir(d);
	if (r->n_waiting)
		qsort(r->waiting, r->n_waiting, sizeof *r->waiting, by_file_id);
	return err;
}

/*
 * Where it was taken in, and its keeper ended before the move: what take-in would do when it finds
 * the row.
 */
static bool
move_waiting(struct rebuilding *r, struct file_id id)
{
	const struct waiting *w = NULL;
	struct buf from = {0};
	if (r->n_waiting)
		w = bsearch(&id, r->waiting, r->n_waiting, sizeof *w, by_file_id);
	if (!w)
		return false;
	buf_str(&from, "new/");
	file_name_put(&from, &w->name);
	bool is_moved = msg_move(buf_cstr(&from), id) == E_OK;
	buf_free(&from);
	return is_moved;
}

static int
on_record(void *ctx, uint32_t mailbox, const struct store_record *was)
{
	struct rebuilding *r = ctx;
	struct store_record rec = *was;
	rebuild_step(r);
	bool is_next = r->last && r->last->id == mailbox;
	struct mailbox *m = mailbox_of(r, mailbox);
	if (!m || rec.uid >= m->uidnext ||
	    (is_next ? rec.uid <= r->last_uid : m->messages > 0))
		return E_BAD; /* not as we write it: a mailbox after another, uids ascend */
	r->last_uid = rec.uid;
	if (rebuild_is_doomed(r, rec.id) || is_expunged(r, mailbox, rec.uid))
		return E_OK; /* expunged while the dump was written */
	if (!message_is_there(rec.id) && !move_waiting(r, rec.id)) {
		r->without++;
		/*
		 * expunged after the dump, or lost, and then a replay may bring it: there is
		 * nothing to show
		 */
		return E_OK;
	}
	rec.modseq = m->modseq;
	r->from_dump++;
	int err = rebuild_add_message(r, m, &rec);
	return err == E_OK ? put_kept(r, m, rec.uid) : err;
}

static size_t
count_records(struct span text)
{
	size_t n = 0;
	while (text.n) {
		n += text.p[0] == 'R';
		text = span_from(text, span_find(text, '\n') + 1);
	}
	return n;
}

/* What was deleted first: records of it may stand before. */
static int
read_lines(struct rebuilding *r, struct span text)
{
	r->to_look_at += count_records(text);
	const struct dump_visitor doomed = {
	    .ctx = r, .on_doomed = on_doomed, .on_kept = on_expunged, .only = "DX"};
	const struct dump_visitor others = {.ctx = r,
	    .on_mailbox = on_mailbox,
	    .on_keyword = on_keyword,
	    .on_record = on_record,
	    .on_subscription = on_subscription,
	    .on_uidl = on_uidl,
	    .on_sum = on_sum,
	    .on_seen = on_seen,
	    .on_annotation = on_annotation,
	    .on_kept = on_kept,
	    .only = "MKSUFRTAX"};
	int had_doomed = dump_read(text, &doomed);
	if (r->doomed.n)
		qsort(r->doomed.all, r->doomed.n, sizeof *r->doomed.all, by_file_id);
	if (r->n_expunged)
		qsort(r->expunged, r->n_expunged, sizeof *r->expunged, by_place);
	int err = dump_read(text, &others);
	return err == E_OK ? had_doomed : err;
}

int
rebuild_read_dump(struct rebuilding *r)
{
	struct buf text = {.max = DUMP_READ_MAX};
	struct stat st;
	int err = find_waiting(r);
	if (err != E_OK)
		return err;
	int fd = open("dump", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	err = fd >= 0 && fstat(fd, &st) == 0 ? E_OK : E_BAD;
	char *room = err == E_OK ? buf_room(&text, (size_t)st.st_size) : NULL;
	if (err == E_OK && (!room || read(fd, room, (size_t)st.st_size) != st.st_size))
		err = E_BAD;
	if (err == E_OK) {
		buf_added(&text, (size_t)st.st_size);
		err = read_lines(r, buf_as_span(&text));
	}
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	return err;
}
