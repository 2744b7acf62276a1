/* SPDX-License-Identifier: ISC */
/* export.c - a mailbox as a Maildir++. */
#include "move/export.h"

#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/asks.h"
#include "move/dovecot.h"
#include "move/import_state.h"
#include "store/asks.h"

struct export
{
	int command;               /* borrow */
	struct store *store;       /* own */
	struct store_mailbox *all; /* own */
	size_t n;
	struct buf in, why; /* own */
	int status;
	bool is_over;
};

struct export_folder {
	struct export *export;
	const struct store_mailbox *mailbox;
	struct store_view view;
	struct buf directory; /* own: "" or ".a.b" */
	struct buf uidlist;   /* own */
	uint64_t letters_of;  /* keyword bits that have a letter: the first 26 */
	unsigned forwarded;   /* bit of $Forwarded; 64: none */
	struct move_row row;
	struct buf note; /* own */
};

static void say(struct export *e, int status, const char *fmt, ...) FMT(3, 4);

static void
say(struct export *e, int status, const char *fmt, ...)
{
	struct buf text = {0}, b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&text, fmt, ap);
	va_end(ap);
	buf_bytes(&b, buf_as_span(&text));
	move_tell(e->command, MOVE_SAY, &b);
	buf_free(&text);
	e->status = e->status == EX_OK ? status : e->status;
	e->is_over |= status != EX_DATAERR;
}

/* ---- what the command writes ---- */

static void
make_directory(struct export *e, struct span path)
{
	struct buf body = {0};
	struct rd rest;
	if (e->is_over)
		return;
	buf_bytes(&body, path);
	int status = move_ask(
	    e->command, MOVE_MAKE_DIRECTORY, &body, -1, &e->in, &rest, NULL, &e->why);
	if (status != EX_OK)
		say(e, status, "%.*s: %s", SPAN_ARG(path), buf_cstr(&e->why));
}

static void
write_file(struct export *e, struct span path, int64_t mtime_sec, int fd)
{
	struct buf body = {0};
	struct rd rest;
	if (e->is_over)
		return;
	buf_bytes(&body, path);
	buf_u64(&body, (uint64_t)mtime_sec);
	int status =
	    move_ask(e->command, MOVE_WRITE, &body, fd, &e->in, &rest, NULL, &e->why);
	if (status != EX_OK)
		say(e, status, "%.*s: %s", SPAN_ARG(path), buf_cstr(&e->why));
}

static void
write_text(
    struct export *e, struct span directory, const char *name, const struct buf *text)
{
	struct buf path = {0};
	int fd = buf_done(text) == E_OK ? large_make(buf_as_span(text)) : -1;
	buf_span(&path, directory);
	buf_putf(&path, "%s%s", directory.n ? "/" : "", name);
	if (fd >= 0)
		write_file(e, buf_as_span(&path), clock_wall_sec(), fd);
	else
		say(e, EX_UNAVAILABLE, "%.*s: no memory", SPAN_ARG(buf_as_span(&path)));
	if (fd >= 0)
		close(fd);
	buf_free(&path);
}

/* ---- a folder ---- */

/* "1275660208.ID_UID.merpati,S=10,W=10": the same for ever, and no two alike. */
static void
base_put(struct buf *out, const struct store_record *r)
{
	int64_t date = r->date_sec > 0 ? r->date_sec : 0;
	buf_putf(out, "%lld.%s_%u.merpati,S=%llu,W=%llu", (long long)date,
	    file_id_text(r->id), r->uid, (unsigned long long)r->size_bytes,
	    (unsigned long long)r->size_bytes);
}

static void
uidlist_row(struct export_folder *f, const struct store_record *r, struct span base)
{
	struct buf uidl = {0};
	struct uidlist_row row = {.uid = r->uid, .base = base};
	store_uidl(f->export->store, r, &uidl);
	row.uidl = buf_as_span(&uidl);
	uidlist_row_put(&f->uidlist, &row);
	buf_free(&uidl);
}

static void
export_message(struct export_folder *f, const struct store_record *r, uint32_t flags)
{
	struct export *e = f->export;
	struct buf path = {0}, base = {0};
	int fd = -1;
	uint64_t keywords = r->keywords;
	int err = store_message_open(e->store, r, &fd);
	if (err != E_OK) {
		f->row.failed += !(r->flags & FLAG_GONE); /* it was removed just now */
		return;
	}
	base_put(&base, r);
	buf_span(&path, buf_as_span(&f->directory));
	buf_putf(&path, "%scur/%.*s", f->directory.len ? "/" : "",
	    SPAN_ARG(buf_as_span(&base)));
	bool is_forwarded = f->forwarded < 64 && keywords >> f->forwarded & 1;
	maildir_info_put(
	    &path, flags, is_forwarded, (uint32_t)(keywords & f->letters_of));
	write_file(e, buf_as_span(&path), r->date_sec, fd);
	close(fd);
	uidlist_row(f, r, buf_as_span(&base));
	f->row.fetched += !e->is_over;
	f->row.bytes += r->size_bytes;
	buf_free(&path);
	buf_free(&base);
}

static void
tell_progress(struct export_folder *f, uint32_t done)
{
	struct buf b = {0};
	buf_bytes(&b, span_of(f->mailbox->name));
	buf_u64(&b, done);
	buf_u64(&b, f->mailbox->messages);
	move_tell(f->export->command, MOVE_PROGRESS, &b);
}

/* The first 26 keywords have letters; $Forwarded has 'P' too, which not all servers know. */
static void
export_keywords(struct export_folder *f)
{
	const struct view_head *head = f->view.head;
	struct buf text = {0};
	uint32_t n = head->n_keywords;
	f->forwarded = 64;
	for (uint32_t i = 0; i < n; i++) {
		if (span_ieqs(span_of(head->keywords[i]), "$Forwarded"))
			f->forwarded = i;
		if (i < MAILDIR_LETTERS)
			keywords_put(&text, i, span_of(head->keywords[i]));
	}
	f->letters_of =
	    n < MAILDIR_LETTERS ? (1ull << n) - 1 : (1ull << MAILDIR_LETTERS) - 1;
	if (n > MAILDIR_LETTERS)
		buf_putf(&f->note, "%u keywords have no letter in a Maildir",
		    n - MAILDIR_LETTERS);
	if (n)
		write_text(
		    f->export, buf_as_span(&f->directory), "dovecot-keywords", &text);
	buf_free(&text);
}

static void
export_messages(struct export_folder *f)
{
	unsigned char guid[16];
	struct buf list = {.max = SOURCE_LISTING_BYTES_MAX};
	uint32_t n = f->view.head->n;
	f->uidlist.max = SOURCE_LISTING_BYTES_MAX;
	for (uint32_t i = 0; i < n && !f->export->is_over; i++) {
		uint32_t flags = f->view.records[i].flags;
		if (flags & FLAG_GONE)
			continue;
		f->row.source++;
		export_message(f, &f->view.records[i], flags);
		tell_progress(f, (uint32_t)f->row.source);
	}
	random_fill(guid, sizeof guid);
	uidlist_head_put(&list, f->view.uidvalidity, f->view.head->uidnext, guid);
	buf_span(&list, buf_as_span(&f->uidlist));
	write_text(f->export, buf_as_span(&f->directory), "dovecot-uidlist", &list);
	buf_free(&list);
}

static void
make_folder(struct export_folder *f)
{
	static const char *const subs[] = {"cur", "new", "tmp"};
	struct buf path = {0}, none = {0};
	if (f->directory.len) {
		make_directory(f->export, buf_as_span(&f->directory));
		write_text(
		    f->export, buf_as_span(&f->directory), "maildirfolder", &none);
	}
	for (size_t i = 0; i < COUNT(subs); i++) {
		buf_reset(&path);
		buf_span(&path, buf_as_span(&f->directory));
		buf_putf(&path, "%s%s", f->directory.len ? "/" : "", subs[i]);
		make_directory(f->export, buf_as_span(&path));
	}
	buf_free(&path);
}

static void
tell_row(struct export_folder *f)
{
	struct buf b = {0};
	f->row.folder = span_of(f->mailbox->name);
	f->row.here = f->row.fetched;
	f->row.numbers = NUMBERS_KEPT;
	f->row.note = buf_as_span(&f->note);
	move_row_put(&b, &f->row);
	move_tell(f->export->command, MOVE_ROW, &b);
	if (f->row.failed && f->export->status == EX_OK)
		f->export->status = EX_DATAERR;
}

static void
export_folder(struct export *e, const struct store_mailbox *m)
{
	struct export_folder f = {.export = e, .mailbox = m};
	int err = store_select(e->store, span_of(m->name), true, &f.view);
	if (err == E_BAD)
		return; /* it was removed meanwhile */
	if (err != E_OK ||
	    maildir_folder_directory(span_of(m->name), &f.directory) != E_OK) {
		say(e, EX_TEMPFAIL, "%s cannot be opened; the log says why", m->name);
		return;
	}
	make_folder(&f);
	if (!e->is_over)
		export_keywords(&f);
	if (!e->is_over)
		export_messages(&f);
	store_unselect(e->store, &f.view);
	tell_row(&f);
	buf_free(&f.directory);
	buf_free(&f.uidlist);
	buf_free(&f.note);
}

/* ---- all ---- */

static int
add_mailbox(void *ctx, const struct store_mailbox *m)
{
	struct export *e = ctx;
	if (m->is_kept)
		return E_OK; /* what was deleted does not come along */
	e->all = mem_grow(e->all, e->n + 1, sizeof *e->all);
	e->all[e->n++] = *m;
	return E_OK;
}

static int
add_subscription(void *ctx, struct span name)
{
	return subscriptions_put(ctx, name);
}

static void
export_subscriptions(struct export *e)
{
	struct buf text = {0};
	subscriptions_head_put(&text);
	if (store_subscriptions(e->store, add_subscription, &text) != E_OK)
		say(e, EX_TEMPFAIL, "subscriptions cannot be read; the log says why");
	else
		write_text(e, SPAN(""), "subscriptions", &text);
	buf_free(&text);
}

int
export_run(int command, const char *home)
{
	struct export e = {.command = command};
	if (store_open(home, &e.store) != E_OK ||
	    store_mailboxes(e.store, add_mailbox, &e) != E_OK)
		say(&e, EX_TEMPFAIL, "the mailbox cannot be opened; the log says why");
	for (size_t i = 0; i < e.n && !e.is_over; i++)
		export_folder(&e, &e.all[i]);
	if (!e.is_over)
		export_subscriptions(&e);
	store_close(&e.store);
	mem_free(&e.all);
	buf_free(&e.in);
	buf_free(&e.why);
	return e.status;
}
