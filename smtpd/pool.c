/* SPDX-License-Identifier: ISC */
/*
 * pool.c - the sessions of a front: a stack of free ones, so that those beyond the need stay free
 * and go.
 */
#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "smtpd/front.h"

struct worker {
	struct worker *next, **link; /* list of all */
	struct worker *below;        /* stack of the free */
	struct asker *asker;         /* own */
	struct loop_fd *watch;       /* own */
	struct conn *conn;           /* own: whom it serves; NULL */
	int64_t free_since_ms;
	bool is_coming;       /* not free for the first time yet */
	bool is_of_strangers; /* it serves one of listen_smtp */
};

static struct {
	struct loop *loop; /* borrow */
	struct worker *all, *free;
	unsigned n_all, n_free, spare;
	unsigned n_coming;                    /* asked for, not free yet */
	unsigned n_strangers, strangers_most; /* of listen_smtp, served */
	int64_t coming_since_ms;
	int64_t
	    full_until_ms; /* the pool was at its most: not asked again for spare ones before */
	struct buf scratch;
} pool;

static int front_on_free(
    struct asker *, struct rd *body, int *fd, struct buf *reply, int *fd_back);

static const struct ask_row front_rows[] = {FRONT_ASKS(ASK_ROW)};

void
pool_init(struct loop *loop, unsigned spare, unsigned strangers_most)
{
	pool.loop = loop;
	pool.spare = spare;
	pool.strangers_most = strangers_most;
}

bool
pool_takes_strangers(void)
{
	return pool.n_strangers < pool.strangers_most;
}

static void
serve_no_more(struct worker *w)
{
	if (w->is_of_strangers)
		pool.n_strangers--;
	w->is_of_strangers = false;
	if (w->conn)
		front_conn_end(&w->conn);
}

static void
unstack(struct worker *w)
{
	for (struct worker **link = &pool.free; *link; link = &(*link)->below)
		if (*link == w) {
			*link = w->below;
			pool.n_free--;
			return;
		}
}

static void
worker_end(struct worker *w)
{
	unstack(w);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	pool.n_all--;
	loop_unwatch(&w->watch);
	asker_free(&w->asker);
	serve_no_more(w);
	mem_free(&w);
}

static void
worker_came(struct worker *w)
{
	if (w->is_coming && pool.n_coming)
		pool.n_coming--;
	w->is_coming = false;
}

/*
 * A free session: to the one that waits longest, else onto the stack; at a drain home, if nobody
 * may need it.
 */
static void
worker_place(struct worker *w)
{
	struct conn *next = front_next_ready();
	worker_came(w);
	w->below = pool.free;
	pool.free = w;
	pool.n_free++;
	w->free_since_ms = clock_mono_ms();
	if (next && pool_give(next) != E_OK)
		return; /* it went just now; the next free one serves */
	if (the_child.is_draining)
		pool_drain();
}

static void
on_asks(void *ctx, int fd, unsigned events)
{
	struct worker *w = ctx;
	(void)fd, (void)events;
	if (asker_serve(w->asker, &pool.scratch, 1) != E_OK)
		worker_end(w);
	else if (w->asker->phase == WORKER_FREE && !w->conn && w->free_since_ms == 0)
		worker_place(w);
	front_stop_if_done();
}

static int
front_on_free(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct worker *w = a->ctx;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	a->phase = WORKER_FREE;
	w->free_since_ms = 0; /* placed when this ask is done */
	serve_no_more(w);
	return E_MORE; /* no reply */
}

void
pool_add(int chan)
{
	struct worker *w = mem_new(sizeof *w);
	*w = (struct worker){.next = pool.all,
	    .link = &pool.all,
	    .asker = asker_new(chan, front_rows, COUNT(front_rows), "session", w),
	    .is_coming = true};
	w->watch = loop_watch(pool.loop, chan, LOOP_READ, on_asks, w);
	if (w->next)
		w->next->link = &w->next;
	pool.all = w;
	pool.n_all++;
}

int
pool_give(struct conn *c)
{
	struct buf body = {0};
	int err = E_LIMIT;
	client_put(&body, &c->client);
	while (err != E_OK && pool.free) {
		struct worker *w = pool.free;
		unstack(w);
		err = ask_send(
		    w->asker->chan, FRONT_CLIENT, buf_as_span(&body), c->fd, 0);
		if (err != E_OK)
			continue; /* it just went: its channel says so in the next turn of the loop */
		w->asker->phase = WORKER_BUSY;
		w->conn = c;
		w->is_of_strangers = c->client.kind == KIND_SMTP;
		pool.n_strangers += w->is_of_strangers;
		front_conn_served(c);
	}
	buf_free(&body);
	return err == E_OK ? E_OK : E_LIMIT;
}

void
pool_want(size_t n_ready)
{
	if (!n_ready && clock_mono_ms() < pool.full_until_ms)
		return;
	while (!the_child.is_draining &&
	       pool.n_free + pool.n_coming < n_ready + pool.spare) {
		int err = child_spawn("session", 0);
		if (err != E_OK) {
			pool.full_until_ms = deadline_in_ms(POOL_FULL_MS);
			if (n_ready && pool.n_coming == 0)
				front_refuse_ready();
			return;
		}
		pool.n_coming++;
		pool.coming_since_ms = clock_mono_ms();
	}
	if (the_child.is_draining && n_ready && pool.n_all == 0)
		front_refuse_ready();
}

/* The one at the bottom of the stack has been free for longest. */
static struct worker *
longest_free(void)
{
	struct worker *w = pool.free;
	while (w && w->below)
		w = w->below;
	return w;
}

void
pool_tick(void)
{
	int64_t now = clock_mono_ms();
	if (pool.n_coming && now - pool.coming_since_ms > POOL_COMING_MS)
		pool.n_coming = 0;
	for (unsigned i = 0; i < POOL_END_BURST && pool.n_free > pool.spare; i++) {
		struct worker *w = longest_free();
		if (now - w->free_since_ms < POOL_FREE_KEPT_MS)
			return;
		worker_end(w);
	}
}

void
pool_drain(void)
{
	while (pool.free && (the_child.is_stopping || !front_has_silent()))
		worker_end(pool.free);
}

bool
pool_is_empty(void)
{
	return pool.n_all == 0;
}
