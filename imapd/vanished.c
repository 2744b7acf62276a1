/* SPDX-License-Identifier: ISC */
/* vanished.c - VANISHED (EARLIER): what went of some UIDs since a mod-sequence. */
#include "imapd/vanished.h"

#include "imapd/respond.h"

/*
 * The highest UID of which it can be said that it is not there: past it are messages that the
 * client was not told of.
 */
static uint32_t
last_known(const struct selected *b)
{
	uint32_t last = b->n ? selected_record(b, b->n)->uid : 0;
	return last + 1 > b->view.uidnext ? last : b->view.uidnext - 1;
}

/* All in ascending order, so that each is looked at once. */
struct telling {
	struct session *session;
	struct numset asked, line; /* own; line: what the answer that is made says */
	size_t k;                  /* asked before it is below all that is to come */
	uint32_t seq;              /* so are the messages before it */
};

static int
put_line(struct telling *t)
{
	struct buf *out = respond_out(t->session);
	buf_str(out, "* VANISHED (EARLIER) ");
	numset_put(out, &t->line);
	buf_str(out, "\r\n");
	numset_reset(&t->line);
	return respond_flush(t->session) ? E_OK : E_IO;
}

static int
tell(struct telling *t, uint32_t from, uint32_t to)
{
	if (from > to)
		return E_OK;
	int err = t->line.n == VANISHED_RANGES_MOST ? put_line(t) : E_OK;
	return err == E_OK ? numset_add(&t->line, from, to) : err;
}

/* What went and was not told yet has a sequence number still: it is left out. */
static int
tell_unknown(struct telling *t, uint32_t from, uint32_t to)
{
	const struct selected *b = t->session->selected;
	int err = E_OK;
	for (; t->seq <= b->n && selected_record(b, t->seq)->uid <= to && err == E_OK;
	     t->seq++) {
		const struct store_record *r = selected_record(b, t->seq);
		if (r->uid < from || !(r->flags & FLAG_GONE))
			continue;
		err = tell(t, from, r->uid - 1);
		from = r->uid + 1;
	}
	return err == E_OK ? tell(t, from, to) : err;
}

/* What was asked of some that are gone. */
static int
tell_asked(struct telling *t, uint32_t from, uint32_t to)
{
	const struct numset *asked = &t->asked;
	int err = E_OK;
	while (t->k < asked->n && asked->ranges[t->k].to < from)
		t->k++;
	for (size_t k = t->k;
	     k < asked->n && asked->ranges[k].from <= to && err == E_OK; k++) {
		struct num_range r = asked->ranges[k];
		err = tell_unknown(
		    t, r.from > from ? r.from : from, r.to < to ? r.to : to);
	}
	return err;
}

static int
tell_gone(struct telling *t, const struct numset *gone)
{
	int err = E_OK;
	for (size_t i = 0; i < gone->n && err == E_OK; i++)
		err = tell_asked(t, gone->ranges[i].from, gone->ranges[i].to);
	return err;
}

/* All that is not there, up to the last. */
static int
tell_gaps(struct telling *t)
{
	const struct selected *b = t->session->selected;
	uint32_t next = 1, last = last_known(b);
	int err = E_OK;
	for (uint32_t seq = 1; seq <= b->n && err == E_OK; seq++) {
		uint32_t uid = selected_record(b, seq)->uid;
		if (uid > next)
			err = tell_asked(t, next, uid - 1);
		next = uid + 1;
	}
	return err == E_OK && next <= last ? tell_asked(t, next, last) : err;
}

int
vanished_put(
    struct session *s, const struct num_range *ranges, size_t n, uint64_t modseq)
{
	struct telling t = {.session = s, .seq = 1};
	struct numset gone = {.n = 0};
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = numset_add(&t.asked, ranges[i].from, ranges[i].to);
	if (err == E_OK)
		err =
		    store_expunged(s->store, s->selected->view.mailbox, modseq, &gone);
	if (err == E_OK)
		err = tell_gone(&t, &gone);
	else if (err == E_LIMIT)
		err = tell_gaps(&t);
	if (err == E_OK && t.line.n)
		err = put_line(&t);
	numset_free(&gone);
	numset_free(&t.asked);
	numset_free(&t.line);
	return err;
}
