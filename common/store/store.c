/* SPDX-License-Identifier: ISC */
/* store.c - a session's side: the way to the keeper, snapshots, files. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
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
#include "proc/ask.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "store/asks.h"
#include "store/keeper.h"
#include "store/name.h"

struct store {
	int chan;      /* own: to the keeper; -1 */
	struct buf in; /* kept */
};

void
store_jail(struct jail *j)
{
	j->calls |= JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_CONNECT_UNIX | JAIL_LISTEN_UNIX | JAIL_FORK |
	    JAIL_INOTIFY | JAIL_FLOCK;
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
	static const char *const folders[] = {"new", "msg", "index", "sieve"};
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

/* Everything of the session's is closed: its client must see the end when the session ends. */
static void
close_inherited(int lock, int ready)
{
	for (int fd = STDERR_FILENO + 1, most = (int)sysconf(_SC_OPEN_MAX); fd < 1024 && fd < most; fd++)
		if (fd != lock && fd != ready && fd != log_fd())
			close(fd);
}

NORETURN static void
be_keeper(int ready)
{
	int lock = open("index/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	setsid();
	prctl(PR_SET_NAME, "keeper", 0, 0, 0);
	log_role("keeper");
	log_session(NULL);
	the_child = (struct child){.control = -1};
	close_inherited(lock, ready);
	/* another one lives: it will answer, or die and leave the lock */
	if (lock < 0 || flock(lock, LOCK_EX) != 0)
		_exit(1);
	keeper_run(ready);
	_exit(0);
}

/* Twice forked, so that it is nobody's child. */
static int
fork_keeper(int ready)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			be_keeper(ready);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return E_IO;
	return E_OK;
}

static int
start_keeper(void)
{
	int ready[2];
	char byte;
	if (pipe2(ready, O_CLOEXEC) != 0)
		return E_IO;
	int err = fork_keeper(ready[1]);
	close(ready[1]);
	/* one byte when it listens; the end of the pipe when it could not */
	if (err == E_OK && read(ready[0], &byte, 1) != 1)
		err = E_IO;
	close(ready[0]);
	return err;
}

/* One starts it; others wait for that one at the lock. */
static int
ensure_keeper(int *out)
{
	*out = connect_keeper();
	if (*out >= 0)
		return E_OK;
	int start = open("index/start", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = start >= 0 && flock(start, LOCK_EX) == 0 ? E_OK : E_IO;
	if (err == E_OK)
		*out = connect_keeper();
	if (err == E_OK && *out < 0)
		err = start_keeper();
	if (err == E_OK && *out < 0)
		*out = connect_keeper();
	if (start >= 0)
		close(start);
	return *out >= 0 ? E_OK : E_IO;
}

int
store_open(const char *home, struct store **out)
{
	struct store *s = mem_new(sizeof *s);
	s->chan = -1;
	umask(0077);
	if (chdir(home) != 0 || ensure_keeper(&s->chan) != E_OK) {
		log_event(LOG_ERR, "mailbox_not_opened", "home=%s err=%s", log_qs(home), log_errno(errno));
		store_close(&s);
		return E_IO;
	}
	*out = s;
	return E_OK;
}

void
store_close(struct store **sp)
{
	if (!*sp)
		return;
	if ((*sp)->chan >= 0)
		close((*sp)->chan);
	buf_free(&(*sp)->in);
	mem_free(sp);
}

/* A keeper that died between two asks is replaced once. */
static int
call(struct store *s, uint16_t type, struct span body, struct ask_msg *reply)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (s->chan < 0 && ensure_keeper(&s->chan) != E_OK)
			return E_IO;
		int err = ask_call(s->chan, type, body, -1, &s->in, reply, deadline_in_ms(STORE_WAIT_MS));
		if (err == E_OK)
			return E_OK;
		close(s->chan);
		s->chan = -1;
		if (err == E_LIMIT)
			break;
	}
	log_event(LOG_ERR, "keeper_silent", "%s", "");
	return E_IO;
}

/* ---- snapshots ---- */

static int
copy_records(int fd, uint32_t count, struct store_view *out)
{
	size_t bytes = count * sizeof *out->records;
	out->records = mem_new(bytes);
	out->n = count;
	if (count == 0)
		return E_OK;
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		store_view_free(out);
		return E_IO;
	}
	memcpy(out->records, p, bytes);
	munmap(p, bytes);
	return E_OK;
}

int
store_select(struct store *s, struct span mailbox, struct store_view *out)
{
	struct buf body = {0};
	struct ask_msg reply;
	*out = (struct store_view){.n = 0};
	buf_bytes(&body, mailbox);
	int err = call(s, KEEPER_SELECT, buf_as_span(&body), &reply);
	buf_free(&body);
	if (err != E_OK)
		return err;
	err = (int8_t)rd_u8(&reply.body);
	if (err == E_OK) {
		out->mailbox = rd_u32(&reply.body);
		out->uidvalidity = rd_u32(&reply.body);
		out->uidnext = rd_u32(&reply.body);
		out->modseq = rd_u64(&reply.body);
		uint32_t count = rd_u32(&reply.body);
		err = rd_end(&reply.body) == E_OK && reply.fd >= 0 ? copy_records(reply.fd, count, out) : E_IO;
	}
	if (reply.fd >= 0)
		close(reply.fd);
	return err == E_OK || err == E_BAD ? err : E_IO;
}

void
store_view_free(struct store_view *v)
{
	mem_free(&v->records);
	v->n = 0;
}

int
store_message_open(struct store *s, const struct store_record *r, int *out)
{
	struct buf path = {0};
	(void)s;
	msg_path_put(&path, r->id);
	*out = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = *out >= 0 ? E_OK : errno == ENOENT ? E_BAD : E_IO;
	if (err != E_OK)
		log_event(LOG_ERR, "message_not_opened", "file=%s err=%s", buf_cstr(&path), log_errno(errno));
	buf_free(&path);
	return err;
}

void
store_uidl(struct store *s, const struct store_record *r, struct buf *out)
{
	(void)s;
	buf_str(out, file_id_text(r->id));
}

static int
expunge_some(struct store *s, uint32_t mailbox, const uint32_t *uids, size_t n)
{
	struct buf body = {0};
	struct ask_msg reply;
	buf_u32(&body, mailbox);
	buf_u16(&body, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_u32(&body, uids[i]);
	int err = call(s, KEEPER_EXPUNGE, buf_as_span(&body), &reply);
	buf_free(&body);
	if (err == E_OK && reply.fd >= 0)
		close(reply.fd);
	return err == E_OK && rd_u8(&reply.body) == 0 && rd_end(&reply.body) == E_OK ? E_OK : E_IO;
}

int
store_expunge(struct store *s, uint32_t mailbox, const uint32_t *uids, size_t n)
{
	int err = E_OK;
	for (size_t at = 0; at < n && err == E_OK; at += STORE_EXPUNGE_MAX)
		err = expunge_some(s, mailbox, uids + at, n - at < STORE_EXPUNGE_MAX ? n - at : STORE_EXPUNGE_MAX);
	return err;
}
