/* SPDX-License-Identifier: ISC */
/* intake.c - clients of the spool: sessions of smtpd, agents. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/daemon.h"
#include "queue/index.h"
#include "queue/spool.h"

enum {
	PH_ANY = 1,
	ACCEPT_BURST = 32,
	FLUSHED_MAX = 256, /* domains whose last flush is known */
	PARTIAL_MAX = ENVELOPE_BYTES_MAX + SPOOL_SMALL_MAX + 4
};

static struct client *clients;
static struct buf scratch;

/* ---- what becomes of an arrival ---- */

static void
arrival_clear(struct arrival *a)
{
	buf_free(&a->bytes);
	buf_free(&a->marks);
	room_back(&the_spool.room, a->promised);
	if (a->large >= 0)
		close(a->large);
	*a = (struct arrival){.large = -1};
}

static void
give_room_back(struct client *c)
{
	room_back(&the_spool.room, c->promised);
	c->promised = 0;
}

static void
count_put(enum spool_verdict v)
{
	metric_count(M_QUEUE_PUTS + (v == SPOOL_OK        ? METRIC_PUT_OK
					: v == SPOOL_FULL ? METRIC_PUT_FULL
					: v == SPOOL_BUSY ? METRIC_PUT_BUSY
							  : METRIC_PUT_FAILED));
}

void
intake_answer(struct arrival *a)
{
	uint8_t verdict = (uint8_t)a->verdict;
	struct client *c = a->client;
	count_put(a->verdict);
	if (c) {
		c->waiting--;
		give_room_back(c);
		/* one that does not take its answer is gone, and will be noticed so */
		if (ask_answer(c->asker, a->ask, span_make(&verdict, 1), -1) != E_OK)
			log_event(
			    LOG_INFO, "client_gone", "mid=%s", id_text(a->record.id));
	}
	if (a->is_derived)
		say_derived(a->parent, a->record.id, a->verdict);
	else if (a->marks.len)
		say_reported(a->parent, a->verdict);
	arrival_clear(a);
}

/* ---- asks ---- */

static int
ask_room(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct client *c = a->ctx;
	uint64_t bytes = rd_u64(body);
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	give_room_back(c);
	enum spool_verdict v = SPOOL_OK;
	if (journal_live(the_spool.journal) >= the_spool.segments_most)
		v = SPOOL_BUSY;
	else if (!room_promise(&the_spool.room, bytes))
		v = SPOOL_FULL;
	else
		c->promised = bytes;
	if (v != SPOOL_OK)
		count_put(v);
	buf_u8(reply, (uint8_t)v);
	return E_OK;
}

static int
ask_file(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = large_file(&the_spool.files, fd_back);
	buf_u8(reply, err == E_OK      ? SPOOL_OK
		      : err == E_LIMIT ? SPOOL_FULL
				       : SPOOL_FAILED);
	return E_OK;
}

/* What the two kinds of PUT may bring. */
static bool
is_sound(const struct client *c, uint16_t ask, const struct envelope *e,
    size_t message_bytes)
{
	if (e->n_rcpts == 0 || e->head_bytes > e->size_bytes)
		return false;
	if (ask == SPOOL_PUT)
		return message_bytes == e->size_bytes &&
		       message_bytes <= SPOOL_SMALL_MAX && c->large < 0;
	return message_bytes == 0 && c->large >= 0;
}

/* The whole of a message is here: checked, and into the batch. */
static int
take(struct client *c, uint16_t ask, bool is_again)
{
	struct rd r = rd_of(buf_as_span(&c->partial));
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope e;
	struct span envelope = rd_str(&r, ENVELOPE_BYTES_MAX);
	int err = r.err == E_OK ? envelope_get(envelope, &arena, &e) : E_BAD;
	arena_reset(&arena);
	if (err == E_OK && !is_sound(c, ask, &e, r.in.n))
		err = E_BAD;
	if (err != E_OK)
		return err;
	struct arrival *a = spool_arrival(c->partial.len);
	*a = (struct arrival){.client = c,
	    .ask = ask,
	    .bytes = c->partial,
	    .large = c->large,
	    .may_be_known = is_again || (e.flags & ENV_DERIVED),
	    .record = {.kind = ask == SPOOL_PUT ? RECORD_MESSAGE : RECORD_LARGE,
		.id = e.id,
		.envelope = envelope,
		.message = r.in}};
	c->partial = (struct buf){.max = PARTIAL_MAX};
	c->large = -1;
	a->is_dropped = spool_dropped(&e, &a->dropped);
	a->may_be_known |= a->is_dropped;
	c->waiting++;
	if (ask == SPOOL_PUT_LARGE && large_check(a->large, &e) != E_OK) {
		a->verdict = SPOOL_BAD;
		log_event(LOG_ERR, "large_refused", "mid=%s why=\"size or checksum\"",
		    id_text(e.id));
	}
	return E_OK;
}

static void
take_fd(struct client *c, int *fd)
{
	if (*fd < 0)
		return;
	if (c->large >= 0)
		close(c->large);
	c->large = *fd;
	*fd = -1;
}

static int
put(struct asker *a, struct rd *body, int *fd, uint16_t ask)
{
	struct client *c = a->ctx;
	uint8_t flags = rd_u8(body);
	if (body->err != E_OK || (flags & ~(SPOOL_PUT_LAST | SPOOL_PUT_AGAIN)))
		return E_BAD;
	buf_span(&c->partial, body->in);
	if (buf_done(&c->partial) != E_OK)
		return E_LIMIT;
	take_fd(c, fd);
	if (!(flags & SPOOL_PUT_LAST))
		return E_MORE;
	int err = take(c, ask, flags & SPOOL_PUT_AGAIN);
	return err == E_OK ? E_MORE : err;
}

static int
ask_put(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)reply, (void)fd_back;
	return put(a, body, fd, SPOOL_PUT);
}

static int
ask_put_large(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)reply, (void)fd_back;
	return put(a, body, fd, SPOOL_PUT_LARGE);
}

static int
ask_drop(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct client *c = a->ctx;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	give_room_back(c);
	buf_free(&c->partial);
	if (c->large >= 0)
		close(c->large);
	c->large = -1;
	return E_MORE;
}

/* When a domain, or another one in its place, was asked for last. */
static struct {
	uint64_t name;
	int64_t ms; /* monotonic */
} flushed[FLUSHED_MAX];

static bool
was_flushed(struct span domain)
{
	uint64_t name = index_name(domain);
	int64_t now = clock_mono_ms();
	size_t at = name % FLUSHED_MAX;
	if (flushed[at].ms && flushed[at].name == name &&
	    now - flushed[at].ms < SPOOL_FLUSH_EVERY_MS)
		return true;
	flushed[at].name = name;
	flushed[at].ms = now;
	return false;
}

static int
ask_flush(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span domain = rd_str(body, SPOOL_DOMAIN_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	bool is_again = was_flushed(domain);
	if (!is_again)
		say_domain(domain);
	buf_u8(reply, is_again ? SPOOL_BUSY : SPOOL_OK);
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*                   name         legal in  times   bytes             fd back  answered by */
	[SPOOL_ROOM]      = {"ROOM",      PH_ANY,   0,      8,                false,   ask_room},
	[SPOOL_FILE]      = {"FILE",      PH_ANY,   600000, 0,                true,    ask_file},
	[SPOOL_PUT]       = {"PUT",       PH_ANY,   0,      ASK_MSG_MAX - 2,  false,   ask_put},
	[SPOOL_PUT_LARGE] = {"PUT_LARGE", PH_ANY,   600000, ASK_MSG_MAX - 2,  false,   ask_put_large},
	[SPOOL_DROP]      = {"DROP",      PH_ANY,   0,      0,                false,   ask_drop},
	[SPOOL_FLUSH]     = {"FLUSH",     PH_ANY,   60000,  4 + SPOOL_DOMAIN_MAX, false, ask_flush},
};

/* clang-format on */

/* ---- clients ---- */

static void
client_free(struct client *c)
{
	for (size_t i = 0; c->waiting && i < the_spool.n_batch; i++)
		if (the_spool.batch[i].client == c)
			the_spool.batch[i].client =
			    NULL; /* it is made durable all the same */
	give_room_back(c);
	loop_unwatch(&c->watch);
	asker_free(&c->asker);
	buf_free(&c->partial);
	if (c->large >= 0)
		close(c->large);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	mem_free(&c);
}

/*
 * One ask at a time: who asks waits for the answer, so looking for a second one would be a system
 * call for nothing.  Only the packets of one message follow each other.
 */
static void
on_client(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	size_t before;
	int err;
	(void)fd, (void)events;
	do {
		before = c->partial.len;
		err = asker_serve(c->asker, &scratch, 1);
	} while (err == E_OK && c->partial.len > before);
	if (err != E_OK)
		client_free(c);
}

static void
client_new(int fd)
{
	struct client *c = mem_new(sizeof *c);
	c->asker = asker_new(fd, rows, COUNT(rows), "client", c);
	c->partial.max = PARTIAL_MAX;
	c->large = -1;
	c->watch = loop_watch(the_spool.loop, fd, LOOP_READ, on_client, c);
	c->next = clients;
	c->link = &clients;
	if (c->next)
		c->next->link = &c->next;
	clients = c;
}

/* Connections are made by monitors, on the word of their role tables. */
static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	for (int i = 0; i < ACCEPT_BURST; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (ask_peer_is_ours(fd))
			client_new(fd);
		else
			close(fd);
	}
}

void
intake_open(void)
{
	for (size_t i = 0; i < the_child.n_listeners; i++)
		if (strcmp(the_child.listeners[i].kind, "spool") == 0)
			loop_watch(the_spool.loop, the_child.listeners[i].fd, LOOP_READ,
			    on_listener, NULL);
}
