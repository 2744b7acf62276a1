/* SPDX-License-Identifier: ISC */
/* ticket.c - tickets: made by auth, kept by the monitor, handed in by a front. */
#include "login/ticket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "login/peer.h"
#include "proc/monitor.h"
#include "proc/owner.h"

const struct role *login_session_role;
const struct role *login_front_role;

enum {
	LAST_LOGINS = 4096,
	CLIENT_FIXED =
	    5 * 4 + 3 + 2 * 4 + 3 * 8 /* bytes of login_client_put beside its texts */
};

struct ticket {
	/* home "": it has no mailbox, or not one whose uid a process may take */
	char address[ACCOUNT_ADDRESS_MAX + 1], home[ACCOUNT_ADDRESS_MAX + 1];
	uid_t uid;
	gid_t gid;
	int32_t pop3_keep_days, expire_days;
	uint64_t quota_bytes, quota_messages;
};

/*
 * In the monitor alone.  Most are handed in at once: the first free place has the next one, so that
 * few pages are ever touched, and few heads looked at.
 */
static struct tickets {
	size_t n; /* no place from here on is taken */

	struct head {
		struct id id;
		int64_t made_ms; /* 0: the place is free */
	} heads[TICKETS_MOST];

	struct ticket all[TICKETS_MOST];
} * tickets; /* own */

/* ---- about a client ---- */

void
login_client_put(struct buf *b, const struct login_client *c)
{
	buf_bytes(b, c->client);
	buf_bytes(b, c->sid);
	buf_u8(b, c->has_tls);
	buf_u8(b, c->is_loopback);
	buf_bytes(b, c->mechanisms);
	buf_u8(b, c->is_utf8);
	buf_bytes(b, c->tag);
	buf_bytes(b, c->input);
	buf_u32(b, (uint32_t)c->pop3_keep_days);
	buf_u32(b, (uint32_t)c->expire_days);
	buf_u64(b, c->quota_bytes);
	buf_u64(b, c->quota_messages);
	buf_u64(b, (uint64_t)c->quota_at_ms);
}

int
login_client_get(struct span in, struct login_client *out)
{
	struct rd r = rd_of(in);
	out->client = rd_str(&r, WHO_TEXT_MAX);
	out->sid = rd_str(&r, ID_TEXT);
	out->has_tls = rd_u8(&r) == 1;
	out->is_loopback = rd_u8(&r) == 1;
	out->mechanisms = rd_str(&r, AUTH_OFFER_MAX);
	out->is_utf8 = rd_u8(&r) == 1;
	out->tag = rd_str(&r, LOGIN_TAG_MAX);
	out->input = rd_str(&r, LOGIN_INPUT_MAX);
	out->pop3_keep_days = (int32_t)rd_u32(&r);
	out->expire_days = (int32_t)rd_u32(&r);
	out->quota_bytes = rd_u64(&r);
	out->quota_messages = rd_u64(&r);
	out->quota_at_ms = (int64_t)rd_u64(&r);
	return rd_end(&r);
}

/* ---- in auth and front ---- */

/* What the monitor says of a ticket. */
static int
result_of(struct rd *reply)
{
	static const int results[] = {[REDEEM_NOT] = E_BAD,
	    [REDEEM_OK] = E_OK,
	    [REDEEM_TOO_SOON] = E_DENY,
	    [REDEEM_CROWDED] = E_LIMIT};
	uint8_t said = rd_u8(reply);
	return rd_end(reply) == E_OK && said < COUNT(results) ? results[said] : E_IO;
}

static int
call(uint16_t type, struct buf *body, int fd)
{
	static struct buf in; /* kept: an answer may be as long as any message */
	struct ask_msg reply;
	int err = child_call(type, buf_as_span(body), fd, &in, &reply);
	buf_wipe(body);
	if (err != E_OK)
		return E_IO;
	if (reply.fd >= 0)
		close(reply.fd);
	return result_of(&reply.body);
}

int
ticket_announce(const struct account *a, struct id *ticket)
{
	return ticket_announce_expire(a, -1, ticket);
}

int
ticket_announce_expire(const struct account *a, int32_t expire_days, struct id *ticket)
{
	struct buf b = {0};
	*ticket = id_new();
	buf_put(&b, ticket->b, ID_BYTES);
	buf_bytes(&b, a->address);
	buf_u32(&b, a->uid);
	buf_u32(&b, a->gid);
	buf_bytes(&b, a->home);
	buf_u32(&b, (uint32_t)a->pop3_keep_days);
	buf_u32(&b, (uint32_t)expire_days);
	buf_u64(&b, a->quota_bytes);
	buf_u64(&b, a->quota_messages);
	int err = child_tell(LOGIN_TICKET, buf_as_span(&b), -1);
	buf_wipe(&b);
	return err == E_OK ? E_OK : E_IO;
}

int
ticket_redeem(struct id id, const struct login_client *c, int fd)
{
	struct buf b = {.is_secret = true};
	buf_put(&b, id.b, ID_BYTES);
	login_client_put(&b, c);
	return call(LOGIN_REDEEM, &b, fd);
}

/* ---- in the monitor ---- */

/* pop3d's and imapd's sessions take the uid of the mailbox; smtpd's keep that of their role. */
static bool
takes_uid(void)
{
	return (login_session_role->flags & ROLE_SESSION) != 0;
}

/* No process that is forked has them: the kernel gives it zeros. */
static struct tickets *
tickets_map(void)
{
	size_t n = sizeof *tickets;
	void *p =
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, n, MADV_WIPEONFORK) != 0)
		bug("memory for tickets");
	return p;
}

static bool
is_good(const struct head *h, int64_t now)
{
	return h->made_ms && now - h->made_ms <= TICKET_LIFE_MS;
}

/* The first that is free; the oldest where none is. */
static struct ticket *
place_for(struct id id, int64_t now)
{
	size_t at = 0;
	if (!tickets)
		tickets = tickets_map();
	struct head *h = tickets->heads;
	for (size_t i = 0; i < TICKETS_MOST; i++) {
		if (i == tickets->n)
			tickets->n++;
		if (!is_good(&h[i], now)) {
			at = i;
			break;
		}
		if (h[i].made_ms < h[at].made_ms)
			at = i;
	}
	h[at] = (struct head){.id = id, .made_ms = now};
	return &tickets->all[at];
}

static void
ticket_used(struct ticket *t)
{
	size_t at = (size_t)(t - tickets->all);
	mem_wipe(t, sizeof *t);
	mem_wipe(&tickets->heads[at], sizeof tickets->heads[at]);
	while (tickets->n && !tickets->heads[tickets->n - 1].made_ms)
		tickets->n--;
}

static void
copy_text(char *to, struct span s)
{
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
}

static int
ask_ticket(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	int64_t now = clock_mono_ms();
	struct id id;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	rd_id(body, &id);
	struct span address = rd_str(body, ACCOUNT_ADDRESS_MAX);
	uid_t uid = rd_u32(body);
	gid_t gid = rd_u32(body);
	struct span home = rd_str(body, ACCOUNT_ADDRESS_MAX);
	int32_t keep = (int32_t)rd_u32(body), expire = (int32_t)rd_u32(body);
	uint64_t bytes = rd_u64(body), messages = rd_u64(body);
	if (rd_end(body) != E_OK)
		return E_BAD;
	bool has_mailbox = owner_may_be(uid, gid) && owner_is_below(home);
	if (takes_uid() && !has_mailbox)
		return E_DENY;
	struct ticket *t = place_for(id, now);
	*t = (struct ticket){.uid = uid,
	    .gid = gid,
	    .pop3_keep_days = keep,
	    .expire_days = expire,
	    .quota_bytes = bytes,
	    .quota_messages = messages};
	copy_text(t->address, address);
	copy_text(t->home, has_mailbox ? home : SPAN(""));
	return E_MORE; /* no reply */
}

static struct ticket *
find(struct id id)
{
	int64_t now = clock_mono_ms();
	for (size_t i = 0; tickets && i < tickets->n; i++) {
		const struct head *h = &tickets->heads[i];
		if (is_good(h, now) && id_eq(h->id, id))
			return &tickets->all[i];
	}
	return NULL;
}

/*
 * Auth tells of a ticket before it answers who logs in, and waits for no answer: a wake-up less for
 * each login.  So what it told may still be unread when the ticket is handed in.
 */
static struct ticket *
find_told(struct id id)
{
	struct ticket *t = find(id);
	for (struct process *p = the_monitor.processes; p && !t; p = p->next)
		if (p->role && p->role->monitor_asks & MON_MAY(LOGIN_TICKET)) {
			process_hear(p, MON_MAY(LOGIN_TICKET));
			t = find(id);
		}
	return t;
}

static int
begin_session(const struct ticket *t, const struct login_client *c, int *fd)
{
	struct buf blob = {.is_secret = true}, home = {0};
	char account[sizeof t->address]; /* a child keeps it, and has no tickets */
	int err;
	memcpy(account, t->address, sizeof account);
	login_client_put(&blob, c);
	buf_putf(
	    &home, "%s/%s", conf_str(the_monitor.conf, "common", "mail_dir"), t->home);
	int own = *fd;
	*fd = -1;
	err = monitor_pass_session(account, t->uid, own, buf_as_span(&blob), c->client);
	if (err != E_OK)
		err = monitor_fork_session(login_session_role, t->uid, t->gid,
		    t->home[0] ? buf_cstr(&home) : NULL, own, buf_as_span(&blob),
		    account, c->client);
	buf_wipe(&blob);
	buf_free(&home);
	return err;
}

/*
 * RFC 2449 6.5: the least time between two logins of an account; by a hash, so that it stays small.
 */
static bool
is_too_soon(const char *address)
{
	static struct {
		uint32_t hash;
		int64_t at_ms;
	} last[LAST_LOGINS];

	if (!takes_uid())
		return false; /* smtpd has no such setting */
	int64_t delay_ms =
	    conf_int(the_monitor.conf, the_monitor.daemon->name, "login_delay") * 1000;
	int64_t now = clock_mono_ms();
	uint32_t hash = 2166136261u;
	if (delay_ms == 0)
		return false;
	for (const char *p = address; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	size_t i = hash % LAST_LOGINS;
	bool is_soon =
	    last[i].hash == hash && last[i].at_ms && now - last[i].at_ms < delay_ms;
	if (!is_soon) {
		last[i].hash = hash;
		last[i].at_ms = now;
	}
	return is_soon;
}

/* Where an address counts, as in a front. */
static uint64_t
key_of(struct span text)
{
	struct sockaddr_storage ss = {0};
	struct peer p;
	char copy[PEER_TEXT_MAX];
	if (text.n >= sizeof copy)
		return 0;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	ss.ss_family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	void *bytes = &ss;
	if (inet_pton(ss.ss_family, copy,
		ss.ss_family == AF_INET
		    ? (void *)&((struct sockaddr_in *)bytes)->sin_addr
		    : (void *)&((struct sockaddr_in6 *)bytes)->sin6_addr) != 1)
		return 0;
	peer_of(&ss, &p);
	return p.key;
}

/*
 * Of smtpd: clients there whose connections accounts' sessions have, which no front counts any more.
 * One more stays with the session that heard its login, and is counted.
 */
static bool
is_crowded_there(struct span client)
{
	const char *section = the_monitor.daemon->name;
	unsigned n = 0;
	if (takes_uid())
		return false;
	uint64_t key = key_of(client);
	for (const struct process *p = the_monitor.processes; p; p = p->next)
		n += p->role == login_session_role && p->owner && !p->is_idle &&
		     p->address && key_of(span_of(p->address)) == key;
	if (n <
	    (unsigned)conf_int(the_monitor.conf, section, "connections_per_address"))
		return false;
	log_event(
	    LOG_NOTICE, "address_crowded", "client=%s sessions=%u", log_q(client), n);
	return true;
}

static bool
is_crowded(const struct ticket *t)
{
	const char *section = the_monitor.daemon->name;
	unsigned all, same;
	monitor_count_sessions(login_session_role, t->address, t->uid, &all, &same);
	bool is_full =
	    all >= (unsigned)conf_int(the_monitor.conf, section, "sessions_most");
	if (!is_full && same < (unsigned)conf_int(
				   the_monitor.conf, section, "sessions_per_account"))
		return false;
	log_event(LOG_WARNING, "sessions_crowded", "account=%s of_account=%u in_all=%u",
	    log_qs(t->address), same, all);
	return true;
}

static enum redeemed
why_not(const struct ticket *t, struct span client)
{
	if (!t)
		return REDEEM_NOT;
	if (is_crowded(t) || is_crowded_there(client))
		return REDEEM_CROWDED;
	return is_too_soon(t->address) ? REDEEM_TOO_SOON : REDEEM_OK;
}

static int
ask_redeem(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct login_client c;
	struct id id;
	(void)a, (void)fd_back;
	rd_id(body, &id);
	if (body->err != E_OK || login_client_get(body->in, &c) != E_OK || *fd < 0)
		return E_BAD;
	struct ticket *t = find_told(id);
	enum redeemed said = why_not(t, c.client);
	if (said == REDEEM_OK) {
		c.pop3_keep_days = t->pop3_keep_days;
		c.expire_days = t->expire_days;
		c.quota_bytes = t->quota_bytes;
		c.quota_messages = t->quota_messages;
		c.quota_at_ms = tickets->heads[t - tickets->all].made_ms;
		if (begin_session(t, &c, fd) != E_OK)
			said = REDEEM_NOT;
		ticket_used(t);
	}
	buf_u8(reply, said);
	return E_OK;
}

static int
ask_idle(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	wake_next(p);
	return E_MORE; /* no reply */
}

static int
ask_leave(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	p->is_idle = false;
	buf_u8(reply, 1);
	return E_OK;
}

static int
ask_return(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span blob = body->in;
	(void)a, (void)reply, (void)fd_back;
	rd_str(body, LOGIN_INPUT_MAX);
	rd_str(body, ID_TEXT);
	if (rd_end(body) != E_OK || *fd < 0 || !login_front_role)
		return E_BAD;
	if (monitor_pass_to(login_front_role, *fd, blob) == E_OK)
		*fd = -1;
	return E_MORE; /* without a front the connection ends */
}

/* clang-format off */
const struct ask_row login_rows[LOGIN_ASKS_END - MON_EXTRA] = {
	/*                             name      legal in  times   bytes                                fd back  answered by */
	[LOGIN_TICKET - MON_EXTRA] = {"TICKET",  1,        600000, ID_BYTES + 40 + 2 * ACCOUNT_ADDRESS_MAX, false, ask_ticket},
	[LOGIN_REDEEM - MON_EXTRA] = {"REDEEM",  1,        600000, ID_BYTES + CLIENT_FIXED + AUTH_OFFER_MAX + ID_TEXT + WHO_TEXT_MAX + LOGIN_TAG_MAX + LOGIN_INPUT_MAX, false, ask_redeem},
	[LOGIN_IDLE - MON_EXTRA]   = {"IDLE",    1,        600000, 0,                                   false,   ask_idle},
	[LOGIN_LEAVE - MON_EXTRA]  = {"LEAVE",   1,        600000, 0,                                   false,   ask_leave},
	[LOGIN_RETURN - MON_EXTRA] = {"RETURN",  1,        600000, 4 + LOGIN_INPUT_MAX + 4 + ID_TEXT,   false,   ask_return},
};
/* clang-format on */
