/* SPDX-License-Identifier: ISC */
/*
 * source_maildir.c - a Maildir of Dovecot or Courier, or of neither, that the command reads for us.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/courier.h"
#include "move/maildir_read.h"

/* ---- messages ---- */

/* What the lists beside the messages say of one, by the name of its file without flags. */
struct numbered {
	struct span base; /* borrow */
	uint32_t uid;
	struct span uidl; /* borrow */
	uint64_t keywords;
};

struct numbers {
	struct numbered *all; /* own */
	size_t n, cap;
};

static struct numbered *
numbers_add(struct numbers *l)
{
	l->all = mem_room(l->all, l->n, &l->cap, sizeof *l->all);
	l->all[l->n] = (struct numbered){.uid = 0};
	return &l->all[l->n++];
}

static int
by_base(const void *x, const void *y)
{
	const struct numbered *a = x, *b = y;
	return span_cmp(a->base, b->base);
}

/*
 * Each base once: what rows of different lists say of it comes together; of two uids the later
 * (larger) is valid.
 */
static void
numbers_sort(struct numbers *l)
{
	size_t n = 0;
	if (l->n)
		qsort(l->all, l->n, sizeof *l->all, by_base);
	for (size_t i = 0; i < l->n; i++) {
		struct numbered *before = n ? &l->all[n - 1] : NULL, *one = &l->all[i];
		if (!before || !span_eq(before->base, one->base)) {
			l->all[n++] = *one;
			continue;
		}
		if (one->uid > before->uid)
			before->uid = one->uid;
		if (one->uidl.n)
			before->uidl = one->uidl;
		before->keywords |= one->keywords;
	}
	l->n = n;
}

static const struct numbered *
numbers_find(const struct numbers *l, struct span base)
{
	struct numbered wanted = {.base = base};
	return l->n ? bsearch(&wanted, l->all, l->n, sizeof wanted, by_base) : NULL;
}

static void
take_uids(struct listing *out, struct numbers *l, struct uidlist *list)
{
	struct uidlist_row r;
	out->uidvalidity = list->uidvalidity;
	out->uidnext = list->uidnext;
	while (uidlist_next(list, &r)) {
		struct numbered *one = numbers_add(l);
		one->base = r.base;
		one->uid = r.uid;
		one->uidl = uidl_is_legal(r.uidl) ? r.uidl : SPAN("");
	}
	out->n_wrong += list->n_wrong;
}

/* dovecot-uidlist, or what Courier has. */
static int
read_uids(struct source *s, struct span folder, struct listing *out, struct numbers *l)
{
	struct buf text = {0};
	struct uidlist list;
	int err = maildir_read_file(s, folder, "dovecot-uidlist", &text);
	/* its rows borrow from a copy that lives as long as the listing */
	if (err == E_OK && text.len &&
	    uidlist_open(arena_span(&out->arena, buf_as_span(&text)), &list) == E_OK) {
		take_uids(out, l, &list);
	} else if (err == E_OK) {
		err = maildir_read_file(s, folder, "courierimapuiddb", &text);
		if (err == E_OK && text.len &&
		    courier_uids_open(
			arena_span(&out->arena, buf_as_span(&text)), &list) == E_OK)
			take_uids(out, l, &list);
	}
	buf_free(&text);
	return err;
}

/* bits[n] becomes the keyword of letter n. */
static int
read_letters(struct source *s, struct span folder, struct listing *out,
    uint64_t bits[MAILDIR_LETTERS])
{
	struct buf text = {0};
	struct span name;
	unsigned letter;
	int err = maildir_read_file(s, folder, "dovecot-keywords", &text);
	struct span rest = buf_as_span(&text);
	while (err == E_OK && keywords_next(&rest, &letter, &name))
		bits[letter] = keywords_bit(&out->keywords, &out->arena, name);
	buf_free(&text);
	return err;
}

static int
read_courier_keywords(
    struct source *s, struct span folder, struct listing *out, struct numbers *l)
{
	struct buf text = {0};
	struct courier_keywords k;
	struct span base;
	uint64_t theirs, ours[COURIER_KEYWORDS_MAX];
	int err = maildir_read_file(s, folder, "courierimapkeywords/:list", &text);
	courier_keywords_open(arena_span(&out->arena, buf_as_span(&text)), &k);
	for (size_t i = 0; i < k.n; i++)
		ours[i] = keywords_bit(&out->keywords, &out->arena, k.names[i]);
	while (err == E_OK && courier_keywords_next(&k, &base, &theirs)) {
		struct numbered *one = numbers_add(l);
		one->base = base;
		for (size_t i = 0; i < k.n; i++)
			one->keywords |= theirs & (1ull << i) ? ours[i] : 0;
	}
	buf_free(&text);
	return err;
}

static int
read_courier_uidls(
    struct source *s, struct span folder, struct listing *out, struct numbers *l)
{
	struct buf text = {0}, uidl = {0};
	struct span base;
	int err = maildir_read_file(s, folder, "courierpop3dsizelist", &text);
	struct span rest = arena_span(&out->arena, buf_as_span(&text));
	if (err == E_OK && rest.n && courier_uidls_open(&rest) == E_OK)
		while (courier_uidls_next(&rest, &base, &uidl)) {
			struct numbered *one = numbers_add(l);
			one->base = base;
			one->uidl = arena_span(&out->arena, buf_as_span(&uidl));
		}
	buf_free(&text);
	buf_free(&uidl);
	return err;
}

struct reading {
	struct source *source;
	struct listing *out;
	const struct numbers *numbers;
	uint64_t letters[MAILDIR_LETTERS];
	int64_t now;
};

static uint64_t
keywords_of_file(struct reading *r, const struct maildir_file *f)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < MAILDIR_LETTERS; i++)
		if (f->letters & (1u << i))
			bits |= r->letters[i];
	if (f->is_forwarded)
		bits |=
		    keywords_bit(&r->out->keywords, &r->out->arena, SPAN("$Forwarded"));
	return bits;
}

static struct span
uidl_of(struct reading *r, const struct source_message *m, const struct numbered *n,
    struct span base)
{
	struct span format = r->source->uidl_format, uidl = n ? n->uidl : SPAN("");
	struct buf b = {0};
	if (uidl.n == 0 && format.n && m->uid &&
	    uidl_format(format, m->uid, r->out->uidvalidity, base, &b) == E_OK)
		uidl = arena_span(&r->out->arena, buf_as_span(&b));
	buf_free(&b);
	return uidl;
}

static int
add_message(
    struct reading *r, struct span folder, const char *sub, const struct move_entry *e)
{
	struct arena *a = &r->out->arena;
	struct source_message m = {.size_bytes = e->size_bytes};
	struct maildir_file f;
	struct buf path = {0};
	if (e->is_directory || maildir_file_parse(e->name, &f) != E_OK)
		return E_OK;
	const struct numbered *n = numbers_find(r->numbers, f.base);
	if (n) {
		m.uid = n->uid;
		m.keywords = n->keywords;
	}
	m.flags = f.flags;
	m.keywords |= keywords_of_file(r, &f);
	m.date_sec =
	    r->source->is_date_of_name && f.date_sec ? f.date_sec : e->mtime_sec;
	if (m.date_sec <= 0 || m.date_sec > r->now)
		m.date_sec =
		    f.date_sec > 0 && f.date_sec <= r->now ? f.date_sec : r->now;
	m.key = arena_span(a, f.key);
	m.uidl = uidl_of(r, &m, n, f.base);
	maildir_path_put(&path, folder, sub);
	buf_putf(&path, "/%.*s", SPAN_ARG(e->name));
	m.at = arena_span(a, buf_as_span(&path));
	buf_free(&path);
	return listing_add(r->out, &m);
}

static int
add_messages(struct reading *r, struct span folder, const char *sub)
{
	struct buf path = {0};
	struct move_entry e;
	struct rd entries;
	int status = maildir_list_directory(
		r->source, maildir_path_put(&path, folder, sub), &entries),
	    err = E_OK;
	buf_free(&path);
	if (status == EX_NOINPUT)
		return E_OK;
	if (status == EX_IOERR && r->source->failure.why.len == 0)
		return failed(&r->source->failure, status, "%s cannot be read", sub);
	if (status != EX_OK)
		return E_BAD;
	while (entries.in.n && err == E_OK) {
		err = move_entry_get(&entries, &e);
		if (err == E_OK)
			err = add_message(r, folder, sub, &e);
	}
	return err == E_LIMIT ? E_BAD : err;
}

static int
maildir_list(struct source *s, const struct source_folder *f, struct listing *out)
{
	struct numbers numbers = {.n = 0};
	struct reading r = {
	    .source = s, .out = out, .numbers = &numbers, .now = clock_wall_sec()};
	*out = (struct listing){.n = 0};
	int err = read_uids(s, f->raw, out, &numbers);
	if (err == E_OK)
		err = read_letters(s, f->raw, out, r.letters);
	if (err == E_OK)
		err = read_courier_keywords(s, f->raw, out, &numbers);
	if (err == E_OK)
		err = read_courier_uidls(s, f->raw, out, &numbers);
	numbers_sort(&numbers);
	/* in this order: one that moves from new to cur meanwhile is seen twice, not never */
	if (err == E_OK)
		err = add_messages(&r, f->raw, "new");
	if (err == E_OK)
		err = add_messages(&r, f->raw, "cur");
	listing_sort(out);
	mem_free(&numbers.all);
	return err;
}

/* ---- bytes ---- */

/* The path that a message has now, when its flags were changed meanwhile.  EX_OK, or why not */
static int
find_again(
    struct source *s, const struct source_folder *folder, struct span key, int *fd)
{
	static const char *const subs[] = {"cur", "new"};
	struct buf path = {0};
	int status = EX_NOINPUT;
	for (size_t i = 0; i < COUNT(subs) && status == EX_NOINPUT; i++) {
		struct move_entry e;
		struct maildir_file f;
		struct rd entries;
		if (maildir_list_directory(s,
			maildir_path_put(&path, folder->raw, subs[i]),
			&entries) != EX_OK)
			continue;
		bool is_found = false;
		while (
		    !is_found && entries.in.n && move_entry_get(&entries, &e) == E_OK)
			is_found = maildir_file_parse(e.name, &f) == E_OK &&
			           span_eq(f.key, key);
		if (is_found) {
			buf_putf(&path, "/%.*s", SPAN_ARG(e.name));
			status = maildir_open_file(s, buf_as_span(&path), fd);
		}
	}
	buf_free(&path);
	return status;
}

static int
send_bytes(int fd, const struct fetch_to *to, bool *is_whole)
{
	static char chunk[MAILDIR_CHUNK_BYTES];
	ssize_t n;
	int err = E_OK;
	while (err == E_OK && (n = read(fd, chunk, sizeof chunk)) > 0)
		err = to->bytes(to->ctx, span_make(chunk, (size_t)n));
	*is_whole = err == E_OK && n == 0;
	return err;
}

static int
maildir_fetch(struct source *s, const struct listing *l,
    const struct source_folder *folder, const uint32_t *wanted, size_t n,
    const struct fetch_to *to)
{
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++) {
		const struct source_message *m = &l->all[wanted[i]];
		bool is_whole = false;
		int fd = -1, status = maildir_open_file(s, m->at, &fd);
		if (status == EX_NOINPUT)
			status = find_again(s, folder, m->key, &fd);
		if (status != EX_OK)
			continue;
		err = to->begin(to->ctx);
		if (err == E_OK)
			err = send_bytes(fd, to, &is_whole);
		close(fd);
		if (err == E_OK)
			err = to->end(to->ctx, wanted[i], is_whole);
	}
	return err;
}

const struct source_kind source_maildir = {
    .folders = maildir_folders, .list = maildir_list, .fetch = maildir_fetch};
