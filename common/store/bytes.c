/* SPDX-License-Identifier: ISC */
/* bytes.c - a session's side: files of messages, their cache items, what UIDL answers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/cache_file.h"
#include "store/state.h"

enum {
	CACHE_MAP_LEAST = 64 << 20,  /* of address space: the file may grow into it */
	CACHE_SEND_BYTES = 48 << 10, /* of items gathered; then they are sent */
	SOON_BYTES = 512, /* of an item that will be asked for: its beginning */
	SOON_LINE = 64,   /* of a processor's cache */
};

/* ---- files ---- */

/* A guest's: by its place, which its keeper looks at. */
static int
open_at_keeper(struct store *s, const struct store_record *r, int *out)
{
	struct buf body = {0};
	struct answer answer;
	buf_u32(&body, s->selected);
	buf_u32(&body, r->uid);
	enum store_said said = keeper_ask_said(s, KEEPER_FILE, &body, true, &answer);
	*out = answer.fd;
	if (said == STORE_DONE && *out >= 0)
		return E_OK;
	return said == STORE_NONEXISTENT ? E_BAD : E_IO;
}

/* A row is told of before its file moves to where it is sought: the keeper says when it did. */
static int
open_moved(struct store *s, const char *path, bool is_gone)
{
	bool is_behind = false;
	int fd = file_open_unnoted(AT_FDCWD, path, O_NOFOLLOW);
	if (fd >= 0 || errno != ENOENT || is_gone)
		return fd;
	int err = sync_all(s, &is_behind);
	if (err == E_OK)
		fd = file_open_unnoted(AT_FDCWD, path, O_NOFOLLOW);
	if (fd < 0 && (err != E_OK || is_behind))
		errno = EIO; /* whether it is gone cannot be told */
	return fd;
}

int
store_message_open(struct store *s, const struct store_record *r, int *out)
{
	struct buf path = {0};
	if (s->connect)
		return open_at_keeper(s, r, out);
	msg_path_put(&path, r->id);
	*out = open_moved(s, buf_cstr(&path), (r->flags & FLAG_GONE) != 0);
	int err = *out >= 0 ? E_OK : errno == ENOENT ? E_BAD : E_IO;
	if (err != E_OK)
		log_event(err == E_BAD ? LOG_INFO : LOG_ERR, "message_not_opened",
		    "file=%s err=%s", buf_cstr(&path), log_errno(errno));
	buf_free(&path);
	return err;
}

/* All n bytes.  A file that is shorter than it was a moment ago is as good as gone. */
static int
read_all(int fd, size_t n, struct buf *out)
{
	char *room = buf_room(out, n);
	size_t have = 0;
	ssize_t got = 1;
	if (!room)
		return E_LIMIT;
	while (have < n && got > 0) {
		got = pread(fd, room + have, n - have, (off_t)have);
		have += got > 0 ? (size_t)got : 0;
	}
	buf_added(out, have);
	return have == n ? E_OK : E_IO;
}

int
store_message_read(struct store *s, const struct store_record *r, struct buf *out)
{
	struct stat st;
	int fd, err = store_message_open(s, r, &fd);
	buf_reset(out);
	if (err != E_OK)
		return err;
	err = fstat(fd, &st) == 0 ? read_all(fd, (size_t)st.st_size, out) : E_IO;
	close(fd);
	return err;
}

int
store_message_map(struct store *s, const struct store_record *r, struct span *out)
{
	struct stat st;
	int fd, err = store_message_open(s, r, &fd);
	*out = SPAN("");
	if (err != E_OK)
		return err;
	if (fstat(fd, &st) != 0)
		err = E_IO;
	if (err == E_OK && st.st_size > 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			err = E_IO;
		else
			*out = span_make(p, (size_t)st.st_size);
	}
	close(fd);
	return err;
}

void
store_message_unmap(struct span *s)
{
	if (s->n)
		munmap((void *)(uintptr_t)s->p, s->n);
	*s = SPAN("");
}

/* ---- cache items ---- */

static void
cache_unmap(struct cache_map *m)
{
	if (m->p)
		munmap((void *)(uintptr_t)m->p, m->mapped_bytes);
	if (m->fd >= 0)
		close(m->fd);
	mem_free(&m->good);
	mem_free(&m);
}

void
caches_unmap(struct store *s)
{
	while (s->caches) {
		struct cache_map *m = s->caches;
		s->caches = m->next;
		cache_unmap(m);
	}
}

static struct cache_map *
cache_map(struct store *s, uint32_t gen)
{
	char name[CACHE_NAME_MAX];
	struct cache_map *m = mem_new(sizeof *m);
	struct stat st;
	cache_name(gen, name);
	m->gen = gen;
	m->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (m->fd >= 0 && fstat(m->fd, &st) == 0) {
		m->known_bytes = (size_t)st.st_size;
		m->mapped_bytes = CACHE_MAP_LEAST;
		while (m->mapped_bytes < 2 * m->known_bytes)
			m->mapped_bytes *= 2;
		void *p = mmap(NULL, m->mapped_bytes, PROT_READ, MAP_SHARED, m->fd, 0);
		m->p = p == MAP_FAILED ? NULL : p;
	}
	if (!m->p) {
		cache_unmap(m);
		return NULL;
	}
	m->good = mem_new(m->mapped_bytes / CACHE_ITEM_LEAST / 8);
	m->next = s->caches;
	s->caches = m;
	return m;
}

/* The mapping that reaches to end; NULL: the file does not. */
static struct cache_map *
cache_reach(struct store *s, uint32_t gen, uint64_t end)
{
	struct cache_map *m = s->caches;
	struct stat st;
	while (m && m->gen != gen)
		m = m->next;
	if (m && end > m->known_bytes && fstat(m->fd, &st) == 0)
		m->known_bytes = (size_t)st.st_size;
	if (!m || (end > m->mapped_bytes && end <= m->known_bytes))
		m = cache_map(s, gen);
	return m && end <= m->known_bytes && end <= m->mapped_bytes ? m : NULL;
}

/* Its sum is looked at once: an item that was good does not change while it is mapped. */
static struct span
cache_item(struct cache_map *m, uint64_t at, struct file_id id)
{
	size_t most = cache_item_bytes(STORE_CACHE_ITEM_MAX),
	       all =
		   m->known_bytes < m->mapped_bytes ? m->known_bytes : m->mapped_bytes;
	struct span item, file = span_head(span_make(m->p + at, all - at), most);
	unsigned char *good = &m->good[at / CACHE_ITEM_LEAST / 8],
		      bit = (unsigned char)(1u << (at / CACHE_ITEM_LEAST % 8));
	int err = *good & bit ? cache_item_again(file, id, &item)
	                      : cache_item_get(file, id, &item);
	if (err != E_OK)
		return SPAN("");
	*good |= bit;
	return item;
}

struct span
store_cache(struct store *s, const struct store_record *r)
{
	uint32_t gen = atomic_load_explicit(&r->cache_gen, memory_order_acquire);
	if (s->connect)
		return SPAN(""); /* the file has items of all mailboxes */
	uint64_t at = (uint64_t)r->cache_at * CACHE_UNIT;
	struct cache_map *m = gen ? cache_reach(s, gen, at + CACHE_ITEM_HEAD) : NULL;
	return m ? cache_item(m, at, r->id) : SPAN("");
}

void
store_cache_soon(const struct store *s, const struct store_record *r)
{
	const struct cache_map *m = s->caches;
	uint64_t at = (uint64_t)r->cache_at * CACHE_UNIT;
	if (!m || m->gen != r->cache_gen || at + SOON_BYTES > m->known_bytes)
		return;
	for (size_t i = 0; i < SOON_BYTES; i += SOON_LINE)
		__builtin_prefetch(m->p + at + i);
}

bool
store_has_cache(struct store *s, const struct store_record *r)
{
	char name[CACHE_NAME_MAX];
	uint32_t gen = s->connect ? 0 : r->cache_gen;
	if (gen && gen != s->looked_gen) {
		cache_name(gen, name);
		s->looked_gen = gen;
		s->has_looked_gen = access(name, F_OK) == 0;
	}
	return gen && s->has_looked_gen;
}

void
store_cache_put(struct store *s, const struct store_view *v,
    const struct store_record *r, struct span item)
{
	struct ask_item i = {
	    .mailbox = v->mailbox, .uid = r->uid, .id = r->id, .item = item};
	if (s->connect || item.n == 0 || item.n > STORE_CACHE_ITEM_MAX)
		return;
	ask_item_put(&s->items, &i);
	if (s->items.len >= CACHE_SEND_BYTES)
		store_cache_flush(s);
}

void
store_cache_flush(struct store *s)
{
	if (s->items.len && buf_done(&s->items) == E_OK)
		keeper_tell(s, KEEPER_CACHE, buf_as_span(&s->items));
	buf_reset(&s->items);
}

/* ---- UIDL ---- */

static int
by_id(const void *a, const void *b)
{
	const struct uidl *x = a, *y = b;
	return memcmp(x->id.b, y->id.b, FILE_ID_BYTES);
}

/* All that import brought, in order of id. */
static void
read_uidls(struct store *s)
{
	struct buf body = {0};
	struct answer answer;
	size_t cap = 0;
	s->n_uidls = 0;
	if (keeper_ask_said(s, KEEPER_UIDLS, &body, true, &answer) != STORE_DONE)
		return;
	while (answer.body.in.n) {
		struct span id = rd_bytes(&answer.body, FILE_ID_BYTES),
			    text = rd_str(&answer.body, STORE_UIDL_MAX);
		if (answer.body.err != E_OK)
			break;
		s->uidls = mem_room(s->uidls, s->n_uidls, &cap, sizeof *s->uidls);
		struct uidl *u = &s->uidls[s->n_uidls++];
		*u = (struct uidl){.text = ""};
		memcpy(u->id.b, id.p, FILE_ID_BYTES);
		memcpy(u->text, text.p, text.n);
	}
	qsort(s->uidls, s->n_uidls, sizeof *s->uidls, by_id);
}

void
store_uidl(struct store *s, const struct store_record *r, struct buf *out)
{
	struct uidl key = {.id = r->id}, *found;
	if (s->has_uidls)
		read_uidls(s);
	s->has_uidls = false; /* until the next SELECT */
	found =
	    s->n_uidls ? bsearch(&key, s->uidls, s->n_uidls, sizeof key, by_id) : NULL;
	buf_str(out, found ? found->text : file_id_text(r->id));
}
