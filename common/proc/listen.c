/* SPDX-License-Identifier: ISC */
/* listen.c - listening sockets: bound here, kept across a reload, or handed over by systemd. */
#include "proc/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/daemon.h"

enum { ACTIVATION_FD_FIRST = 3, ADDRESS_TEXT_MAX = 63 };

/* "0.0.0.0:25", "[::1]:587", "*:25".  E_OK, E_BAD */
static int
listen_parse(struct span text, struct sockaddr_storage *out, unsigned *out_bytes)
{
	char host[INET6_ADDRSTRLEN + 1] = "";
	uint64_t port;
	size_t colon = span_rfind(text, ':');
	struct span h = span_head(text, colon);
	if (colon == text.n ||
	    span_u64(span_from(text, colon + 1), 65535, &port) != E_OK || port == 0)
		return E_BAD;
	bool is_v6 = h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';
	if (is_v6)
		h = span_make(h.p + 1, h.n - 2);
	if (span_eqs(h, "*"))
		h = SPAN("0.0.0.0");
	if (h.n >= sizeof host)
		return E_BAD;
	memcpy(host, h.p, h.n);
	memset(out, 0, sizeof *out);
	if (is_v6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
		a->sin6_family = AF_INET6;
		a->sin6_port = htons((uint16_t)port);
		*out_bytes = sizeof *a;
		return inet_pton(AF_INET6, host, &a->sin6_addr) == 1 ? E_OK : E_BAD;
	}
	struct sockaddr_in *a = (struct sockaddr_in *)out;
	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);
	*out_bytes = sizeof *a;
	return inet_pton(AF_INET, host, &a->sin_addr) == 1 ? E_OK : E_BAD;
}

/*
 * A socket of systemd's that is bound to this address; -1 when there is none.  Each is taken once.
 */
static int
take_activated(const struct sockaddr_storage *want, unsigned want_bytes)
{
	static bool is_taken[LISTENERS_MAX];
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t n;
	if (!pid || !count || atol(pid) != (long)getpid() ||
	    span_u64(span_of(count), LISTENERS_MAX, &n) != E_OK)
		return -1;
	for (int i = 0; i < (int)n; i++) {
		struct sockaddr_storage have;
		socklen_t have_bytes = sizeof have;
		int fd = ACTIVATION_FD_FIRST + i;
		memset(&have, 0, sizeof have);
		if (is_taken[i] ||
		    getsockname(fd, (struct sockaddr *)&have, &have_bytes) != 0)
			continue;
		if (have.ss_family != want->ss_family ||
		    memcmp(&have, want, want_bytes) != 0)
			continue;
		is_taken[i] = true;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		/* a connection may be gone before it is accepted */
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
		return fd;
	}
	return -1;
}

static int
bind_inet(const struct sockaddr_storage *addr, unsigned addr_bytes)
{
	int one = 1;
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	/* inherited by what is accepted */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (addr->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)addr, addr_bytes) == 0 &&
	    listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	int err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int
bind_unix(const char *path, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat st;
	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	mode_t old = umask(0177);
	int result = bind(fd, (const struct sockaddr *)&a, sizeof a);
	int err = errno;
	umask(old);
	if (result == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	close(fd);
	errno = err;
	return -1;
}

static int
kept(const struct listeners *old, const char *kind, const char *address)
{
	for (size_t i = 0; old && i < old->n; i++)
		if (!strcmp(old->all[i].kind, kind) &&
		    !strcmp(old->all[i].address, address))
			return old->all[i].fd;
	return -1;
}

static int
add(struct listeners *out, int fd, const char *kind, const char *address,
    struct buf *errors)
{
	if (fd < 0) {
		buf_putf(errors, "%s %s: %s\n", kind, address, strerror(errno));
		return E_IO;
	}
	struct listener *l = &out->all[out->n++];
	l->fd = fd;
	l->kind = kind;
	snprintf(l->address, sizeof l->address, "%s", address);
	return E_OK;
}

static int
open_inet(const char *kind, const char *address, const struct listeners *old,
    struct buf *errors, struct listeners *out)
{
	struct sockaddr_storage a;
	unsigned bytes;
	if (strlen(address) > ADDRESS_TEXT_MAX || out->n == LISTENERS_MAX ||
	    listen_parse(span_of(address), &a, &bytes) != E_OK) {
		buf_putf(errors,
		    "%s: \"%s\" is no address to listen on; right would be "
		    "\"0.0.0.0:25\" "
		    "or \"[::]:25\"\n",
		    kind, address);
		return E_BAD;
	}
	int fd = kept(old, kind, address);
	if (fd < 0)
		fd = take_activated(&a, bytes);
	return add(out, fd >= 0 ? fd : bind_inet(&a, bytes), kind, address, errors);
}

static int
open_unix(const struct conf *conf, const char *daemon, const char *name, int type,
    const struct listeners *old, struct buf *errors, struct listeners *out)
{
	struct buf path = {0};
	int fd = kept(old, name, name);
	buf_putf(&path, "%s/%s/%s", conf_str(conf, "common", "run_dir"), daemon, name);
	if (out->n == LISTENERS_MAX)
		bug("too many UNIX sockets");
	if (fd < 0)
		fd = bind_unix(buf_cstr(&path), type);
	buf_free(&path);
	return add(out, fd, name, name, errors);
}

/* A path in a listen setting: for one user, whose programs may be anywhere. */
static int
open_path(const struct conf *conf, const struct daemon *d, const char *kind,
    const char *path, const struct listeners *old, struct buf *errors,
    struct listeners *out)
{
	const char *name =
	    d->socket_user ? conf_str(conf, d->name, d->socket_user) : "";
	int fd = kept(old, kind, path);
	uid_t uid;
	if (fd >= 0)
		return add(out, fd, kind, path, errors);
	if (strlen(path) > ADDRESS_TEXT_MAX || out->n == LISTENERS_MAX) {
		buf_putf(errors, "%s: %s: too long, or too many\n", kind, path);
		return E_BAD;
	}
	if (name[0] && daemon_uid(name, &uid) != E_OK) {
		buf_putf(errors, "%s %s: there is no user %s\n", kind, path, name);
		return E_BAD;
	}
	fd = bind_unix(path, SOCK_STREAM);
	if (fd >= 0 && name[0] && geteuid() == 0 && chown(path, uid, (gid_t)-1) != 0) {
		int err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	return add(out, fd, kind, path, errors);
}

static const char metrics_socket[] = "metrics", metrics_port[] = "metrics_port";

bool
listen_is_metrics(const struct listener *l)
{
	return !strcmp(l->kind, metrics_socket) || !strcmp(l->kind, metrics_port);
}

/* Of this host alone: its numbers are nobody else's business. */
static int
open_metrics(const struct conf *conf, const char *daemon, const struct listeners *old,
    struct buf *errors, struct listeners *out)
{
	int64_t port = conf_int(conf, daemon, metrics_port);
	struct buf address = {0};
	int err =
	    open_unix(conf, daemon, metrics_socket, SOCK_STREAM, old, errors, out);
	buf_putf(&address, "127.0.0.1:%lld", (long long)port);
	if (err == E_OK && port)
		err = open_inet(metrics_port, buf_cstr(&address), old, errors, out);
	buf_free(&address);
	return err;
}

static bool
has_metrics(const struct daemon *d)
{
	for (size_t i = 0; i < d->n_roles; i++)
		if (d->roles[i].flags & ROLE_METRICS)
			return true;
	return false;
}

int
listen_open(const struct conf *conf, const struct daemon *d,
    const struct listeners *old, struct buf *errors, struct listeners *out)
{
	int err = E_OK, e;
	*out = (struct listeners){.n = 0};
	for (const char *const *s = d->listen_settings; s && *s; s++)
		for (size_t i = 0; i < conf_list_count(conf, d->name, *s); i++) {
			const char *at = conf_list(conf, d->name, *s, i);
			e = at[0] == '/' ? open_path(conf, d, *s, at, old, errors, out)
			                 : open_inet(*s, at, old, errors, out);
			err = err == E_OK ? e : err;
		}
	for (const char *const *u = d->unix_sockets; u && *u; u++) {
		e = open_unix(conf, d->name, *u, SOCK_SEQPACKET, old, errors, out);
		err = err == E_OK ? e : err;
	}
	e = has_metrics(d) ? open_metrics(conf, d->name, old, errors, out) : E_OK;
	return err == E_OK ? e : err;
}
