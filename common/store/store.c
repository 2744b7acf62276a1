/* SPDX-License-Identifier: ISC */
/* store.c - a session's side: a new account, and the way to the keeper. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/fds.h"
#include "proc/jail.h"
#include "store/at_work.h"
#include "store/keeper.h"
#include "store/state.h"

void
store_jail(struct jail *j)
{
	j->calls |= JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_CONNECT_UNIX |
	            JAIL_LISTEN_UNIX | JAIL_FORK | JAIL_INOTIFY | JAIL_FLOCK;
}

void
store_prepare(void)
{
	db_warm();
}

/* ---- a new account ---- */

static int
make_dir(const char *name)
{
	if (mkdir(name, 0700) == 0 || errno == EEXIST)
		return E_OK;
	log_event(LOG_ERR, "no_directory", "name=%s err=%s", name, log_errno(errno));
	return E_IO;
}

int
store_create(const char *home)
{
	static const char *const folders[] = {"new", "tmp", "msg", "index", "sieve"};
	int err = chdir(home) == 0 ? E_OK : E_IO;
	umask(0077);
	for (size_t i = 0; i < COUNT(folders) && err == E_OK; i++)
		err = make_dir(folders[i]);
	if (err != E_OK || access("index/db", F_OK) == 0)
		return err;
	err = keeper_open();
	the_keeper.is_changed = true;
	if (err == E_OK)
		keeper_close();
	return err;
}

/* ---- the keeper ---- */

static int
connect_keeper(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "index/keeper"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

NORETURN static void
be_keeper(int first, int start)
{
	int lock = open("index/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint64_t done, of;
	setsid();
	prctl(PR_SET_NAME, "keeper", 0, 0, 0);
	log_role("keeper");
	log_session(NULL);
	the_child = (struct child){.control = -1, .queue = -1, .keeper = -1};
	at_work_watch(NULL, NULL);
	/*
	 * everything of the session's is closed: its client must see the end when the session ends
	 */
	int keep[] = {lock, first, start, log_fd()};
	fds_close_others(keep, COUNT(keep));
	/* another one lives: it will answer, or die and leave the lock */
	if (lock < 0 || flock(lock, LOCK_EX) != 0)
		_exit(1);
	if (at_work_look(&done, &of)) /* of one who died at it */
		at_work_end();
	metric_count(M_KEEPER_STARTS);
	keeper_run(first, start);
	_exit(0);
}

/*
 * Twice forked, so that it is nobody's child.  The one between them borrows our memory and ends: a
 * copy of its own would take as long as the keeper's, and its end again.
 */
static int
fork_keeper(int first, int start)
{
	int status = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		if (fork() == 0)
			be_keeper(first, start);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return E_IO;
	return E_OK;
}

/*
 * With a channel to it, whose first asks wait there until it has opened the index; its end means
 * that it could not.  It has start's lock too, until it listens: then others find it.
 */
static int
start_keeper(int start, int *out)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return E_IO;
	int err = fork_keeper(pair[1], start);
	close(pair[1]);
	if (err == E_OK)
		*out = pair[0];
	else
		close(pair[0]);
	return err;
}

/* Another one lives, or is starting: then this one is not wanted, and first sees its end. */
void
store_keeper(const char *home, int first)
{
	umask(0077);
	if (chdir(home) != 0)
		return;
	int start =
	    open("index/start", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (start < 0 || flock(start, LOCK_EX | LOCK_NB) != 0)
		return;
	int chan = connect_keeper();
	if (chan < 0)
		be_keeper(first, start);
	close(chan);
}

void
store_given(struct store *s, int chan)
{
	if (s->chan < 0)
		s->chan = chan;
	else
		close(chan);
}

static bool is_keepers_own;

void
keeper_never_start(void)
{
	is_keepers_own = true;
}

/* One starts it; others wait for it at the lock. */
int
keeper_find(int *out)
{
	*out = connect_keeper();
	if (*out >= 0 || is_keepers_own)
		return *out >= 0 ? E_OK : E_IO;
	int start =
	    open("index/start", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = start >= 0 && flock(start, LOCK_EX) == 0 ? E_OK : E_IO;
	if (err == E_OK)
		*out = connect_keeper();
	if (err == E_OK && *out < 0)
		err = start_keeper(start, out);
	if (start >= 0)
		close(start);
	return *out >= 0 ? E_OK : E_IO;
}

int
keeper_reach(struct store *s, int *out)
{
	return s->connect ? s->connect(s->connect_ctx, out) : keeper_find(out);
}

static struct store *
store_new(void)
{
	struct store *s = mem_new(sizeof *s);
	s->chan = s->watch = s->feed = s->dozing = -1;
	s->large.max = ASK_BODY_MOST;
	return s;
}

struct store *
store_guest(store_connect_fn *connect, void *ctx)
{
	struct store *s = store_new();
	s->connect = connect;
	s->connect_ctx = ctx;
	return s;
}

int
store_open(const char *home, struct store **out)
{
	struct store *s = store_new();
	umask(0077);
	/* a keeper is found by the first ask: who logs in and out needs none */
	if (chdir(home) != 0) {
		log_event(LOG_ERR, "mailbox_not_opened", "home=%s err=%s", log_qs(home),
		    log_errno(errno));
		store_close(&s);
		return E_IO;
	}
	*out = s;
	return E_OK;
}

void
store_close(struct store **sp)
{
	struct store *s = *sp;
	if (!s)
		return;
	store_unselect_now(s);
	store_cache_flush(s);
	store_watch_end(s);
	store_feed_end(s);
	caches_unmap(s);
	ask_hang_up(&s->chan);
	if (s->dozing >= 0)
		close(s->dozing);
	buf_free(&s->name);
	buf_free(&s->in);
	buf_free(&s->large);
	buf_free(&s->items);
	mem_free(&s->uidls);
	mem_free(sp);
}

/* ---- a rebuild ---- */

static int
leave(int chan)
{
	struct buf in = {0};
	struct ask_msg reply;
	int64_t wait_ms = STORE_WAIT_MS;
	int err = ask_send(chan, KEEPER_LEAVE, SPAN(""), -1, deadline_in_ms(wait_ms));
	if (err == E_OK)
		err = at_work_hear(chan, wait_ms);
	if (err == E_OK)
		err = ask_recv(chan, &in, &reply, deadline_in_ms(wait_ms));
	if (err == E_OK && reply.fd >= 0)
		close(reply.fd);
	if (err != E_OK)
		log_event(
		    LOG_WARNING, "keeper_silent", "ask=LEAVE why=%s", err_name(err));
	close(chan);
	buf_free(&in);
	return err;
}

/* Their next one asks shares, which lets nobody in to who is suspended. */
int
store_end_guests(const char *home)
{
	int start = -1, lock = -1;
	if (chdir(home) != 0 || access("index", F_OK) != 0) {
		if (errno == ENOENT)
			return E_OK; /* nobody can be in */
		log_event(LOG_ERR, "guests_not_ended", "home=%s err=%s", log_qs(home),
		    log_errno(errno));
		return E_IO;
	}
	/* one that is just starting, for a guest who was let in before, listens when this is free */
	int err = at_work_lock("index/start", STORE_WAIT_MS, &start);
	int chan = err == E_OK ? connect_keeper() : -1;
	if (err != E_OK)
		log_event(LOG_ERR, "guests_not_ended", "home=%s why=%s", log_qs(home),
		    err_name(err));
	else if (chan >= 0)
		err = leave(chan);
	/* it has answered, and writes down what it knows: its files are its own until it has gone */
	if (err == E_OK && chan >= 0)
		err = at_work_lock("index/lock", STORE_WAIT_MS, &lock);
	if (lock >= 0)
		close(lock);
	if (start >= 0)
		close(start);
	return err == E_OK ? E_OK : E_IO;
}

/*
 * One that lives, or can be started, writes down what it knows before it goes.  index/start is
 * held: nothing here may wait for that.
 */
static void
ask_to_leave(int start)
{
	int chan = connect_keeper();
	if (chan >= 0 || start_keeper(start, &chan) == E_OK)
		(void)leave(chan); /* logged; the lock tells whether it went */
}

int
store_rebuild(const char *home, struct store_rebuilt *out)
{
	int start = -1, lock = -1;
	*out = (struct store_rebuilt){.found = 0};
	umask(0077);
	if (chdir(home) != 0)
		return E_IO;
	/* nobody starts another one meanwhile */
	int err = at_work_lock("index/start", STORE_WAIT_MS, &start);
	if (err == E_OK)
		ask_to_leave(start);
	if (err == E_OK)
		err = at_work_lock("index/lock", STORE_WAIT_MS, &lock);
	if (err == E_OK)
		err = keeper_rebuild(out);
	if (lock >= 0)
		close(lock);
	if (start >= 0)
		close(start);
	if (err != E_OK)
		log_event(LOG_ERR, "not_rebuilt", "home=%s why=%s", log_qs(home),
		    err_name(err));
	return err;
}

/* For its warnings: each keeper hears it first of all. */
static void
tell_quota(struct store *s)
{
	struct buf body = {0};
	buf_u64(&body, s->quota_bytes);
	buf_u64(&body, s->quota_messages);
	buf_u64(&body, (uint64_t)s->quota_at_ms);
	keeper_tell(s, KEEPER_QUOTA, buf_as_span(&body));
	buf_free(&body);
}

void
store_limit(struct store *s, uint64_t bytes, uint64_t messages, int64_t at_ms)
{
	s->quota_bytes = bytes;
	s->quota_messages = messages;
	s->quota_at_ms = at_ms;
	if (quota_warns() && s->chan >= 0)
		tell_quota(s);
}

/* ---- asks ---- */

/*
 * Its pages become our own where the head stands: whoever looks there sees that the view is not
 * written any more.
 */
static void
mark_superseded(struct store *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE),
	       bytes = (VIEW_RECORDS_AT + page - 1) / page * page;
	struct view_head *h = s->head;
	if (!h || s->is_superseded)
		return;
	char *copy = mem_new(bytes);
	memcpy(copy, h, bytes);
	if (mmap(h, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		bug("no memory for the head of a view");
	memcpy(h, copy, bytes);
	h->is_superseded = 1;
	if (mprotect(h, bytes, PROT_READ) != 0)
		bug("mprotect");
	mem_free(&copy);
	s->is_superseded = true;
}

/* The connection is closed; the view is marked superseded: nobody writes it any more. */
static void
keeper_lost(struct store *s)
{
	ask_hang_up(&s->chan);
	s->armed_mailbox = 0;
	mark_superseded(s);
}

/* The end of a keeper is seen before anything is asked of it: then nothing can have come twice. */
static bool
is_alive(int chan)
{
	struct pollfd p = {.fd = chan, .events = POLLIN};
	return poll(&p, 1, 0) == 0;
}

bool
keeper_is_there(struct store *s)
{
	if (s->chan >= 0 && !is_alive(s->chan))
		keeper_lost(s);
	return s->chan >= 0;
}

static int
ask_once(struct store *s, uint16_t ask, struct span body, int large,
    struct ask_msg *reply, bool *is_asked)
{
	int64_t deadline = deadline_in_ms(STORE_WAIT_MS);
	bool is_new = !keeper_is_there(s);
	if (is_new && keeper_reach(s, &s->chan) != E_OK)
		return E_LIMIT; /* none can begin */
	if (is_new && s->is_held)
		keeper_tell(s, KEEPER_HOLD, SPAN(""));
	if (is_new && quota_warns() && s->quota_at_ms)
		tell_quota(s);
	int err = ask_send(s->chan, ask, body, large, deadline);
	*is_asked = err == E_OK;
	if (err == E_OK)
		err = ask_recv(s->chan, &s->in, reply, deadline);
	if (err == E_OK && reply->type == (ask | ASK_REPLY))
		return E_OK;
	if (err == E_OK && reply->fd >= 0)
		close(reply->fd);
	keeper_lost(s);
	return err == E_LIMIT ? E_LIMIT : E_IO;
}

/* A keeper that dies may still take one more connection, and close it as the first. */
static int
ask_until_heard(struct store *s, uint16_t ask, struct span body, int large,
    bool may_repeat, struct ask_msg *reply)
{
	bool is_asked = false;
	int err = E_IO;
	for (unsigned i = 0;
	     i < CHILD_ATTEMPTS && err == E_IO && (may_repeat || !is_asked); i++)
		err = ask_once(s, ask, body, large, reply, &is_asked);
	return err;
}

/* The view's descriptor is the answer's own; any other one holds a long body. */
static int
take_answer(struct store *s, struct ask_msg *reply, struct answer *out)
{
	*out = (struct answer){.body = reply->body, .fd = reply->fd};
	if (reply->fd < 0 || reply->body.in.n)
		return E_OK;
	int err = large_read(reply->fd, &s->large);
	close(reply->fd);
	*out = (struct answer){.body = rd_of(buf_as_span(&s->large)), .fd = -1};
	return err;
}

/* In the log alone: who asked is told to come later. */
static void
say_silent(const struct store *s, unsigned ask, int err)
{
	uint64_t done, of;
	if (err == E_LIMIT && !s->connect && at_work_look(&done, &of))
		log_event(LOG_NOTICE, "keeper_at_work", "ask=%u done=%llu of=%llu", ask,
		    (unsigned long long)done, (unsigned long long)of);
	else
		log_event(LOG_ERR, "keeper_silent", "ask=%u", ask);
}

int
keeper_ask(struct store *s, uint16_t ask, struct buf *body, bool may_repeat,
    struct answer *out)
{
	struct ask_msg reply = {.fd = -1};
	struct span b = buf_as_span(body);
	int large = -1, err = buf_done(body);
	*out = (struct answer){.fd = -1};
	store_unselect_now(s);
	if (err == E_OK && b.n > ASK_MSG_MAX - 2) {
		large = large_make(b);
		b = SPAN("");
		err = large >= 0 ? E_OK : E_IO;
	}
	if (err == E_OK)
		err = ask_until_heard(s, ask, b, large, may_repeat, &reply);
	if (large >= 0)
		close(large);
	if (err == E_OK)
		s->is_early = false; /* RENEW says so again */
	if (err == E_OK)
		err = take_answer(s, &reply, out);
	if (err != E_OK)
		say_silent(s, ask, err);
	buf_free(body);
	return err == E_OK ? E_OK : E_IO;
}

enum store_said
keeper_ask_said(struct store *s, uint16_t ask, struct buf *body, bool may_repeat,
    struct answer *out)
{
	if (keeper_ask(s, ask, body, may_repeat, out) != E_OK)
		return STORE_LATER;
	uint8_t said = rd_u8(&out->body);

	s->has_events |= (said & ASK_HAS_EVENTS) != 0;
	said &= (uint8_t)~ASK_HAS_EVENTS;
	return out->body.err == E_OK && said <= STORE_LATER ? (enum store_said)said
	                                                    : STORE_LATER;
}

void
keeper_tell(struct store *s, uint16_t ask, struct span body)
{
	int large = -1;
	if (s->chan < 0)
		return;
	if (body.n > ASK_MSG_MAX - 2) {
		large = large_make(body);
		body = SPAN("");
	}
	if (ask_send(s->chan, ask, body, large, 0) != E_OK)
		log_event(LOG_DEBUG, "not_told", "ask=%u", (unsigned)ask);
	if (large >= 0)
		close(large);
}

int
store_reach(struct store *s)
{
	if (keeper_is_there(s))
		return E_OK;
	int err = keeper_reach(s, &s->chan);
	if (err == E_OK && s->is_held)
		keeper_tell(s, KEEPER_HOLD, SPAN(""));
	return err;
}

int
answer_end(const struct answer *a)
{
	return rd_end(&a->body) == E_OK ? E_OK : E_IO;
}
