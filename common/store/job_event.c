/* SPDX-License-Identifier: ISC */
/*
 * job_event.c - events of IMAP for scripts (RFC 6785): noted with the change that makes them, where a
 * script is there for it; given out, and gone when their scripts have run.
 */
#include "store/job_event.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/annotations.h"

enum {
	US_SEC = 1000000,
	SCRIPT_NAME_MAX = 512, /* octets of a script's name */
};

static struct {
	bool is_on;
	struct event_rule rules[EVENT_RULES_MOST]; /* borrow: the configuration */
	size_t n_rules;
} how;

void
store_events_as(bool is_on, const char *const *rules, size_t n)
{
	how.is_on = is_on;
	how.n_rules = 0;
	for (size_t i = 0; i < n && how.n_rules < EVENT_RULES_MOST; i++)
		if (event_rule_parse(span_of(rules[i]), &how.rules[how.n_rules]) ==
		    E_OK)
			how.n_rules++;
}

void
events_load(void)
{
	struct keeper *k = &the_keeper;
	uint64_t first, last;
	struct event_rows *rows = &k->events;
	*rows = (struct event_rows){.n = 0};
	if (events_bounds(&k->tables, NULL, &first, &last, &rows->n) != E_OK)
		return;
	rows->last = last;
}

/* ---- which ---- */

/* RFC 6785 2.3.1: the mailbox's entry, though it is empty; else the account's.  E_OK, E_IO, E_LIMIT */
static int
script_of(uint32_t mailbox, struct buf *out)
{
	struct keeper *k = &the_keeper;
	struct annotation a = {.mailbox = mailbox,
	    .kind = ANNOTATION_METADATA,
	    .name = SPAN(EVENT_SCRIPT_ENTRY)};
	buf_reset(out);
	if (k->annotated_next.bytes == 0)
		return E_OK;
	int err = annotation_get(&k->tables, job_txn(), &a, out);
	a.mailbox = 0;
	if (err == E_BAD && mailbox)
		err = annotation_get(&k->tables, job_txn(), &a, out);
	if (err == E_BAD || out->len > SCRIPT_NAME_MAX)
		buf_reset(out);
	return err == E_BAD ? E_OK : err;
}

static struct event_place
place_of(const struct slot *s)
{
	if (!s)
		return (struct event_place){.name = SPAN("")};
	return (struct event_place){
	    .name = span_of(s->now.name), .special_use = span_of(s->now.special_use)};
}

static bool
has_rule(enum event_cause cause, const struct slot *from, const struct slot *to)
{
	struct event_place f = place_of(from), t = place_of(to);
	for (size_t i = 0; i < how.n_rules; i++)
		if (event_rule_fits(&how.rules[i], cause, &f, &t))
			return true;
	return false;
}

bool
event_wants(const struct job *j, enum event_cause cause, const struct slot *from,
    const struct slot *to)
{
	struct buf script = {0};
	/* what scripts, other protocols and imports do is none */
	if (!how.is_on || (!j->is_held && !j->guest) || to->next.is_kept)
		return false;
	bool is = has_rule(cause, from, to);
	if (!is && script_of(to->now.id, &script) == E_OK)
		is = script.len > 0;
	buf_free(&script);
	return is;
}

/* ---- noted ---- */

static bool
is_same_keywords(const struct event_row *a, const struct event_row *b)
{
	bool is = a->n_keywords == b->n_keywords;
	for (size_t i = 0; is && i < a->n_keywords; i++)
		is = span_eq(a->keywords[i], b->keywords[i]);
	return is;
}

static bool
may_join(const struct event_row *row, const struct event_row *more)
{
	return !row->is_taken && row->cause == more->cause &&
	       row->mailbox == more->mailbox && row->flags == more->flags &&
	       span_eq(row->who, more->who) && span_eq(row->from, more->from) &&
	       is_same_keywords(row, more) &&
	       row->uids.n + more->uids.n <= EVENT_RANGES_MOST;
}

/* The last one, when nobody has it yet: many changes of one kind become one row.  E_BAD: it is other */
static int
join_last(const struct event_row *more)
{
	struct keeper *k = &the_keeper;
	struct buf space = {.max = EVENT_BYTES_MAX};
	struct event_row last = {.number = 0};
	int err = k->events.last == 0 ? E_BAD
	                              : event_get(&k->tables, job_txn(),
					    k->events.last - 1, &space, &last);
	if (err == E_OK && !may_join(&last, more))
		err = E_BAD;
	for (size_t i = 0; i < more->uids.n && err == E_OK; i++)
		err = numset_add(
		    &last.uids, more->uids.ranges[i].from, more->uids.ranges[i].to);
	if (err == E_OK)
		err = event_put(&k->tables, job_txn(), &last);
	numset_free(&last.uids);
	buf_free(&space);
	return err;
}

static int
put_row(struct job *j, struct event_row *row)
{
	struct keeper *k = &the_keeper;
	int err = tables_events(&k->tables);
	if (err == E_OK)
		err = join_last(row);
	j->has_events |= err == E_OK;
	if (err != E_BAD)
		return err;
	if (k->events.n >= EVENT_ROWS_MOST) {
		log_event(LOG_WARNING, "event_left_out", "cause=%s messages=%llu",
		    event_cause_name(row->cause),
		    (unsigned long long)numset_count(&row->uids));
		return E_OK;
	}
	row->number = ++k->events.last;
	row->at_us = (uint64_t)clock_wall_us();
	k->events
	    .n++; /* of a batch that comes to nothing, too: the next keeper counts */
	j->has_events = true;
	return event_put(&k->tables, job_txn(), row);
}

static void
set_keywords(struct event_row *row, const struct slot *s, uint64_t bits)
{
	for (uint32_t i = 0; i < s->next.n_keywords; i++)
		if (bits >> i & 1)
			row->keywords[row->n_keywords++] = span_of(s->keywords[i]);
}

int
event_note(struct job *j, const struct event_note *e)
{
	struct event_place from = place_of(e->from);
	struct event_row row = {.cause = e->cause,
	    .mailbox = e->to->now.id,
	    .who = span_of(j->guest ? j->guest->who : ""),
	    .from = from.name,
	    .from_use = from.special_use,
	    .flags = e->flags};
	int err = E_OK;
	set_keywords(&row, e->to, e->keywords);
	for (size_t i = 0; i < e->uids->n && err == E_OK;) {
		numset_reset(&row.uids);
		for (; i < e->uids->n && row.uids.n < EVENT_RANGES_MOST && err == E_OK;
		     i++)
			err = numset_add(
			    &row.uids, e->uids->ranges[i].from, e->uids->ranges[i].to);
		if (err == E_OK)
			err = put_row(j, &row);
	}
	numset_free(&row.uids);
	return err;
}

int
event_note_range(struct job *j, enum event_cause cause, const struct slot *from,
    const struct slot *to, struct num_range uids)
{
	const struct numset set = {.ranges = &uids, .n = 1};
	const struct event_note note = {
	    .cause = cause, .from = from, .to = to, .uids = &set};
	return event_wants(j, cause, from, to) ? event_note(j, &note) : E_OK;
}

/* ---- changes of flags, by what changed ---- */

int
event_groups_write(struct job *j, const struct slot *s, struct event_groups *g)
{
	int err = E_OK;
	for (size_t i = 0; i < g->n && err == E_OK; i++) {
		const struct event_note note = {.cause = EVENT_FLAG,
		    .to = s,
		    .flags = g->all[i].flags,
		    .keywords = g->all[i].keywords,
		    .uids = &g->all[i].uids};
		err = event_note(j, &note);
	}
	event_groups_reset(g);
	return err;
}

int
event_groups_add(struct job *j, const struct slot *s, struct event_groups *g,
    uint32_t uid, uint32_t flags, uint64_t keywords)
{
	size_t i = 0;
	while (i < g->n && (g->all[i].flags != flags || g->all[i].keywords != keywords))
		i++;
	if (i == EVENT_GROUPS_MOST) {
		int err = event_groups_write(j, s, g);
		if (err != E_OK)
			return err;
		i = 0;
	}
	if (i == g->n) {
		g->n++;
		g->all[i].flags = flags;
		g->all[i].keywords = keywords;
	}
	return numset_add(&g->all[i].uids, uid, uid) == E_OK ? E_OK : E_IO;
}

void
event_groups_reset(struct event_groups *g)
{
	for (size_t i = 0; i < COUNT(g->all); i++)
		numset_reset(&g->all[i].uids);
	g->n = 0;
}

void
event_groups_free(struct event_groups *g)
{
	for (size_t i = 0; i < COUNT(g->all); i++)
		numset_free(&g->all[i].uids);
	g->n = 0;
}

/* ---- given out ---- */

struct take_job {
	struct job job;
	uint64_t after;
	struct buf space;     /* own: the row's bytes */
	struct event_row row; /* own: uids */
	struct buf script;    /* own */
	bool has_row;
};

static bool
is_over(const struct event_row *row)
{
	int64_t age_us = clock_wall_us() - (int64_t)row->at_us;
	const char *why = !slot_of(row->mailbox) ? "\"the mailbox is gone\""
	                  : age_us > (int64_t)EVENT_AGE_MOST_SEC * US_SEC
	                      ? "\"nobody ran it in time\""
	                      : NULL;
	if (why)
		log_event(LOG_NOTICE, "event_dropped", "cause=%s messages=%llu why=%s",
		    event_cause_name(row->cause),
		    (unsigned long long)numset_count(&row->uids), why);
	return why != NULL;
}

static int
remove_row(uint64_t number)
{
	struct event_rows *rows = &the_keeper.events;
	rows->n -= rows->n > 0;
	return event_remove(&the_keeper.tables, job_txn(), number);
}

static int
take_step(struct job *j)
{
	struct take_job *k = (struct take_job *)j;
	struct tables *t = &the_keeper.tables;
	int err = E_OK;
	k->has_row = false;
	while (err == E_OK && !k->has_row) {
		numset_free(&k->row.uids);
		err = event_get(t, job_txn(), k->after, &k->space, &k->row);
		if (err != E_OK)
			break;
		if (is_over(&k->row))
			err = remove_row(k->row.number);
		else
			k->has_row = true;
	}
	j->is_done = k->has_row || err == E_BAD;
	if (err == E_OK && k->has_row) {
		k->row.is_taken = true;
		if (k->row.tries < UINT8_MAX)
			k->row.tries++;
		err = event_put(t, job_txn(), &k->row);
	}
	if (err == E_OK && k->has_row)
		err = script_of(k->row.mailbox, &k->script);
	return err == E_BAD ? E_OK : err;
}

static void
take_answer(struct job *j, struct buf *reply, int *fd)
{
	struct take_job *k = (struct take_job *)j;
	const struct slot *s = k->has_row ? slot_of(k->row.mailbox) : NULL;
	(void)fd;
	buf_u8(reply, s != NULL);
	if (!s)
		return;
	keeper_usage_now(); /* its scripts may want to store: whether there is room they ask by that */
	buf_u64(reply, k->row.number);
	buf_bytes(reply, span_of(s->now.name));
	buf_bytes(reply, span_of(s->now.special_use));
	buf_bytes(reply, buf_as_span(&k->script));
	event_row_encode(reply, &k->row);
}

static void
take_free(struct job *j)
{
	struct take_job *k = (struct take_job *)j;
	numset_free(&k->row.uids);
	buf_free(&k->space);
	buf_free(&k->script);
}

int
ask_event(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	static const struct job_kind kind = {.name = "event",
	    .step = take_step,
	    .answer = take_answer,
	    .free = take_free};
	(void)fd, (void)reply, (void)fd_back;
	uint64_t after = rd_u64(body);
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct take_job *k = job_new(sizeof *k, &kind, a->ctx, KEEPER_EVENT, SPAN(""));
	k->after = after;
	k->space.max = EVENT_BYTES_MAX;
	job_add(&k->job);
	return E_MORE;
}

/* ---- done ---- */

struct done_job {
	struct job job;
	uint64_t number;
	struct numset uids; /* own */
};

/* What is left; done may have others.  E_OK, E_IO */
static int
subtract(const struct numset *all, const struct numset *done, struct numset *out)
{
	struct numset common = {0};
	int err = E_OK;
	for (size_t i = 0; i < done->n && err == E_OK; i++)
		err = numset_add_common(&common, all, done->ranges[i]);
	if (err == E_OK)
		err = numset_toggle(out, all, &common);
	numset_free(&common);
	return err == E_OK ? E_OK : E_IO;
}

static int
done_step(struct job *j)
{
	struct done_job *d = (struct done_job *)j;
	struct tables *t = &the_keeper.tables;
	struct buf space = {.max = EVENT_BYTES_MAX};
	struct event_row row = {.number = 0};
	struct numset left = {0};
	j->is_done = true;
	int err = event_get(t, job_txn(), d->number - 1, &space, &row);
	if (err == E_OK && row.number == d->number) {
		err = subtract(&row.uids, &d->uids, &left);
		numset_free(&row.uids);
		row.uids = left;
		row.tries = 0;
		if (err == E_OK)
			err = left.n ? event_put(t, job_txn(), &row)
			             : remove_row(row.number);
	}
	numset_free(&row.uids);
	buf_free(&space);
	return err == E_BAD ? E_OK : err;
}

static void
done_free(struct job *j)
{
	numset_free(&((struct done_job *)j)->uids);
}

int
ask_event_done(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	static const struct job_kind kind = {
	    .name = "event_done", .step = done_step, .free = done_free};
	struct done_job *d =
	    job_new(sizeof *d, &kind, a->ctx, KEEPER_EVENT_DONE, ask_body(body, fd));
	struct rd r = rd_of(buf_as_span(&d->job.body));
	(void)reply, (void)fd_back;
	d->number = rd_u64(&r);
	if (numset_decode(&r, &d->uids) != E_OK || rd_end(&r) != E_OK ||
	    d->number == 0) {
		job_drop(&d->job);
		return E_BAD;
	}
	job_add(&d->job);
	return E_MORE;
}
