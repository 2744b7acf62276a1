/* SPDX-License-Identifier: ISC */
/* say.c - what the spool tells its scheduler. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "queue/sealed.h"
#include "queue/spool.h"

enum { SAY_BYTES_MOST = 60000, SAY_HEAD_MOST = 32, SCHED_BURST = 64, PAUSE_MS = 250 };

/* A message that did not fit into the channel. */
struct waiting {
	struct waiting *next;
	uint16_t type;
	struct buf body; /* own */
	int fd;          /* own; -1 */
};

static struct {
	struct asker *asker;                    /* own; NULL: there is no scheduler */
	struct loop_fd *watch;                  /* own */
	struct entry *unsaid, **unsaid_end;     /* borrow: what is new, in order */
	struct waiting *waiting, **waiting_end; /* own: answers, before anything new */
	bool owes_replayed, wants_write;
	bool is_paused;   /* no memory file could be made */
	int64_t again_ms; /* it is tried again then; monotonic */
	bool has_told_so; /* logged; once, until one can be made */
	struct buf scratch;
} sched = {.unsaid_end = &sched.unsaid, .waiting_end = &sched.waiting};

bool
say_is_there(void)
{
	return sched.asker != NULL;
}

static void
leave(void)
{
	loop_unwatch(&sched.watch);
	asker_free(&sched.asker);
	while (sched.waiting) {
		struct waiting *w = sched.waiting;
		sched.waiting = w->next;
		buf_free(&w->body);
		if (w->fd >= 0)
			close(w->fd);
		mem_free(&w);
	}
	sched.waiting_end = &sched.waiting;
	sched.is_paused = false;
	/* the next one is told all that is not done, from the beginning */
	for (struct entry *e = sched.unsaid; e; e = e->unsaid_next)
		e->is_unsaid = false;
	sched.unsaid = NULL;
	sched.unsaid_end = &sched.unsaid;
	sched_asks_forget();
}

/* Asked of the loop only when it changes: each change is a system call or two. */
static void
want_write(bool wants)
{
	if (sched.wants_write == wants)
		return;
	sched.wants_write = wants;
	loop_events(sched.watch, LOOP_READ | (wants ? LOOP_WRITE : 0));
}

/* ---- telling ---- */

static int
send_now(uint16_t type, struct span body, int fd)
{
	return ask_send(sched.asker->chan, type, body, fd, 0);
}

void
say(uint16_t type, struct buf *body, int fd)
{
	if (sched.asker && !sched.waiting &&
	    send_now(type, buf_as_span(body), fd) == E_OK) {
		buf_free(body);
		if (fd >= 0)
			close(fd);
		return;
	}
	if (!sched.asker) {
		buf_free(body);
		if (fd >= 0)
			close(fd);
		return;
	}
	struct waiting *w = mem_new(sizeof *w);
	*w = (struct waiting){.type = type, .body = *body, .fd = fd};
	*sched.waiting_end = w;
	sched.waiting_end = &w->next;
	if (sched.watch)
		want_write(true);
}

void
say_new(struct entry *e)
{
	if (e->is_unsaid || !sched.asker)
		return;
	e->is_unsaid = true;
	e->unsaid_next = NULL;
	*sched.unsaid_end = e;
	sched.unsaid_end = &e->unsaid_next;
}

static void
new_put(struct buf *b, const struct job_ref *ref, struct span envelope)
{
	buf_u8(b, ref->source);
	buf_u32(b, ref->segment);
	buf_u64(b, ref->offset);
	buf_bytes(b, envelope);
}

/* An envelope that no message has room for travels as a file. */
static bool
is_long(size_t envelope_bytes)
{
	return envelope_bytes > SAY_BYTES_MOST;
}

/* A memory file of an envelope; -1: none now, and nothing more is said for a while. */
static int
long_copy(struct span envelope)
{
	int fd = sealed_copy(envelope);
	if (fd < 0 && !sched.has_told_so)
		log_event(LOG_ERR, "no_memory_file",
		    "bytes=%zu err=%s do=\"nothing: it is tried again\"", envelope.n,
		    log_errno(errno));
	sched.is_paused = sched.has_told_so = fd < 0;
	sched.again_ms = clock_mono_ms() + PAUSE_MS;
	return fd;
}

static bool
send_long(const struct entry *e)
{
	struct buf b = {0};
	int fd = long_copy(span_make(e->envelope, e->envelope_bytes));
	new_put(&b, &e->ref, SPAN(""));
	bool is_sent = fd >= 0 && send_now(SAY_LONG, buf_as_span(&b), fd) == E_OK;
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return is_sent;
}

int
say_envelope(const struct job_ref *ref, struct span envelope)
{
	struct buf b = {.max = ASK_MSG_MAX - 2};
	if (is_long(envelope.n)) {
		int fd = long_copy(envelope);
		if (fd < 0)
			return E_IO;
		new_put(&b, ref, SPAN(""));
		say(SAY_LONG, &b, fd);
		return E_OK;
	}
	buf_u16(&b, 1);
	new_put(&b, ref, envelope);
	say(SAY_NEW, &b, -1);
	return E_OK;
}

static void
forget_until(struct entry *e)
{
	while (sched.unsaid != e) {
		sched.unsaid->is_unsaid = false;
		sched.unsaid = sched.unsaid->unsaid_next;
	}
	if (!e)
		sched.unsaid_end = &sched.unsaid;
}

/* As many of the new as fit into one message.  False: the channel is full. */
static bool
say_some(void)
{
	struct buf b = {.max = ASK_MSG_MAX - 2};
	struct entry *e = sched.unsaid;
	uint16_t n = 0;
	if (!e->is_done && is_long(e->envelope_bytes)) {
		bool is_sent = send_long(e);
		if (is_sent)
			forget_until(e->unsaid_next);
		return is_sent;
	}
	buf_u16(&b, 0);
	for (; e && n < SAY_BATCH_MAX; e = e->unsaid_next) {
		if (e->is_done)
			continue;
		if (n && b.len + e->envelope_bytes + SAY_HEAD_MOST > SAY_BYTES_MOST)
			break;
		if (is_long(e->envelope_bytes))
			break;
		new_put(&b, &e->ref, span_make(e->envelope, e->envelope_bytes));
		n++;
	}
	if (buf_done(&b) != E_OK)
		bug("an envelope that fits into no message");
	b.p[0] = (char)(n & 0xff);
	b.p[1] = (char)(n >> 8);
	bool is_sent = n == 0 || send_now(SAY_NEW, buf_as_span(&b), -1) == E_OK;
	buf_free(&b);
	if (is_sent)
		forget_until(e);
	return is_sent;
}

static bool
say_waiting(void)
{
	while (sched.waiting) {
		struct waiting *w = sched.waiting;
		if (send_now(w->type, buf_as_span(&w->body), w->fd) != E_OK)
			return false;
		sched.waiting = w->next;
		if (!w->next)
			sched.waiting_end = &sched.waiting;
		buf_free(&w->body);
		if (w->fd >= 0)
			close(w->fd);
		mem_free(&w);
	}
	return true;
}

void
say_flush(void)
{
	if (!sched.asker)
		return;
	bool is_all = say_waiting();
	while (is_all && sched.unsaid)
		is_all = say_some();
	if (is_all && sched.owes_replayed &&
	    send_now(SAY_REPLAYED, SPAN(""), -1) == E_OK)
		sched.owes_replayed = false;
	want_write(!sched.is_paused && (!is_all || sched.owes_replayed));
}

void
say_tick(void)
{
	if (!sched.is_paused || clock_mono_ms() < sched.again_ms)
		return;
	sched.is_paused = false;
	say_flush();
}

void
say_domain(struct span domain)
{
	struct buf b = {0};
	buf_bytes(&b, domain);
	say(SAY_FLUSH, &b, -1);
}

void
say_pressure(void)
{
	struct buf b = {0};
	if (sched.waiting)
		return; /* it does not read: saying it once more would only pile up */
	buf_u8(&b, (uint8_t)journal_live(the_spool.journal));
	buf_u8(&b, (uint8_t)the_spool.segments_most);
	say(SAY_PRESSURE, &b, -1);
}

void
say_marked(struct id id, bool is_ok)
{
	struct buf b = {0};
	buf_put(&b, id.b, ID_BYTES);
	buf_u8(&b, is_ok);
	say(SAY_MARKED, &b, -1);
}

void
say_derived(struct id parent, struct id id, enum spool_verdict v)
{
	struct buf b = {0};
	buf_put(&b, parent.b, ID_BYTES);
	buf_put(&b, id.b, ID_BYTES);
	buf_u8(&b, (uint8_t)v);
	say(SAY_DERIVED, &b, -1);
}

void
say_reported(struct id parent, enum spool_verdict v)
{
	struct buf b = {0};
	buf_put(&b, parent.b, ID_BYTES);
	buf_u8(&b, (uint8_t)v);
	say(SAY_REPORTED, &b, -1);
}

void
say_synced(void)
{
	struct buf b = {0};
	buf_u32(&b, the_spool.syncs_owed);
	the_spool.syncs_owed = 0;
	say(SAY_SYNCED, &b, -1);
}

static void
on_sched(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)fd;
	if (events & LOOP_WRITE)
		say_flush();
	int err = events & LOOP_READ
	              ? asker_serve(sched.asker, &sched.scratch, SCHED_BURST)
	              : E_OK;
	if (err == E_OK)
		sched_asks_settle();
	else
		leave();
}

void
say_open(int chan)
{
	struct spool *s = &the_spool;
	if (sched.asker)
		leave(); /* one at a time: the new one is told all again */
	sched.asker = asker_new(chan, sched_rows, SCHED_ROWS, "sched", NULL);
	sched.watch = loop_watch(s->loop, chan, LOOP_READ, on_sched, NULL);
	sched.owes_replayed = true;
	sched.wants_write = false;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++)
		for (struct entry *e = entries_of(s->entries, i); e;
		     e = e->segment_next)
			if (!e->is_done)
				say_new(e);
	say_flush();
}
