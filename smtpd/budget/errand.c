/* SPDX-License-Identifier: ISC */
/* errand.c - the errands of accounts that tripped. */
#include "smtpd/budget/errand.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/daemon.h"
#include "proc/loop.h"
#include "spool/admin.h"
#include "spool/put.h"
#include "tls/hash.h"

static struct {
	struct book *book;        /* borrow */
	struct loop_timer *timer; /* own */
	struct spool_client spool;
	/* the queue holds this account's mail now */
	int chan;              /* own; -1: none */
	struct loop_fd *watch; /* own */
	struct buf account;    /* own */
	int64_t deadline;
} errands = {.chan = -1};

/* ---- sessions end ---- */

/* Who does not run has no sessions; who does not listen is as good as dead. */
static void
end_sessions(struct span account)
{
	static const char *const daemons[] = {
	    "smtpd-ctl", "pop3d-ctl", "imapd-ctl", "deliver-ctl"};
	struct buf body = {0};
	buf_bytes(&body, account);
	buf_bytes(&body, SPAN(""));
	for (size_t i = 0; i < COUNT(daemons); i++) {
		int chan;
		if (child_daemon(daemons[i], &chan) != E_OK)
			continue;
		if (ask_send(chan, CTL_SOCKET_KICK, buf_as_span(&body), -1, 0) != E_OK)
			log_event(LOG_ERR, "sessions_not_ended", "at=%s account=%s",
			    daemons[i], log_q(account));
		close(chan);
	}
	buf_free(&body);
}

/* ---- its mail is held ---- */

bool
errands_are_holding(struct span account)
{
	return errands.chan >= 0 && span_eq(buf_as_span(&errands.account), account);
}

static void
hold_ended(void)
{
	loop_unwatch(&errands.watch);
	ask_hang_up(&errands.chan);
}

static void
mark(struct span account, uint8_t step)
{
	struct trip t;
	int err = book_trip_get(errands.book, account, &t);
	if (err == E_OK) {
		t.done |= step;
		err = book_trip_put(errands.book, account, &t);
	}
	if (err == E_IO)
		log_event(LOG_ERR, "trip_not_written", "account=%s", log_q(account));
}

static void
on_held(void *ctx, int fd, unsigned events)
{
	struct buf in = {0};
	struct ask_msg m;
	(void)ctx, (void)events;
	int err = ask_recv(fd, &in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK && m.type == (ADMIN_HOLD_ACCOUNT | ASK_REPLY)) {
		log_event(LOG_NOTICE, "mail_held", "account=%s messages=%u",
		    log_q(buf_as_span(&errands.account)), rd_u32(&m.body));
		mark(buf_as_span(&errands.account), TRIP_HELD);
	}
	buf_free(&in);
	hold_ended();
	loop_timer_set(errands.timer, err == E_OK ? 0 : ERRAND_AGAIN_MS);
}

static void
begin_hold(struct span account)
{
	struct buf body = {0};
	if (child_daemon("hold", &errands.chan) != E_OK) {
		errands.chan = -1;
		return;
	}
	buf_bytes(&body, account);
	buf_reset(&errands.account);
	buf_span(&errands.account, account);
	if (ask_send(errands.chan, ADMIN_HOLD_ACCOUNT, buf_as_span(&body), -1, 0) ==
	    E_OK) {
		errands.watch =
		    loop_watch(child_loop(), errands.chan, LOOP_READ, on_held, NULL);
		errands.deadline = deadline_in_ms(ERRAND_HOLD_MS);
	} else {
		ask_hang_up(&errands.chan);
	}
	buf_free(&body);
}

/* ---- the postmaster is told ---- */

static int
connect_queue(int *out)
{
	return child_daemon("queue", out);
}

static bool
tell(struct span account, const struct trip *t)
{
	const struct conf *c = the_child.conf;
	const char *hostname = conf_str(c, "common", "hostname");
	struct buf postmaster = {0}, message = {0};
	enum spool_verdict v = SPOOL_FAILED;
	struct envelope e = {
	    .id = t->notice, .arrived_sec = clock_wall_sec(), .envid = SPAN("")};
	buf_putf(&postmaster, "postmaster@%s",
	    conf_list_count(c, "common", "domains")
		? conf_list(c, "common", "domains", 0)
		: hostname);
	notice_put(
	    &message, account, t, buf_cstr(&postmaster), hostname, &e.head_bytes);
	struct rcpt to = {.address = buf_as_span(&postmaster),
	    .orcpt = SPAN(""),
	    .state = RCPT_WAITING};
	e.sender = e.account = e.client = SPAN("");
	e.rcpts = &to;
	e.n_rcpts = 1;
	e.size_bytes = message.len;
	sha256(buf_as_span(&message), e.sha256);
	int err = spool_put(&errands.spool, &e, buf_as_span(&message), &v);
	bool is_told = err == E_OK && v == SPOOL_OK;
	log_event(is_told ? LOG_NOTICE : LOG_ERR,
	    is_told ? "postmaster_told" : "postmaster_not_told", "account=%s mid=%s",
	    log_q(account), id_text(t->notice));
	buf_free(&postmaster);
	buf_free(&message);
	return is_told;
}

/* ---- one after the other ---- */

struct pending {
	struct buf accounts; /* own: as rd_str reads them */
	size_t n;
};

static int
on_trip(void *ctx, struct span account, const struct trip *t)
{
	struct pending *p = ctx;
	if (t->done == TRIP_DONE)
		return E_OK;
	buf_bytes(&p->accounts, account);
	return ++p->n < ERRANDS_AT_ONCE ? E_OK : E_LIMIT;
}

static void
run(struct span account)
{
	struct trip t;
	if (book_trip_get(errands.book, account, &t) != E_OK)
		return;
	uint8_t before = t.done;
	if (!(t.done & TRIP_KICKED)) {
		end_sessions(account);
		t.done |= TRIP_KICKED;
	}
	if (!(t.done & TRIP_TOLD) && tell(account, &t))
		t.done |= TRIP_TOLD;
	if (t.done != before && book_trip_put(errands.book, account, &t) != E_OK)
		log_event(LOG_ERR, "trip_not_written", "account=%s", log_q(account));
	if (!(t.done & TRIP_HELD) && errands.chan < 0)
		begin_hold(account);
}

static void
on_time(void *ctx)
{
	struct pending p = {.n = 0};
	(void)ctx;
	if (errands.chan >= 0 && deadline_left_ms(errands.deadline) == 0)
		hold_ended();
	int err = book_trips(errands.book, SPAN(""), on_trip, &p);
	for (struct rd r = rd_of(buf_as_span(&p.accounts)); r.in.n && r.err == E_OK;)
		run(rd_str(&r, BOOK_ACCOUNT_MAX));
	buf_free(&p.accounts);
	if (p.n || (err != E_OK && err != E_LIMIT))
		loop_timer_set(errands.timer, ERRAND_AGAIN_MS);
}

void
errands_open(struct book *book)
{
	errands.book = book;
	errands.timer = loop_timer_new(child_loop(), on_time, NULL);
	spool_client_init(&errands.spool, connect_queue);
	errands_wake();
}

void
errands_wake(void)
{
	loop_timer_set(errands.timer, 0);
}
