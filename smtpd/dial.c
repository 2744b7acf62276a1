/* SPDX-License-Identifier: ISC */
/* dial.c - the role that opens connections to services. */
#include "smtpd/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/service.h"
#include "proc/daemon.h"
#include "proc/jail.h"

enum { PH_ANY = 1 };

static int
connect_unix(const struct service *s, int *out)
{
	static struct buf in = {.max = ASK_MSG_MAX};
	struct buf body = {0};
	struct ask_msg m;
	buf_bytes(&body, s->where);
	int err = child_call(DIAL_UNIX, buf_as_span(&body), -1, &in, &m);
	buf_free(&body);
	if (err != E_OK)
		return E_IO;
	uint8_t result = rd_u8(&m.body);
	*out = m.fd;
	return rd_end(&m.body) == E_OK && result == 0 && m.fd >= 0 ? E_OK : E_IO;
}

static socklen_t
address_of(const struct service *s, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	*out = (struct sockaddr_storage){0};
	if (s->kind == SERVICE_INET4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(s->port);
		memcpy(&v4->sin_addr, s->address, sizeof v4->sin_addr);
		return sizeof *v4;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(s->port);
	memcpy(&v6->sin6_addr, s->address, sizeof v6->sin6_addr);
	return sizeof *v6;
}

/* Begun, not awaited: whoever asked waits for it. */
static int
connect_inet(const struct service *s, int *out)
{
	struct sockaddr_storage to;
	socklen_t n = address_of(s, &to);
	int on = 1;
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return E_IO;
	/* what is said there are small packets that wait for each other */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&to, n) == 0 || errno == EINPROGRESS) {
		*out = fd;
		return E_OK;
	}
	close(fd);
	return E_IO;
}

/* Of all who ask, so that many sessions together flood no service. */
static bool
is_too_often(void)
{
	static int64_t since_ms;
	static unsigned n;
	int64_t now = clock_mono_ms();
	if (!since_ms || now - since_ms >= ASK_TIMES_WINDOW_SEC * 1000) {
		since_ms = now;
		n = 0;
	}
	return ++n > DIALS_MOST;
}

static int
ask_open(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span where = rd_str(body, DIAL_WHERE_MAX);
	struct service s;
	int err = E_DENY;
	(void)a, (void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (service_find(the_child.conf, where, &s) == E_OK)
		err = is_too_often()           ? E_LIMIT
		      : s.kind == SERVICE_UNIX ? connect_unix(&s, fd_back)
		                               : connect_inet(&s, fd_back);
	buf_u8(reply, (uint8_t)-err);
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*             name    legal in  times              bytes               fd back  answered by */
	[DIAL_OPEN] = {"OPEN", PH_ANY,   DIALS_OF_ONE_MOST, 4 + DIAL_WHERE_MAX, true,    ask_open},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "dial client"};

const struct ask_table *
dial_table(unsigned kind)
{
	(void)kind;
	return &table;
}

/* Over TCP to the ports of the services only; who has none gets no socket at all. */
void
dial_jail(struct jail *j)
{
	struct service s;
	size_t n = service_count(the_child.conf);
	for (size_t i = 0; i < n; i++) {
		if (service_at(the_child.conf, i, &s) != E_OK || s.kind == SERVICE_UNIX)
			continue;
		j->calls |= JAIL_NET;
		jail_port(j, s.port);
	}
}

int
dial_run(void)
{
	return child_serve(dial_table, NULL, 0);
}
