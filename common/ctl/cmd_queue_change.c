/* SPDX-License-Identifier: ISC */
/*
 * cmd_queue_change.c - flush, hold, release, requeue, remove: messages named by their ids, or all
 * that fit a pattern.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/queue_match.h"
#include "ctl/queue_talk.h"

enum { IDS_MAX = 100000 };

/* The commands. */
/* clang-format off */
static const struct change {
	const char *verb;
	uint16_t type;    /* enum admin_ask */
	bool has_flag;    /* its body begins with u8 has_id */
	bool is_all;      /* without a word of which: all */
	const char *what; /* they are then */
} changes[] = {
	{"flush",   ADMIN_FLUSH,   true,  true,  "tried now"},
	{"hold",    ADMIN_HOLD,    false, false, "held"},
	{"release", ADMIN_RELEASE, false, false, "released"},
	{"requeue", ADMIN_REQUEUE, false, false, "requeued"},
	{"remove",  ADMIN_REMOVE,  true,  false, "removed"},
};

/* clang-format on */

struct ids {
	const struct queue_match *match; /* borrow */
	int64_t now_sec;
	struct buf all; /* own: n x id */
};

static int
collect(void *ctx, const struct admin_entry *e)
{
	struct ids *l = ctx;
	if (queue_match_fits(l->match, e, l->now_sec))
		buf_put(&l->all, e->id.b, ID_BYTES);
	return buf_done(&l->all);
}

/* id NULL: all, where the ask has a word for that */
static int
change_one(
    struct queue_talk *q, const struct change *how, const struct id *id, uint32_t *done)
{
	static const struct id none;
	struct buf body = {0};
	struct rd answer;
	if (how->has_flag)
		buf_u8(&body, id != NULL);
	buf_put(&body, id ? id->b : none.b, ID_BYTES);
	int err = queue_ask(q, how->type, buf_as_span(&body), &answer);
	buf_free(&body);
	if (err != E_OK)
		return err;
	*done += rd_u32(&answer);
	return rd_end(&answer);
}

/* One that is gone is no fault of a pattern: it was there when the list was made. */
static int
change_matching(struct queue_talk *q, const struct change *how,
    const struct queue_match *m, uint32_t *done)
{
	struct ids l = {.match = m, .now_sec = clock_wall_sec()};
	if (how->has_flag && queue_match_is_all(m))
		return queue_said(change_one(q, how, NULL, done));
	int err = queue_each(q, collect, &l);
	for (struct rd r = rd_of(buf_as_span(&l.all)); err == E_OK && r.in.n;) {
		struct id id;
		rd_id(&r, &id);
		err = change_one(q, how, &id, done);
	}
	buf_free(&l.all);
	return queue_said(err);
}

static int
change_named(const struct merpati *c, struct queue_talk *q, const struct change *how,
    int argc, char **argv, uint32_t *done)
{
	int status = EX_OK;
	for (int i = 0; i < argc && status == EX_OK; i++) {
		uint32_t before = *done;
		struct id id;
		status = queue_id(c, argv[i], &id);
		if (status == EX_OK)
			status = queue_said(change_one(q, how, &id, done));
		if (status == EX_OK && *done == before) {
			ctl_say("%s: no such message in the queue, or it is %s already",
			    argv[i], how->what);
			status = EX_DATAERR;
		}
	}
	return status;
}

static const struct change *
change_of(const char *verb)
{
	for (size_t i = 0; i < COUNT(changes); i++)
		if (!strcmp(changes[i].verb, verb))
			return &changes[i];
	bug("no such change");
}

int
cmd_queue_change(struct merpati *c, int argc, char **argv)
{
	const struct change *how = change_of(c->verb);
	struct opt opts[QUEUE_MATCH_OPTS];
	struct queue_match m = {0};
	struct queue_talk q;
	struct id id;
	uint32_t done = 0;
	queue_match_opts(&m, opts);
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, IDS_MAX);
	if (status == EX_OK)
		status = queue_match_read(c, &m);
	bool is_empty = queue_match_is_empty(&m);
	if (status == EX_OK &&
	    ((argc && !is_empty) || (!argc && is_empty && !how->is_all)))
		status = ctl_usage(c, "right would be ids, or what must fit, or --all");
	for (int i = 0; i < argc && status == EX_OK; i++)
		status = queue_id(c, argv[i], &id); /* before anything is done */
	if (status != EX_OK)
		return status;
	status = queue_open(c, &q);
	if (status == EX_OK)
		status = argc ? change_named(c, &q, how, argc, argv, &done)
		              : change_matching(&q, how, &m, &done);
	if (status == EX_OK || done)
		printf(c->is_json ? "{\"count\": %u, \"what\": \"%s\"}\n" : "%u %s\n",
		    done, how->what);
	queue_close(&q);
	return status == EX_OK ? ctl_done() : status;
}
