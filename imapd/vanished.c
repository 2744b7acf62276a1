/* SPDX-License-Identifier: ISC */
/* vanished.c - VANISHED (EARLIER): what went of some UIDs since a mod-sequence. */
#include "imapd/vanished.h"

#include "imapd/respond.h"

/* The highest UID of which it can be said that it is not there: past it are messages that the client was not told of. */
static uint32_t
last_known(const struct selected *b)
{
	uint32_t last = b->n ? selected_record(b, b->n)->uid : 0;
	return last + 1 > b->view.uidnext ? last : b->view.uidnext - 1;
}

/* All that is not there, up to the last: what is added comes in order, so only a full set can refuse it. */
static void
find_gaps(const struct selected *b, struct numset *out)
{
	uint32_t next = 1, last = last_known(b);
	for (uint32_t seq = 1; seq <= b->n; seq++) {
		uint32_t uid = selected_record(b, seq)->uid;
		if (uid > next && numset_add(out, next, uid - 1) != E_OK)
			return;
		next = uid + 1;
	}
	if (next <= last && numset_add(out, next, last) != E_OK)
		return;
}

/* What went and was not told yet has a sequence number still. */
static void
leave_known(const struct selected *b, struct numset *out)
{
	for (uint32_t seq = 1; seq <= b->n; seq++) {
		const struct store_record *r = selected_record(b, seq);
		if (r->flags & FLAG_GONE)
			numset_remove(out, r->uid);
	}
}

static int
put_all(struct session *s, const struct numset *told)
{
	for (size_t i = 0; i < told->n; i += VANISHED_RANGES_MOST) {
		size_t left = told->n - i;
		struct numset some = {.ranges = told->ranges + i, .n = left < VANISHED_RANGES_MOST ? left : VANISHED_RANGES_MOST};
		buf_str(respond_out(s), "* VANISHED (EARLIER) ");
		numset_put(respond_out(s), &some);
		buf_str(respond_out(s), "\r\n");
		if (!respond_flush(s))
			return E_IO;
	}
	return E_OK;
}

int
vanished_put(struct session *s, const struct num_range *ranges, size_t n, uint64_t modseq)
{
	struct numset gone = {.n = 0}, told = {.n = 0};
	int err = store_expunged(s->store, s->selected->view.mailbox, modseq, &gone);
	if (err == E_LIMIT) {
		numset_reset(&gone);
		find_gaps(s->selected, &gone);
		err = E_OK;
	}
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = numset_add_common(&told, &gone, ranges[i]);
	if (err == E_LIMIT) /* a million ranges are told, what is behind them is not */
		err = E_OK;
	if (err == E_OK) {
		leave_known(s->selected, &told);
		err = put_all(s, &told);
	}
	numset_free(&gone);
	numset_free(&told);
	return err;
}
