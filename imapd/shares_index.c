/* SPDX-License-Identifier: ISC */
/*
 * shares_index.c - who gave anything to whom: lines "OWNER IDENTIFIER ...\n" in a file that grows; of
 * two lines of an owner the later one counts.  It says where to ask, no more: what may be done the
 * owner's keeper knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "imapd/shares.h"

enum {
	INDEX_PIECE_BYTES = 1 << 20, /* of a file that is read */
	INDEX_LINE_MOST = 1 << 20,   /* octets; a longer one is left out */
	/* when so much of it, and half, is of no use it is written anew: at a start, and later */
	INDEX_WASTE_LEAST = 64 << 10,
	INDEX_WASTE_MOST = 4 << 20,
	INDEX_BUCKETS = 4096,
	LOCK_TRIES = 100, /* each is a file that another one replaced */
};

struct owner {
	char *line; /* own: its address, then the identifiers, a space before each */
	size_t n;
	size_t next; /* of its bucket: index + 1; 0: none */
};

struct shares_index {
	char *path; /* own */
	int fd;     /* own */
	ino_t inode;
	off_t read_bytes;
	off_t
	    failed_bytes; /* it could not be written anew when so much was read; 0: it could */
	struct owner *all; /* own */
	size_t n, cap, live_bytes;
	size_t buckets[INDEX_BUCKETS]; /* by address: index + 1; 0: none */
};

static struct span
line_of(const struct owner *o)
{
	return span_make(o->line, o->n);
}

static size_t *
bucket_of(struct shares_index *x, struct span owner)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < owner.n; i++)
		hash = (hash ^ (unsigned char)owner.p[i]) * 16777619u;
	return &x->buckets[hash % INDEX_BUCKETS];
}

static struct owner *
find(struct shares_index *x, struct span owner)
{
	for (size_t at = *bucket_of(x, owner); at; at = x->all[at - 1].next) {
		struct span line = line_of(&x->all[at - 1]);
		if (span_eq(span_cut(&line, ' '), owner))
			return &x->all[at - 1];
	}
	return NULL;
}

static void
take_line(struct shares_index *x, struct span line)
{
	struct span rest = line, owner = span_cut(&rest, ' ');
	struct owner *o = find(x, owner);
	if (!owner.n)
		return;
	if (!o) {
		x->all = mem_room(x->all, x->n, &x->cap, sizeof *x->all);
		size_t *bucket = bucket_of(x, owner);
		o = &x->all[x->n++];
		*o = (struct owner){.next = *bucket};
		*bucket = x->n;
	}
	x->live_bytes += line.n - o->n;
	mem_free(&o->line);
	o->line = mem_new(line.n + 1);
	memcpy(o->line, line.p, line.n);
	o->n = line.n;
}

static void
forget(struct shares_index *x)
{
	for (size_t i = 0; i < x->n; i++)
		mem_free(&x->all[i].line);
	x->n = x->live_bytes = 0;
	memset(x->buckets, 0, sizeof x->buckets);
	x->read_bytes = 0;
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
}

/* What stands there, to the end of the last whole line; how much of the file that is. */
static size_t
take_piece(struct shares_index *x, struct span text)
{
	size_t end = span_rfind(text, '\n');
	if (end ==
	    text.n) /* a line that we did not write: its rest is taken for another one */
		return text.n >= INDEX_LINE_MOST ? text.n : 0;
	text.n = end + 1;
	for (struct span rest = text; rest.n;)
		take_line(x, span_cut(&rest, '\n'));
	return text.n;
}

/* Whole lines of what was written since; another one of us may be writing, too (a reload). */
static void
read_more(struct shares_index *x)
{
	struct buf text = {0};
	struct stat st;
	if (fstat(x->fd, &st) != 0 || st.st_size <= x->read_bytes)
		return;
	for (size_t taken = 1; taken;) {
		buf_reset(&text);
		char *room = buf_room(&text, INDEX_PIECE_BYTES);
		ssize_t got =
		    room ? pread(x->fd, room, INDEX_PIECE_BYTES, x->read_bytes) : -1;
		if (got <= 0)
			break;
		buf_added(&text, (size_t)got);
		taken = take_piece(x, buf_as_span(&text));
		x->read_bytes += (off_t)taken;
	}
	buf_free(&text);
}

static void
refresh(struct shares_index *x)
{
	struct stat st;
	if (x->fd >= 0 && (stat(x->path, &st) != 0 || st.st_ino != x->inode))
		forget(x);
	if (x->fd < 0)
		x->fd = open(x->path,
		    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (x->fd < 0 || fstat(x->fd, &st) != 0) {
		log_event(LOG_ERR, "no_shares_index", "file=%s err=%s", log_qs(x->path),
		    log_errno(errno));
		return;
	}
	x->inode = st.st_ino;
	read_more(x);
}

/*
 * For who writes: another one of us (at a reload) neither writes nor replaces the file meanwhile.  It may
 * have replaced it while we waited.
 */
static bool
lock(struct shares_index *x)
{
	struct stat st;
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		refresh(x);
		if (x->fd < 0 || flock(x->fd, LOCK_EX) != 0)
			return false;
		if (stat(x->path, &st) == 0 && st.st_ino == x->inode) {
			read_more(x);
			return true;
		}
	}
	return false;
}

/* Of a file that was replaced the lock went with its descriptor. */
static void
unlock(const struct shares_index *x)
{
	if (x->fd >= 0)
		flock(x->fd, LOCK_UN);
}

static int
flush(int fd, struct buf *text)
{
	int err = file_write(fd, buf_as_span(text));
	buf_reset(text);
	return err;
}

/* Without what later lines made void. */
static int
write_live(const struct shares_index *x, int fd)
{
	struct buf text = {0};
	int err = E_OK;
	for (size_t i = 0; i < x->n && err == E_OK; i++) {
		struct span line = line_of(&x->all[i]), rest = line;
		span_cut(&rest, ' ');
		if (!rest.n)
			continue; /* nothing is given any more */
		buf_span(&text, line);
		buf_ch(&text, '\n');
		if (text.len >= INDEX_PIECE_BYTES)
			err = flush(fd, &text);
	}
	if (err == E_OK)
		err = flush(fd, &text);
	buf_free(&text);
	return err == E_OK && fsync(fd) == 0 ? E_OK : E_IO;
}

/* The name is durable, too. */
static void
sync_folder(const char *path)
{
	struct buf folder = {0};
	buf_span(&folder, span_head(span_of(path), span_rfind(span_of(path), '/')));
	int fd = open(buf_cstr(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		log_event(LOG_WARNING, "shares_not_synced", "err=%s", log_errno(errno));
	if (fd >= 0)
		close(fd);
	buf_free(&folder);
}

static void
write_anew(struct shares_index *x)
{
	struct buf path = {0};
	buf_putf(&path, "%s.new", x->path);
	int fd = open(buf_cstr(&path),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && write_live(x, fd) == E_OK &&
	    rename(buf_cstr(&path), x->path) == 0) {
		sync_folder(x->path);
		forget(x);
		x->failed_bytes = 0;
	} else {
		log_event(LOG_ERR, "shares_not_written", "err=%s", log_errno(errno));
		x->failed_bytes = x->read_bytes;
	}
	if (fd >= 0)
		close(fd);
	buf_free(&path);
	refresh(x);
}

/* More than half of it, and more than that, is of no use. */
static bool
is_wasteful(const struct shares_index *x, size_t waste)
{
	return x->fd >= 0 && (size_t)x->read_bytes > 2 * x->live_bytes + waste &&
	       (x->failed_bytes == 0 ||
		   x->read_bytes > x->failed_bytes + INDEX_WASTE_MOST);
}

struct shares_index *
shares_index_open(const char *path)
{
	struct shares_index *x = mem_new(sizeof *x);
	x->fd = -1;
	x->path = mem_dup(path);
	refresh(x);
	if (x->fd < 0)
		shares_index_close(&x);
	else if (is_wasteful(x, INDEX_WASTE_LEAST) && lock(x)) {
		write_anew(x);
		unlock(x);
	}
	return x;
}

void
shares_index_close(struct shares_index **xp)
{
	struct shares_index *x = *xp;
	if (!x)
		return;
	forget(x);
	mem_free(&x->all);
	mem_free(&x->path);
	mem_free(xp);
}

/* ---- what changes ---- */

/* What could not stand in a line is left out: no such address logs in. */
static bool
is_word(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || s.p[i] == '\n')
			return false;
	return s.n > 0;
}

static bool
has_word(struct span words, struct span word)
{
	while (words.n)
		if (span_eq(span_cut(&words, ' '), word))
			return true;
	return false;
}

static void
put_line(struct buf *line, struct span owner, struct span granted)
{
	unsigned n = 0;
	buf_span(line, owner);
	for (struct rd r = rd_of(granted); r.in.n && n < SHARES_GRANTED_MOST;) {
		struct span who = rd_str(&r, IDENTIFIER_MAX);
		if (r.err != E_OK)
			break;
		if (!is_word(who) || has_word(buf_as_span(line), who))
			continue;
		buf_ch(line, ' ');
		buf_span(line, who);
		n++;
	}
}

void
shares_index_set(struct shares_index *x, struct span owner, struct span granted)
{
	struct buf line = {0};
	refresh(x);
	put_line(&line, owner, granted);
	const struct owner *o = find(x, owner);
	struct span now = buf_as_span(&line);
	bool is_same = o ? span_eq(line_of(o), now) : span_eq(now, owner);
	if (!is_same && is_word(owner)) {
		buf_ch(&line, '\n');
		bool is_locked = lock(x);
		if (!is_locked || file_write(x->fd, buf_as_span(&line)) != E_OK ||
		    fdatasync(x->fd) != 0)
			log_event(
			    LOG_ERR, "shares_not_written", "err=%s", log_errno(errno));
		refresh(x);
		if (is_locked && is_wasteful(x, INDEX_WASTE_MOST))
			write_anew(x);
		unlock(x);
	}
	buf_free(&line);
}

/* ---- what is asked ---- */

static struct span
domain_of(struct span address)
{
	return span_from(address, span_rfind(address, '@'));
}

/* Are words for this guest among them? */
static bool
has_guest(struct span words, const struct shares_guest *guest)
{
	while (words.n) {
		struct span word = span_cut(&words, ' ');
		if (span_eq(word, guest->address) || span_eqs(word, "anyone") ||
		    (span_starts(word, SPAN("group:")) &&
			span_has_line(guest->groups, span_from(word, 6))))
			return true;
	}
	return false;
}

static bool
gave(struct span line, const struct shares_guest *guest)
{
	struct span owner = span_cut(&line, ' ');
	return span_eq(domain_of(owner), domain_of(guest->address)) &&
	       !span_eq(owner, guest->address) && has_guest(line, guest);
}

bool
shares_index_has(
    struct shares_index *x, struct span owner, const struct shares_guest *guest)
{
	refresh(x);
	const struct owner *o = find(x, owner);
	return o && gave(line_of(o), guest);
}

void
shares_index_each(struct shares_index *x, const struct shares_guest *guest,
    bool (*fn)(void *ctx, struct span owner), void *ctx)
{
	refresh(x);
	for (size_t i = 0; i < x->n; i++) {
		struct span line = line_of(&x->all[i]);
		if (gave(line, guest) && !fn(ctx, span_cut(&line, ' ')))
			return;
	}
}
