/* SPDX-License-Identifier: ISC */
/*
 * fuzz_login_tickets.c - tickets, as auth and fronts ask the monitor: u8 which, u16 length, body.  A session is only of an
 * account whose ticket was taken and not handed in before, never with a uid of ours, never out of the folder of mail.
 * fuzz: tests/fuzz/asker.c
 * fuzz: common/login/ticket.c common/login/peer.c common/proc/ask.c common/proc/owner.c
 */
#include <string.h>
#include <unistd.h>

#include "asker.h"
#include "base/log.h"
#include "conf/conf.h"
#include "login/ticket.h"
#include "proc/monitor.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { OUR_UID = 2000, UID_LEAST = 1000, SESSIONS_MOST = 3 };

static const char mail_dir[] = "/mail";
static unsigned n_sessions, n_before, n_tickets; /* n_before: of earlier runs */

/* ---- the processes around it ---- */

struct child the_child = {.control = -1};
struct monitor the_monitor;

const char *
conf_str(const struct conf *conf, const char *section, const char *name)
{
	(void)conf, (void)section, (void)name;
	return mail_dir;
}

int64_t
conf_int(const struct conf *conf, const char *section, const char *name)
{
	(void)conf, (void)section;
	return strncmp(name, "sessions_", 9) == 0 ? SESSIONS_MOST : 0;
}

void
monitor_count_sessions(const struct role *role, const char *account, uid_t uid,
    unsigned *all, unsigned *same)
{
	(void)role, (void)account, (void)uid;
	*all = *same = n_sessions - n_before;
}

int
daemon_user(const struct conf *conf, enum role_user user, uid_t *uid, gid_t *gid)
{
	(void)conf, (void)user;
	*uid = *gid = OUR_UID;
	return E_OK;
}

int
child_call(
    uint16_t type, struct span body, int fd, struct buf *in, struct ask_msg *reply)
{
	(void)type, (void)body, (void)fd, (void)in, (void)reply;
	return E_IO;
}

int
child_tell(uint16_t type, struct span body, int fd)
{
	(void)type, (void)body, (void)fd;
	return E_IO;
}

void
process_hear(struct process *p, unsigned tells)
{
	(void)p, (void)tells;
}

void
process_serves(
    struct process *p, struct span address, struct span account, int64_t since_wall_sec)
{
	(void)p, (void)address, (void)account, (void)since_wall_sec;
}

void
wake_next(struct process *p)
{
	p->is_idle = true;
	p->has_client = false;
}

int
monitor_pass_session(
    const char *account, uid_t uid, int fd, struct span blob, struct span address)
{
	(void)account, (void)uid, (void)fd, (void)blob, (void)address;
	return E_BAD;
}

int
monitor_pass_to(const struct role *role, int fd, struct span blob)
{
	struct rd r = rd_of(blob);
	(void)role;
	rd_str(&r, LOGIN_INPUT_MAX);
	rd_str(&r, ID_TEXT);
	if (fd < 0 || rd_end(&r) != E_OK)
		bug("a connection for a front without itself");
	close(fd);
	return E_OK;
}

int
monitor_fork_session(const struct role *role, uid_t uid, gid_t gid, const char *home,
    int fd, struct span blob, const char *account, struct span address)
{
	struct login_client c;
	(void)account, (void)address;
	if (fd < 0 || login_client_get(blob, &c) != E_OK)
		bug("a session without its client");
	if (!home && (role->flags & ROLE_SESSION))
		bug("a session of a user without a home");
	if (home && (strncmp(home, mail_dir, sizeof mail_dir - 1) != 0 ||
			strstr(home, "/../") || strstr(home, "//")))
		bug("a home elsewhere");
	if (home && geteuid() == 0 &&
	    (uid < UID_LEAST || gid < UID_LEAST || uid == OUR_UID))
		bug("a session that is no mailbox's");
	close(fd);
	if (++n_sessions - n_before > SESSIONS_MOST)
		bug("a session too many");
	if (n_sessions > n_tickets)
		bug("a ticket that was handed in twice");
	return E_OK;
}

/* ---- asks ---- */

static void
answered(uint16_t type, struct rd *body)
{
	uint8_t said = rd_u8(body);
	(void)type;
	if (rd_end(body) != E_OK || said > REDEEM_CROWDED)
		bug("an answer that cannot be");
}

/* The row's own, counted: it has no answer. */
static int
count_ticket(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	int err =
	    login_rows[LOGIN_TICKET - MON_EXTRA].handler(a, body, fd, reply, fd_back);
	n_tickets += err == E_MORE;
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct ask_row rows[LOGIN_ASKS_END];
	static const struct daemon a_daemon = {.name = "imapd"};
	static const struct role sessions = {.name = "session", .flags = ROLE_SESSION};
	static struct process asking;
	const struct ask_table table = {
	    .rows = rows, .n_rows = LOGIN_ASKS_END, .who = "front"};
	const struct asker_fuzz f = {.table = &table,
	    .ctx = &asking,
	    .answered = answered,
	    .first_type = MON_EXTRA,
	    .has_fd = true};
	log_level(LOG_EMERG);
	static const struct role a_front = {.name = "front"};
	login_front_role = &a_front;
	login_session_role = &sessions;
	the_monitor.daemon = &a_daemon;
	n_before = n_sessions;
	memcpy(rows + MON_EXTRA, login_rows, sizeof login_rows);
	rows[LOGIN_TICKET].handler = count_ticket;
	asker_fuzz_run(&f, span_make(p, n));
	return 0;
}
