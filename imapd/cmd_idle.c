/* SPDX-License-Identifier: ISC */
/*
 * cmd_idle.c - IDLE: RFC 2177, RFC 9051 6.3.13.  Ends on DONE, or when the client was silent for
 * too long.
 */
#include <poll.h>

#include "base/log.h"
#include "imapd/metadata.h"
#include "imapd/nap.h"
#include "imapd/notify.h"
#include "proc/child.h"

enum { WATCH_AGAIN_MS = 5000 }; /* when there is no keeper to watch */

/* The keeper may have something to tell. */
static bool
has_news(const struct session *s)
{
	return s->selected || metadata_is_told(s);
}

/*
 * A keeper that cannot begin ends each watch at once: after the first end the next one is looked at
 * only after a while, or each turn would start keepers without a pause.
 */
static bool
ends_again(void)
{
	static int64_t last_ms; /* monotonic; 0: never */
	int64_t now = clock_mono_ms();
	bool is_again = last_ms && now - last_ms < WATCH_AGAIN_MS;
	last_ms = now;
	return is_again;
}

/*
 * Until the client, the selected mailbox, the feed of NOTIFY, or the monitor has something to say.
 * E_OK, E_MORE (the deadline), E_DENY
 */
static int
wait_for_any(struct session *s, int watch, int64_t deadline)
{
	struct pollfd p[4] = {{.fd = s->io.fd, .events = POLLIN},
	    {.fd = the_child.control, .events = POLLIN},
	    {.fd = watch, .events = POLLIN}, {.fd = notify_fd(s), .events = POLLIN}};
	int64_t again = deadline_in_ms(WATCH_AGAIN_MS);
	bool is_blind = has_news(s) && watch < 0;
	int n = poll(p, COUNT(p),
	    deadline_left_ms(is_blind && again < deadline ? again : deadline));
	if (n > 0 && p[2].revents & POLLHUP && ends_again()) {
		is_blind = true;
		p[2].fd = -1;
		again = deadline_in_ms(WATCH_AGAIN_MS);
		n = poll(
		    p, COUNT(p), deadline_left_ms(again < deadline ? again : deadline));
	}
	if (n == 0 && (!is_blind || deadline <= again))
		return E_MORE;
	if (n > 0 && p[1].revents)
		child_control();
	return the_child.is_stopping ? E_DENY : E_OK;
}

/* A descriptor that says when the selected mailbox is past modseq; -1: none. */
static int
watch_for(struct session *s, uint64_t modseq)
{
	struct selected *b = s->selected;
	int watch = -1;
	if (!has_news(s))
		return -1;
	/* one that is superseded stays as it is, until EXPUNGE may be told */
	if (b && b->view.head->is_superseded && s->notify)
		return -1;
	if (store_watch(s->store, b ? &b->view : NULL, modseq, &watch) != E_OK)
		return -1;
	return watch;
}

int
idle_pause(struct session *s, nap_fn *lie_down, uint64_t seen, int64_t deadline)
{
	int err = lie_down(s, seen, deadline);
	if (err == E_OK || err == E_MORE)
		return E_OK;
	nap_told(s);
	int64_t nap = nap_at(s), until = nap < deadline ? nap : deadline;
	err = wait_for_any(s, watch_for(s, seen), until);
	return err == E_MORE && until < deadline ? E_OK : err;
}

/*
 * What the client said: E_OK (nothing that is a line yet), E_BAD (a line; is_done says which), E_IO
 * and the like.
 */
static int
look_at_client(struct session *s, bool *is_done)
{
	struct span line;
	if (!io_has_line(&s->io)) {
		int err = io_poll(&s->io);
		if (err != E_OK && err != E_LIMIT)
			return err == E_BAD ? E_LIMIT : err;
		if (!io_has_line(&s->io))
			return E_OK;
	}
	int err = io_line(&s->io, IMAP_TAG_MAX, &line);
	*is_done = err == E_OK && span_ieqs(line, "DONE");
	return err == E_OK || err == E_LIMIT ? E_BAD : err;
}

static int
idle(struct session *s, bool *is_done, int64_t deadline)
{
	for (;;) {
		uint64_t seen = s->selected ? s->selected->view.head->modseq : 0;
		notify_update(s, UPDATE_ALL, false);
		metadata_update(s);
		if (s->is_over)
			return E_OK;
		if (io_flush(&s->io) != E_OK)
			return E_IO;
		int err = look_at_client(s, is_done);
		if (err != E_OK)
			return err;
		err = idle_pause(s, nap_in_idle, seen, deadline);
		if (err != E_OK || s->is_over)
			return err;
	}
}

enum reply
idle_go_on(struct session *s, struct command *c, int64_t deadline)
{
	bool is_done = false;
	int err = idle(s, &is_done, deadline);
	if (has_news(s))
		store_watch_end(s->store);
	if (s->is_over)
		return R_NONE;
	/* what comes next may name uids */
	if (err == E_BAD && s->selected && store_settle(s->store) != E_OK) {
		io_putf(
		    &s->io, "* BYE [UNAVAILABLE] the mailbox cannot be read now\r\n");
		s->is_over = true;
		return R_NONE;
	}
	if (err == E_BAD) {
		c->parse.expected = "DONE";
		return is_done ? R_DONE : R_SYNTAX;
	}
	session_end(s, err);
	return R_NONE;
}

enum reply
cmd_idle(struct session *s, struct command *c)
{
	buf_str(respond_out(s), "+ idling\r\n");
	if (s->nap.after_ms)
		s->nap.at = deadline_in_ms(s->nap.after_ms);
	return idle_go_on(s, c, deadline_in_ms(s->io.idle_ms));
}
