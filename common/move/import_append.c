/* SPDX-License-Identifier: ISC */
/*
 * import_append.c - new messages.  Files are written as they come; a batch of them is synced at
 * once, noted (known.h), then appended: whatever is cut short, the next run finds out which of them
 * are here.
 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "move/crlf.h"
#include "move/import_state.h"

/* ---- notes ---- */

int
known_write(struct folder *f)
{
	struct buf text = {.max = KNOWN_BYTES_MAX};
	known_head_put(&text, f->import->options->source, f->from->raw, &f->known);
	for (size_t i = 0; i < f->known.n; i++)
		known_row_put(&text, &f->known.rows[i], &f->listing.keywords);
	known_confirm_put(&text);
	int err = buf_done(&text) == E_OK
	              ? known_replace(buf_cstr(&f->path), buf_as_span(&text))
	              : E_IO;
	f->append.is_noted = err == E_OK;
	if (err != E_OK)
		import_over(f->import, EX_IOERR,
		    "what was brought could not be noted; the log says why");
	buf_free(&text);
	return err;
}

static struct known_row
row_of(struct folder *f, const struct arriving *a)
{
	const struct source_message *m = &f->listing.all[a->index];
	return (struct known_row){.key = m->key,
	    .id = a->incoming.id,
	    .flags = m->flags,
	    .keywords = m->keywords};
}

/* The rows of a batch, behind the word that the one before it was appended. */
static int
note_batch(struct folder *f)
{
	struct buf text = {0};
	if (!f->append.is_noted && known_write(f) != E_OK)
		return E_IO;
	known_confirm_put(&text);
	for (size_t i = 0; i < f->append.n; i++) {
		struct known_row row = row_of(f, &f->append.all[i]);
		known_row_put(&text, &row, &f->listing.keywords);
	}
	int err = known_append(buf_cstr(&f->path), buf_as_span(&text));
	if (err != E_OK)
		import_over(f->import, EX_IOERR,
		    "what was brought could not be noted; the log says why");
	buf_free(&text);
	return err;
}

/* ---- a batch ---- */

static int
by_index(const void *x, const void *y)
{
	const struct arriving *a = x, *b = y;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void
drop_batch(struct folder *f)
{
	for (size_t i = 0; i < f->append.n; i++)
		incoming_drop(&f->append.all[i].incoming);
	f->append.n = 0;
	f->append.bytes = 0;
}

/* Numbers that are past all others can be kept; the others get new ones. */
static void
set_uids(struct folder *f, struct incoming *all)
{
	uint32_t next = f->append.uidnext;
	for (size_t i = 0; i < f->append.n; i++) {
		uint32_t uid = f->listing.all[f->append.all[i].index].uid;
		bool is_kept =
		    f->keeps_numbers && uid && uid >= next && uid < UINT32_MAX;
		all[i].uid = is_kept ? uid : 0;
		if (is_kept)
			next = uid + 1;
		else
			next =
			    UINT32_MAX; /* one without a number leaps over what is reserved */
	}
}

static enum store_said
append_rows(struct folder *f)
{
	struct import *m = f->import;
	struct incoming all[IMPORT_BATCH_MESSAGES];
	for (size_t i = 0; i < f->append.n; i++)
		all[i] = f->append.all[i].incoming;
	set_uids(f, all);
	enum store_said said =
	    store_append(m->store, f->from->name, all, f->append.n, NULL, NULL);
	if (said == STORE_TOO_MANY && f->keeps_numbers) {
		/* somebody else's message came meanwhile, and got one of these numbers */
		f->append.uidnext = UINT32_MAX;
		set_uids(f, all);
		said =
		    store_append(m->store, f->from->name, all, f->append.n, NULL, NULL);
	}
	for (size_t i = 0; i < f->append.n; i++)
		f->append.all[i].incoming = all[i];
	return said;
}

static int
flush(struct folder *f)
{
	struct import *m = f->import;
	struct incoming all[IMPORT_BATCH_MESSAGES];
	struct store_mailbox now;
	size_t n = f->append.n;
	if (n == 0)
		return E_OK;
	qsort(f->append.all, n, sizeof *f->append.all, by_index);
	for (size_t i = 0; i < n; i++)
		all[i] = f->append.all[i].incoming;
	int err = incoming_end_all(all, n);
	for (size_t i = 0; i < n; i++)
		f->append.all[i].incoming = all[i];
	if (err != E_OK)
		import_over(m, EX_CANTCREAT, "%s",
		    err == E_LIMIT ? said_text(STORE_DISK_FULL)
				   : "messages cannot be written; the log says why");
	if (err == E_OK)
		err = note_batch(f);
	enum store_said said = err == E_OK ? append_rows(f) : STORE_LATER;
	f->append.is_in_doubt = err == E_OK && said == STORE_LATER;
	if (err == E_OK && said != STORE_DONE)
		import_over(m, said == STORE_LATER ? EX_TEMPFAIL : EX_CANTCREAT,
		    "%.*s: %s", SPAN_ARG(f->from->name), said_text(said));
	for (size_t i = 0; i < n && said == STORE_DONE; i++) {
		struct known_row row = row_of(f, &f->append.all[i]);
		known_add(&f->known, &row);
		f->row.fetched++;
		f->row.bytes += f->append.all[i].incoming.size_bytes;
	}
	drop_batch(f);
	if (said == STORE_DONE && store_mailbox(m->store, f->from->name, &now) == E_OK)
		f->append.uidnext = now.uidnext;
	return said == STORE_DONE ? E_OK : E_IO;
}

/* ---- a message ---- */

static int
on_begin(void *ctx)
{
	struct folder *f = ctx;
	struct arriving *a = &f->append.all[f->append.n];
	if (f->append.is_open)
		return E_IO;
	int err = incoming_begin(f->import->store, &a->incoming);
	f->append.is_open = true;
	*f->append.crlf = (struct crlf){.was_cr = false};
	if (err != E_OK)
		import_over(f->import, EX_CANTCREAT,
		    "a message cannot be written; the log says why");
	return err;
}

static int
on_bytes(void *ctx, struct span s)
{
	struct folder *f = ctx;
	struct arriving *a = &f->append.all[f->append.n];
	if (!f->append.is_open)
		return E_IO;
	buf_reset(&f->append.text);
	crlf_put(f->append.crlf, s, &f->append.text);
	int err = incoming_write(&a->incoming, buf_as_span(&f->append.text));
	if (err != E_OK)
		import_over(f->import, EX_CANTCREAT,
		    "a message cannot be written; the log says why");
	return err;
}

static void
describe(struct folder *f, struct arriving *a, size_t index)
{
	const struct source_message *m = &f->listing.all[index];
	struct incoming *in = &a->incoming;
	a->index = index;
	in->flags = m->flags;
	in->date_sec = m->date_sec;
	in->n_keywords =
	    keywords_of(&f->listing.keywords, m->keywords & f->fitting, a->keywords);
	in->keywords = a->keywords;
	in->uidl = m->uidl;
}

static void
tell_progress(struct folder *f)
{
	struct buf b = {0};
	buf_bytes(&b, f->from->name);
	buf_u64(&b, f->append.done);
	buf_u64(&b, f->append.of);
	move_tell(f->import->command, MOVE_PROGRESS, &b);
}

static int
on_end(void *ctx, size_t index, bool is_whole)
{
	struct folder *f = ctx;
	struct arriving *a = &f->append.all[f->append.n];
	if (!f->append.is_open)
		return E_IO;
	f->append.is_open = false;
	f->append.done++;
	tell_progress(f);
	if (!is_whole || index >= f->listing.n || !f->append.is_wanted[index]) {
		incoming_drop(&a->incoming);
		return E_OK;
	}
	f->append.is_wanted[index] = false;
	describe(f, a, index);
	f->append.bytes += a->incoming.size_bytes;
	f->append.n++;
	return f->append.n == IMPORT_BATCH_MESSAGES ||
	               f->append.bytes >= IMPORT_BATCH_BYTES
	           ? flush(f)
	           : E_OK;
}

void
append_all(struct folder *f, const uint32_t *wanted, size_t n)
{
	const struct fetch_to to = {f, on_begin, on_bytes, on_end};
	struct import *m = f->import;
	f->append.all = mem_new((IMPORT_BATCH_MESSAGES + 1) * sizeof *f->append.all);
	f->append.crlf = mem_new(sizeof *f->append.crlf);
	f->append.is_wanted = mem_new((f->listing.n + 1) * sizeof *f->append.is_wanted);
	for (size_t i = 0; i < n; i++)
		f->append.is_wanted[wanted[i]] = true;
	f->append.of = n;
	int err =
	    m->options->kind->fetch(&m->source, &f->listing, f->from, wanted, n, &to);
	if (f->append.is_open)
		incoming_drop(&f->append.all[f->append.n].incoming);
	f->append.is_open = false;
	if (err == E_IO && !m->is_over)
		import_over(m,
		    m->source.failure.status ? m->source.failure.status : EX_IOERR,
		    "%s", buf_cstr(&m->source.failure.why));
	/* what came whole before the source was lost, is ours */
	if (flush(f) != E_OK && !m->is_over)
		import_over(m, EX_TEMPFAIL, "%.*s: %s", SPAN_ARG(f->from->name),
		    said_text(STORE_LATER));
	mem_free(&f->append.all);
	mem_free(&f->append.crlf);
	mem_free(&f->append.is_wanted);
	buf_free(&f->append.text);
}
