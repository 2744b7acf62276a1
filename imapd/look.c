/* SPDX-License-Identifier: ISC */
/* look.c - looking up from a long command. */
#include "imapd/look.h"

#include <poll.h>

#include "proc/child.h"

void
look_init(struct look *l, struct session *s, uint32_t done, uint32_t goal)
{
	int64_t now = clock_mono_ms();
	*l = (struct look){
	    .session = s, .began = now, .told_ms = now, .done = done, .goal = goal};
}

static bool
tell_progress(struct look *l, int64_t now)
{
	struct session *s = l->session;
	if (now - l->told_ms < s->progress_ms || l->done >= l->goal)
		return true;
	l->told_ms = now;
	buf_str(respond_out(s), "* OK [INPROGRESS (");
	if (span_find(s->tag, ']') < s->tag.n) /* it would end the code */
		buf_str(respond_out(s), "NIL");
	else
		put_string(respond_out(s), s->tag, false);
	buf_putf(respond_out(s), " %u %u)] still at it\r\n", l->done, l->goal);
	return io_flush(&s->io) == E_OK;
}

enum reply
look_up(struct look *l, uint64_t bytes)
{
	struct session *s = l->session;
	l->done++;
	l->bytes += bytes;
	if (l->bytes < LOOK_EACH_BYTES)
		return R_DONE;
	l->bytes = 0;
	int64_t now = clock_mono_ms();
	bool is_long = now - l->began >= LOOK_LONG_MS;
	int err = io_wait(s->io.fd, is_long ? POLLRDHUP : 0, now, s->io.ends_on_drain);
	if (err == E_OK || err == E_IO || !tell_progress(l, now)) {
		s->is_broken = true;
		return R_NONE;
	}
	return s->io.ends_on_drain && the_child.is_stopping ? R_LATER : R_DONE;
}
