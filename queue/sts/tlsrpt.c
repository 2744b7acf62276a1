/* SPDX-License-Identifier: ISC */
/* tlsrpt.c - the day's end: one report after another, to all places that its domain names. */
#include "queue/sts/tlsrpt.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "dkim/sign.h"
#include "net/gzip.h"
#include "net/tlsrpt.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "queue/report_sign.h"
#include "queue/sts/compose.h"
#include "queue/sts/wire.h"
#include "spool/put.h"

static int
connect_spool(int *out)
{
	return child_daemon("queue", out);
}

static int
key_channel(int *out)
{
	return child_channel("key", out);
}

static struct {
	struct tally *tally;             /* own; NULL: nothing is counted */
	struct loop_timer *flush, *next; /* own; next: the next report */
	struct spool_client spool;
	struct dkim_signer signer;
	struct span from, hostname; /* borrow: the configuration */
	/* the report that is on its way */
	bool is_busy;
	struct tally_row *row; /* own */
	struct arena arena;    /* own: record */
	struct tlsrpt_record record;
	size_t at;        /* the place that it goes to now */
	unsigned n_taken; /* places that have it */
	struct buf gz;    /* own */
	struct buf why;   /* own: of the last failure */
} rpt = {.spool = {.chan = -1, .file = -1, .connect = connect_spool},
    .signer = {.key_channel = key_channel, .chan = -1},
    .arena = {.max_bytes = STS_ARENA_BYTES},
    .gz = {.max = FETCH_BODY_MAX}};

static void next_place(void);

/* ---- counting ---- */

static void
on_flush(void *ctx)
{
	(void)ctx;
	if (tally_flush(rpt.tally) != E_OK)
		log_event(
		    LOG_ERR, "tls_results_not_kept", "do=\"look at spool_dir/sts\"");
}

void
tlsrpt_note(const struct sts_note *note)
{
	if (rpt.tally && tally_add(rpt.tally, tally_day(clock_wall_sec()), note))
		loop_timer_set(rpt.flush, TALLY_FLUSH_MS);
}

/* ---- its end ---- */

static void
done(const char *event, int level)
{
	log_event(level, event, "domain=%s day=%u places=%u why=%s",
	    log_q(rpt.row->domain), rpt.row->day, rpt.n_taken,
	    log_q(buf_as_span(&rpt.why)));
	if (tally_remove(rpt.tally, rpt.row) != E_OK)
		log_event(LOG_ERR, "tls_results_not_removed", "domain=%s",
		    log_q(rpt.row->domain));
}

static void
later(void)
{
	int64_t now = clock_wall_sec(),
		first = rpt.row->first_sec ? rpt.row->first_sec : now;
	unsigned doublings = rpt.row->attempts < 3 ? rpt.row->attempts : 3;
	if (now - first >= TLSRPT_TRIES_SEC || now < first) {
		done("tls_report_given_up", LOG_NOTICE);
		return;
	}
	log_event(LOG_NOTICE, "tls_report_deferred", "domain=%s day=%u why=%s",
	    log_q(rpt.row->domain), rpt.row->day, log_q(buf_as_span(&rpt.why)));
	if (tally_later(rpt.tally, rpt.row, now,
		now + ((int64_t)TLSRPT_AGAIN_SEC << doublings)) != E_OK)
		log_event(LOG_ERR, "tls_results_not_kept", "domain=%s",
		    log_q(rpt.row->domain));
}

static void
end(void)
{
	rpt.is_busy = false;
	arena_reset(&rpt.arena);
	buf_reset(&rpt.gz);
	buf_reset(&rpt.why);
	loop_timer_set(rpt.next, 0);
}

static void
fail(struct span why)
{
	buf_reset(&rpt.why);
	buf_span(&rpt.why, span_head(why, STS_WHY_MAX));
}

/* ---- to a place ---- */

static struct report_about
about(void)
{
	return (struct report_about){.row = rpt.row,
	    .contact = rpt.from,
	    .submitter = span_from(rpt.from, span_rfind(rpt.from, '@') + 1),
	    .hostname = rpt.hostname,
	    .id = report_id(rpt.hostname, rpt.row)};
}

static void
mail(struct span to)
{
	struct report_about x = about();
	struct buf message = {.max = SPOOL_SMALL_MAX};
	struct envelope e;
	enum spool_verdict v = SPOOL_FAILED;
	report_mail(&x, buf_as_span(&rpt.gz), to, &rpt.arena, &message, &e);
	int err = buf_done(&message);
	if (err == E_OK) /* RFC 8460 3 */
		report_sign(&rpt.signer, e.arrived_sec, &message, &e);
	if (err == E_OK)
		err = spool_room(&rpt.spool, message.len, &v);
	if (err == E_OK && v == SPOOL_OK)
		err = spool_put(&rpt.spool, &e, buf_as_span(&message), &v);
	if (err == E_OK && v == SPOOL_OK) {
		log_event(LOG_INFO, "accepted",
		    "mid=%s from=<> to=%s rcpts=1 bytes=%zu tls_report=%s",
		    id_text(e.id), log_q(to), message.len, log_q(rpt.row->domain));
		rpt.n_taken++;
	} else
		fail(SPAN("the spool does not take it now"));
	buf_free(&message);
}

static void
on_posted(void *ctx, const struct fetch_answer *a)
{
	(void)ctx;
	if (a->status == FETCH_OK)
		rpt.n_taken++;
	else
		fail(a->why);
	rpt.at++;
	next_place();
}

static void
on_addresses(void *ctx, const struct dns_answer *answers)
{
	const struct tlsrpt_target *t = &rpt.record.targets[rpt.at];
	struct fetch_question q = {.host = t->host,
	    .path = t->path,
	    .type = SPAN("application/tlsrpt+gzip"),
	    .body = buf_as_span(&rpt.gz)};
	fetch_question_add(&q, &answers[0], &answers[1]);
	if (q.n_addresses)
		wire_fetch(&q, on_posted, ctx);
	else
		on_posted(ctx, &(struct fetch_answer){.status = FETCH_UNREACHABLE,
				   .why = SPAN("no address is known for it")});
}

static void
next_place(void)
{
	for (; rpt.at < rpt.record.n; rpt.at++) {
		const struct tlsrpt_target *t = &rpt.record.targets[rpt.at];
		struct wire_query q[] = {{DNS_A, t->host}, {DNS_AAAA, t->host}};
		if (!t->address.n) {
			wire_ask(q, COUNT(q), on_addresses, NULL);
			return;
		}
		mail(t->address);
	}
	if (rpt.n_taken)
		done("tls_reported", LOG_INFO);
	else
		later();
	end();
}

/* ---- one report ---- */

static int
compose(void)
{
	struct report_about x = about();
	struct buf json = {.max = REPORT_JSON_MAX};
	report_json(&x, &json);
	int err = buf_done(&json);
	if (err == E_OK)
		err = gzip_put(buf_as_span(&json), &rpt.gz);
	buf_free(&json);
	return err;
}

/* The record outlives its answer. */
static int
take_record(const struct dns_answer *txt)
{
	struct dns_record records[DNS_RECORDS_MAX];
	size_t n = txt->n_records < COUNT(records) ? txt->n_records : COUNT(records);
	for (size_t i = 0; i < n; i++)
		records[i] = (struct dns_record){
		    .data = arena_span(&rpt.arena, txt->records[i].data)};
	return tlsrpt_record(records, n, &rpt.arena, &rpt.record);
}

static void
on_record(void *ctx, const struct dns_answer *txt)
{
	(void)ctx;
	bool is_unknown = txt->status == DNS_TEMP || txt->status == DNS_BOGUS;
	if (is_unknown) {
		fail(SPAN("the DNS does not say now who wants it"));
		later();
	} else if (take_record(txt) != E_OK) {
		done("tls_report_unwanted", LOG_DEBUG);
	} else if (compose() != E_OK) {
		fail(SPAN("it is too long"));
		done("tls_report_given_up", LOG_ERR);
	} else {
		next_place();
		return;
	}
	end();
}

static void
begin(void)
{
	struct buf name = {0};
	buf_putf(&name, TLSRPT_RECORD_PREFIX "%.*s", SPAN_ARG(rpt.row->domain));
	struct wire_query q = {DNS_TXT, buf_as_span(&name)};
	rpt.is_busy = true;
	rpt.at = 0;
	rpt.n_taken = 0;
	rpt.record.n = 0;
	bool is_old = clock_wall_sec() - ((int64_t)rpt.row->day + 1) * TALLY_DAY_SEC >
	              TLSRPT_OLD_SEC;
	if (is_old || !dns_name_ok(q.name)) {
		done("tls_report_given_up", LOG_INFO);
		end();
	} else
		wire_ask(&q, 1, on_record, NULL);
	buf_free(&name);
}

static void
on_next(void *ctx)
{
	(void)ctx;
	tlsrpt_tick();
}

void
tlsrpt_tick(void)
{
	if (rpt.tally && !rpt.is_busy &&
	    tally_due(rpt.tally, clock_wall_sec(), rpt.row) == E_OK)
		begin();
}

int
tlsrpt_next(uint32_t day, struct span domain, struct tally_row *out)
{
	return rpt.tally ? tally_next(rpt.tally, day, domain, out) : E_BAD;
}

uint32_t
tlsrpt_hurry(void)
{
	uint32_t n = 0;
	if (rpt.tally && tally_hurry(rpt.tally, clock_wall_sec(), &n) != E_OK)
		log_event(LOG_ERR, "tls_results_not_kept", "%s", "");
	tlsrpt_tick();
	return n;
}

void
tlsrpt_open(const struct conf *c)
{
	rpt.from = span_of(conf_str(c, "queue", "tlsrpt_from"));
	rpt.hostname = span_of(conf_str(c, "common", "hostname"));
	if (!rpt.from.n)
		return;
	rpt.row = mem_new(sizeof *rpt.row);
	rpt.flush = loop_timer_new(child_loop(), on_flush, NULL);
	rpt.next = loop_timer_new(child_loop(), on_next, NULL);
	if (tally_open(conf_str(c, "common", "spool_dir"), TALLY_ROWS_MOST,
		rpt.hostname, &rpt.tally) != E_OK)
		log_event(LOG_ERR, "no_tls_results",
		    "do=\"look at spool_dir/sts; until then there are no reports on "
		    "TLS\"");
}

void
tlsrpt_close(void)
{
	tally_close(&rpt.tally);
}
