/* SPDX-License-Identifier: ISC */
/* test_metrics.c - counting, the text of it, and a scraper's request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "metrics/http.h"
#include "metrics/table.h"

static const char *const roles[] = {"front", "say \"hi\"\\\n"};

static const struct metrics_about about = {
    .daemon = "smtpd", .roles = roles, .n_roles = 2, .now_wall_sec = 1000};

/* The text of one row, counted in a block of its own. */
static struct buf text;

static const char *
text_of(const struct metric *m)
{
	buf_reset(&text);
	metrics_put(m, 1, the_metrics, &about, &text);
	assert_int_equal(buf_done(&text), E_OK);
	return buf_cstr(&text);
}

static void
assert_has(const char *all, const char *part)
{
	if (!strstr(all, part))
		fprintf(stderr, "%s", all);
	assert_non_null(strstr(all, part));
}

static const struct metric *
row_of(unsigned slot)
{
	for (size_t i = 0; i < metric_n_rows; i++)
		if (metric_rows[i].slot == slot)
			return &metric_rows[i];
	fail_msg("no row");
	return NULL;
}

static void
zero(unsigned slot, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		metric_set(slot + i, 0);
}

/* ---- the text ---- */

static void
test_frame(void **state)
{
	(void)state;
	buf_reset(&text);
	metrics_put(metric_rows, 0, the_metrics, &about, &text);
	const char *all = buf_cstr(&text);
	assert_memory_equal(all, "# TYPE merpati_smtpd_build info\n", 32);
	assert_has(
	    all, "merpati_smtpd_build_info{version=\"" MERPATI_VERSION "\"} 1\n");
	assert_string_equal(all + strlen(all) - 6, "# EOF\n");
	assert_null(strstr(all, "\n\n"));
}

static void
test_counter(void **state)
{
	(void)state;
	zero(M_SMTP_BYTES, 1);
	metric_add(M_SMTP_BYTES, 41);
	metric_count(M_SMTP_BYTES);
	assert_has(text_of(row_of(M_SMTP_BYTES)),
	    "# TYPE merpati_smtpd_message_bytes counter\n"
	    "# UNIT merpati_smtpd_message_bytes bytes\n"
	    "# HELP merpati_smtpd_message_bytes bytes of these, with their heads\n"
	    "merpati_smtpd_message_bytes_total 42\n");
}

static void
test_labels(void **state)
{
	(void)state;
	zero(M_TLS, METRIC_TLS_COUNT);
	metric_count(M_TLS + METRIC_TLS_13);
	assert_has(text_of(row_of(M_TLS)),
	    "tls_handshakes_total{result=\"1.2\"} 0\n"
	    "merpati_smtpd_tls_handshakes_total{result=\"1.3\"} 1\n"
	    "merpati_smtpd_tls_handshakes_total{result=\"failed\"} 0\n# EOF\n");
}

/* Each value of the first label has a line for each of the second. */
static void
test_two_labels(void **state)
{
	struct metric m = *row_of(M_RELAY_ATTEMPTS);
	(void)state;
	m.daemons = IN_ALL;
	zero(M_RELAY_ATTEMPTS, METRIC_HOP_COUNT * METRIC_ATTEMPT_COUNT);
	metric_attempts(METRIC_HOP_MX, METRIC_ATTEMPT_CUT, 1);
	metric_attempts(METRIC_HOP_SMTP, METRIC_ATTEMPT_2XX, 2);
	metric_attempts(METRIC_HOP_UNIX, METRIC_ATTEMPT_CUT, 3);
	const char *all = text_of(&m);
	assert_has(all,
	    "relay_attempts_total{class=\"mx\",outcome=\"cut_off\"} 1\n"
	    "merpati_smtpd_relay_attempts_total{class=\"smtp\",outcome=\"2xx\"} 2\n");
	assert_has(
	    all, "relay_attempts_total{class=\"unix\",outcome=\"cut_off\"} 3\n# EOF\n");
}

static void
test_escapes(void **state)
{
	const char *const values[] = {"a\"b", "c\\d", "e\nf"};
	const struct metric m = {.slot = M_SMTP_MESSAGES,
	    .slots = 3,
	    .daemons = IN_ALL,
	    .type = METRIC_GAUGE,
	    .unit = "",
	    .name = "odd",
	    .labels = {.name = "is", .values = values},
	    .help = "\"quoted\" \\ and\nbroken"};
	(void)state;
	const char *all = text_of(&m);
	assert_has(all, "# HELP merpati_smtpd_odd \\\"quoted\\\" \\\\ and\\nbroken\n");
	assert_has(all, "odd{is=\"a\\\"b\"} ");
	assert_has(all, "odd{is=\"c\\\\d\"} ");
	assert_has(all, "odd{is=\"e\\nf\"} ");
	/* roles too, from where they are told */
	assert_has(text_of(row_of(M_PROCESS_STARTS)),
	    "process_starts_total{role=\"say \\\"hi\\\"\\\\\\n\"} 0\n");
}

/* What a taken-over process may write comes out as a bounded integer. */
static void
test_bounds(void **state)
{
	(void)state;
	metric_set(M_SMTP_MESSAGES, UINT64_MAX);
	assert_has(
	    text_of(row_of(M_SMTP_MESSAGES)), "messages_total 9007199254740992\n");
	for (unsigned i = 0; i < METRIC_HISTOGRAM; i++)
		metric_set(M_SMTP_DATA + i, UINT64_MAX - i);
	const char *all = text_of(row_of(M_SMTP_DATA));
	assert_has(all, "_bucket{le=\"0.0001\"} 9007199254740992\n");
	assert_has(all, "_count 9007199254740992\n");
	assert_has(all, "_sum 9007199254.740992\n");
	zero(M_SMTP_DATA, METRIC_HISTOGRAM);
	zero(M_SMTP_MESSAGES, 1);
	the_metrics->cells[3].role = UINT32_MAX;
	the_metrics->cells[3].serving = UINT32_MAX;
	the_metrics->cells[4].role = 1;
	the_metrics->cells[4].serving = UINT32_MAX;
	assert_has(text_of(row_of(M_START)), "serving{role=\"front\"} 4294967295\n");
	the_metrics->cells[3] = the_metrics->cells[4] = (struct metric_cell){0};
}

static void
test_past_the_end(void **state)
{
	(void)state;
	metric_add(METRIC_SLOTS, 1); /* is counted somewhere, and never outside */
	metric_add(UINT32_MAX, 1);
	metric_set(METRIC_SLOTS + 1, 0);
}

static void
test_age(void **state)
{
	struct metric m = *row_of(M_QUEUE_OLDEST);
	(void)state;
	m.daemons = IN_ALL;
	metric_set(M_QUEUE_OLDEST, 0);
	assert_has(text_of(&m), "oldest_seconds 0\n");
	metric_set(M_QUEUE_OLDEST, 990);
	assert_has(text_of(&m), "oldest_seconds 10\n");
	metric_set(M_QUEUE_OLDEST, 2000); /* the clock went back */
	assert_has(text_of(&m), "oldest_seconds 0\n");
}

static void
test_histogram(void **state)
{
	(void)state;
	zero(M_SMTP_DATA, METRIC_HISTOGRAM);
	metric_latency(M_SMTP_DATA, 0);
	metric_latency(M_SMTP_DATA, 100); /* a bound belongs to its bucket */
	metric_latency(M_SMTP_DATA, 101);
	metric_latency(M_SMTP_DATA, 999999);
	metric_latency(M_SMTP_DATA, 60000000);
	metric_latency(M_SMTP_DATA, 60000001);
	const char *all = text_of(row_of(M_SMTP_DATA));
	assert_has(all, "# TYPE merpati_smtpd_data_seconds histogram\n# UNIT "
			"merpati_smtpd_data_seconds seconds\n");
	assert_has(all, "_bucket{le=\"0.0001\"} "
			"2\nmerpati_smtpd_data_seconds_bucket{le=\"0.00015\"} 3\n");
	assert_has(all,
	    "_bucket{le=\"0.5\"} 3\nmerpati_smtpd_data_seconds_bucket{le=\"1.0\"} 4\n");
	assert_has(all,
	    "_bucket{le=\"60.0\"} 5\nmerpati_smtpd_data_seconds_bucket{le=\"+Inf\"} 6\n"
	    "merpati_smtpd_data_seconds_count 6\nmerpati_smtpd_data_seconds_sum "
	    "121.000201\n");
}

static void
test_sizes(void **state)
{
	struct metric m = *row_of(M_QUEUE_BATCH);
	(void)state;
	m.daemons = IN_ALL;
	zero(M_QUEUE_BATCH, METRIC_HISTOGRAM);
	metric_size(M_QUEUE_BATCH, 1);
	metric_size(M_QUEUE_BATCH, 254);
	metric_size(M_QUEUE_BATCH, 5000);
	const char *all = text_of(&m);
	assert_has(all, "_bucket{le=\"1.0\"} 1\n");
	assert_has(all, "_bucket{le=\"200.0\"} 1\n");
	assert_has(all, "_bucket{le=\"300.0\"} 2\n");
	assert_has(all, "_bucket{le=\"+Inf\"} 3\nmerpati_smtpd_batch_messages_count "
			"3\nmerpati_smtpd_batch_messages_sum 5255\n");
	assert_null(strstr(all, "# UNIT merpati_smtpd_batch"));
}

static void
test_ages(void **state)
{
	struct metric m = *row_of(M_RELAYED_AGE);
	(void)state;
	m.daemons = IN_ALL;
	zero(M_RELAYED_AGE, METRIC_HISTOGRAM);
	metric_age(M_RELAYED_AGE, -5); /* a clock that jumped */
	metric_age(M_RELAYED_AGE, 3600);
	metric_age(M_RELAYED_AGE, 20 * 86400);
	const char *all = text_of(&m);
	assert_has(all, "relayed_age_seconds_bucket{le=\"1.0\"} 1\n");
	assert_has(all,
	    "_bucket{le=\"1800.0\"} "
	    "1\nmerpati_smtpd_relayed_age_seconds_bucket{le=\"3600.0\"} 2\n");
	assert_has(all, "_bucket{le=\"864000.0\"} 2\n");
	assert_has(all, "_count 3\nmerpati_smtpd_relayed_age_seconds_sum 1731600\n");
}

static void
test_bounds_grow(void **state)
{
	(void)state;
	for (size_t i = 1; i < METRIC_BOUNDS; i++) {
		assert_true(
		    metric_latency_bounds_us[i] > metric_latency_bounds_us[i - 1]);
		assert_true(metric_size_bounds[i] > metric_size_bounds[i - 1]);
		assert_true(metric_age_bounds_sec[i] > metric_age_bounds_sec[i - 1]);
	}
}

static void
test_replies(void **state)
{
	(void)state;
	zero(M_SMTP_REPLIES, METRIC_CLASSES);
	zero(M_SMTP_REJECTS, METRIC_CODES);
	static const unsigned codes[] = {0, 250, 354, 421, 550, 599, 199, 600};
	for (size_t i = 0; i < COUNT(codes); i++)
		metric_smtp_reply(codes[i]);
	assert_has(text_of(row_of(M_SMTP_REPLIES)),
	    "{class=\"2xx\"} 1\nmerpati_smtpd_replies_total{class=\"3xx\"} 1\n"
	    "merpati_smtpd_replies_total{class=\"4xx\"} "
	    "1\nmerpati_smtpd_replies_total{class=\"5xx\"} 2\n");
	const char *all = text_of(row_of(M_SMTP_REJECTS));
	assert_has(all, "{code=\"421\"} 1\n");
	assert_has(all, "{code=\"550\"} 1\n");
	assert_has(all, "{code=\"other\"} 1\n");
	assert_has(all, "{code=\"554\"} 0\n");
}

/* Every label has its text, every name stands once. */
static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < metric_n_rows; i++) {
		const struct metric *m = &metric_rows[i];
		assert_true(m->slot + m->slots <= METRIC_SLOTS);
		unsigned n_second = m->labels.second ? m->labels.n_second : 1;
		assert_int_equal(m->slots % n_second, 0);
		for (unsigned k = 0; m->labels.values && k < m->slots / n_second; k++)
			assert_non_null(m->labels.values[k]);
		for (unsigned k = 0; m->labels.second && k < n_second; k++)
			assert_non_null(m->labels.second_values[k]);
		if (m->type == METRIC_LATENCY || m->type == METRIC_SIZES ||
		    m->type == METRIC_AGES)
			assert_int_equal(m->slots, METRIC_HISTOGRAM);
		if (m->type == METRIC_LATENCY || m->type == METRIC_AGE ||
		    m->type == METRIC_AGES)
			assert_string_equal(m->unit, "seconds");
		for (size_t k = 0; k < i; k++)
			if (metric_rows[k].daemons & m->daemons)
				assert_false(!strcmp(metric_rows[k].name, m->name) &&
					     !strcmp(metric_rows[k].unit, m->unit));
	}
	assert_int_equal(metrics_daemon("smtpd"), IN_SMTPD);
	assert_int_equal(metrics_daemon("elsewhere"), 0);
}

/* ---- the memory ---- */

static uint64_t
slot(unsigned n)
{
	return the_metrics->slots[n];
}

static void
test_shared(void **state)
{
	int status;
	(void)state;
	int fd = metrics_open(-1);
	assert_true(fd >= 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 1000; i++)
			metric_count(M_SMTP_MESSAGES);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(slot(M_SMTP_MESSAGES), 1000); /* it took nothing with it */
	assert_int_not_equal(ftruncate(fd, 0), 0);
	/* the next image of a monitor goes on */
	int again = metrics_open(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	metric_count(M_SMTP_MESSAGES);
	assert_int_equal(slot(M_SMTP_MESSAGES), 1001);
	/* one of another layout begins at 0 */
	the_metrics->layout ^= 1;
	int other = metrics_open(again);
	assert_int_equal(slot(M_SMTP_MESSAGES), 0);
	assert_true(slot(M_START) > 0);
	/* what is no such file at all, too */
	int none = metrics_open(memfd_create("none", MFD_CLOEXEC));
	assert_true(none >= 0);
	assert_int_equal(slot(M_SMTP_MESSAGES), 0);
	close(fd);
	close(other);
	close(none);
}

static void
test_cells(void **state)
{
	(void)state;
	int a = metrics_cell_take(0), b = metrics_cell_take(1),
	    c = metrics_cell_take(1);
	metrics_cell_use(b);
	metric_serving(5);
	metrics_cell_use(c);
	metric_serving(7);
	assert_has(
	    text_of(row_of(M_START)), "merpati_smtpd_processes{role=\"front\"} 1\n");
	assert_has(text_of(row_of(M_START)),
	    "merpati_smtpd_serving{role=\"say \\\"hi\\\"\\\\\\n\"} 12\n");
	metrics_cell_free(b); /* its process died: whom it served is served no more */
	assert_has(text_of(row_of(M_START)),
	    "merpati_smtpd_serving{role=\"say \\\"hi\\\"\\\\\\n\"} 7\n");
	assert_int_equal(metrics_cell_keep(a, 0), -1); /* it is another's */
	assert_int_equal(metrics_cell_keep(-1, 0), -1);
	assert_int_equal(metrics_cell_keep(METRIC_CELLS, 0), -1);
	assert_int_equal(metrics_cell_keep(b, 0), b);
	assert_int_not_equal(metrics_cell_take(0), b);
	metrics_cell_use(-1);
	metric_serving(3); /* counted nowhere */
	metrics_cell_free(-1);
	assert_has(
	    text_of(row_of(M_START)), "merpati_smtpd_serving{role=\"front\"} 0\n");
}

static void
test_cells_run_out(void **state)
{
	(void)state;
	int cell, n = 0, last = 0;
	while ((cell = metrics_cell_take(0)) >= 0) {
		last = cell;
		n++;
	}
	assert_true(n > METRIC_CELLS - 10);
	metrics_cell_free(last);
	assert_int_equal(metrics_cell_take(1), last);
	for (int i = 0; i < METRIC_CELLS; i++)
		metrics_cell_free(i);
}

/* ---- HTTP ---- */

static const struct {
	const char *in;
	int err;
	unsigned status;
	bool is_head;
} requests[] = {
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_OK, false},
    {"GET /metrics HTTP/1.0\r\n\r\n", E_OK, HTTP_OK, false},
    {"\r\nGET /metrics HTTP/1.0\r\n\r\n", E_OK, HTTP_OK, false},
    {"HEAD /metrics HTTP/1.1\r\nHost:\r\nX: \t y\r\n\r\nmore", E_OK, HTTP_OK, true},
    {"GET /metrics?a=b HTTP/1.1\r\nhost: x\r\n\r\n", E_OK, HTTP_OK, false},
    {"GET http://localhost:9/metrics HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_OK,
	false},
    {"GET HTTP://localhost HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_NOT_FOUND, false},
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_NOT_FOUND, false},
    {"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_NOT_FOUND, false},
    {"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_NOT_ALLOWED, false},
    {"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_NOT_ALLOWED, false},
    {"GET /metrics HTTP/1.1\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost: \x01\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET  /metrics HTTP/1.1\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/2.0\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1 \r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /m\x80 HTTP/1.1\r\nHost: x\r\n\r\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\n", E_OK, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\rHost: x\r\n\r\n", E_OK, HTTP_BAD, false},
    {"\x16\x03\x01\x02\n", E_OK, HTTP_BAD, false},
    {"", E_MORE, HTTP_BAD, false},
    {"\r\n", E_MORE, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n", E_MORE, HTTP_BAD, false},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r", E_MORE, HTTP_BAD, false},
};

static void
test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct span in = span_of(requests[i].in);
		unsigned status = 0;
		bool is_head = false;
		int err = http_request(in, &status, &is_head);
		if (err != requests[i].err || status != requests[i].status ||
		    is_head != requests[i].is_head)
			fail_msg("%s: %d %u %d", requests[i].in, err, status, is_head);
		/*
		 * a byte at a time: never another answer than that of the whole, unless an error is
		 * seen earlier
		 */
		for (size_t n = 0; n < in.n; n++)
			if (http_request(span_head(in, n), &status, &is_head) == E_OK)
				assert_int_equal(status, requests[i].status);
	}
}

static void
test_request_too_long(void **state)
{
	struct buf in = {0};
	unsigned status;
	bool is_head;
	(void)state;
	buf_str(&in, "GET /metrics HTTP/1.1\r\nHost: x\r\n");
	while (in.len < HTTP_REQUEST_MAX - 1)
		buf_str(&in, "A");
	buf_cut(&in, HTTP_REQUEST_MAX - 1);
	in.p[40] = ':';
	assert_int_equal(http_request(buf_as_span(&in), &status, &is_head), E_MORE);
	buf_ch(&in, 'A');
	assert_int_equal(http_request(buf_as_span(&in), &status, &is_head), E_OK);
	assert_int_equal(status, HTTP_BAD);
	buf_free(&in);
}

static void
test_answers(void **state)
{
	struct buf out = {0};
	(void)state;
	http_answer(HTTP_OK, false, SPAN("# EOF\n"), &out);
	assert_string_equal(buf_cstr(&out),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; "
	    "version=1.0.0; charset=utf-8\r\n"
	    "Content-Length: 6\r\nConnection: close\r\n\r\n# EOF\n");
	buf_reset(&out);
	http_answer(HTTP_OK, true, SPAN("# EOF\n"), &out);
	assert_has(buf_cstr(&out), "Content-Length: 6\r\n");
	assert_string_equal(out.p + out.len - 4, "\r\n\r\n");
	buf_reset(&out);
	http_answer(HTTP_NOT_ALLOWED, false, SPAN("# EOF\n"), &out);
	assert_has(buf_cstr(&out), "HTTP/1.1 405 Method Not Allowed\r\n");
	assert_has(buf_cstr(&out),
	    "Allow: GET, HEAD\r\nConnection: close\r\n\r\nMethod Not Allowed\n");
	assert_has(buf_cstr(&out), "Content-Length: 19\r\n");
	buf_reset(&out);
	http_answer(HTTP_NOT_FOUND, false, SPAN(""), &out);
	assert_has(buf_cstr(&out), "HTTP/1.1 404 Not Found\r\n");
	buf_reset(&out);
	http_answer(HTTP_BAD, false, SPAN(""), &out);
	assert_has(buf_cstr(&out), "HTTP/1.1 400 Bad Request\r\n");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frame),
	    cmocka_unit_test(test_counter),
	    cmocka_unit_test(test_labels),
	    cmocka_unit_test(test_two_labels),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_past_the_end),
	    cmocka_unit_test(test_age),
	    cmocka_unit_test(test_histogram),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_ages),
	    cmocka_unit_test(test_bounds_grow),
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_shared),
	    cmocka_unit_test(test_cells),
	    cmocka_unit_test(test_cells_run_out),
	    cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_request_too_long),
	    cmocka_unit_test(test_answers),
	};
	log_level(LOG_EMERG);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&text);
	return failed;
}
