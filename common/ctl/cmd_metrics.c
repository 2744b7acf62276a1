/* SPDX-License-Identifier: ISC */
/* cmd_metrics.c - what the daemons measure: each is asked on its socket. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/connect.h"
#include "ctl/daemons.h"
#include "ctl/table.h"

enum { METRICS_WAIT_MS = 5000, METRICS_ANSWER_MAX = 2 << 20 };

static const struct column columns[] = {
    {"daemon", "DAEMON", CELL_TEXT},
    {"metric", "METRIC", CELL_TEXT},
    {"label", "LABEL", CELL_TEXT},
    {"value", "VALUE", CELL_TEXT},
};

/* All that comes until the end.  E_OK, E_IO, E_LIMIT (too long, or too late) */
static int
receive_all(int fd, struct buf *in)
{
	int64_t deadline = deadline_in_ms(METRICS_WAIT_MS);
	for (;;) {
		char bytes[16384];
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, deadline_left_ms(deadline));
		if (ready == 0)
			return E_LIMIT;
		ssize_t n =
		    ready > 0 ? recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) : -1;
		if (n == 0)
			return buf_done(in);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return E_IO;
		if (n > 0)
			buf_put(in, bytes, (size_t)n);
	}
}

/* The text without its last line, "# EOF".  text: borrow, of in */
static int
scrape(const struct conf *conf, const char *daemon, struct buf *in, struct span *text)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	const struct span end = SPAN("# EOF\n");
	int fd;
	int err = ctl_connect_stream(conf, daemon, "metrics", &fd);
	if (err != E_OK)
		return err;
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof request - 1)
		err = E_IO;
	if (err == E_OK)
		err = receive_all(fd, in);
	close(fd);
	*text = buf_as_span(in);
	size_t body = span_search(*text, SPAN("\r\n\r\n"));
	if (err == E_OK &&
	    (!span_starts(*text, SPAN("HTTP/1.1 200 ")) || !span_ends(*text, end)))
		err = E_BAD;
	if (err == E_OK) {
		*text = span_from(*text, body + 4);
		*text = span_head(*text, text->n - end.n);
	}
	return err;
}

/* ---- for people: lines that say something, a histogram in one ---- */

/* "name{label="value"} number": its parts */
static void
split(struct span line, struct span *name, struct span *label, struct span *value)
{
	*value = span_from(line, span_rfind(line, ' ') + 1);
	line = span_head(line, span_rfind(line, ' '));
	*name = span_cut(&line, '{');
	*label = span_head(line, span_rfind(line, '}'));
}

static void
row(struct table *t, const char *daemon, struct span name, struct span label,
    struct span value)
{
	struct buf prefix = {0};
	buf_putf(&prefix, "merpati_%s_", daemon);
	if (span_starts(name, buf_as_span(&prefix)))
		name = span_from(name, prefix.len);
	table_text(t, span_of(daemon));
	table_text(t, name);
	table_text(t, label);
	table_text(t, value);
	buf_free(&prefix);
}

/* The bound below which 99 of 100 are. */
static struct span
bound_of_most(struct span lines, uint64_t count)
{
	struct span name, label, value, bound = SPAN("+Inf");
	uint64_t n;
	while (lines.n) {
		split(span_cut(&lines, '\n'), &name, &label, &value);
		span_cut(&label, '"');
		bound = span_cut(&label, '"');
		if (span_u64(value, UINT64_MAX, &n) == E_OK && n >= count - count / 100)
			break;
	}
	return bound;
}

/* Its lines begin with the first bucket and end with the sum. */
static void
histogram(struct table *t, const char *daemon, struct span lines)
{
	struct buf said = {0};
	struct span rest = lines, name, label, value, sum = SPAN("0");
	uint64_t count = 0;
	size_t buckets = 0;
	while (rest.n) {
		split(span_cut(&rest, '\n'), &name, &label, &value);
		if (span_ends(name, SPAN("_bucket")))
			buckets = (size_t)(rest.p - lines.p);
		else if (span_ends(name, SPAN("_count")) &&
			 span_u64(value, UINT64_MAX, &count) != E_OK)
			count = 0;
		else if (span_ends(name, SPAN("_sum")))
			sum = value;
	}
	name = span_head(name, span_rfind(name, '_'));
	if (count == 0)
		return;
	struct buf text = {0};
	buf_span(&text, sum);
	buf_putf(&said, "%llu, mean %.6g, 99%% up to %.*s", (unsigned long long)count,
	    strtod(buf_cstr(&text), NULL) / (double)count,
	    SPAN_ARG(bound_of_most(span_head(lines, buckets), count)));
	row(t, daemon, name, SPAN(""), buf_as_span(&said));
	buf_free(&text);
	buf_free(&said);
}

static bool
is_of_histogram(struct span line)
{
	struct span name = span_head(line, span_find(line, '{'));
	name = span_head(name, span_find(name, ' '));
	return span_ends(name, SPAN("_bucket")) || span_ends(name, SPAN("_count")) ||
	       span_ends(name, SPAN("_sum"));
}

static void
tell_people(struct table *t, const char *daemon, struct span text)
{
	struct span name, label, value;
	while (text.n) {
		struct span begin = text, line = span_cut(&text, '\n');
		if (span_starts(line, SPAN("#")))
			continue;
		while (is_of_histogram(line) &&
		       is_of_histogram(span_head(text, span_find(text, '\n'))))
			span_cut(&text, '\n');
		if (is_of_histogram(line)) {
			histogram(t, daemon, span_head(begin, begin.n - text.n));
			continue;
		}
		split(line, &name, &label, &value);
		if (!span_eqs(value, "0"))
			row(t, daemon, name, label, value);
	}
}

/* ---- for programs: every sample ---- */

static void
tell_programs(struct table *t, const char *daemon, struct span text)
{
	struct span name, label, value;
	while (text.n) {
		struct span line = span_cut(&text, '\n');
		if (span_starts(line, SPAN("#")))
			continue;
		split(line, &name, &label, &value);
		table_text(t, span_of(daemon));
		table_text(t, name);
		table_text(t, label);
		table_text(t, value);
	}
}

static int
say_silent(const char *daemon, int err)
{
	ctl_say("%s does not tell its numbers: %s", daemon,
	    err == E_DENY ? "not permitted" : err_name(err));
	return err == E_DENY ? EX_NOPERM : EX_TEMPFAIL;
}

int
cmd_metrics(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	bool is_text = false, chosen[DAEMONS];
	const struct opt opts[] = {{.name = "--openmetrics", .flag = &is_text}};
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 0, DAEMONS);
	bool is_named = argc > 0;
	if (status == EX_OK)
		status = daemons_chosen(c, argc, argv, chosen);
	if (status != EX_OK)
		return status;
	for (size_t d = 0; d < DAEMONS; d++) {
		struct buf in = {.max = METRICS_ANSWER_MAX};
		const char *name = daemon_names[d].name;
		struct span text;
		if (!chosen[d] || (!is_named && !daemon_pid(c->conf, name)))
			continue;
		int err = scrape(c->conf, name, &in, &text);
		if (err != E_OK)
			status = say_silent(name, err);
		else if (is_text)
			printf("%.*s", SPAN_ARG(text));
		else if (c->is_json)
			tell_programs(&t, name, text);
		else
			tell_people(&t, name, text);
		buf_free(&in);
	}
	if (is_text)
		printf("# EOF\n");
	else
		table_print(&t, c->is_json);
	table_free(&t);
	return status == EX_OK ? ctl_done() : status;
}
