/* SPDX-License-Identifier: ISC */
/* smtp_fakes.c - see smtp_fakes.h. */
#include "smtp_fakes.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/auth.h"
#include "conf/conf.h"
#include "login/serve.h"
#include "proc/child.h"
#include "tls/records.h"

struct fakes fakes;

static const struct {
	const char *local;
	enum recipient_verdict verdict;
} people[] = {
    {"u1", RCPT_LOCAL},
    {"u2", RCPT_LOCAL},
    {"postmaster", RCPT_LOCAL},
    {"suspended", RCPT_SUSPENDED},
    {"full", RCPT_OVER_QUOTA},
    {"loop", RCPT_LOOP},
    {"temp", RCPT_TEMP},
};

static enum recipient_verdict
judge(struct span address)
{
	struct span local = span_cut(&address, '@');
	if (!span_ieqs(address, "example.test"))
		return RCPT_REMOTE;
	for (size_t i = 0; i < COUNT(people); i++)
		if (span_ieqs(local, people[i].local))
			return people[i].verdict;
	return RCPT_UNKNOWN;
}

int
lookup_rcpt(
    int *chan, struct span address, enum recipient_verdict *out, bool *leads_away)
{
	(void)chan;
	fakes.n_lookups++;
	*out = judge(address);
	*leads_away = false;
	return E_OK;
}

int
lookup_rcpts(int *chan, const struct span *addresses, size_t n, struct arena *arena,
    struct lookup_answer **out)
{
	(void)chan;
	fakes.n_lookups++;
	*out = arena_get(arena, n * sizeof **out);
	for (size_t i = 0; i < n; i++)
		(*out)[i].verdict = judge(addresses[i]);
	return E_OK;
}

int
lookup_senders(
    int *chan, struct span account, const struct span *senders, size_t n, bool *out)
{
	(void)chan;
	fakes.n_sender_asks++;
	for (size_t i = 0; i < n; i++)
		out[i] = span_eq(account, senders[i]);
	return E_OK;
}

const struct io_way tls_way = {0}; /* nothing is carried */

void
tls_server_hands_on(struct tls_server *server)
{
	(void)server;
}

int
tls_hand_on(struct tls_conn *c, struct io *io, struct buf *out)
{
	(void)c, (void)io, (void)out;
	return E_DENY;
}

int
tls_keep(struct tls_conn *c, struct io *io)
{
	(void)c, (void)io;
	return E_OK;
}

void
tls_conn_drop(struct tls_conn **conn, struct io *io)
{
	(void)io;
	*conn = NULL;
}

struct tls_records *
tls_records_new(struct span state, struct io *io)
{
	(void)state, (void)io;
	return NULL;
}

void
tls_records_ends(struct tls_records *t)
{
	(void)t;
}

void
tls_records_close(struct tls_records **t, struct io *io)
{
	(void)io;
	*t = NULL;
}

/* No monitor finds a session of the account: a conversation stays where it is. */
int
ticket_redeem(struct id id, const struct login_client *c, int fd)
{
	(void)id, (void)c, (void)fd;
	return E_IO;
}

void
serve_clients(void (*serve)(int fd, const struct login_client *))
{
	(void)serve;
}

void
serve_no_more(void)
{
}

void
spool_client_init(struct spool_client *c, int (*connect)(int *out))
{
	*c = (struct spool_client){.chan = -1, .connect = connect, .file = -1};
}

void
spool_client_done(struct spool_client *c)
{
	spool_drop(c);
}

int
spool_room(struct spool_client *c, uint64_t bytes, enum spool_verdict *out)
{
	(void)c, (void)bytes;
	fakes.n_rooms++;
	*out = fakes.room;
	return fakes.spool_err;
}

int
spool_file(struct spool_client *c, int *out, enum spool_verdict *verdict)
{
	c->file = memfd_create("fake", MFD_CLOEXEC);
	*out = c->file;
	*verdict = SPOOL_OK;
	return fakes.spool_err;
}

static void
keep_file(int fd)
{
	char piece[65536];
	ssize_t n;
	off_t at = 0;
	while ((n = pread(fd, piece, sizeof piece, at)) > 0) {
		buf_put(&fakes.message, piece, (size_t)n);
		at += n;
	}
}

int
spool_put(struct spool_client *c, const struct envelope *e, struct span message,
    enum spool_verdict *out)
{
	fakes.n_puts++;
	*out = fakes.verdict;
	buf_reset(&fakes.message);
	buf_reset(&fakes.rcpts);
	buf_span(&fakes.message, message);
	if (c->file >= 0)
		keep_file(c->file);
	fakes.envelope = *e;
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		buf_str(&fakes.rcpts, i ? " " : "");
		buf_span(&fakes.rcpts, e->rcpts[i].address);
	}
	spool_drop(c);
	return fakes.spool_err;
}

int
spool_flush(struct spool_client *c, struct span domain, enum spool_verdict *out)
{
	(void)c, (void)domain;
	*out = fakes.verdict;
	return fakes.spool_err;
}

void
spool_drop(struct spool_client *c)
{
	fakes.n_drops++;
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}

/* One mechanism, PLAIN in two steps if there is no initial response: "\0u1@example.test\0pass". */
static int
plain(struct span response, struct auth_reply *out)
{
	bool is_right = span_eq(response, SPAN("\0u1@example.test\0pass"));
	*out = (struct auth_reply){.status = is_right ? AUTH_OK : AUTH_FAIL,
	    .account = SPAN("u1@example.test")};
	return E_OK;
}

int
auth_start(int *chan, const struct auth_conn *conn, struct span mech,
    const struct span *initial, struct auth_reply *out)
{
	(void)chan, (void)conn;
	if (!span_ieqs(mech, "PLAIN")) {
		*out = (struct auth_reply){.status = AUTH_NO_MECH};
		return E_OK;
	}
	if (initial)
		return plain(*initial, out);
	*out = (struct auth_reply){.status = AUTH_CONTINUE, .challenge = SPAN("")};
	return E_OK;
}

int
auth_step(int *chan, struct span response, struct auth_reply *out)
{
	(void)chan;
	return plain(response, out);
}

void
auth_cancel(int *chan)
{
	(void)chan;
}

void
auth_mechanisms(const struct conf *conf, const struct auth_conn *c, struct buf *out)
{
	(void)conf, (void)c;
	buf_str(out, "PLAIN");
}

/* There is no TLS here: clients with the real one test it. */
int
tls_server_new(
    const struct conf *conf, int (*key_channel)(int *out), struct tls_server **out)
{
	(void)conf, (void)key_channel;
	*out = NULL;
	return E_OK;
}

bool
tls_server_can_sign(struct tls_server *server)
{
	(void)server;
	return false;
}

int
tls_accept(
    struct tls_server *server, struct io *io, int64_t deadline, struct tls_conn **out)
{
	(void)server, (void)io, (void)deadline;
	*out = NULL;
	return E_IO;
}

void
tls_conn_close(struct tls_conn **conn, struct io *io)
{
	(void)io;
	*conn = NULL;
}

void
tls_conn_ends(struct tls_conn *conn)
{
	(void)conn;
}

const char *
tls_version_text(const struct tls_conn *conn)
{
	(void)conn;
	return "none";
}

const char *
tls_cipher_text(const struct tls_conn *conn)
{
	(void)conn;
	return "none";
}

int
tls_binding(const struct tls_conn *conn, struct buf *type, struct buf *data)
{
	(void)conn, (void)type, (void)data;
	return E_BAD;
}

struct span
tls_peer(const struct tls_conn *conn)
{
	(void)conn;
	return SPAN("");
}

static int monitor_end = -1;

static void
limits_set(struct limits *l)
{
	static struct net relay;
	static const char most[] = "1000000";
	*l = (struct limits){.hostname = "mail.example.test",
	    .default_domain = "example.test",
	    .message_bytes = 1000000,
	    .recipients = 100,
	    .errors = 20,
	    .commands = 100,
	    .hops = 100,
	    .serves = 1000,
	    .idle_ms = 1000,
	    .session_ms = 60000,
	    .transaction_ms = 60000,
	    .has_plaintext_on_loopback = true};
	/* all that is said comes at once */
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		l->is_counted[i][STRICT_PIPELINING] = true;
	if (net_parse(SPAN("192.0.2.0/24"), &relay) != E_OK)
		bug("net_parse");
	l->relay = (struct nets){&relay, 1};
	memcpy(l->message_text, most, sizeof most);
}

/* Every setting has its default. */
static const struct conf *
defaults(void)
{
	static struct conf *conf;
	static const char text[] = "version = 1\n";
	struct buf errors = {0};
	char path[32];
	if (conf)
		return conf;
	int fd = memfd_create("conf", 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1 ||
	    conf_load(path, &errors, &conf) != E_OK)
		bug("no configuration");
	close(fd);
	buf_free(&errors);
	return conf;
}

void
fakes_reset(void)
{
	int pair[2];
	buf_free(&fakes.message);
	buf_free(&fakes.rcpts);
	fakes = (struct fakes){0};
	if (monitor_end < 0) {
		ask_pair(pair);
		monitor_end = pair[0];
		the_child.control = pair[1];
	}
	the_child.conf = defaults();
	limits_set(&the_process.limits);
	spool_client_init(&the_process.spool, NULL);
}

/* What the session told its monitor is not kept. */
static void
drain_monitor(void)
{
	char bytes[4096];
	while (recv(monitor_end, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		continue;
}

const char *
fakes_talk(enum listen_kind kind, struct span input)
{
	static struct buf said;
	struct client client = {
	    .kind = kind, .is_loopback = true, .is_greeted = true, .text = "127.0.0.1"};
	int pair[2], big = 4 << 20;
	ssize_t n;
	buf_reset(&said);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		bug("socketpair");
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	if (send(pair[0], input.p, input.n, MSG_DONTWAIT) < 0 && input.n)
		bug("send");
	shutdown(pair[0], SHUT_WR);
	session_talk(pair[1], &client);
	while ((n = recv(pair[0], buf_room(&said, 65536), 65536, 0)) > 0)
		buf_added(&said, (size_t)n);
	close(pair[0]);
	drain_monitor();
	return buf_cstr(&said);
}
