/* SPDX-License-Identifier: ISC */
/* at_work.c - what is told in index/lock of a work that takes long, and the patience of who waits for its end. */
#include "store/at_work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static struct {
	int fd; /* own: of who is at work */
	int64_t told_ms;
	at_work_fn *fn;
	void *ctx; /* borrow */
} here = {.fd = -1};

/* ---- who is at work ---- */

static void
tell(uint64_t done, uint64_t of)
{
	const uint64_t both[2] = {done, of};
	here.told_ms = clock_mono_ms();
	if (pwrite(here.fd, both, sizeof both, 0) != sizeof both)
		log_event(LOG_DEBUG, "at_work_not_told", "err=%s", log_errno(errno));
	if (here.fn)
		here.fn(here.ctx, done, of);
}

void
at_work_begin(void)
{
	here.fd = open("index/lock", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (here.fd >= 0)
		tell(0, 0);
}

void
at_work_tell(uint64_t done, uint64_t of)
{
	if (here.fd >= 0 &&
	    (done == of || clock_mono_ms() - here.told_ms >= AT_WORK_TELL_MS))
		tell(done, of);
}

void
at_work_end(void)
{
	if (truncate("index/lock", 0) != 0 && errno != ENOENT)
		log_event(LOG_DEBUG, "at_work_not_told", "err=%s", log_errno(errno));
	if (here.fd >= 0)
		close(here.fd);
	here.fd = -1;
}

/* ---- who waits ---- */

bool
at_work_look(uint64_t *done, uint64_t *of)
{
	uint64_t both[2];
	int fd = open("index/lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool is_told = fd >= 0 && pread(fd, both, sizeof both, 0) == sizeof both;
	if (fd >= 0)
		close(fd);
	*done = is_told ? both[0] : 0;
	*of = is_told ? both[1] : 0;
	return is_told;
}

void
at_work_watch(at_work_fn *fn, void *ctx)
{
	here.fn = fn;
	here.ctx = ctx;
}

/* Is there a reason to wait on? */
static bool
goes_on(int64_t wait_ms, int64_t *deadline)
{
	uint64_t done, of;
	if (here.fn && at_work_look(&done, &of)) {
		here.fn(here.ctx, done, of);
		*deadline = deadline_in_ms(wait_ms);
	}
	return clock_mono_ms() < *deadline;
}

static void
on_alarm(int sig)
{
	(void)sig; /* it ended a wait */
}

int
at_work_lock(const char *path, int64_t wait_ms, int *out)
{
	static const struct itimerval none;
	const struct itimerval look = {
	    {0, AT_WORK_LOOK_MS * 1000}, {0, AT_WORK_LOOK_MS * 1000}};
	struct sigaction act = {.sa_handler = on_alarm}, was;
	int64_t deadline = deadline_in_ms(wait_ms);
	bool has_it = false;
	*out = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*out < 0)
		return E_IO;
	sigaction(SIGALRM, &act, &was);
	setitimer(ITIMER_REAL, &look, NULL);
	do
		has_it = flock(*out, LOCK_EX) == 0;
	while (!has_it && errno == EINTR && goes_on(wait_ms, &deadline));
	int err = has_it ? E_OK : errno == EINTR ? E_LIMIT : E_IO;
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &was, NULL);
	return err;
}

int
at_work_hear(int fd, int64_t wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t deadline = deadline_in_ms(wait_ms);
	while (poll(&p, 1, AT_WORK_LOOK_MS) <= 0)
		if (!goes_on(wait_ms, &deadline))
			return E_LIMIT;
	return E_OK;
}
