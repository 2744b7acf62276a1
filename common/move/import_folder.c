/* SPDX-License-Identifier: ISC */
/* import_folder.c - one folder: what is here, what is there, what was known; and what is to do. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "move/crlf.h"
#include "move/import_state.h"

void
folder_note(struct folder *f, const char *fmt, ...)
{
	va_list ap;
	if (f->note.len)
		buf_str(&f->note, "; ");
	va_start(ap, fmt);
	buf_vputf(&f->note, fmt, ap);
	va_end(ap);
}

/* ---- what is here ---- */

static int
by_id(const void *x, const void *y)
{
	return memcmp(((const struct have *)x)->id.b, ((const struct have *)y)->id.b,
	    FILE_ID_BYTES);
}

static const struct have *
have_find(const struct folder *f, struct file_id id)
{
	struct have wanted = {.id = id};
	return f->n_have ? bsearch(&wanted, f->have, f->n_have, sizeof wanted, by_id)
	                 : NULL;
}

/* Those keywords of the listing that the mailbox has, or has room for. */
static void
find_fitting(struct folder *f, const struct view_head *head)
{
	uint32_t room = STORE_KEYWORDS_MAX - head->n_keywords;
	f->fitting = 0;
	for (size_t i = 0; i < f->listing.keywords.n; i++) {
		bool is_there = false;
		for (uint32_t k = 0; k < head->n_keywords && !is_there; k++)
			is_there =
			    span_ieqs(f->listing.keywords.names[i], head->keywords[k]);
		if (is_there || room)
			f->fitting |= 1ull << i;
		room -= !is_there && room;
	}
}

static int
look_here(struct folder *f)
{
	struct store_view v;
	int err = store_select(f->import->store, f->from->name, true, &v);
	if (err != E_OK)
		return err;
	uint32_t n = v.head->n;
	f->have = mem_new(((size_t)n + 1) * sizeof *f->have);
	for (uint32_t i = 0; i < n; i++)
		if (!(v.records[i].flags & FLAG_GONE))
			f->have[f->n_have++] = (struct have){
			    v.records[i].id, v.records[i].uid, v.records[i].flags};
	if (f->n_have)
		qsort(f->have, f->n_have, sizeof *f->have, by_id);
	find_fitting(f, v.head);
	f->append.uidnext = v.head->uidnext;
	store_unselect(f->import->store, &v);
	return E_OK;
}

/* ---- what was known ---- */

/* Of a batch that nobody confirmed all are here, or none. */
static void
settle(struct folder *f)
{
	struct known *k = &f->known;
	size_t n = 0, confirmed = 0;
	for (size_t i = 0; i < k->n; i++)
		confirmed += !k->rows[i].is_confirmed && have_find(f, k->rows[i].id);
	for (size_t i = 0; i < k->n; i++)
		if (k->rows[i].is_confirmed || confirmed)
			k->rows[n++] = k->rows[i];
	k->n = n;
}

static int
read_known(struct folder *f)
{
	struct buf text = {0};
	known_path(&f->path, f->import->options->source, f->from->raw);
	int err = known_load(buf_cstr(&f->path), &text);
	if (err == E_OK)
		f->has_known =
		    known_read(buf_as_span(&text), f->import->options->source,
			f->from->raw, &f->listing.keywords, &f->known) == E_OK;
	buf_free(&text);
	return err == E_BAD ? E_OK : err;
}

/*
 * The numbers of a server that began to count anew name other messages: keys of before say nothing.
 */
static bool
is_renumbered(const struct folder *f)
{
	return f->has_known && f->import->options->kind == &source_imap &&
	       f->known.uidvalidity != f->listing.uidvalidity;
}

/* ---- flags ---- */

/* Compared as memory from add on: no holes. */
struct delta {
	uint32_t uid, add, remove, zero;
	uint64_t add_keywords, remove_keywords;
};

static int
by_delta(const void *x, const void *y)
{
	const struct delta *a = x, *b = y;
	int order = memcmp(&a->add, &b->add, sizeof *a - offsetof(struct delta, add));
	return order ? order : a->uid < b->uid ? -1 : a->uid > b->uid;
}

static enum store_said
change(struct folder *f, const struct numset *uids, enum store_how how, uint32_t flags,
    uint64_t keywords)
{
	struct span names[STORE_KEYWORDS_MAX];
	struct store_change c = {.how = how, .flags = flags, .keywords = names};
	c.n_keywords = keywords_of(&f->listing.keywords, keywords & f->fitting, names);
	if (flags == 0 && c.n_keywords == 0)
		return STORE_DONE;
	return store_flags(f->import->store, f->target.id, uids, &c, NULL);
}

/* One call for all messages to which the same happened. */
static void
change_some(struct folder *f, const struct delta *d, size_t n)
{
	struct numset uids = {0};
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = numset_add(&uids, d[i].uid, d[i].uid);
	enum store_said said =
	    err == E_OK ? change(f, &uids, STORE_ADD, d->add, d->add_keywords)
			: STORE_TOO_MANY;
	if (said == STORE_DONE)
		said = change(f, &uids, STORE_REMOVE, d->remove, d->remove_keywords);
	if (said != STORE_DONE)
		import_over(f->import, EX_TEMPFAIL,
		    "%.*s: flags could not be changed: %s", SPAN_ARG(f->from->name),
		    said_text(said));
	numset_free(&uids);
}

static void
change_flags(struct folder *f, struct delta *all, size_t n)
{
	f->row.flagged = n;
	if (n == 0 || f->import->options->is_dry_run)
		return;
	qsort(all, n, sizeof *all, by_delta);
	for (size_t i = 0, end; i < n && !f->import->is_over; i = end) {
		for (end = i + 1;
		     end < n && memcmp(&all[end].add, &all[i].add,
				    sizeof *all - offsetof(struct delta, add)) == 0;)
			end++;
		change_some(f, &all[i], end - i);
	}
}

/* ---- what is to do ---- */

struct plan {
	uint32_t *wanted; /* own: in the listing */
	size_t n_wanted;
	struct delta *deltas; /* own */
	size_t n_deltas;
	struct numset removed; /* own: uids here */
};

static void
plan_one(struct folder *f, size_t index, struct plan *p)
{
	const struct source_message *m = &f->listing.all[index];
	struct known_row *row = known_find(&f->known, m->key);
	if (!row) {
		p->wanted[p->n_wanted++] = (uint32_t)index;
		return;
	}
	const struct have *have = have_find(f, row->id);
	row->is_seen = true;
	if (!have) {
		f->row.left++;
		return;
	}
	struct delta d = {have->uid, m->flags & ~row->flags, row->flags & ~m->flags, 0,
	    m->keywords & ~row->keywords, row->keywords & ~m->keywords};
	if (d.add | d.remove | d.add_keywords | d.remove_keywords)
		p->deltas[p->n_deltas++] = d;
	row->flags = m->flags;
	row->keywords = m->keywords;
}

/* Those that the source had, and has no more. */
static void
plan_removals(struct folder *f, struct plan *p)
{
	struct known *k = &f->known;
	size_t n = 0;
	for (size_t i = 0; i < k->n; i++) {
		struct known_row *row = &k->rows[i];
		const struct have *have = row->is_seen ? NULL : have_find(f, row->id);
		if (have && numset_add(&p->removed, have->uid, have->uid) == E_OK)
			f->row.removed++;
		if (row->is_seen)
			k->rows[n++] = *row;
	}
	k->n = n;
}

static struct plan
plan_all(struct folder *f)
{
	struct plan p = {.wanted = mem_new((f->listing.n + 1) * sizeof *p.wanted),
	    .deltas = mem_new((f->listing.n + 1) * sizeof *p.deltas)};
	for (size_t i = 0; i < f->listing.n; i++)
		plan_one(f, i, &p);
	if (!f->import->options->keeps_removed)
		plan_removals(f, &p);
	return p;
}

static void
remove_some(struct folder *f, const struct numset *uids)
{
	if (uids->n == 0 || f->import->options->is_dry_run)
		return;
	enum store_said said =
	    store_expunge(f->import->store, f->target.id, uids, false);
	if (said != STORE_DONE)
		import_over(f->import, EX_TEMPFAIL,
		    "%.*s: messages could not be removed: %s", SPAN_ARG(f->from->name),
		    said_text(said));
}

static void
plan_free(struct plan *p)
{
	mem_free(&p->wanted);
	mem_free(&p->deltas);
	numset_free(&p->removed);
}

/* ---- doing ---- */

static void
bring(struct folder *f)
{
	struct import *m = f->import;
	struct plan p = plan_all(f);
	f->known.uidvalidity = f->listing.uidvalidity;
	if (m->options->is_dry_run) {
		f->row.fetched = p.n_wanted;
		for (size_t i = 0; i < p.n_wanted; i++)
			f->row.bytes += f->listing.all[p.wanted[i]].size_bytes;
	}
	remove_some(f, &p.removed);
	if (!m->is_over)
		change_flags(f, p.deltas, p.n_deltas);
	if (p.n_wanted && !m->options->is_dry_run && !m->is_over)
		append_all(f, p.wanted, p.n_wanted);
	if (!m->options->is_dry_run)
		f->row.failed = p.n_wanted - f->row.fetched;
	if (f->row.failed && !m->is_over)
		folder_note(f, "some messages did not come: run it again");
	/*
	 * also after a failure; but where it is not known what became of a batch, its notes stay
	 * for the next run
	 */
	if (!m->options->is_dry_run && !f->append.is_in_doubt && known_write(f) != E_OK)
		m->is_over = true;
	plan_free(&p);
}

/* What the source says of its folder, and what there is of it here. */
static int
look(struct folder *f)
{
	struct import *m = f->import;
	int err = m->options->kind->list(&m->source, f->from, &f->listing);
	f->row.source = f->listing.n;
	if (err == E_BAD) {
		folder_note(f, "%s",
		    m->source.failure.why.len ? buf_cstr(&m->source.failure.why)
					      : "it cannot be read");
		return E_BAD;
	}
	if (err != E_OK) {
		import_over(m, m->source.failure.status, "%s",
		    buf_cstr(&m->source.failure.why));
		return E_BAD;
	}
	err = read_known(f);
	if (err == E_OK && f->has_target)
		err = look_here(f);
	if (err != E_OK) {
		import_over(m, EX_TEMPFAIL, "%s", said_text(STORE_LATER));
		return E_BAD;
	}
	if (is_renumbered(f)) {
		folder_note(f, "the server numbers it anew since the last run "
			       "(UIDVALIDITY): it is left as it is");
		return E_BAD;
	}
	settle(f);
	return E_OK;
}

static void
tell(struct folder *f)
{
	struct import *m = f->import;
	struct store_mailbox now;
	struct buf b = {0};
	if (f->has_target && store_mailbox(m->store, f->from->name, &now) == E_OK)
		f->row.here = now.messages;
	if (f->listing.n_wrong)
		folder_note(f, "%u lines or messages at the source cannot be read",
		    f->listing.n_wrong);
	if (f->listing.n_lost_uidls)
		folder_note(f,
		    "%u UIDLs of the POP3 server belong to no message of this folder",
		    f->listing.n_lost_uidls);
	if (f->listing.keywords.n_left_out)
		folder_note(
		    f, "%u keywords were left out", f->listing.keywords.n_left_out);
	f->row.folder = f->from->name.n ? f->from->name : f->from->raw;
	f->row.note = buf_as_span(&f->note);
	move_row_put(&b, &f->row);
	move_tell(m->command, MOVE_ROW, &b);
}

static void
folder_done(struct folder *f)
{
	listing_free(&f->listing);
	known_free(&f->known);
	buf_free(&f->path);
	buf_free(&f->note);
	mem_free(&f->have);
}

/* Views of other folders' messages: RFC 6154 2. */
static bool
is_virtual(const struct source_folder *from)
{
	return span_ieqs(from->special_use, "\\All") ||
	       span_ieqs(from->special_use, "\\Flagged");
}

void
folder_run(struct import *m, const struct source_folder *from)
{
	struct folder f = {.import = m, .from = from};
	int err = E_OK;
	if (!from->is_selectable)
		return;
	if (from->name.n == 0) {
		folder_note(&f, "%s", from->why);
		err = E_BAD;
	} else if (is_virtual(from)) {
		folder_note(&f, "left out: it shows messages of other folders");
		tell(&f);
		folder_done(&f);
		return;
	}
	if (err == E_OK)
		err = target_find(&f);
	if (err == E_OK)
		err = look(&f);
	if (err == E_OK)
		target_numbers(&f);
	if (err == E_OK)
		bring(&f);
	if (err == E_OK && f.keeps_numbers && !m->is_over)
		target_numbers_end(&f);
	if (err != E_OK || f.row.failed) {
		f.row.failed = f.row.failed ? f.row.failed : f.row.source;
		m->status = m->status == EX_OK ? EX_DATAERR : m->status;
	}
	tell(&f);
	folder_done(&f);
}
