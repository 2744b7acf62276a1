/* SPDX-License-Identifier: ISC */
/*
 * refused.c - the suppression list at work: who is refused too often is not written to any more,
 * for a while.  Counted is what another host said of the address itself; whoever gets a message
 * again is forgotten.
 */
#include "queue/refused.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/bounce_fields.h"
#include "queue/sched.h"

static const char not_tried[] = "5.1.1 not tried: ";

static struct {
	struct suppress *list; /* own; NULL: it is off */
	uint32_t after;        /* refusals */
	int64_t life_sec;
	bool has_unsynced;
} refused;

void
refused_open(void)
{
	const struct conf *c = the_child.conf;
	refused.after = (uint32_t)conf_int(c, "queue", "suppress_after");
	refused.life_sec = conf_int(c, "queue", "suppress_time");
	if (refused.after && suppress_open(conf_str(c, "common", "spool_dir"),
				 SUPPRESS_ROWS_MOST, &refused.list) != E_OK)
		log_event(LOG_ERR, "no_suppression_list",
		    "do=\"look at spool_dir/sched; until then all addresses are "
		    "tried\"");
}

void
refused_close(void)
{
	refused_flush();
	suppress_close(&refused.list);
}

void
refused_flush(void)
{
	if (refused.has_unsynced && suppress_sync(refused.list) != E_OK)
		log_event(LOG_ERR, "suppressed_not_synced", "%s", "");
	refused.has_unsynced = false;
}

struct suppress *
refused_list(void)
{
	return refused.list;
}

bool
refused_is_suppressed(const struct suppress_row *r)
{
	return refused.after && r->count >= refused.after &&
	       clock_wall_sec() - r->last_sec <= refused.life_sec;
}

void
refused_note(const struct message *m, uint32_t i)
{
	struct span address = m->envelope.rcpts[i].address,
		    text = span_of(m->works[i].reason);
	struct buf said = {.max = REASON_MAX};
	struct reason why;
	if (!refused.list || !suppress_is_hard(text) ||
	    span_starts(text, span_of(not_tried)) || sched_is_local(address))
		return;
	reason_parse(text, &why);
	buf_putf(&said, "%.*s: %.*s", SPAN_ARG(why.host), SPAN_ARG(why.text));
	if (suppress_note(
		refused.list, address, buf_as_span(&said), clock_wall_sec()) != E_OK)
		log_event(LOG_ERR, "refusal_not_counted", "rcpt=%s", log_q(address));
	refused.has_unsynced = true;
	buf_free(&said);
}

bool
refused_forget(struct span address)
{
	bool was_there = refused.list && suppress_remove(refused.list, address) == E_OK;
	refused.has_unsynced |= was_there;
	return was_there;
}

static void
suppress_one(struct message *m, uint32_t i, const struct suppress_row *r)
{
	struct buf why = {.max = REASON_MAX};
	buf_putf(&why,
	    "%sthis address was refused %u times, and is not written to for a while; "
	    "last: %.*s",
	    not_tried, r->count, SPAN_ARG(r->reason));
	log_event(LOG_NOTICE, "suppressed", "mid=%s rcpt=%s count=%u",
	    id_text(m->envelope.id), log_q(m->envelope.rcpts[i].address), r->count);
	work_set(&m->works[i], STEP_FAILED, buf_cstr(&why));
	buf_free(&why);
}

void
refused_check(struct message *m)
{
	struct arena arena = {.max_bytes = 1 << 20};
	for (uint32_t i = 0; refused.list && i < m->envelope.n_rcpts; i++) {
		struct span address = m->envelope.rcpts[i].address;
		struct suppress_row row;
		if (m->works[i].step >= STEP_FAILED || sched_is_local(address))
			continue;
		if (suppress_get(refused.list, address, &arena, &row) == E_OK &&
		    refused_is_suppressed(&row))
			suppress_one(m, i, &row);
		arena_reset(&arena);
	}
}
