/* SPDX-License-Identifier: ISC */
/* shares.c - the role: looks accounts up, has doors made, hands their channels to sessions. */
#include "imapd/shares.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "imapd/asks.h"
#include "proc/loop.h"

enum { PH_NEW = 1, PH_KNOWN = 2, SHARES_ARENA_BYTES = 1 << 20, SHARES_MODE = 0700 };

static struct {
	struct accounts *accounts;  /* own; NULL: not there yet */
	struct shares_index *index; /* own */
	struct member *members;
	struct arena arena; /* of one ask */
	struct buf in;      /* of a door */
} role = {.arena = {.max_bytes = SHARES_ARENA_BYTES}};

/* One that waits for a door. */
struct opening {
	struct member *member; /* borrow; NULL: it left */
	struct loop_fd *watch; /* own */
	int fd;                /* own */
	bool is_own;           /* of the asking account: to know what it gave */
	uint32_t owner_uid;
	char owner[ACCOUNT_ADDRESS_MAX + 1];
};

/* A session. */
struct member {
	struct member *next, **link; /* all of them */
	struct asker *asker;         /* borrow */
	uint32_t pid;
	struct opening *opening; /* borrow; NULL: it waits for nothing */
	char account[ACCOUNT_ADDRESS_MAX + 1];
};

/* ---- a door answers ---- */

static void
say(struct member *m, enum share_said said, int fd)
{
	struct buf reply = {0};
	buf_u8(&reply, (uint8_t)said);
	if (ask_answer(m->asker, SHARES_OPEN, buf_as_span(&reply), fd) != E_OK)
		log_event(LOG_DEBUG, "session_gone", "%s", "");
	buf_free(&reply);
}

static bool
is_list(struct span in)
{
	struct rd r = rd_of(in);
	while (r.in.n && r.err == E_OK)
		rd_str(&r, IDENTIFIER_MAX);
	return r.err == E_OK;
}

/* As the table has it now: what ended its guests knows nothing of one who is at the door. */
static enum share_said
look_again(const struct opening *o)
{
	struct account a;
	int err = account_get(role.accounts, span_of(o->owner), &role.arena, &a);
	bool is_shared = err == E_OK && !a.is_suspended && a.uid == o->owner_uid;
	arena_reset(&role.arena);
	return is_shared ? SHARE_DONE : err == E_IO ? SHARE_LATER : SHARE_NONE;
}

static void
on_door(void *ctx, int fd, unsigned events)
{
	struct opening *o = ctx;
	struct ask_msg m = {.fd = -1};
	(void)events;
	int err = ask_recv(fd, &role.in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && (m.type != DOOR_OPEN || !is_list(m.body.in)))
		err = E_BAD;
	if (err == E_OK)
		shares_index_set(role.index, span_of(o->owner), m.body.in);
	bool is_good = err == E_OK && (o->is_own || m.fd >= 0);
	enum share_said said = is_good ? look_again(o) : SHARE_LATER;
	if (o->member) {
		o->member->opening = NULL;
		say(o->member, said, said == SHARE_DONE && !o->is_own ? m.fd : -1);
	}
	if (m.fd >= 0)
		close(m.fd);
	loop_unwatch(&o->watch);
	close(o->fd);
	mem_free(&o);
}

/* ---- asks of sessions ---- */

/* A process has one channel: the one before ends. */
static void
end_older(uint32_t pid)
{
	for (const struct member *m = role.members; m; m = m->next)
		if (m->pid == pid)
			shutdown(m->asker->chan, SHUT_RDWR);
}

static int
ask_who(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span account = rd_str(body, ACCOUNT_ADDRESS_MAX);
	uint32_t pid = rd_u32(body);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	end_older(pid);
	struct member *m = mem_new(sizeof *m);
	m->asker = a;
	m->pid = pid;
	m->next = role.members;
	m->link = &role.members;
	if (m->next)
		m->next->link = &m->next;
	role.members = m;
	memcpy(m->account, account.p, account.n);
	a->ctx = m;
	a->phase = PH_KNOWN;
	return E_MORE; /* no reply */
}

struct listing {
	struct buf *reply;
	unsigned n;
};

static bool
put_owner(void *ctx, struct span owner)
{
	struct listing *l = ctx;
	buf_bytes(l->reply, span_head(owner, span_rfind(owner, '@')));
	return ++l->n < SHARES_OWNERS_MOST;
}

static int
accounts_ready(void)
{
	struct buf dir = {0};
	if (role.accounts)
		return E_OK;
	buf_putf(&dir, "%s/accounts", conf_str(the_child.conf, "common", "state_dir"));
	int err = accounts_open(buf_cstr(&dir), false, &role.accounts);
	buf_free(&dir);
	return err;
}

/* Who asks, as the table has it now.  E_OK, E_BAD (it is there no more), E_IO (in no group) */
static int
find_guest(const struct member *m, struct shares_guest *out)
{
	struct account a;
	int err = accounts_ready();
	if (err == E_OK)
		err = account_get(role.accounts, span_of(m->account), &role.arena, &a);
	*out = (struct shares_guest){.address = span_of(m->account),
	    .groups = err == E_OK ? a.groups : SPAN(""),
	    .uid = err == E_OK ? (uint32_t)a.uid : 0};
	return err;
}

static int
ask_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	const struct member *m = a->ctx;
	struct listing l = {.reply = reply};
	struct shares_guest guest;
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = find_guest(m, &guest);
	if (err == E_IO)
		log_event(LOG_WARNING, "groups_not_known", "account=%s",
		    log_q(guest.address));
	if (err != E_BAD)
		shares_index_each(role.index, &guest, put_owner, &l);
	arena_reset(&role.arena);
	return E_OK;
}

static int
fork_door(const struct account *a, const struct door_terms *terms, int fd)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_u32(&body, a->uid);
	buf_u32(&body, a->gid);
	buf_bytes(&body, a->home);
	buf_bytes(&body, a->address);
	door_terms_put(&body, terms);
	int err = child_call(SHARE_FORK, buf_as_span(&body), fd, &in, &reply);
	if (err == E_OK && (rd_u8(&reply.body) != 0 || rd_end(&reply.body) != E_OK))
		err = E_IO;
	buf_free(&body);
	buf_free(&in);
	return err;
}

static int
open_door(struct member *m, const struct account *a, const struct shares_guest *guest,
    bool is_deposit)
{
	bool is_own = span_eq(a->address, guest->address);
	struct door_terms terms = {.guest = is_own ? SPAN("") : guest->address,
	    .groups = is_own ? SPAN("") : guest->groups,
	    .guest_uid = guest->uid,
	    .quota_bytes = a->quota_bytes,
	    .quota_messages = a->quota_messages,
	    .is_deposit = is_deposit,
	    .message_bytes_most =
		(uint64_t)conf_int(the_child.conf, "imapd", "message_size")};
	int pair[2];
	ask_pair(pair);
	int err = fork_door(a, &terms, pair[1]);
	close(pair[1]);
	if (err != E_OK) {
		close(pair[0]);
		return err;
	}
	struct opening *o = mem_new(sizeof *o);
	*o = (struct opening){.member = m,
	    .fd = pair[0],
	    .is_own = is_own,
	    .owner_uid = (uint32_t)a->uid};
	memcpy(o->owner, a->address.p, a->address.n);
	o->watch = loop_watch(child_loop(), o->fd, LOOP_READ, on_door, o);
	m->opening = o;
	return E_OK;
}

static void
address_put(struct buf *b, const struct member *m, struct span local)
{
	struct span own = span_of(m->account);
	buf_span(b, local);
	buf_span(b, span_from(own, span_rfind(own, '@')));
}

/* Who gave nothing is not told from who is not there. */
static enum share_said
find(const struct shares_guest *guest, struct span address, struct account *out)
{
	bool is_own = span_eq(address, guest->address);
	if (!is_own && !shares_index_has(role.index, address, guest))
		return SHARE_NONE;
	int err = accounts_ready();
	if (err == E_OK)
		err = account_get(role.accounts, address, &role.arena, out);
	if (err != E_OK)
		return err == E_BAD ? SHARE_NONE : SHARE_LATER;
	return out->is_suspended || out->address.n > ACCOUNT_ADDRESS_MAX ? SHARE_NONE
	                                                                 : SHARE_DONE;
}

static int
ask_open(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct member *m = a->ctx;
	struct buf address = {0};
	struct account account;
	struct shares_guest guest;
	struct span local = rd_str(body, ACCOUNT_ADDRESS_MAX);
	bool is_deposit = rd_u8(body) == 1;
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || m->opening)
		return E_BAD;
	address_put(&address, m, local);
	int err = find_guest(m, &guest);
	enum share_said said = find(&guest, buf_as_span(&address), &account);
	/* what it gets for a group is not told from what it does not: not now, it says */
	if (err != E_OK)
		said = err == E_BAD ? SHARE_NONE : SHARE_LATER;
	if (said == SHARE_DONE && open_door(m, &account, &guest, is_deposit) != E_OK)
		said = SHARE_LATER;
	arena_reset(&role.arena);
	buf_free(&address);
	if (said == SHARE_DONE)
		return E_MORE;
	buf_u8(reply, (uint8_t)said);
	return E_OK;
}

static uint32_t
uid_of(const struct member *m, struct span local, bool *is_known)
{
	struct buf address = {0};
	struct account account;
	address_put(&address, m, local);
	int err =
	    account_get(role.accounts, buf_as_span(&address), &role.arena, &account);
	*is_known &= err != E_IO;
	buf_free(&address);
	arena_reset(&role.arena);
	return err == E_OK ? (uint32_t)account.uid : 0;
}

static int
ask_uids(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd whom = *body;
	unsigned n = 0;
	(void)fd, (void)fd_back;
	while (body->in.n && body->err == E_OK && n++ < ACL_ENTRIES_MOST)
		rd_str(body, ACCOUNT_ADDRESS_MAX);
	if (rd_end(body) != E_OK)
		return E_BAD;
	bool is_known = accounts_ready() == E_OK;
	while (whom.in.n && is_known)
		buf_u32(reply,
		    uid_of(a->ctx, rd_str(&whom, ACCOUNT_ADDRESS_MAX), &is_known));
	if (!is_known)
		buf_reset(reply); /* fewer than were asked for */
	return E_OK;
}

enum { UIDS_BYTES = ACL_ENTRIES_MOST * (4 + ACCOUNT_ADDRESS_MAX) };

/* clang-format off */
static const struct ask_row rows[SHARES_ASKS] = {
	/*              name    legal in  times              bytes                        fd back  answered by */
	[SHARES_WHO]  = {"WHO",  PH_NEW,   1,                 4 + ACCOUNT_ADDRESS_MAX + 4, false,   ask_who},
	[SHARES_LIST] = {"LIST", PH_KNOWN, SHARES_OPENS_MOST, 0,                           false,   ask_list},
	[SHARES_OPEN] = {"OPEN", PH_KNOWN, SHARES_OPENS_MOST, 4 + ACCOUNT_ADDRESS_MAX + 1, true,    ask_open},
	[SHARES_UIDS] = {"UIDS", PH_KNOWN, SHARES_OPENS_MOST, UIDS_BYTES,                  false,   ask_uids},
};

/* clang-format on */

static void
gone(struct asker *a)
{
	struct member *m = a->ctx;
	if (!m)
		return;
	if (m->opening)
		m->opening->member = NULL;
	*m->link = m->next;
	if (m->next)
		m->next->link = m->link;
	mem_free(&m);
}

static const struct ask_table *
table_of(unsigned kind)
{
	static const struct ask_table table = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "session", .gone = gone};
	return kind == IMAP_SESSION ? &table : NULL;
}

/* ---- the role ---- */

static void
dir_put(struct buf *b)
{
	buf_reset(b);
	buf_putf(b, "%s/shares", conf_str(the_child.conf, "common", "state_dir"));
}

/* With the monitor's rights: the folder is there before it is looked up for the jail. */
static void
make_dir(const struct jail *j, const char *path)
{
	bool is_there = mkdir(path, SHARES_MODE) == 0 || errno == EEXIST;
	if (is_there && geteuid() == 0)
		is_there = chown(path, j->uid, j->gid) == 0;
	if (!is_there)
		log_event(LOG_WARNING, "no_shares_dir", "dir=%s err=%s", log_qs(path),
		    log_errno(errno));
}

void
shares_jail(struct jail *j)
{
	static struct buf accounts, shares;
	buf_reset(&accounts);
	buf_putf(
	    &accounts, "%s/accounts", conf_str(the_child.conf, "common", "state_dir"));
	(void)accounts_dir_make(the_child.conf); /* logged */
	dir_put(&shares);
	make_dir(j, buf_cstr(&shares));
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK;
	jail_allow(j, buf_cstr(&accounts), JAIL_READ);
	jail_allow(j, buf_cstr(&shares), JAIL_READ | JAIL_WRITE);
}

int
shares_run(void)
{
	struct buf path = {0};
	dir_put(&path);
	buf_str(&path, "/index");
	role.index = shares_index_open(buf_cstr(&path));
	buf_free(&path);
	return role.index ? child_serve(table_of, NULL, 0) : EX_CANTCREAT;
}
