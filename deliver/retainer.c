/* SPDX-License-Identifier: ISC */
/* retainer.c - the process that carries rules out in one mailbox, as its owner; and its birth. */
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/agents.h"
#include "deliver/owned.h"
#include "deliver/retention.h"
#include "proc/child.h"
#include "proc/io.h"
#include "proc/monitor.h"
#include "store/retention.h"

enum { ANSWER_MS = 60000 };

static int chan = -1; /* own */

static void
on_client(int fd, unsigned kind, struct span about)
{
	(void)kind, (void)about;
	if (chan >= 0)
		close(fd);
	else
		chan = fd;
}

int
retainer_prepare(void)
{
	tzset(); /* a jail has no /etc */
	return EX_OK;
}

void
retainer_jail(struct jail *j)
{
	store_jail(j);
}

/* It ends when the daemon stops, or begins anew, or nobody listens any more. */
static bool
goes_on(void *ctx)
{
	struct pollfd p = {.fd = chan, .events = POLLIN};
	(void)ctx;
	child_control();
	return !the_child.is_draining && poll(&p, 1, 0) == 0;
}

static void
did(void *ctx, const struct retention_did *d)
{
	(void)ctx, (void)d; /* the log has it */
}

static bool
tell(enum retained what)
{
	struct buf b = {0};
	buf_u8(&b, (uint8_t)what);
	int err = ask_send(
	    chan, RETAIN | ASK_REPLY, buf_as_span(&b), -1, deadline_in_ms(ANSWER_MS));
	buf_free(&b);
	return err == E_OK;
}

/* Who waits for us is to know that we live. */
static void
progress(void *ctx, uint64_t done, uint64_t of)
{
	int64_t *next_ms = ctx;
	(void)done, (void)of;
	if (clock_mono_ms() < *next_ms)
		return;
	*next_ms = deadline_in_ms(RETAINER_TELLS_MS);
	(void)tell(RETAINED_GOES_ON); /* goes_on sees why not */
}

static int
carry_out(struct retention *rules, int64_t now_sec)
{
	int64_t next_ms = 0;
	const struct retention_watch watch = {
	    .ctx = &next_ms, .did = did, .progress = progress, .goes_on = goes_on};
	struct store *s = NULL;
	store_configure(the_child.conf, the_child.account);
	if (store_open(the_child.home, &s) != E_OK)
		return E_IO;
	int err = retention_run(s, rules, now_sec, false, &watch);
	store_close(&s);
	return err;
}

static enum retained
retain(enum retain what, int64_t now_sec, const struct retention_own *own)
{
	struct retention *rules = retention_new(the_child.conf, own);
	const struct retention_stamp stamp = {now_sec, retention_digest(rules)};
	int err = what == RETAIN_RUN ? carry_out(rules, stamp.when_sec)
	                             : (chdir(the_child.home) == 0 ? E_OK : E_IO);
	if (err == E_OK)
		err = retention_stamp_put(&stamp);
	retention_free(&rules);
	return err == E_OK    ? RETAINED_DONE
	       : err == E_BAD ? RETAINED_REFUSED
	                      : RETAINED_NOT;
}

int
retainer_run(void)
{
	struct buf in = {0};
	struct ask_msg m;
	int64_t end = deadline_in_ms(CHILD_CALL_WAIT_MS);
	the_child.on_client = on_client;
	umask(0077);
	while (chan < 0 && io_wait(the_child.control, POLLIN, end, IO_AT_DRAIN) == E_OK)
		child_control();
	if (chan < 0 || io_recv(chan, &in, &m, end, IO_AT_DRAIN) != E_OK)
		return EX_OK;
	uint8_t what = rd_u8(&m.body);
	int64_t now_sec = (int64_t)rd_u64(&m.body);
	struct retention_own own = {.address = span_of(the_child.account)};
	own.of_account = rd_str(&m.body, ACCOUNT_RETENTION_MAX);
	own.of_domain = rd_str(&m.body, ACCOUNT_RETENTION_MAX);
	if (m.fd >= 0)
		ask_drop_fd(m.fd);
	if (m.type != RETAIN || rd_end(&m.body) != E_OK || what > RETAIN_NOTE)
		return EX_PROTOCOL;
	if (!tell(retain(what, now_sec, &own)))
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
	buf_free(&in);
	return EX_OK;
}

/* ---- in the monitor ---- */

const struct role *deliver_retainer_role;

/*
 * Who asks has hung up on all that there are, which then end: but one that its user has stopped, or
 * whose file system hangs.  E_OK, E_LIMIT (a moment)
 */
static int
make_room(void)
{
	static pid_t last;
	const struct process *oldest = NULL;
	unsigned n = 0;
	for (const struct process *p = the_monitor.processes; p; p = p->next) {
		if (p->role != deliver_retainer_role)
			continue;
		n++;
		if (!oldest || p->started_ms < oldest->started_ms)
			oldest = p;
	}
	if (n < RETAINERS_MOST)
		return E_OK;
	if (oldest->pid != last)
		log_event(LOG_WARNING, "retainer_ended", "account=%s pid=%d",
		    oldest->owner ? log_q(span_of(oldest->owner)) : "-",
		    (int)oldest->pid);
	last = oldest->pid;
	kill(oldest->pid, SIGKILL);
	return E_LIMIT;
}

static int
ask_retainer(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct owned o;
	(void)a, (void)fd;
	int err = owned_read(body, &o);
	if (err == E_BAD)
		return E_BAD;
	/* one wrong row of the table of accounts must not keep the others waiting */
	if (err == E_OK)
		err = make_room();
	if (err == E_OK)
		owned_fork(deliver_retainer_role, &o, reply, fd_back);
	else
		buf_u8(reply, (uint8_t)err);
	return E_OK;
}

const struct ask_row deliver_retainer_row = {.name = "RETAINER",
    .phases = 1,
    .times = RETAINER_TIMES,
    .bytes = OWNED_BYTES,
    .has_fd_back = true,
    .handler = ask_retainer};
