/* SPDX-License-Identifier: ISC */
/* agent.c - the process: an order after another, each answered when it is thought about. */
#include "deliver/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/lists.h"
#include "deliver/perform.h"
#include "deliver/programs.h"
#include "deliver/turn.h"
#include "mime/charset.h"
#include "proc/child.h"
#include "proc/io.h"
#include "store/store.h"

enum {
	PIECES_WAIT_MS = 60000, /* of an order that has begun */
	ORDER_ALL_MAX = ORDER_BYTES_MAX + ORDER_MESSAGE_MAX,
	/* what was large is given back */
	ORDER_KEPT = 1 << 20,
};

static struct {
	int chan; /* own; -1: not yet */
	int home; /* own */
	struct buf in, order, reply;
} agent = {.chan = -1, .home = -1};

static void
on_client(int fd, unsigned kind, struct span about)
{
	(void)kind, (void)about;
	if (agent.chan >= 0)
		close(fd);
	else
		agent.chan = fd;
}

int
agent_prepare(void)
{
	tzset(); /* a jail has no /etc */
	programs_prepare(the_child.conf);
	lists_prepare(the_child.conf);
	return EX_OK;
}

void
agent_jail(struct jail *j)
{
	store_jail(j); /* tests of mailboxes ask the keeper */
	programs_jail(the_child.conf, j);
	jail_allow(j, charset_folder(), JAIL_READ);
}

static int
send_reply(void)
{
	struct order_sending s;
	order_send_begin(&s, agent.chan, AGENT_DO, deadline_in_ms(PIECES_WAIT_MS));
	order_send_bytes(&s, buf_as_span(&agent.reply));
	return order_send_end(&s);
}

/* A script that thinks for too long ends the process: the placer has given it up by then. */
static int
answer(void)
{
	struct agent_order o;
	if (order_get(buf_as_span(&agent.order), &o) != E_OK)
		return E_BAD;
	alarm((unsigned)conf_int(the_child.conf, "deliver", "agent_time") + 1);
	buf_reset(&agent.reply);
	perform(agent.home, &o, &agent.reply);
	int err = send_reply();
	alarm(0);
	buf_reset(&agent.order);
	if (agent.order.cap > ORDER_KEPT)
		buf_free(&agent.order);
	if (agent.reply.cap > ORDER_KEPT)
		buf_free(&agent.reply);
	return err;
}

static int
take(struct ask_msg *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->type == AGENT_DONE && m->body.in.n == 0 && agent.order.len == 0) {
		perform_done(agent.home);
		return E_OK;
	}
	if (m->type == TURN_BEGIN && m->body.in.n == 0 && agent.order.len == 0)
		return turn_run(agent.chan, agent.home);
	int err = m->type == AGENT_RUN ? order_piece(&m->body, &agent.order) : E_BAD;
	if (err == E_OK)
		err = answer();
	return err == E_MORE ? E_OK : err;
}

/*
 * Until the next message may come: not past the end of this life; what is owed is waited for a
 * while longer, however many orders come instead.
 */
static int64_t
idle_end(int64_t end)
{
	int64_t wait = deadline_in_ms(
	    conf_int(the_child.conf, "deliver", "agent_linger_time") * 1000);
	if (agent.order.len || perform_waits())
		wait = deadline_in_ms(PIECES_WAIT_MS);
	if (agent.order.len)
		return wait;
	if (perform_waits())
		end += PIECES_WAIT_MS;
	return wait < end ? wait : end;
}

static void
serve(void)
{
	int64_t end = deadline_in_ms(AGENT_LIFE_MS);
	struct ask_msg m;
	int err = E_OK;
	while (err == E_OK) {
		err = io_recv(agent.chan, &agent.in, &m, idle_end(end),
		    agent.order.len || perform_waits() ? IO_STAYS : IO_AT_DRAIN);
		if (err == E_OK)
			err = take(&m);
	}
	if (err == E_BAD)
		log_event(LOG_ERR, "placer_refused", "%s", "");
}

int
agent_run(void)
{
	the_child.on_client = on_client;
	signal(SIGALRM, SIG_DFL);
	umask(0077);
	agent.order.max = ORDER_ALL_MAX;
	agent.home =
	    open(the_child.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (agent.home < 0) {
		log_event(LOG_ERR, "no_mailbox", "%s", "");
		return EX_NOINPUT;
	}
	perform_open(the_child.conf);
	store_configure(the_child.conf, the_child.account);
	int64_t end = deadline_in_ms(CHILD_CALL_WAIT_MS);
	while (agent.chan < 0 &&
	       io_wait(the_child.control, POLLIN, end, IO_AT_DRAIN) == E_OK)
		child_control();
	if (agent.chan >= 0)
		serve();
	perform_close();
	return EX_OK;
}
