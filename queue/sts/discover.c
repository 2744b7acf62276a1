/* SPDX-License-Identifier: ISC */
/* discover.c - look-ups of policies: record, addresses, fetch; and what is kept of them. */
#include "queue/sts/discover.h"

#include "base/clock.h"
#include "base/log.h"
#include "proc/ask.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "queue/sts/policies.h"
#include "queue/sts/wire.h"

struct waiter {
	struct waiter *next;
	struct asker *asker; /* borrow; NULL: it left */
};

struct look_up {
	struct look_up *next;
	struct buf domain; /* own */
	struct buf id;     /* own: of the record, as it is now */
	/* own; none: it is a refresh, or they have their answer */
	struct waiter *waiters;
	struct loop_timer *late; /* own */
	bool is_refresh;         /* it began as one */
};

static struct {
	struct policies *kept; /* own; NULL: nothing is kept */
	struct look_up *all;
	size_t n, n_refreshes;
	bool has_unsynced;
} discover;

/* ---- what is kept ---- */

static struct policy_row
row_of(struct span domain, struct arena *arena)
{
	struct policy_row row;
	if (discover.kept && policies_get(discover.kept, domain, arena, &row) == E_OK)
		return row;
	return (struct policy_row){.domain = domain, .failure = TLS_FINE};
}

static void
keep(const struct policy_row *row)
{
	if (!discover.kept)
		return;
	if (policies_put(discover.kept, row) != E_OK)
		log_event(LOG_ERR, "policy_not_kept",
		    "domain=%s do=\"look at spool_dir/sts\"", log_q(row->domain));
	discover.has_unsynced = true;
}

/* The clock may have been put back since. */
static bool
is_since(int64_t then_sec, int64_t sec)
{
	int64_t now = clock_wall_sec();
	return then_sec <= now && now - then_sec < sec;
}

static bool
has_policy(const struct policy_row *row)
{
	return row->policy.n && clock_wall_sec() < row->ends_sec;
}

/* ---- answers ---- */

static void
answer(struct asker *a, const struct policy_row *row)
{
	struct buf body = {0};
	struct sts_answer said = {.failure = TLS_FINE};
	if (has_policy(row))
		said.policy = row->policy;
	else {
		said.failure = row->failure;
		said.why = row->why;
	}
	sts_answer_put(&body, &said);
	/* it waits for this alone: only who left does not take it */
	if (ask_answer(a, STS_POLICY, buf_as_span(&body), -1) != E_OK)
		log_event(LOG_INFO, "asker_left", "asker=%s", a->who);
	buf_free(&body);
}

/* Mail goes to it: of days, so that a row is not written for each connection. */
static void
note_use(struct policy_row *row)
{
	if (!row->policy.n || is_since(row->used_sec, DISCOVER_USED_STEP_SEC))
		return;
	if (!is_since(row->used_sec, DISCOVER_UNUSED_SEC))
		row->due_sec = clock_wall_sec(); /* it was left to its end */
	row->used_sec = clock_wall_sec();
	keep(row);
}

static void
answer_all(struct look_up *l, struct policy_row *row)
{
	if (l->waiters)
		note_use(row);
	for (struct waiter *w; (w = l->waiters);) {
		l->waiters = w->next;
		if (w->asker)
			answer(w->asker, row);
		mem_free(&w);
	}
}

static void
on_late(void *ctx)
{
	struct look_up *l = ctx;
	struct arena arena = {.max_bytes = STS_ARENA_BYTES};
	struct policy_row row = row_of(buf_as_span(&l->domain), &arena);
	answer_all(l, &row);
	arena_reset(&arena);
}

static void
end(struct look_up *l, struct policy_row *row)
{
	struct look_up **link = &discover.all;
	answer_all(l, row);
	while (*link != l)
		link = &(*link)->next;
	*link = l->next;
	discover.n--;
	discover.n_refreshes -= l->is_refresh;
	loop_timer_free(&l->late);
	buf_free(&l->domain);
	buf_free(&l->id);
	mem_free(&l);
}

/* ---- the fetch ---- */

static void
log_policy(const struct look_up *l, const struct mta_sts_policy *p)
{
	log_event(LOG_INFO, "policy_fetched",
	    "domain=%s id=%s mode=%s max_age=%u hosts=%zu",
	    log_q(buf_as_span(&l->domain)), log_q(buf_as_span(&l->id)),
	    mta_sts_mode_name(p->mode), p->max_age_sec, p->n_mx);
}

static void
fetched(struct look_up *l, struct policy_row *row, const struct mta_sts_policy *p)
{
	struct buf text = {.max = POLICIES_TEXT_MAX};
	int64_t now = clock_wall_sec(), half = p->max_age_sec / 2;
	int64_t refresh = half < DISCOVER_REFRESH_SEC ? half : DISCOVER_REFRESH_SEC;
	mta_sts_policy_put(&text, p);
	row->id = buf_as_span(&l->id);
	row->policy = buf_as_span(&text);
	row->ends_sec = now + p->max_age_sec;
	row->tried_sec = now;
	row->due_sec =
	    now + (refresh > DISCOVER_AGAIN_SEC ? refresh : DISCOVER_AGAIN_SEC);
	row->failure = TLS_FINE;
	row->why = SPAN("");
	if (!l->is_refresh)
		row->used_sec = now;
	log_policy(l, p);
	keep(row);
	end(l, row);
	buf_free(&text);
}

/* What is kept stays, until it ends. */
static void
failed(struct look_up *l, struct policy_row *row, enum tls_outcome failure,
    struct span why)
{
	int64_t now = clock_wall_sec();
	log_event(LOG_NOTICE, "policy_not_fetched",
	    "domain=%s id=%s result=%s why=%s kept=%s", log_q(buf_as_span(&l->domain)),
	    log_q(buf_as_span(&l->id)), tls_outcome_text(failure), log_q(why),
	    has_policy(row) ? "yes" : "no");
	row->id = buf_as_span(&l->id);
	row->tried_sec = now;
	row->due_sec =
	    now + (has_policy(row) ? DISCOVER_RETRY_SEC : DISCOVER_REFRESH_SEC);
	row->failure = (uint8_t)failure;
	row->why = why;
	if (!l->is_refresh)
		row->used_sec = now;
	keep(row);
	end(l, row);
}

/* RFC 8460 4.3.2.2 */
static enum tls_outcome
failure_of(enum fetch_status status)
{
	return status == FETCH_UNTRUSTED ? TLS_STS_WEBPKI_INVALID
	       : status == FETCH_NO_TEXT || status == FETCH_TOO_LARGE
	           ? TLS_STS_POLICY_INVALID
	           : TLS_STS_POLICY_FETCH_ERROR;
}

static void
on_fetched(void *ctx, const struct fetch_answer *a)
{
	struct look_up *l = ctx;
	struct arena arena = {.max_bytes = STS_ARENA_BYTES};
	struct policy_row row = row_of(buf_as_span(&l->domain), &arena);
	struct mta_sts_policy p;
	if (a->status != FETCH_OK)
		failed(l, &row, failure_of(a->status), a->why);
	else if (mta_sts_policy_parse(a->body, &p) != E_OK)
		failed(l, &row, TLS_STS_POLICY_INVALID,
		    SPAN("it is not a policy of version STSv1"));
	else
		fetched(l, &row, &p);
	arena_reset(&arena);
}

static void
on_addresses(void *ctx, const struct dns_answer *answers)
{
	struct look_up *l = ctx;
	struct buf host = {0};
	struct fetch_question q = {.path = SPAN(MTA_STS_PATH)};
	buf_putf(&host, MTA_STS_HOST_PREFIX "%.*s", SPAN_ARG(buf_as_span(&l->domain)));
	q.host = buf_as_span(&host);
	fetch_question_add(&q, &answers[0], &answers[1]);
	if (q.n_addresses)
		wire_fetch(&q, on_fetched, l);
	else
		on_fetched(
		    l, &(struct fetch_answer){.status = FETCH_UNREACHABLE,
			   .why = SPAN("no address is known for the policy host")});
	buf_free(&host);
}

static void
ask_addresses(struct look_up *l)
{
	struct buf host = {0};
	buf_putf(&host, MTA_STS_HOST_PREFIX "%.*s", SPAN_ARG(buf_as_span(&l->domain)));
	struct wire_query q[] = {
	    {DNS_A, buf_as_span(&host)}, {DNS_AAAA, buf_as_span(&host)}};
	wire_ask(q, COUNT(q), on_addresses, l);
	buf_free(&host);
}

/* ---- the record ---- */

/* Nothing says that there is a policy now: what is kept holds until its end. */
static void
no_record(struct look_up *l, struct policy_row *row)
{
	if (l->is_refresh && row->policy.n) {
		row->due_sec = clock_wall_sec() + DISCOVER_REFRESH_SEC;
		keep(row);
	}
	if (!has_policy(row))
		row->failure = TLS_FINE;
	end(l, row);
}

static void
on_record(void *ctx, const struct dns_answer *txt)
{
	struct look_up *l = ctx;
	struct arena arena = {.max_bytes = STS_ARENA_BYTES};
	struct policy_row row = row_of(buf_as_span(&l->domain), &arena);
	struct span id;
	if (txt->status != DNS_FOUND ||
	    mta_sts_record(txt->records, txt->n_records, &id) != E_OK) {
		no_record(l, &row);
	} else {
		bool is_same = span_eq(id, row.id);
		bool is_good = is_same && has_policy(&row) && row.failure == TLS_FINE &&
		               !l->is_refresh;
		bool is_too_soon = is_same && row.failure != TLS_FINE &&
		                   is_since(row.tried_sec, DISCOVER_AGAIN_SEC);
		buf_span(&l->id, id);
		if (is_good || is_too_soon)
			end(l, &row);
		else
			ask_addresses(l);
	}
	arena_reset(&arena);
}

/* ---- look-ups ---- */

static struct look_up *
find(struct span domain)
{
	struct look_up *l = discover.all;
	while (l && !span_ieq(buf_as_span(&l->domain), domain))
		l = l->next;
	return l;
}

static void
begin(struct look_up *l)
{
	struct buf name = {0};
	buf_putf(
	    &name, MTA_STS_RECORD_PREFIX "%.*s", SPAN_ARG(buf_as_span(&l->domain)));
	struct wire_query q = {DNS_TXT, buf_as_span(&name)};
	wire_ask(&q, 1, on_record, l);
	buf_free(&name);
}

static struct look_up *
look_up_new(struct span domain, bool is_refresh)
{
	struct look_up *l = mem_new(sizeof *l);
	*l = (struct look_up){.next = discover.all, .is_refresh = is_refresh};
	buf_span(&l->domain, domain);
	discover.all = l;
	discover.n++;
	discover.n_refreshes += is_refresh;
	l->late = loop_timer_new(child_loop(), on_late, l);
	begin(l);
	return l;
}

/* A name of which there can be neither a record nor a host with a policy. */
static bool
is_too_long(struct span domain)
{
	return domain.n + sizeof MTA_STS_RECORD_PREFIX > DNS_NAME_MAX;
}

void
discover_for(struct asker *a, struct span domain)
{
	struct look_up *l = find(domain);
	if (is_too_long(domain) || (!l && discover.n >= DISCOVER_MOST)) {
		struct arena arena = {.max_bytes = STS_ARENA_BYTES};
		struct policy_row row = row_of(domain, &arena);
		answer(a, &row);
		arena_reset(&arena);
		return;
	}
	if (!l)
		l = look_up_new(domain, false);
	struct waiter *w = mem_new(sizeof *w);
	*w = (struct waiter){.next = l->waiters, .asker = a};
	if (!l->waiters)
		loop_timer_set(l->late, STS_LOOK_UP_MS);
	l->waiters = w;
}

void
discover_gone(struct asker *a)
{
	for (struct look_up *l = discover.all; l; l = l->next)
		for (struct waiter *w = l->waiters; w; w = w->next)
			if (w->asker == a)
				w->asker = NULL;
}

/* ---- the tick ---- */

/*
 * One that is due: fetched anew, left alone until its end, or gone.  Its time is moved first: it is
 * found once.
 */
static void
refresh(struct policy_row *row)
{
	int64_t now = clock_wall_sec();
	bool is_unused = !is_since(row->used_sec, DISCOVER_UNUSED_SEC);
	if (!has_policy(row) && (is_unused || !row->policy.n)) {
		if (policies_remove(discover.kept, row->domain) != E_OK)
			log_event(LOG_ERR, "policy_not_removed", "domain=%s",
			    log_q(row->domain));
		discover.has_unsynced = true;
		return;
	}
	row->due_sec = is_unused ? row->ends_sec : now + DISCOVER_RETRY_SEC;
	keep(row);
	if (!is_unused && !find(row->domain))
		look_up_new(row->domain, true);
}

static void
sync_rows(void)
{
	if (discover.has_unsynced && policies_sync(discover.kept) != E_OK)
		log_event(LOG_ERR, "policies_not_synced", "%s", "");
	discover.has_unsynced = false;
}

void
discover_tick(void)
{
	struct arena arena = {.max_bytes = STS_ARENA_BYTES};
	struct policy_row row;
	for (int i = 0; discover.kept && i < DISCOVER_REFRESHES_MOST &&
			discover.n_refreshes < DISCOVER_REFRESHES_MOST;
	     i++) {
		if (policies_due(discover.kept, clock_wall_sec(), &arena, &row) != E_OK)
			break;
		refresh(&row);
		arena_reset(&arena);
	}
	arena_reset(&arena);
	sync_rows();
}

void
discover_open(const char *spool_dir)
{
	if (policies_open(spool_dir, POLICIES_DOMAINS_MOST, &discover.kept) != E_OK)
		log_event(LOG_ERR, "no_policies_kept",
		    "do=\"look at spool_dir/sts; until then policies are fetched for "
		    "each connection\"");
}

void
discover_close(void)
{
	if (discover.kept)
		sync_rows();
	policies_close(&discover.kept);
}
