/* SPDX-License-Identifier: ISC */
/*
 * slices_file.c - index/slices.MAILBOX: what sessions turned of signatures (mime/slices.h).  The
 * session that missed it writes it, whole, under another name first; never synced, so whoever reads
 * it looks at its sums.  The keeper removes it with the mailbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/cache_file.h"
#include "store/keeper.h"
#include "store/state.h"

enum {
	FILE_MAGIC = 0x666c736d,
	VERSION = 1,
	HEAD_BYTES = 16,
	NAME_MAX_BYTES = sizeof "index/slices.4294967295.new",
	FREE_LEAST =
	    256 << 20,   /* bytes of the disk: where there are less, none is written */
	STALE_SEC = 600, /* who began to write one so long ago is dead */
};

struct store_slices {
	char name[NAME_MAX_BYTES], name_new[NAME_MAX_BYTES];
	int fd; /* own */
	bool is_whole;
};

static void
name_put(uint32_t mailbox, const char *tail, char out[NAME_MAX_BYTES])
{
	snprintf(out, NAME_MAX_BYTES, "index/slices.%u%s", mailbox, tail);
}

static void
head_put(struct buf *b, uint32_t uidvalidity)
{
	buf_u32(b, FILE_MAGIC);
	buf_u32(b, VERSION);
	buf_u32(b, uidvalidity);
	buf_u32(b, CACHE_VERSION);
}

/* ---- reading ---- */

static bool
is_of(struct span file, uint32_t uidvalidity)
{
	struct rd r = rd_of(file);
	return rd_u32(&r) == FILE_MAGIC && rd_u32(&r) == VERSION &&
	       rd_u32(&r) == uidvalidity && rd_u32(&r) == CACHE_VERSION &&
	       r.err == E_OK;
}

int
store_slices_map(struct store *s, const struct store_view *v, struct span *out)
{
	char name[NAME_MAX_BYTES];
	struct stat st;
	*out = SPAN("");
	if (s->connect)
		return E_BAD; /* the files of another account are not ours to see */
	name_put(v->mailbox, "", name);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return E_BAD;
	if (fstat(fd, &st) == 0 && st.st_size > HEAD_BYTES) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			*out = span_make(p, (size_t)st.st_size);
	}
	close(fd);
	if (out->n && is_of(*out, v->uidvalidity))
		return E_OK;
	store_slices_unmap(out);
	return E_BAD;
}

struct span
store_slices_blocks(struct span map)
{
	return span_from(map, HEAD_BYTES);
}

void
store_slices_unmap(struct span *map)
{
	store_message_unmap(map);
}

/* ---- writing ---- */

static bool
has_room(void)
{
	struct statvfs st;
	return statvfs("index", &st) == 0 &&
	       (uint64_t)st.f_bavail * st.f_frsize >= FREE_LEAST;
}

/* Another session is at it, or died in it. */
static void
remove_stale(const char *name)
{
	struct stat st;
	struct timespec now;
	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && lstat(name, &st) == 0 &&
	    now.tv_sec - st.st_mtime > STALE_SEC)
		unlink(name);
}

struct store_slices *
store_slices_begin(struct store *s, const struct store_view *v)
{
	char name[NAME_MAX_BYTES];
	name_put(v->mailbox, ".new", name);
	if (s->connect || !has_room())
		return NULL;
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		remove_stale(name);
		return NULL;
	}
	struct store_slices *w = mem_new(sizeof *w);
	struct buf head = {0};
	*w = (struct store_slices){.fd = fd, .is_whole = true};
	name_put(v->mailbox, "", w->name);
	name_put(v->mailbox, ".new", w->name_new);
	head_put(&head, v->uidvalidity);
	store_slices_add(w, buf_as_span(&head));
	buf_free(&head);
	return w;
}

void
store_slices_add(struct store_slices *w, struct span bytes)
{
	while (bytes.n && w->is_whole) {
		ssize_t n = write(w->fd, bytes.p, bytes.n);
		w->is_whole = n > 0;
		bytes = span_from(bytes, n > 0 ? (size_t)n : 0);
	}
}

void
store_slices_end(struct store_slices **wp)
{
	struct store_slices *w = *wp;
	close(w->fd);
	if (!w->is_whole || rename(w->name_new, w->name) != 0) {
		log_event(LOG_INFO, "slices_not_written", "file=%s", w->name);
		unlink(w->name_new);
	}
	mem_free(wp);
}

void
slices_drop(uint32_t mailbox)
{
	static const char *const tails[] = {".new", ""};
	for (size_t i = 0; i < COUNT(tails); i++) {
		char name[NAME_MAX_BYTES];
		name_put(mailbox, tails[i], name);
		if (unlink(name) != 0 && errno != ENOENT)
			log_event(LOG_ERR, "slices_not_removed", "file=%s err=%s", name,
			    log_errno(errno));
	}
}

bool
slices_are(const char *name, uint32_t *mailbox)
{
	struct span rest = span_of(name);
	uint64_t n;
	if (!span_starts(rest, SPAN("slices.")))
		return false;
	rest = span_from(rest, SPAN("slices.").n);
	if (span_u64(span_cut(&rest, '.'), UINT32_MAX, &n) != E_OK)
		return false;
	*mailbox = (uint32_t)n;
	return rest.n == 0 || span_eqs(rest, "new");
}
