/* SPDX-License-Identifier: ISC */
/* monitor_peers.c - the processes of a monitor, as a test has them. */
#include "tests/unit/monitor_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { NOBODY = 0x7ffffff0 }; /* and below it: numbers that no process has */

void
peers_begin(const struct daemon *d)
{
	struct monitor *m = &the_monitor;
	m->daemon = d;
	m->loop = loop_new();
	for (size_t i = 0; i < d->n_roles; i++)
		m->roles[i].rows = mon_rows_of(&d->roles[i], &m->roles[i].n_rows);
}

void
peers_end(void)
{
	struct monitor *m = &the_monitor;
	while (m->processes)
		process_gone(m->processes);
	for (size_t i = 0; i < m->daemon->n_roles; i++)
		free((void *)(uintptr_t)m->roles[i].rows);
	loop_timer_free(&m->late);
	loop_free(&m->loop);
	buf_free(&m->scratch);
}

struct peer
peer_new(const char *role)
{
	static pid_t pid = NOBODY;
	int chan[2];
	ask_pair(chan);
	struct process *p = process_adopt(pid--, chan[0], role, 0, -1, 0);
	p->is_old = false;
	return (struct peer){.process = p, .chan = chan[1]};
}

void
peer_free(struct peer *p)
{
	close(p->chan);
	buf_free(&p->in);
}

void
peer_says(struct peer *p, uint16_t type, struct buf *body, int fd)
{
	int64_t deadline = deadline_in_ms(PEER_WAIT_MS);
	assert_int_equal(
	    ask_send(p->chan, type, buf_as_span(body), fd, deadline), E_OK);
	buf_free(body);
}

void
peer_tells(struct peer *p, uint16_t type, struct buf *body, int fd)
{
	peer_says(p, type, body, fd);
	loop_once(the_monitor.loop);
}

struct ask_msg
peer_hears(struct peer *p)
{
	struct ask_msg m = {.fd = -1};
	assert_int_equal(
	    ask_recv(p->chan, &p->in, &m, deadline_in_ms(PEER_WAIT_MS)), E_OK);
	return m;
}

struct ask_msg
peer_heard(struct peer *p)
{
	struct ask_msg m = peer_hears(p);
	if (m.fd >= 0)
		close(m.fd);
	return m;
}

void
peer_hears_nothing(struct peer *p)
{
	struct ask_msg m;
	assert_int_equal(ask_recv(p->chan, &p->in, &m, 0), E_LIMIT);
}

rlim_t
descriptors_most(rlim_t n)
{
	struct rlimit r;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	rlim_t before = r.rlim_cur;
	r.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	return before;
}
