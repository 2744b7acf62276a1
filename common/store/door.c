/* SPDX-License-Identifier: ISC */
/* door.c - a guest comes in, and what it brings. */
#include "store/door.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "store/state.h"

enum { DEPOSIT_PIECE = 65536, DEPOSIT_ARENA_MAX = 16 << 20, DEPOSIT_IDLE_MS = 60000 };

/* ---- in ---- */

static int
ask_of(int chan, uint16_t ask, struct buf *body, struct buf *in, struct ask_msg *reply)
{
	int err = ask_call(
	    chan, ask, buf_as_span(body), -1, in, reply, deadline_in_ms(STORE_WAIT_MS));
	uint8_t said = err == E_OK ? rd_u8(&reply->body) : STORE_LATER;
	buf_free(body);
	return err == E_OK && said == STORE_DONE ? E_OK : E_IO;
}

static bool
has_str(struct span list, struct span who)
{
	for (struct rd r = rd_of(list); r.in.n && r.err == E_OK;)
		if (span_eq(rd_str(&r, IDENTIFIER_MAX), who))
			return true;
	return false;
}

/* Each once, as many as granted may hold; they are many where the answer is in a memory file. */
static int
take_granted(struct ask_msg *reply, struct buf *granted)
{
	struct buf large = {.max = ASK_BODY_MOST};
	struct rd r = reply->body;
	int err = E_OK;
	if (reply->fd >= 0) {
		err = large_read(reply->fd, &large);
		r = rd_of(buf_as_span(&large));
		rd_u8(&r);
	}
	while (err == E_OK && r.in.n) {
		struct span who = rd_str(&r, IDENTIFIER_MAX);
		err = r.err;
		if (err == E_OK && granted->len + 4 + who.n <= granted->max &&
		    !has_str(buf_as_span(granted), who))
			buf_bytes(granted, who);
	}
	buf_free(&large);
	return err;
}

static int
ask_granted(int chan, struct buf *granted)
{
	struct buf none = {0}, in = {0};
	struct ask_msg reply = {.fd = -1};
	int err = ask_call(chan, KEEPER_GRANTED, buf_as_span(&none), -1, &in, &reply,
	    deadline_in_ms(STORE_WAIT_MS));
	if (err == E_OK && reply.fd < 0 && rd_u8(&reply.body) != STORE_DONE)
		err = E_IO;
	if (err == E_OK)
		err = take_granted(&reply, granted);
	if (reply.fd >= 0)
		close(reply.fd);
	buf_free(&in);
	return err == E_OK ? E_OK : E_IO;
}

static int
ask_guest(int chan, const struct door_terms *t)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply = {.fd = -1};
	buf_bytes(&body, t->guest);
	buf_bytes(&body, t->groups);
	buf_u32(&body, t->guest_uid);
	buf_u64(&body, t->quota_bytes);
	buf_u64(&body, t->quota_messages);
	buf_u8(&body, t->is_deposit);
	int err = ask_of(chan, KEEPER_GUEST, &body, &in, &reply);
	buf_free(&in);
	return err;
}

int
door_open(const char *home, const struct door_terms *t, struct buf *granted, int *out)
{
	struct store *s = NULL;
	int chan = -1, err = store_open(home, &s);
	if (err == E_OK)
		err = keeper_find(&chan);
	if (err == E_OK)
		err = ask_granted(chan, granted);
	if (err == E_OK && buf_done(granted) != E_OK)
		err = E_IO;
	if (err == E_OK && t->guest.n)
		err = ask_guest(chan, t);
	store_close(&s);
	*out = chan;
	if (err != E_OK)
		ask_hang_up(out);
	return err == E_OK ? E_OK : E_IO;
}

/* ---- what it brings ---- */

struct deposit {
	struct store *store; /* own: its channel is the guest's */
	const struct door_terms *terms;
	struct buf mailbox; /* own */
	struct arena arena;
	struct incoming *all; /* own */
	size_t n, cap;
	/* of what it said that it brings */
	uint16_t most;
	uint64_t bytes_left;
	bool is_copy;
};

/* Where the keeper of the guest's channel is gone: no other one would know that it is a guest's. */
static int
never(void *ctx, int *out)
{
	(void)ctx;
	*out = -1;
	return E_IO;
}

static int
copy_file(int from, uint64_t size, struct incoming *to)
{
	static char piece[DEPOSIT_PIECE];
	uint64_t at = 0;
	int err = E_OK;
	while (err == E_OK && at < size) {
		size_t most =
		    size - at < sizeof piece ? (size_t)(size - at) : sizeof piece;
		ssize_t n = pread(from, piece, most, (off_t)at);
		if (n <= 0)
			return E_IO; /* it is shorter than it was */
		at += (uint64_t)n;
		err = incoming_write(to, span_make(piece, (size_t)n));
	}
	return err == E_OK ? incoming_end(to) : err;
}

static enum store_said
take_message(struct deposit *d, const struct incoming *about, int fd)
{
	d->bytes_left -= about->size_bytes;
	d->all = mem_room(d->all, d->n, &d->cap, sizeof *d->all);
	struct incoming *m = &d->all[d->n];
	int err = incoming_begin(d->store, m);
	if (err != E_OK)
		return incoming_said(err);
	d->n++;
	m->flags = about->flags;
	m->keywords = about->keywords;
	m->n_keywords = about->n_keywords;
	m->date_sec = about->date_sec;
	return incoming_said(copy_file(fd, about->size_bytes, m));
}

/* PH_BEGUN: it may bring messages */
enum { PH_NEW = 1, PH_BEGUN = 2 };

/* Before any bytes are copied: an APPEND of no message. */
static int
on_begin(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct deposit *d = a->ctx;
	struct buf ask = {0};
	struct answer answer;
	struct ask_append append = {.target = rd_str(body, STORE_NAME_MAX)};
	append.coming = rd_u16(body);
	append.coming_bytes = rd_u64(body);
	uint8_t is_copy = rd_u8(body);
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || append.coming > STORE_APPENDS_MOST || is_copy > 1)
		return E_BAD;
	d->is_copy = is_copy == 1;
	d->most = append.coming;
	d->bytes_left = append.coming_bytes;
	buf_span(&d->mailbox, append.target);
	ask_append_put(&ask, &append);
	enum store_said said =
	    keeper_ask_said(d->store, KEEPER_APPEND, &ask, false, &answer);
	if (said == STORE_DONE)
		a->phase = PH_BEGUN;
	buf_u8(reply, (uint8_t)said);
	return E_OK;
}

static bool
is_file_of(int fd, uint64_t size, uint64_t most)
{
	struct stat st;
	return fd >= 0 && size <= most && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

static int
on_message(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct deposit *d = a->ctx;
	struct incoming m = {.flags = rd_u32(body) & FLAGS_ALL};
	(void)fd_back;
	m.date_sec = (int64_t)rd_u64(body);
	m.size_bytes = rd_u64(body);
	m.n_keywords = rd_u16(body);
	if (body->err != E_OK || m.n_keywords > STORE_KEYWORDS_MAX)
		return E_BAD;
	struct span *words = arena_get(&d->arena, (m.n_keywords + 1) * sizeof *words);
	for (size_t i = 0; words && i < m.n_keywords; i++)
		words[i] = rd_copy(body, STORE_KEYWORD_MAX, &d->arena);
	m.keywords = words;
	if (!words || rd_end(body) != E_OK || d->n == d->most ||
	    m.size_bytes > d->bytes_left ||
	    !is_file_of(*fd, m.size_bytes, d->terms->message_bytes_most))
		return E_BAD;
	buf_u8(reply, (uint8_t)take_message(d, &m, *fd));
	return E_OK;
}

static int
on_end(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct deposit *d = a->ctx;
	uint32_t uidvalidity = 0, uid = 0;
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || d->n == 0)
		return E_BAD;
	d->all[0].is_copy = d->is_copy;
	buf_u8(reply, (uint8_t)store_append(d->store, buf_as_span(&d->mailbox), d->all,
			  d->n, &uidvalidity, &uid));
	buf_u32(reply, uidvalidity);
	buf_u32(reply, uid);
	return E_OK;
}

enum { BEGIN_BYTES = 4 + STORE_NAME_MAX + 2 + 8 + 1 };

enum { MESSAGE_BYTES = 4 + 8 + 8 + 2 + STORE_KEYWORDS_MAX * (4 + STORE_KEYWORD_MAX) };

/* clang-format off */
static const struct ask_row rows[DEPOSIT_ASKS] = {
	/*                   name       legal in  times               bytes               fd back  answered by */
	[DEPOSIT_BEGIN]   = {"BEGIN",   PH_NEW,   1,                  BEGIN_BYTES,        false,   on_begin},
	[DEPOSIT_MESSAGE] = {"MESSAGE", PH_BEGUN, STORE_APPENDS_MOST, MESSAGE_BYTES,      false,   on_message},
	[DEPOSIT_END]     = {"END",     PH_BEGUN, 1,                  0,                  false,   on_end},
};

/* clang-format on */

/* False: it says nothing for too long, or the daemon stops. */
static bool
wait_for_guest(int peer)
{
	struct pollfd p[2] = {{.fd = peer, .events = POLLIN},
	    {.fd = the_child.control, .events = POLLIN}};
	while (poll(p, COUNT(p), DEPOSIT_IDLE_MS) > 0) {
		if (p[1].revents)
			child_control();
		if (the_child.is_stopping)
			return false;
		if (p[0].revents)
			return true;
	}
	return false;
}

void
door_deposit(int keeper, int peer, const struct door_terms *terms)
{
	struct deposit d = {.store = store_guest(never, NULL),
	    .terms = terms,
	    .arena = {.max_bytes = DEPOSIT_ARENA_MAX}};
	struct buf scratch = {0};
	d.store->chan = keeper;
	struct asker *a = asker_new(peer, rows, COUNT(rows), "guest", &d);
	while (wait_for_guest(peer) && asker_serve(a, &scratch, 1) == E_OK)
		continue;
	for (size_t i = 0; i < d.n; i++)
		incoming_drop(&d.all[i]);
	mem_free(&d.all);
	asker_free(&a);
	buf_free(&d.mailbox);
	store_close(&d.store);
	arena_reset(&d.arena);
	buf_free(&scratch);
}
