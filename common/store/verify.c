/* SPDX-License-Identifier: ISC */
/* verify.c - rows against rows, rows against files, files against their sums. */
#include "store/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/state.h"
#include "store/sum.h"
#include "store/undelete.h"

enum { PROGRESS_MS = 10, VIEW_TRIES = 3 };

/* A message of a mailbox. */
struct row {
	struct file_id id;
	uint64_t size_bytes;
	uint32_t mailbox; /* index in names */
	uint32_t uid;
};

/* A message file that the table of files has; references 0: it is about to go. */
struct entry {
	struct ask_file row;
	uint32_t messages; /* that have it */
	uint32_t first;    /* index in rows of the first of them; UINT32_MAX: none */
};

struct findings {
	struct finding *all; /* own */
	size_t n, cap;
};

/* One look at all. */
struct look {
	struct store *store;
	const struct verify_watch *watch;
	struct verified *sums;
	/* borrow: the second look reads only what these name; NULL: all */
	const struct findings *only;
	char (*names)[STORE_NAME_MAX + 1]; /* own */
	size_t n_names;
	bool
	    shows_kept; /* what was expunged is among them; else it is looked at as the last */
	struct row *rows; /* own */
	size_t n_rows, rows_cap;
	struct entry *entries; /* own; in order of id */
	size_t n_entries, entries_cap;
	struct findings found; /* own */
	int64_t told_ms;
};

const char *
finding_text(enum finding_kind kind)
{
	static const char *const texts[] = {
	    [FINDING_NO_FILE] = "its file is gone",
	    [FINDING_SIZE] = "its file has another size",
	    [FINDING_SUM] = "its file has another SHA-256",
	    [FINDING_UNREADABLE] = "its file cannot be read",
	    [FINDING_NO_ROW] = "without a row in the table of files",
	    [FINDING_STRANGER] = "no message file",
	    [FINDING_REFERENCES] = "wrong number of references",
	    [FINDING_COUNT] = "wrong count",
	    [FINDING_CACHE] = "damaged cache item",
	    [FINDING_SLICES] = "damaged slices of signatures",
	    [FINDING_ANNOTATION] = "bad rows of annotations",
	};
	return texts[kind];
}

/* ---- what was found ---- */

static bool
is_same(const struct finding *a, const struct finding *b)
{
	return a->kind == b->kind && a->uid == b->uid &&
	       !strcmp(a->mailbox, b->mailbox) && !strcmp(a->file, b->file);
}

static bool
has_finding(const struct findings *f, const struct finding *wanted)
{
	for (size_t i = 0; i < f->n; i++)
		if (is_same(&f->all[i], wanted))
			return true;
	return false;
}

static void
found(struct look *l, enum finding_kind kind, const struct row *row, const char *file,
    uint64_t is, uint64_t should)
{
	struct findings *f = &l->found;
	struct finding one = {.kind = kind, .is = is, .should = should};
	if (row) {
		strcpy(one.mailbox, row->mailbox < l->n_names ? l->names[row->mailbox]
							      : "(deleted messages)");
		one.uid = row->uid;
	}
	snprintf(one.file, sizeof one.file, "%s", file);
	if (l->only && !has_finding(l->only, &one))
		return;
	f->all = mem_room(f->all, f->n, &f->cap, sizeof *f->all);
	f->all[f->n++] = one;
}

static void
found_count(
    struct look *l, uint32_t mailbox, const char *what, uint64_t is, uint64_t should)
{
	struct row row = {.mailbox = mailbox};
	if (is != should)
		found(l, FINDING_COUNT, &row, what, is, should);
}

/* ---- rows of mailboxes ---- */

static int
add_name(void *ctx, const struct store_mailbox *m)
{
	struct look *l = ctx;
	l->shows_kept |= m->is_kept;
	l->names = mem_grow(l->names, l->n_names + 1, sizeof *l->names);
	strcpy(l->names[l->n_names++], m->name);
	return E_OK;
}

static void
add_row(struct look *l, const struct store_record *r, uint32_t mailbox)
{
	l->rows = mem_room(l->rows, l->n_rows, &l->rows_cap, sizeof *l->rows);
	l->rows[l->n_rows++] = (struct row){r->id, r->size_bytes, mailbox, r->uid};
}

/* Sound; and where it is asked for, right.  That a file is gone is told elsewhere. */
static bool
is_item_good(struct look *l, const struct store_record *r)
{
	struct span item = store_cache(l->store, r), message;
	if (item.n == 0 || !l->watch->is_item_good ||
	    store_message_map(l->store, r, &message) != E_OK)
		return item.n > 0;
	bool is_good = l->watch->is_item_good(item, message);
	store_message_unmap(&message);
	return is_good;
}

static void
look_at_cache(struct look *l, const struct store_record *r, uint32_t mailbox)
{
	struct row row = {.mailbox = mailbox, .uid = r->uid};
	char text[32];
	if (r->cache_gen == 0 || is_item_good(l, r))
		return;
	snprintf(text, sizeof text, "index/cache.%u", r->cache_gen);
	found(l, FINDING_CACHE, &row, text, 0, 0);
}

static void
look_at_slices(struct look *l, const struct store_view *v, uint32_t mailbox)
{
	struct row row = {.mailbox = mailbox};
	struct span map;
	char text[32];
	if (!l->watch->are_slices_good || store_slices_map(l->store, v, &map) != E_OK)
		return;
	snprintf(text, sizeof text, "index/slices.%u", v->mailbox);
	if (!l->watch->are_slices_good(store_slices_blocks(map), v))
		found(l, FINDING_SLICES, &row, text, 0, 0);
	store_slices_unmap(&map);
}

static void
read_view(struct look *l, const struct store_view *v, uint32_t mailbox,
    struct store_mailbox *sums)
{
	*sums = (struct store_mailbox){.id = v->mailbox};
	for (uint32_t i = 0; i < v->head->n; i++) {
		const struct store_record *r = &v->records[i];
		uint32_t flags = r->flags;
		if (flags & FLAG_GONE)
			continue;
		add_row(l, r, mailbox);
		look_at_cache(l, r, mailbox);
		sums->messages++;
		sums->bytes += r->size_bytes;
		sums->unseen += !(flags & FLAG_SEEN);
		sums->deleted += (flags & FLAG_DELETED) != 0;
	}
	look_at_slices(l, v, mailbox);
}

/*
 * A mailbox that changes while it is read is read again; in the end its records are taken, and its
 * counts are not compared.
 */
static int
look_at_mailbox(struct look *l, uint32_t mailbox)
{
	bool is_hidden = mailbox == l->n_names;
	struct span name = is_hidden ? SPAN("") : span_of(l->names[mailbox]);
	size_t n_rows = l->n_rows, n_found = l->found.n;
	struct store_mailbox is, sums;
	struct store_view v;
	for (unsigned i = 0; i < VIEW_TRIES; i++) {
		l->n_rows = n_rows;
		l->found.n = n_found;
		int err = is_hidden ? store_kept_select(l->store, &v)
		                    : store_select(l->store, name, true, &v);
		if (err != E_OK)
			return err == E_BAD ? E_OK : err; /* it was removed */
		uint64_t modseq = v.head->modseq;
		read_view(l, &v, mailbox, &sums);
		bool has_changed = v.head->modseq != modseq || v.head->is_superseded;
		store_unselect(l->store, &v);
		err = is_hidden ? store_kept(l->store, &is)
		                : store_mailbox(l->store, name, &is);
		if (err != E_OK)
			return err == E_BAD ? E_OK : err;
		if (has_changed || is.modseq != modseq)
			continue;
		found_count(l, mailbox, "messages", is.messages, sums.messages);
		found_count(l, mailbox, "unseen", is.unseen, sums.unseen);
		found_count(l, mailbox, "deleted", is.deleted, sums.deleted);
		found_count(l, mailbox, "bytes", is.bytes, sums.bytes);
		break;
	}
	if (is_hidden) {
		l->sums->kept = sums.messages;
		return E_OK;
	}
	l->sums->messages += sums.messages;
	l->sums->bytes += sums.bytes;
	return E_OK;
}

static int
count_kept(void *ctx, const struct store_kept *k)
{
	(void)k;
	++*(uint64_t *)ctx;
	return E_OK;
}

/* Of each message that was expunged it is known where it was. */
static int
look_at_kept(struct look *l)
{
	struct store_mailbox before = {.messages = 0}, kept = before;
	uint64_t n = 0;
	int err = store_kept(l->store, &before);
	for (unsigned i = 0; err == E_OK && i < VIEW_TRIES; i++) {
		n = 0;
		err = store_kept_each(l->store, count_kept, &n);
		if (err == E_OK)
			err = store_kept(l->store, &kept);
		if (err != E_OK || kept.modseq == before.modseq)
			break;
		before = kept; /* somebody expunged, or days were over, meanwhile */
	}
	if (err == E_BAD) /* nothing was ever kept: no rows either */
		err = store_kept_each(l->store, count_kept, &n);
	if (err == E_OK && kept.modseq == before.modseq)
		found_count(l, (uint32_t)l->n_names, "rows", n, kept.messages);
	return err;
}

/* Metadata; several rows are one finding. */
static int
look_at_annotations(struct look *l)
{
	struct buf body = {0};
	struct answer answer;
	if (keeper_ask_said(l->store, KEEPER_ANNOTATIONS, &body, true, &answer) !=
	    STORE_DONE)
		return E_IO;
	l->sums->annotations = rd_u32(&answer.body);
	uint32_t bad = rd_u32(&answer.body);
	uint64_t bytes = rd_u64(&answer.body), counted = rd_u64(&answer.body);
	if (bad)
		found(l, FINDING_ANNOTATION, NULL, "rows", bad, 0);
	if (bytes != counted && !bad)
		found(l, FINDING_ANNOTATION, NULL, "bytes", counted, bytes);
	return answer_end(&answer);
}

/* ---- rows of files ---- */

static struct entry *
add_entry(struct look *l)
{
	l->entries =
	    mem_room(l->entries, l->n_entries, &l->entries_cap, sizeof *l->entries);
	struct entry *e = &l->entries[l->n_entries++];
	*e = (struct entry){.first = UINT32_MAX};
	return e;
}

/* One answer's, behind those that are there.  E_OK, E_MORE: there may be more; E_IO */
static int
read_files(struct look *l, enum ask_files_from from)
{
	struct buf body = {0};
	struct answer answer;
	static const struct file_id none;
	buf_put(&body,
	    from == FILES_AFTER ? l->entries[l->n_entries - 1].row.file.id.b : none.b,
	    FILE_ID_BYTES);
	buf_u8(&body, (uint8_t)from);
	if (keeper_ask_said(l->store, KEEPER_FILES, &body, true, &answer) != STORE_DONE)
		return E_IO;
	size_t before = l->n_entries;
	while (answer.body.in.n && answer.body.err == E_OK) {
		struct entry *e = add_entry(l);
		if (ask_file_get(&answer.body, &e->row) != E_OK)
			return E_IO;
	}
	return l->n_entries > before ? E_MORE : E_OK;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->row.file.id.b,
	    ((const struct entry *)b)->row.file.id.b, FILE_ID_BYTES);
}

/* Those that are about to go are in order too, among the others. */
static int
read_rows(struct look *l)
{
	int err = read_files(l, FILES_FIRST);
	while (err == E_MORE)
		err = read_files(l, FILES_AFTER);
	if (err == E_OK)
		err = read_files(l, FILES_DOOMED);
	if (l->n_entries)
		qsort(l->entries, l->n_entries, sizeof *l->entries, compare);
	return err == E_MORE ? E_OK : err;
}

static struct entry *
entry_of(struct look *l, struct file_id id)
{
	struct entry key = {.row.file.id = id};
	return l->n_entries
	           ? bsearch(&key, l->entries, l->n_entries, sizeof key, compare)
	           : NULL;
}

static void
count_messages(struct look *l)
{
	for (size_t i = 0; i < l->n_rows; i++) {
		struct entry *e = entry_of(l, l->rows[i].id);
		if (!e) {
			found(l, FINDING_NO_ROW, &l->rows[i],
			    file_id_text(l->rows[i].id), 0, 0);
			continue;
		}
		if (e->messages++ == 0)
			e->first = (uint32_t)i;
		if (e->row.file.size_bytes != l->rows[i].size_bytes)
			found(l, FINDING_SIZE, &l->rows[i], file_id_text(l->rows[i].id),
			    e->row.file.size_bytes, l->rows[i].size_bytes);
	}
}

/* ---- files ---- */

static bool
is_there(const char *folder, const char *name)
{
	struct buf path = {0};
	buf_putf(&path, "%s/%s", folder, name);
	bool is = access(buf_cstr(&path), F_OK) == 0;
	buf_free(&path);
	return is;
}

static void
look_at_name(struct look *l, const char *folder, const char *name)
{
	struct buf path = {0};
	struct file_id id;
	bool is_ours = file_id_parse(span_of(name), &id) == E_OK;
	msg_path_put(&path, is_ours ? id : (struct file_id){{0}});
	is_ours = is_ours && span_starts(buf_as_span(&path), span_of(folder));
	buf_reset(&path);
	buf_putf(&path, "%s/%s", folder, name);
	if (!is_ours)
		found(l, FINDING_STRANGER, NULL, buf_cstr(&path), 0, 0);
	/* else a session is about to append it */
	else if (!entry_of(l, id) && !is_there("tmp", name))
		found(l, FINDING_NO_ROW, NULL, buf_cstr(&path), 0, 0);
	l->sums->files++;
	buf_free(&path);
}

static int
look_in(struct look *l, const char *folder, bool is_top)
{
	DIR *d = opendir(folder);
	if (!d)
		return errno == ENOENT ? E_OK : E_IO;
	for (struct dirent *e; (e = readdir(d));) {
		bool is_sub = strlen(e->d_name) == 2 && ch_hex(e->d_name[0]) >= 0 &&
		              ch_hex(e->d_name[1]) >= 0;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    (is_top && is_sub))
			continue;
		if (is_top)
			found(l, FINDING_STRANGER, NULL, e->d_name, 0, 0);
		else
			look_at_name(l, folder, e->d_name);
	}
	closedir(d);
	return E_OK;
}

static int
look_at_folders(struct look *l)
{
	char folder[16];
	int err = look_in(l, "msg", true);
	for (unsigned i = 0; i < 256 && err == E_OK; i++) {
		snprintf(folder, sizeof folder, "msg/%02x", i);
		err = look_in(l, folder, false);
	}
	return err;
}

static int
count_waiting(struct look *l)
{
	DIR *d = opendir("new");
	if (!d)
		return E_IO;
	for (struct dirent *e; (e = readdir(d));)
		l->sums->waiting += e->d_name[0] != '.';
	closedir(d);
	return E_OK;
}

/* ---- what is in them ---- */

static void
look_at_file(
    struct look *l, const struct entry *e, const struct row *row, const char *path)
{
	unsigned char sum[SHA256_BYTES];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool is_known = sum_is_known(e->row.file.sha256);
	l->sums->unsummed += !is_known;
	if (fd < 0 && errno == ENOENT)
		found(l, FINDING_NO_FILE, row, path, 0, 0);
	else if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		found(l, FINDING_UNREADABLE, row, path, 0, 0);
	else if ((uint64_t)st.st_size != e->row.file.size_bytes)
		found(l, FINDING_SIZE, row, path, (uint64_t)st.st_size,
		    e->row.file.size_bytes);
	else if (is_known && file_sum(fd, sum) != E_OK)
		found(l, FINDING_UNREADABLE, row, path, 0, 0);
	else if (is_known && memcmp(sum, e->row.file.sha256, sizeof sum) != 0)
		found(l, FINDING_SUM, row, path, 0, 0);
	if (fd >= 0)
		close(fd);
}

static bool
names_file(const struct findings *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->all[i].file, path))
			return true;
	return false;
}

static void
tell_progress(struct look *l, size_t done)
{
	int64_t now = clock_mono_ms();
	if (l->only || !l->watch->on_progress ||
	    (now - l->told_ms < PROGRESS_MS && done != l->n_entries))
		return;
	l->told_ms = now;
	l->watch->on_progress(l->watch->ctx, done, l->n_entries);
}

static void
look_at_files(struct look *l)
{
	struct buf path = {0};
	for (size_t i = 0; i < l->n_entries; i++) {
		const struct entry *e = &l->entries[i];
		const struct row *row = e->messages ? &l->rows[e->first] : NULL;
		if (e->row.references == 0 && e->messages == 0)
			continue; /* doomed */
		buf_reset(&path);
		msg_path_put(&path, e->row.file.id);
		if (e->row.references != e->messages)
			found(l, FINDING_REFERENCES, row, buf_cstr(&path),
			    e->row.references, e->messages);
		if (!l->only || names_file(l->only, buf_cstr(&path)))
			look_at_file(l, e, row, buf_cstr(&path));
		tell_progress(l, i + 1);
	}
	buf_free(&path);
}

/* ---- one look, and another ---- */

static int
look_at_all(struct look *l)
{
	int err = store_mailboxes(l->store, add_name, l);
	for (uint32_t i = 0; i < l->n_names && err == E_OK; i++)
		err = look_at_mailbox(l, i);
	if (err == E_OK && !l->shows_kept)
		err = look_at_mailbox(l, (uint32_t)l->n_names);
	l->sums->mailboxes = l->n_names;
	if (err == E_OK)
		err = look_at_kept(l);
	if (err == E_OK)
		err = look_at_annotations(l);
	if (err == E_OK)
		err = read_rows(l);
	if (err == E_OK)
		count_messages(l);
	if (err == E_OK)
		err = look_at_folders(l);
	if (err == E_OK)
		err = count_waiting(l);
	if (err == E_OK)
		look_at_files(l);
	return err;
}

static void
look_done(struct look *l)
{
	mem_free(&l->names);
	mem_free(&l->rows);
	mem_free(&l->entries);
	mem_free(&l->found.all);
}

int
store_verify(struct store *s, const struct verify_watch *watch, struct verified *out)
{
	struct verified again = {0};
	struct look first = {.store = s, .watch = watch, .sums = out};
	struct look second = {
	    .store = s, .watch = watch, .sums = &again, .only = &first.found};
	*out = (struct verified){.mailboxes = 0};
	int err = look_at_all(&first);
	if (err == E_OK && first.found.n)
		err = look_at_all(&second);
	for (size_t i = 0; i < second.found.n && err == E_OK; i++) {
		out->findings++;
		out->of[second.found.all[i].kind]++;
		watch->on_finding(watch->ctx, &second.found.all[i]);
	}
	if (err != E_OK)
		log_event(LOG_ERR, "not_verified", "why=%s", err_name(err));
	look_done(&first);
	look_done(&second);
	return err == E_OK ? E_OK : E_IO;
}
