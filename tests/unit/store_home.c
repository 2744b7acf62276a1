/* SPDX-License-Identifier: ISC */
/* store_home.c - an account for the tests of the store, its keeper, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "scratch.h"
#include "store/directions.h"
#include "store/keeper.h"
#include "store_home.h"
#include "tls/hash.h"

enum { DEATH_MS = 20000 };

/* Berkeley DB keeps memory of an environment whose recovery failed. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

double
ms_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
create(const char *dir)
{
	int status = 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(store_create(dir) == E_OK ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

char home_dir[64];
static bool is_placed;

void
home_place(void)
{
	strcpy(home_dir, "/tmp/test_store.XXXXXX");
	assert_non_null(mkdtemp(home_dir));
	is_placed = true;
}

int
home_setup(void **state)
{
	struct home *h = mem_new(sizeof *h);
	if (getenv("STORE_TEST_LOG"))
		log_open("test", STDERR_FILENO, false);
	else
		log_level(LOG_EMERG);
	if (!is_placed)
		home_place();
	is_placed = false;
	strcpy(h->dir, home_dir);
	create(h->dir);
	assert_int_equal(store_open(h->dir, &h->a), E_OK);
	assert_int_equal(store_open(h->dir, &h->b), E_OK);
	*state = h;
	return 0;
}

int
home_teardown(void **state)
{
	struct home *h = *state;
	store_close(&h->a);
	store_close(&h->b);
	home_kill();
	if (chdir("/") != 0)
		return -1;
	scratch_remove(h->dir);
	mem_free(state);
	return 0;
}

void
home_reopen(struct home *h)
{
	store_close(&h->a);
	store_close(&h->b);
	assert_int_equal(store_open(h->dir, &h->a), E_OK);
	assert_int_equal(store_open(h->dir, &h->b), E_OK);
}

int
home_keeper(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "index/keeper"};
	struct ucred peer = {.pid = 0};
	socklen_t n = sizeof peer;
	/* one that has answered who started it may not listen yet: it does when this is free */
	int start = open("index/start", O_RDWR | O_CLOEXEC);
	assert_true(start < 0 || flock(start, LOCK_EX) == 0);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		peer.pid = 0;
	close(fd);
	if (start >= 0)
		close(start);
	return peer.pid;
}

static void
end_keeper(int signal)
{
	int pid = home_keeper();
	int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd < 0)
		return;
	kill(pid, signal);
	assert_int_equal(poll(&p, 1, DEATH_MS), 1);
	close(fd);
}

void
home_kill(void)
{
	end_keeper(SIGKILL);
}

void
home_end(void)
{
	end_keeper(SIGTERM);
}

void
home_damage(void)
{
	home_kill();
	scratch_spoil("index/db");
}

void
home_dump(void)
{
	int status = 1;
	home_kill();
	pid_t pid = fork();
	if (pid == 0) {
		int err = keeper_open();
		the_keeper.is_changed = true;
		if (err == E_OK)
			keeper_close();
		_exit(err == E_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- messages ---- */

struct span
text_of(unsigned n)
{
	static char text[5000];
	int at = snprintf(text, sizeof text, "Subject: message %u\r\n\r\n", n);
	while (at < 4096)
		at += snprintf(
		    text + at, sizeof text - (size_t)at, "line %d of %u\r\n", at, n);
	return span_make(text, (size_t)at);
}

static void
begin_with(struct store *s, struct incoming *m, struct span text)
{
	assert_int_equal(incoming_begin(s, m), E_OK);
	assert_int_equal(incoming_write(m, text), E_OK);
	assert_int_equal(incoming_end(m), E_OK);
}

void
message_begin(struct store *s, struct incoming *m, unsigned n)
{
	begin_with(s, m, text_of(n));
}

uint32_t
append(struct store *s, const char *mailbox, unsigned n)
{
	struct incoming m;
	uint32_t uid = 0;
	message_begin(s, &m, n);
	assert_int_equal(
	    store_append(s, span_of(mailbox), &m, 1, NULL, &uid), STORE_DONE);
	incoming_drop(&m);
	return uid;
}

/* Their files are not synced: these tests do not cut the power. */
void
append_many(struct store *s, const char *mailbox, unsigned n)
{
	static struct incoming all[STORE_APPENDS_MOST];
	while (n) {
		unsigned some = n < STORE_APPENDS_MOST ? n : STORE_APPENDS_MOST;
		for (unsigned i = 0; i < some; i++) {
			struct buf from = {0}, to = {0};
			assert_int_equal(incoming_begin(s, &all[i]), E_OK);
			assert_int_equal(incoming_write(&all[i],
					     SPAN("Subject: one of many\r\n\r\nx\r\n")),
			    E_OK);
			tmp_path_put(&from, all[i].id);
			msg_path_put(&to, all[i].id);
			if (link(buf_cstr(&from), buf_cstr(&to)) != 0) {
				struct buf folder = {0};
				buf_span(&folder, span_head(buf_as_span(&to), 6));
				assert_int_equal(mkdir(buf_cstr(&folder), 0700), 0);
				assert_int_equal(
				    link(buf_cstr(&from), buf_cstr(&to)), 0);
				buf_free(&folder);
			}
			all[i].is_linked = true;
			buf_free(&from);
			buf_free(&to);
		}
		assert_int_equal(
		    store_append(s, span_of(mailbox), all, some, NULL, NULL),
		    STORE_DONE);
		for (unsigned i = 0; i < some; i++)
			incoming_drop(&all[i]);
		n -= some;
	}
}

static void
put_file(const char *path, struct span bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
}

static struct file_id
place(const char *text, bool is_junk, const struct span *directions)
{
	struct file_name f = {.id = file_id_of(id_new(), 7),
	    .size_bytes = strlen(text),
	    .is_junk = is_junk,
	    .is_directed = directions != NULL};
	struct buf path = {0};
	if (directions) {
		buf_str(&path, "new/");
		directions_name_put(&path, f.id);
		put_file(buf_cstr(&path), *directions);
		buf_reset(&path);
	}
	sha256(span_of(text), f.sha256);
	buf_str(&path, "new/");
	file_name_put(&path, &f);
	put_file(buf_cstr(&path), span_of(text));
	buf_free(&path);
	return f.id;
}

void
deliver(const char *text)
{
	place(text, false, NULL);
}

void
deliver_junk(const char *text)
{
	place(text, true, NULL);
}

struct file_id
deliver_directed(const char *text, bool is_junk, struct span directions)
{
	return place(text, is_junk, &directions);
}

bool
is_there(void (*put)(struct buf *, struct file_id), struct file_id id)
{
	struct buf path = {0};
	put(&path, id);
	bool is = access(buf_cstr(&path), F_OK) == 0;
	buf_free(&path);
	return is;
}

void
wait_until_gone(struct file_id id)
{
	for (unsigned i = 0; i < 1000 && is_there(msg_path_put, id); i++)
		poll(NULL, 0, 10);
	assert_false(is_there(msg_path_put, id));
}

int
leased(const char *pattern)
{
	glob_t g;
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	assert_int_equal(g.gl_pathc, 1);
	int fd = open(g.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&g);
	assert_true(fd >= 0);
	signal(SIGIO, SIG_IGN); /* somebody wants to open it */
	assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	return fd;
}

struct numset
set_of(uint32_t from, uint32_t to)
{
	struct numset s = {0};
	assert_int_equal(numset_add(&s, from, to), E_OK);
	return s;
}

void
mailbox_check(struct store *s, const char *name, uint64_t messages, uint64_t unseen,
    uint64_t deleted)
{
	struct store_mailbox m;
	assert_int_equal(store_mailbox(s, span_of(name), &m), E_OK);
	assert_int_equal(m.messages, messages);
	assert_int_equal(m.unseen, unseen);
	assert_int_equal(m.deleted, deleted);
}

/* ---- what must hold ---- */

struct checking {
	struct store_mailbox all[200];
	size_t n;
};

static int
collect(void *ctx, const struct store_mailbox *m)
{
	struct checking *c = ctx;
	assert_true(c->n < COUNT(c->all));
	c->all[c->n++] = *m;
	return E_OK;
}

static void
check_mailbox(struct store *s, const struct store_mailbox *m)
{
	struct store_view v;
	uint64_t messages = 0, unseen = 0, deleted = 0, bytes = 0;
	uint32_t uid = 0;
	assert_int_equal(store_select(s, span_of(m->name), true, &v), E_OK);
	assert_int_equal(v.uidvalidity, m->uidvalidity);
	for (uint32_t i = 0; i < v.n; i++) {
		const struct store_record *r = &v.records[i];
		struct buf path = {0};
		assert_true(r->uid > uid);
		uid = r->uid;
		assert_true(r->modseq <= v.head->modseq);
		if (r->flags & FLAG_GONE)
			continue;
		messages++;
		bytes += r->size_bytes;
		unseen += !(r->flags & FLAG_SEEN);
		deleted += (r->flags & FLAG_DELETED) != 0;
		msg_path_put(&path, r->id);
		assert_int_equal(access(buf_cstr(&path), F_OK), 0);
		buf_free(&path);
	}
	assert_true(uid < v.uidnext);
	assert_int_equal(messages, m->messages);
	assert_int_equal(unseen, m->unseen);
	assert_int_equal(deleted, m->deleted);
	assert_int_equal(bytes, m->bytes);
	store_unselect(s, &v);
}

uint64_t
store_check(struct store *s)
{
	struct checking *c = mem_new(sizeof *c);
	uint64_t bytes, messages, sum = 0;
	assert_int_equal(store_mailboxes(s, collect, c), E_OK);
	for (size_t i = 0; i < c->n; i++) {
		check_mailbox(s, &c->all[i]);
		sum += c->all[i].messages;
	}
	assert_int_equal(store_usage(s, &bytes, &messages), E_OK);
	assert_int_equal(sum, messages);
	mem_free(&c);
	return sum;
}

/* ---- calls, in short ---- */

struct store_view
selected(struct store *s, const char *mailbox)
{
	struct store_view v;
	assert_int_equal(store_select(s, span_of(mailbox), false, &v), E_OK);
	return v;
}

enum store_said
flags(struct store *s, const struct store_view *v, uint32_t from, uint32_t to,
    enum store_how how, uint32_t bits, const char *keyword)
{
	struct span name = span_of(keyword);
	struct store_change c = {.how = how,
	    .flags = bits,
	    .keywords = &name,
	    .n_keywords = keyword != NULL};
	struct numset uids = set_of(from, to);
	enum store_said said = store_flags(s, v->mailbox, &uids, &c, NULL);
	numset_free(&uids);
	return said;
}

enum store_said
expunge(struct store *s, const struct store_view *v, uint32_t from, uint32_t to,
    bool only_deleted)
{
	struct numset uids = set_of(from, to);
	enum store_said said = store_expunge(s, v->mailbox, &uids, only_deleted);
	numset_free(&uids);
	return said;
}

void
set_check(const struct numset *s, const char *want)
{
	struct buf b = {0};
	numset_put(&b, s);
	assert_string_equal(buf_cstr(&b), want);
	buf_free(&b);
}
