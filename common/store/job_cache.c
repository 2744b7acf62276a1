/* SPDX-License-Identifier: ISC */
/*
 * job_cache.c - the keeper's side of index/cache.GEN: items appended, and moved to a new file when
 * most are dead.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/cache_file.h"
#include "store/sweep.h"

enum {
	/* bytes; and half of the file: then it is made anew */
	CACHE_DEAD_LEAST = 8 << 20,
	/* asks that wait; more are dropped: they can be made again */
	CACHE_JOBS_MOST = 64,
};

static struct {
	uint32_t gen; /* the file items are appended to; 0: none */
	int fd;       /* own */
	uint64_t size, dead;
	unsigned n_jobs;
	bool is_moving;
	bool was_there; /* at the start, with items */
} cache = {.fd = -1};

/* ---- the file ---- */

static void
write_head(void)
{
	struct buf head = {0};
	cache_file_head_put(&head, cache.dead);
	if (cache.fd >= 0 && pwrite(cache.fd, head.p, head.len, 0) != (ssize_t)head.len)
		log_event(LOG_DEBUG, "cache_not_written", "%s", "");
	buf_free(&head);
}

static void
use_file(uint32_t gen)
{
	char name[CACHE_NAME_MAX], head[CACHE_FILE_HEAD];
	struct stat st;
	cache_close();
	cache_name(gen, name);
	cache.fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (cache.fd < 0 || fstat(cache.fd, &st) != 0)
		return;
	cache.gen = gen;
	cache.size = (uint64_t)st.st_size;
	cache.dead = 0;
	ssize_t n = pread(cache.fd, head, sizeof head, 0);
	if (cache.size < CACHE_FILE_HEAD ||
	    cache_file_head_get(span_make(head, n > 0 ? (size_t)n : 0), &cache.dead) !=
		E_OK) {
		write_head();
		if (cache.size < CACHE_FILE_HEAD)
			cache.size = CACHE_FILE_HEAD;
	}
	/* behind what a crash cut */
	cache.size = (cache.size + CACHE_UNIT - 1) / CACHE_UNIT * CACHE_UNIT;
}

void
cache_close(void)
{
	if (cache.fd < 0)
		return;
	write_head();
	close(cache.fd);
	cache.fd = -1;
	cache.gen = 0;
}

void
cache_add(struct file_id id, struct span item, uint32_t *gen, uint32_t *at)
{
	struct buf b = {0};
	*gen = *at = 0;
	if (cache.fd < 0 || cache.size / CACHE_UNIT > UINT32_MAX)
		return;
	cache_item_put(&b, id, item);
	if (pwrite(cache.fd, b.p, b.len, (off_t)cache.size) == (ssize_t)b.len) {
		*gen = cache.gen;
		*at = (uint32_t)(cache.size / CACHE_UNIT);
		cache.size += b.len;
	}
	buf_free(&b);
}

static int
read_item(int fd, uint32_t at, struct file_id id, struct buf *space, struct span *out)
{
	size_t most = cache_item_bytes(STORE_CACHE_ITEM_MAX);
	buf_reset(space);
	ssize_t n = pread(fd, buf_room(space, most), most, (off_t)at * CACHE_UNIT);
	return n > 0 ? cache_item_get(span_make(space->p, (size_t)n), id, out) : E_BAD;
}

bool
cache_is_there(uint32_t gen)
{
	return gen && (gen == cache.gen || cache.is_moving);
}

bool
cache_was_there(void)
{
	return cache.was_there;
}

bool
cache_is_going(uint32_t gen)
{
	return cache.is_moving && gen != cache.gen;
}

void
cache_dead(uint32_t gen, uint32_t at)
{
	uint32_t head[2];
	if (gen == cache.gen &&
	    pread(cache.fd, head, sizeof head, (off_t)at * CACHE_UNIT) == sizeof head)
		cache.dead +=
		    cache_item_bytes(head[1] <= STORE_CACHE_ITEM_MAX ? head[1] : 0);
}

/* ---- items that sessions made ---- */

/* Another session was first; else what is there was damaged, or is lost. */
static bool
has_item(const struct store_record *r)
{
	struct buf space = {0};
	struct span item;
	bool has = r->cache_gen && r->cache_gen == cache.gen &&
	           read_item(cache.fd, r->cache_at, r->id, &space, &item) == E_OK;
	buf_free(&space);
	return has;
}

struct cache_job {
	struct job job;
	struct slot *slot; /* borrow: of the item */
	struct ask_item item;
};

static int
put_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct cache_job *c = ctx;
	uint32_t gen, at;
	if (!file_id_eq(r->id, c->item.id) || has_item(r))
		return E_OK;
	cache_add(r->id, c->item.item, &gen, &at);
	if (gen == 0)
		return E_OK;
	r->cache_at = at;
	r->cache_gen = gen;
	change_add(c->slot, CHANGE_SET, r);
	*did = SWEEP_CHANGED;
	return E_OK;
}

static int
cache_step(struct job *j)
{
	struct cache_job *c = (struct cache_job *)j;
	struct rd r = rd_of(buf_as_span(&j->body));
	int err = E_OK;
	while (r.in.n && err == E_OK && ask_item_get(&r, &c->item) == E_OK) {
		struct numset uid = {0};
		c->slot = slot_of(c->item.mailbox);
		if (c->slot && c->item.uid && c->item.item.n &&
		    numset_add(&uid, c->item.uid, c->item.uid) == E_OK)
			err = sweep_all(c->item.mailbox, &uid, put_one, c);
		numset_free(&uid);
	}
	j->is_done = true;
	return err;
}

static void
cache_free(struct job *j)
{
	(void)j;
	cache.n_jobs--;
}

static const struct job_kind cache_kind = {
    .name = "cache", .is_growing = true, .step = cache_step, .free = cache_free};

/* Who sends anything else is ended: in the batch it would only be passed over. */
static bool
are_items(struct span body)
{
	struct rd r = rd_of(body);
	struct ask_item item;
	while (r.in.n && ask_item_get(&r, &item) == E_OK)
		;
	return r.err == E_OK;
}

int
ask_cache(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span items = ask_body(body, fd);
	(void)a, (void)reply, (void)fd_back;
	if (!are_items(items))
		return E_BAD;
	if (cache.n_jobs >= CACHE_JOBS_MOST)
		return E_MORE;
	struct cache_job *c =
	    job_new(sizeof *c, &cache_kind, NULL, KEEPER_CACHE, items);
	cache.n_jobs++;
	job_add(&c->job);
	return E_MORE;
}

/* ---- a new generation ---- */

struct move_job {
	struct job job;
	uint32_t old;         /* generation that goes */
	int fd;               /* own: of it */
	uint32_t mailbox, at; /* where it is */
	struct slot *slot;    /* borrow: of the step */
	struct buf space;     /* own */
};

static int
move_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct move_job *m = ctx;
	struct span item;
	uint32_t gen = 0, at = 0;
	if (r->cache_gen != m->old)
		return E_OK;
	if (read_item(m->fd, r->cache_at, r->id, &m->space, &item) == E_OK)
		cache_add(r->id, item, &gen, &at);
	r->cache_at = at;
	r->cache_gen = gen;
	change_add(m->slot, CHANGE_SET, r);
	*did = SWEEP_CHANGED;
	return E_OK;
}

static int
move_step(struct job *j)
{
	struct move_job *m = (struct move_job *)j;
	struct numset all = {0};
	struct keeper *k = &the_keeper;
	bool is_done = true;
	size_t i = 0;
	int err = numset_add(&all, 1, UINT32_MAX);
	while (i < k->n_by_id && k->by_id[i]->now.id < m->mailbox)
		i++;
	while (err == E_OK && i < k->n_by_id && job_has_time()) {
		m->slot = k->by_id[i];
		if (m->slot->now.id != m->mailbox)
			m->at = 0;
		m->mailbox = m->slot->now.id;
		err = m->slot->now.is_dead
		          ? E_OK
		          : sweep(m->mailbox, &all, &m->at, move_one, m, &is_done);
		if (is_done) {
			i++;
			m->mailbox++;
			m->at = 0;
		}
	}
	j->is_done = i == k->n_by_id;
	numset_free(&all);
	return err;
}

static void
move_free(struct job *j)
{
	struct move_job *m = (struct move_job *)j;
	char name[CACHE_NAME_MAX];
	cache_name(m->old, name);
	if (j->said == STORE_DONE && j->is_done)
		unlink(name); /* sessions that map it keep it */
	if (m->fd >= 0)
		close(m->fd);
	buf_free(&m->space);
	cache.is_moving = false;
}

static const struct job_kind move_kind = {
    .name = "cache_move", .is_growing = true, .step = move_step, .free = move_free};

static void
move_begin(uint32_t old)
{
	char name[CACHE_NAME_MAX];
	cache_name(old, name);
	struct move_job *m = job_new(sizeof *m, &move_kind, NULL, 0, SPAN(""));
	m->old = old;
	m->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cache.is_moving = true;
	job_add(&m->job);
}

void
cache_upkeep(void)
{
	uint32_t old = cache.gen;
	if (cache.is_moving || old == 0 || cache.dead < CACHE_DEAD_LEAST ||
	    cache.dead < cache.size / 2)
		return;
	log_event(LOG_INFO, "cache_made_anew", "bytes=%llu dead=%llu",
	    (unsigned long long)cache.size, (unsigned long long)cache.dead);
	use_file(old + 1);
	move_begin(old);
}

/* Items of another version of this program are of no use: what refers to them finds nothing. */
static bool
is_usable(uint32_t gen)
{
	char name[CACHE_NAME_MAX], head[CACHE_FILE_HEAD];
	uint64_t dead;
	cache_name(gen, name);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
	if (fd >= 0)
		close(fd);
	return n < (ssize_t)sizeof head ||
	       cache_file_head_get(span_make(head, sizeof head), &dead) == E_OK;
}

static void
drop_file(uint32_t gen)
{
	char name[CACHE_NAME_MAX];
	cache_name(gen, name);
	if (unlink(name) == 0)
		log_event(LOG_INFO, "cache_dropped",
		    "file=%s why=\"of another version\"", name);
}

/*
 * A rebuild drops what was made of items with them; a session that had a mailbox selected that went
 * may have written after the purge.
 */
static void
slices_keep_or_drop(const char *name)
{
	uint32_t mailbox;
	if (slices_are(name, &mailbox) &&
	    (the_keeper.is_rebuilt || !slot_even_dead(mailbox)))
		slices_drop(mailbox);
}

/* The newest is in use; an older one is what a keeper left in the middle of moving. */
void
job_cache_open(void)
{
	DIR *d = folder_open_unnoted("index");
	uint32_t newest = 0, older = 0;
	for (struct dirent *e; d && (e = readdir(d));) {
		uint64_t gen;
		slices_keep_or_drop(e->d_name);
		if (strncmp(e->d_name, "cache.", 6) != 0 ||
		    span_u64(span_of(e->d_name + 6), UINT32_MAX - 1, &gen) != E_OK)
			continue;
		if (gen > newest) {
			older = newest;
			newest = (uint32_t)gen;
		} else {
			older = (uint32_t)gen;
		}
	}
	if (d)
		closedir(d);
	if (the_keeper.is_rebuilt && newest)
		older =
		    newest++; /* nothing refers to it: it is looked through, and goes */
	if (older && !is_usable(older)) {
		drop_file(older);
		older = 0;
	}
	if (newest && !is_usable(newest))
		drop_file(newest++);
	use_file(newest ? newest : 1);
	cache.was_there = cache.size > CACHE_FILE_HEAD;
	if (older)
		move_begin(older);
}
