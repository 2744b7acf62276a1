/* SPDX-License-Identifier: ISC */
/*
 * runner.c - one message, one program, once: that it is begun is on the disk before it is, and how it
 * ended behind it.
 */
#include "deliver/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/recall.h"
#include "proc/child.h"
#include "proc/filter.h"
#include "proc/io.h"
#include "sieve/scripts.h"

/* In the id of a slot. */
enum slot_state { STATE_BEGUN, STATE_ENDED, STATE_FAILED };

enum { SLOT_STATE, SLOT_STATUS };

static int chan = -1; /* own */
static pid_t others;  /* the group of the monitor, which we leave and go back to */

static void
on_client(int fd, unsigned kind, struct span about)
{
	(void)kind, (void)about;
	if (chan >= 0)
		close(fd);
	else
		chan = fd;
}

int
runner_prepare(void)
{
	jail_compile(JAIL_PROGRAM | JAIL_GROUP); /* the program's own */
	others = getpgrp();
	return setpgid(0, 0) == 0 ? EX_OK : EX_OSERR; /* the group of the program */
}

void
runner_jail(struct jail *j)
{
	static const char *const readable[] = {"/etc", "/dev/urandom", "/dev/zero"};
	static const char *const executable[] = {
	    "/usr", "/bin", "/lib", "/lib64", "/lib32"};
	const struct conf *c = the_child.conf;
	j->calls = JAIL_PROGRAM;
	for (size_t i = 0; i < COUNT(readable); i++)
		jail_allow(j, readable[i], JAIL_READ);
	for (size_t i = 0; i < COUNT(executable); i++)
		jail_allow(j, executable[i], JAIL_READ | JAIL_EXEC);
	jail_allow(j, "/dev/null", JAIL_READ | JAIL_WRITE);
	runner_programs_jail(c, j);
}

/* ---- what is remembered ---- */

/*
 * Of the message, and of what is run with which arguments: the script may be another one when the message
 * is tried again.
 */
static struct recall_slot
slot_of(const struct pipe_order *o, enum slot_state state, unsigned status, int64_t now)
{
	struct buf what = {0};
	buf_u16(&what, o->number);
	for (size_t i = 0; i < o->n_words; i++)
		buf_bytes(&what, o->words[i]);
	struct recall_slot s = {
	    .key = recall_key_of(
		RECALL_PROGRAM, span_make(o->id.b, sizeof o->id.b), buf_as_span(&what)),
	    .until_sec = now + PIPE_KEPT_SEC,
	    .since_sec = now};
	s.id.b[SLOT_STATE] = (unsigned char)state;
	s.id.b[SLOT_STATUS] = (unsigned char)status;
	buf_free(&what);
	return s;
}

static enum pipe_outcome
by_status(unsigned status, struct span said, struct buf *reason)
{
	const char *code;
	enum pipe_outcome outcome = pipe_outcome_of(status, &code);
	if (code[0])
		buf_putf(reason, "%s the program said: %.*s", code, SPAN_ARG(said));
	return outcome;
}

/* It was begun before: how did it end? */
static enum pipe_outcome
by_memory(int dir, const struct pipe_order *o, int64_t now, struct buf *reason)
{
	struct recall_slot s = slot_of(o, STATE_BEGUN, 0, now);
	int64_t time_sec = conf_int(the_child.conf, "deliver", "program_time");
	int err = recall_find(dir, s.key, now, &s);
	if (err == E_OK && s.id.b[SLOT_STATE] == STATE_ENDED)
		return by_status(s.id.b[SLOT_STATUS], SPAN("it ended before"), reason);
	if (err == E_OK && s.id.b[SLOT_STATE] == STATE_FAILED)
		return PIPE_FAILED;
	bool is_lost = err == E_OK && now - s.since_sec > time_sec + RUNNER_SPARE_SEC;
	if (is_lost)
		log_event(LOG_WARNING, "program_lost", "account=%s name=%s",
		    log_qs(the_child.account), log_q(o->words[0]));
	buf_str(reason, "4.3.2 a program of the mailbox is not done yet");
	return is_lost ? PIPE_FAILED : PIPE_LATER;
}

/* ---- one of them ---- */

/* Who wants to be asked again is forgotten, and run again; so is what was not begun. */
static void
remember_end(
    int dir, const struct pipe_order *o, const struct runner_end *end, bool is_later)
{
	int64_t now = clock_wall_sec();
	struct recall_slot s =
	    slot_of(o, end->has_exited ? STATE_ENDED : STATE_FAILED, end->status, now);
	if (is_later)
		s.until_sec = now;
	if (recall_put(dir, &s, now) != E_OK)
		log_event(LOG_WARNING, "program_end_not_kept", "%s", "");
}

static enum pipe_outcome
run(int dir, const char *path, const struct pipe_order *o, struct buf *reason)
{
	struct runner_end end = {.why = "", .said = {.max = RUNNER_SAID_MAX}};
	int64_t begun = clock_mono_ms();
	int64_t time_sec = conf_int(the_child.conf, "deliver", "program_time");
	enum pipe_outcome outcome = PIPE_FAILED;
	int err = runner_exec(path, o, time_sec, others, &end);
	if (err == E_LIMIT) {
		buf_str(reason, "4.3.2 a program of the mailbox cannot be begun now");
		outcome = PIPE_LATER;
	} else if (end.has_exited) {
		outcome = by_status(end.status, buf_as_span(&end.said), reason);
	}
	log_event(end.has_exited && end.status == 0 ? LOG_INFO : LOG_NOTICE,
	    "program_ended", "account=%s name=%s status=%d why=%s ms=%lld said=%s",
	    log_qs(the_child.account), log_q(o->words[0]),
	    end.has_exited ? (int)end.status : -1, end.why[0] ? end.why : "-",
	    (long long)(clock_mono_ms() - begun), log_q(buf_as_span(&end.said)));
	remember_end(dir, o, &end, outcome == PIPE_LATER);
	buf_free(&end.said);
	return outcome;
}

static enum pipe_outcome
once(const struct pipe_order *o, struct buf *reason)
{
	struct sieve_scripts folder = {.dir = -1};
	const char *path = runner_program(the_child.conf, o->words[0]);
	int64_t now = clock_wall_sec();
	enum pipe_outcome outcome = PIPE_LATER;
	int home =
	    open(the_child.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (!path) {
		log_event(LOG_NOTICE, "no_such_program", "account=%s name=%s",
		    log_qs(the_child.account), log_q(o->words[0]));
		outcome = PIPE_FAILED;
	} else if (home < 0 || fchdir(home) != 0 ||
		   sieve_scripts_open(home, true, &folder) != E_OK) {
		buf_str(reason, "4.3.5 the mailbox cannot be opened");
	} else {
		const struct recall_slot s = slot_of(o, STATE_BEGUN, 0, now);
		int err = recall_claim(folder.dir, &s, now, true);
		if (err == E_OK)
			outcome = run(folder.dir, path, o, reason);
		else if (err == E_BAD)
			outcome = by_memory(folder.dir, o, now, reason);
		else
			buf_str(
			    reason, "4.3.1 it cannot be remembered that a program ran");
	}
	sieve_scripts_close(&folder);
	if (home >= 0)
		close(home);
	return outcome;
}

/* ---- the process ---- */

static int
hear(struct buf *order)
{
	struct buf in = {0};
	struct ask_msg m;
	int64_t end = deadline_in_ms(PIPE_SEND_MS);
	int err = E_MORE;
	order->max = ORDER_BYTES_MAX + ORDER_MESSAGE_MAX;
	while (err == E_MORE) {
		err = ask_recv(chan, &in, &m, end);
		if (err != E_OK)
			break;
		if (m.fd >= 0)
			close(m.fd);
		err = m.type == PIPE_RUN ? order_piece(&m.body, order) : E_BAD;
	}
	buf_free(&in);
	return err;
}

static void
say(enum pipe_outcome outcome, const struct buf *reason)
{
	struct buf body = {0};
	buf_u8(&body, (uint8_t)outcome);
	buf_bytes(&body, span_head(buf_as_span(reason), PIPE_REASON_MAX));
	/* who asked may have left: the next one asks what became of it */
	if (ask_send(chan, PIPE_RESULT, buf_as_span(&body), -1, 0) != E_OK)
		log_event(LOG_DEBUG, "placer_gone", "%s", "");
	buf_free(&body);
}

int
runner_run(void)
{
	struct buf order = {0}, reason = {0};
	struct pipe_order o;
	the_child.on_client = on_client;
	umask(0077);
	int64_t end = deadline_in_ms(CHILD_CALL_WAIT_MS);
	while (chan < 0 && io_wait(the_child.control, POLLIN, end, IO_STAYS) == E_OK)
		child_control();
	if (chan < 0 || hear(&order) != E_OK)
		return EX_PROTOCOL; /* nothing was run */
	if (pipe_order_get(buf_as_span(&order), &o) != E_OK)
		return EX_PROTOCOL;
	say(once(&o, &reason), &reason);
	buf_free(&order);
	buf_free(&reason);
	close(chan);
	return EX_OK;
}
