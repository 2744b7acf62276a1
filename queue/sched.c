/* SPDX-License-Identifier: ISC */
/* sched.c - the loop of the scheduler, and what the spool says. */
#include "queue/sched.h"

#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/domain.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "queue/admin_all.h"
#include "queue/held.h"
#include "queue/hold.h"
#include "queue/orders.h"
#include "queue/refused.h"
#include "queue/retry.h"
#include "queue/routes.h"
#include "queue/suspend.h"
#include "spool/put.h"

enum {
	SPOOL_BURST = 64,
	TELL_WAIT_MS = 60000,
	HEAP_HIGH_MESSAGES = 200,
	LONG_HEAD_MOST = 64,
	LEAVE_WAIT_MS = 5000
};

struct sched the_sched = {.spool = -1};

/* Without the spool nothing that we know can be trusted: we end, and are told all again. */
NORETURN static void
spool_gone(void)
{
	log_event(LOG_NOTICE, "spool_gone", "%s", "");
	_exit(EX_TEMPFAIL);
}

static struct buf done; /* ids of SCHED_DONE that are not said yet */

void
sched_tell_fd(uint16_t type, struct buf *body, int fd)
{
	if (done.len && type != SCHED_DONE)
		sched_flush(); /* nothing more is asked of what is done */
	if (ask_send(the_sched.spool, type, buf_as_span(body), fd,
		deadline_in_ms(TELL_WAIT_MS)) != E_OK)
		spool_gone();
	buf_free(body);
}

void
sched_tell(uint16_t type, struct buf *body)
{
	sched_tell_fd(type, body, -1);
}

void
sched_flush(void)
{
	struct buf b = {0};
	if (!done.len)
		return;
	buf_u16(&b, (uint16_t)(done.len / ID_BYTES));
	buf_span(&b, buf_as_span(&done));
	buf_reset(&done);
	sched_tell(SCHED_DONE, &b);
}

void
sched_done(struct id id)
{
	buf_put(&done, id.b, ID_BYTES);
	if (done.len >= SAY_BATCH_MAX * ID_BYTES)
		sched_flush();
}

/* Whether a domain's mailboxes are here: by the settings, as the look-up does. */
bool
sched_is_local(struct span address)
{
	const struct conf *c = the_child.conf;
	size_t at = span_rfind(address, '@');
	struct span domain = span_from(address, at + 1), value;
	if (at == address.n)
		return true; /* a bare local part, as in <postmaster> */
	return domain_of_ours(c, domain).n ||
	       domain_pair(c, "domain_aliases", domain, &value);
}

/*
 * Does it come back from deferral? Then its row says how often it was tried, and since when.
 * False: not any more.
 */
static bool
recall(struct message *m)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	enum fetched was = defer_fetched(m->envelope.id);
	if (was == FETCHED &&
	    index_get(the_sched.index, m->envelope.id, &arena, &row) == E_OK) {
		m->attempts = row.entry.attempts;
		m->first_sec = row.first_sec;
		m->is_bulk |= row.is_bulk != 0;
		m->is_held |= row.entry.state == ADMIN_HELD; /* meanwhile */
	}
	if (was == FETCHED) {
		m->is_deferred = m->is_fetched = true;
		the_sched.n_fetched++;
		metric_count(M_QUEUE_RETRIES);
	}
	arena_reset(&arena);
	return was != FETCHED_REMOVED;
}

static void
say_held(struct message *m, const char *why)
{
	m->is_held = true;
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].step == STEP_READY || m->works[i].step == STEP_OUT)
			work_set(&m->works[i], m->works[i].step, why);
}

/* With its account; by a rule, where what comes back from deferral was looked at when it came. */
static void
hold_new(struct message *m)
{
	struct buf why = {.max = REASON_MAX};
	if (!m->is_held && held_has(m->envelope.account)) {
		say_held(m, "4.7.1 held with all mail of its account");
		log_event(LOG_NOTICE, "held_with_account", "mid=%s account=%s",
		    id_text(m->envelope.id), log_q(m->envelope.account));
	}
	const char *rule =
	    m->is_deferred || m->is_held ? NULL : hold_rule_for(&m->envelope);
	if (!rule)
		return;
	buf_putf(&why, "4.7.1 held by the rule %.200s", rule);
	say_held(m, buf_cstr(&why));
	log_event(LOG_NOTICE, "held_by_rule", "mid=%s rule=%s", id_text(m->envelope.id),
	    log_qs(rule));
	buf_free(&why);
}

static int
take_new(struct rd *body)
{
	uint16_t n = rd_u16(body);
	for (uint16_t i = 0; i < n; i++) {
		struct job_ref ref;
		ref.source = rd_u8(body);
		ref.segment = rd_u32(body);
		ref.offset = rd_u64(body);
		struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
		if (body->err != E_OK)
			return E_BAD;
		struct message *m = message_new(&ref, envelope);
		if (!m)
			continue;
		if (recall(m)) {
			hold_new(m);
			message_judge(m);
		} else
			message_free(m);
	}
	return rd_end(body);
}

/* An envelope too long for a message: it came as a file. */
static int
take_long(struct rd *body, int fd)
{
	struct buf one = {.max = ENVELOPE_BYTES_MAX + LONG_HEAD_MOST};
	struct stat st;
	struct span ref = rd_bytes(body, 1 + 4 + 8), none = rd_str(body, 0);
	if (rd_end(body) != E_OK || none.n || fd < 0 || fstat(fd, &st) != 0 ||
	    st.st_size > ENVELOPE_BYTES_MAX)
		return E_BAD;
	buf_u16(&one, 1);
	buf_span(&one, ref);
	buf_u32(&one, (uint32_t)st.st_size);
	char *room = buf_room(&one, (size_t)st.st_size);
	if (room && pread(fd, room, (size_t)st.st_size, 0) == st.st_size)
		buf_added(&one, (size_t)st.st_size);
	struct rd r = rd_of(buf_as_span(&one));
	int err = take_new(&r);
	buf_free(&one);
	return err;
}

static void
take_derived(struct rd *body)
{
	struct id parent, id;
	rd_id(body, &parent);
	rd_id(body, &id);
	uint8_t verdict = rd_u8(body);
	struct message *m = message_find(parent);
	if (!m || m->n_deriving == 0)
		return;
	m->n_deriving--;
	for (uint32_t i = 0; verdict != SPOOL_OK && i < m->envelope.n_rcpts; i++) {
		m->works[i].n_forwards = 0;
		if (m->works[i].step == STEP_PLACED)
			work_set(&m->works[i], STEP_LATER,
			    "4.3.0 a forward could not be made");
	}
	if (m->n_deriving == 0)
		defer_forwarded(m);
	if (m->n_placing == 0 && m->n_deriving == 0)
		message_judge(m);
}

static struct admin_all *domain_walk; /* own; NULL: none is under way */
/* own: those that come after it, each a str; the spool lets each come once a minute */
static struct buf domains_next = {.max = 1 << 20};

static int
flush_domain(struct rd *body)
{
	struct span domain = rd_str(body, SPOOL_DOMAIN_MAX);
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_bytes(&domains_next, domain);
	return E_OK;
}

/* One at a time. */
static void
flush_next_domain(void)
{
	if (domain_walk || !domains_next.len)
		return;
	struct rd r = rd_of(buf_as_span(&domains_next));
	struct span domain = rd_str(&r, SPOOL_DOMAIN_MAX);
	struct buf rest = {.max = domains_next.max};
	log_event(LOG_INFO, "flush", "domain=%s", log_q(domain));
	admin_all_for(&domain_walk, domain);
	buf_span(&rest, r.in);
	buf_free(&domains_next);
	domains_next = rest;
}

static int
take(struct ask_msg *m)
{
	switch (m->type) {
	case SAY_NEW:
		return take_new(&m->body);
	case SAY_LONG:
		return take_long(&m->body, m->fd);
	case SAY_REPLAYED:
		the_sched.is_replayed = true;
		/* who asks before is answered now: what is said of the queue is all of it */
		admin_open();
		rows_list();
		break;
	case SAY_DEFERRED:
		defer_said(&m->body);
		break;
	case SAY_MARKED:
		defer_marked(&m->body);
		break;
	case SAY_COPY:
		report_copy(&m->body, &m->fd);
		break;
	case SAY_DERIVED:
		take_derived(&m->body);
		break;
	case SAY_REPORTED:
		report_said(&m->body);
		break;
	case SAY_SYNCED:
		admin_synced(&m->body);
		break;
	case SAY_MISSING:
		defer_missing(&m->body);
		break;
	case SAY_NAMES:
		rows_names(&m->body);
		break;
	case SAY_COPIES:
		orders_copied(&m->body, m->fd);
		break;
	case SAY_PRESSURE:
		the_sched.has_pressure = true;
		break;
	case SAY_FLUSH:
		return flush_domain(&m->body);
	default:
		return E_BAD;
	}
	return E_OK;
}

static void
on_spool(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)events;
	for (int i = 0; i < SPOOL_BURST; i++) {
		struct ask_msg m;
		int err = ask_recv(fd, &the_sched.scratch, &m, 0);
		if (err == E_LIMIT)
			break;
		if (err != E_OK)
			spool_gone();
		err = take(&m);
		if (m.fd >= 0)
			close(m.fd);
		if (err != E_OK)
			bug("the spool said what it cannot say");
	}
	placers_feed();
	defer_more();
	relays_feed();
	sched_flush();
}

static void sched_leave(void);

static void
on_tick(void *ctx)
{
	struct sched *s = &the_sched;
	(void)ctx;
	sched_leave();
	placers_tick();
	relays_tick();
	defer_unfiled();
	defer_old();
	suspend_tick();
	if (placers_are_there())
		rows_deliver_is_there();
	flush_next_domain();
	defer_due();
	rows_flush();
	refused_flush();
	rows_relist();
	rows_measure();
	report_open();
	sched_flush();
	s->has_pressure = false;
	if (s->n_messages == 0 && s->is_heap_high) {
		malloc_trim(0); /* a burst is over: its memory goes back */
		s->is_heap_high = false;
	}
	s->is_heap_high |= s->n_messages > HEAP_HIGH_MESSAGES;
	loop_timer_set(s->tick, SCHED_TICK_MS);
}

static int64_t leave_ms; /* monotonic: not later */

/* When what is with relays has its results, or too long has none: they would be sent again. */
static void
sched_leave(void)
{
	if (!the_child.is_draining || (relays_are_busy() && clock_mono_ms() < leave_ms))
		return;
	sched_flush();
	rows_flush();
	refused_close();
	index_close(&the_sched.index);
	_exit(EX_OK);
}

/* A stop: nothing is lost by it, all that is not done is said again. */
static void
on_drain(void)
{
	if (!leave_ms)
		leave_ms = clock_mono_ms() + LEAVE_WAIT_MS;
	sched_leave();
}

/* Before the jail: passwords are read with the rights of the monitor. */
int
sched_prepare(void)
{
	routes_prepare();
	return EX_OK;
}

void
sched_jail(struct jail *j)
{
	static struct buf dir; /* lives as long as the jail is drawn up */
	buf_reset(&dir);
	buf_putf(&dir, "%s/sched", conf_str(the_child.conf, "common", "spool_dir"));
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_ACCEPT | JAIL_FLOCK;
	jail_allow(j, buf_cstr(&dir), JAIL_READ | JAIL_WRITE);
}

static void
read_settings(void)
{
	struct sched *s = &the_sched;
	const struct conf *c = the_child.conf;
	s->retry_first = conf_int(c, "queue", "retry_first");
	s->retry_greylist = conf_int(c, "queue", "retry_greylist");
	s->retry_most = conf_int(c, "queue", "retry_most");
	s->lifetime = conf_int(c, "queue", "lifetime");
	s->bounce_lifetime = conf_int(c, "queue", "bounce_lifetime");
	s->delay_warning = conf_int(c, "queue", "delay_warning");
	s->defer_after_ms = conf_int(c, "queue", "defer_after") * 1000;
	s->checkpoint_ms = conf_int(c, "deliver", "checkpoint_time") * 1000;
}

int
sched_run(void)
{
	struct sched *s = &the_sched;
	int64_t queue_sec, wall_sec;
	read_settings();
	/* the channel first: the spool answers it once it has its lock and made the directories */
	if (child_channel("spool", &s->spool) != E_OK)
		return EX_TEMPFAIL;
	if (index_open(conf_str(the_child.conf, "common", "spool_dir"), &s->index) !=
	    E_OK)
		return EX_CANTCREAT;
	index_clock(s->index, &queue_sec, &wall_sec);
	retry_clock_start(queue_sec, wall_sec);
	suspend_open();
	held_open();
	s->loop = loop_new();
	the_child.on_drain = on_drain;
	s->spool_watch = loop_watch(s->loop, s->spool, LOOP_READ, on_spool, NULL);
	s->tick = loop_timer_new(s->loop, on_tick, NULL);
	loop_timer_set(s->tick, SCHED_TICK_MS);
	refused_open();
	placers_open();
	relays_open();
	report_open();
	loop_run(s->loop);
	return EX_OK;
}
