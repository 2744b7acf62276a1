/* SPDX-License-Identifier: ISC */
/* look.c - looking up from a long command. */
#include "imapd/look.h"

#include <poll.h>

#include "proc/child.h"

void
look_init(struct look *l, struct session *s)
{
	*l = (struct look){.session = s, .began = clock_mono_ms()};
}

enum reply
look_up(struct look *l, uint64_t bytes)
{
	struct session *s = l->session;
	l->bytes += bytes;
	if (l->bytes < LOOK_EACH_BYTES)
		return R_DONE;
	l->bytes = 0;
	int64_t now = clock_mono_ms();
	bool is_long = now - l->began >= LOOK_LONG_MS;
	int err = io_wait(s->io.fd, is_long ? POLLRDHUP : 0, now, s->io.ends_on_drain);
	if (err == E_OK || err == E_IO) {
		s->is_broken = true;
		return R_NONE;
	}
	return s->io.ends_on_drain && the_child.is_stopping ? R_LATER : R_DONE;
}
