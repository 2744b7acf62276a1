/* SPDX-License-Identifier: ISC */
/* ring_monitor.c - with the monitor's rights: is deliver there, and whose events it is told of. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "imapd/ring.h"
#include "proc/monitor.h"
#include "store/ring.h"

/* Never blocks.  E_OK, E_IO: it is not there, or has too much to do */
static int
connect_deliver(const struct conf *c, int *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct buf path = {0};
	buf_putf(&path, "%s/%s", conf_str(c, "common", "run_dir"), RING_SOCKET);
	int fd = -1;
	if (path.len < sizeof a.sun_path) {
		memcpy(a.sun_path, path.p, path.len);
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	buf_free(&path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		fd = -1;
	}
	*out = fd;
	return fd >= 0 ? E_OK : E_IO;
}

/* RFC 5804 3: the port where it is not the usual one. */
static void
url_put(struct buf *out, const struct conf *c)
{
	static const struct span usual = {"4190", 4};
	struct span listen = span_of(conf_list(c, "deliver", "listen_sieve", 0));
	struct span port = span_from(listen, span_rfind(listen, ':') + 1);
	buf_putf(out, "sieve://%s", conf_str(c, "common", "hostname"));
	if (!span_eq(port, usual))
		buf_putf(out, ":%.*s", SPAN_ARG(port));
}

static bool
is_wanted(const struct conf *c)
{
	return conf_bool(c, "deliver", "sieve") &&
	       conf_bool(c, "deliver", "sieve_imap") &&
	       conf_list_count(c, "deliver", "listen_sieve") > 0;
}

int
ring_prepare(void)
{
	const struct conf *c = the_child.conf;
	struct buf url = {0};
	int fd;
	if (!is_wanted(c) || connect_deliver(c, &fd) != E_OK)
		return EX_OK;
	close(fd);
	url_put(&url, c);
	ring_found(buf_as_span(&url));
	buf_free(&url);
	return EX_OK;
}

static void
tell(struct span address)
{
	struct buf body = {0};
	int fd;
	if (connect_deliver(the_monitor.conf, &fd) != E_OK) {
		log_event(LOG_INFO, "deliver_not_told", "account=%s", log_q(address));
		return;
	}
	buf_bytes(&body, address);
	if (ask_send(fd, RING_EVENTS, buf_as_span(&body), -1, 0) != E_OK)
		log_event(LOG_INFO, "deliver_not_told", "account=%s", log_q(address));
	buf_free(&body);
	close(fd);
}

/* Of others at its domain too, whose mailboxes are shared: all that comes of it is that they are looked at. */
static int
ask_bell(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	const struct process *p = a->ctx;
	struct buf address = {0};
	struct span local = rd_str(body, ACCOUNT_ADDRESS_MAX), own;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!p->owner) /* too many were there at a reload: nobody knows whose it is */
		return E_MORE;
	own = span_of(p->owner);
	if (local.n) {
		buf_span(&address, local);
		own = span_from(own, span_rfind(own, '@'));
	}
	buf_span(&address, own);
	if (address.len <= ACCOUNT_ADDRESS_MAX)
		tell(buf_as_span(&address));
	buf_free(&address);
	return E_MORE; /* no reply */
}

const struct ask_row ring_rows[RING_ASKS_END - SHARE_ASKS_END] = {{.name = "BELL",
    .phases = 1,
    .bytes = 4 + ACCOUNT_ADDRESS_MAX,
    .handler = ask_bell}};
