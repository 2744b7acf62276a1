/* SPDX-License-Identifier: ISC */
/* door.c - the role: a process of the account that somebody wants something of; it opens, and ends. */
#include <poll.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "imapd/items.h"
#include "imapd/shares.h"
#include "mime/cache.h"

static struct {
	int fd;           /* own: to shares; -1: it was not said yet */
	struct buf about; /* own */
} run = {.fd = -1};

static void
on_client(int fd, unsigned kind, struct span about)
{
	(void)kind;
	if (run.fd >= 0)
		close(run.fd);
	run.fd = fd;
	buf_reset(&run.about);
	buf_span(&run.about, about);
}

static void
wait_for_terms(void)
{
	struct pollfd p = {.fd = the_child.control, .events = POLLIN};
	the_child.on_client = on_client;
	while (run.fd < 0 && poll(&p, 1, -1) > 0)
		child_control();
}

/* What is handed out: the keeper's channel, or one of ours; nothing where there is no guest. */
static void
hand_out(const struct door_terms *t, struct buf *granted, int keeper)
{
	int pair[2] = {-1, -1};
	if (t->is_deposit)
		ask_pair(pair);
	int fd = t->guest.n == 0 ? -1 : t->is_deposit ? pair[1] : keeper;
	int err = ask_send(
	    run.fd, DOOR_OPEN, buf_as_span(granted), fd, deadline_in_ms(STORE_WAIT_MS));
	close(run.fd);
	if (pair[1] >= 0)
		close(pair[1]);
	if (err == E_OK && t->is_deposit && t->guest.n)
		door_deposit(keeper, pair[0], t);
}

int
door_run(void)
{
	struct buf granted = {.max = ASK_MSG_MAX - 2};
	struct door_terms terms;
	int keeper;
	if (conf_bool(the_child.conf, "imapd", "search_index"))
		store_items_made_by(items_make);
	else
		cache_without_signatures();
	store_configure(the_child.conf, the_child.account);
	wait_for_terms();
	struct rd r = rd_of(buf_as_span(&run.about));
	if (run.fd < 0 || door_terms_get(&r, &terms) != E_OK)
		return EX_PROTOCOL;
	if (door_open(the_child.home, &terms, &granted, &keeper) != E_OK)
		return EX_TEMPFAIL; /* shares sees the end of its channel */
	log_event(LOG_DEBUG, "door", "guest=%s deposit=%d", log_q(terms.guest),
	    terms.is_deposit);
	hand_out(&terms, &granted, keeper);
	return EX_OK;
}
