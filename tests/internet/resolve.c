/* SPDX-License-Identifier: ISC */
/*
 * resolve.c - a daemon for tests, with a resolver, one who fetches, and one who asks them.  Whoever
 * connects to RUN/queue/questions sends a line of questions, "MX example.test, A mx.example.test
 * 500": at once, with a deadline in ms where the last word is a number.  A line for each comes
 * back: the answer as JSON.  "GET HOST PATH" fetches.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/fetch.h"
#include "net/resolver.h"
#include "proc/daemon.h"
#include "proc/io.h"
#include "tests/internet/fetch_get.h"

enum { RESOLVER, FETCH, ASKER };

enum { LINE_MAX_BYTES = 20000, ARENA_BYTES = 4 << 20 };

static struct resolver resolver = {.chan = -1};
static struct fetcher fetcher = {.chan = -1};

static enum dns_kind
kind_of(struct span s)
{
	static const enum dns_kind kinds[] = {
	    DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (span_eqs(s, dns_kind_name(kinds[i])))
			return kinds[i];
	bug("no such kind of record");
}

static void
data_put(struct buf *out, enum dns_kind kind, const struct dns_record *r)
{
	struct buf text = {0};
	if (kind == DNS_MX)
		buf_putf(&text, "%u %.*s", r->preference, SPAN_ARG(r->data));
	else if (kind == DNS_TLSA)
		buf_putf(&text, "%u %u %u ", r->usage, r->selector, r->matching);
	if (kind == DNS_A || kind == DNS_AAAA || kind == DNS_TLSA)
		buf_hex(&text, r->data);
	else if (kind != DNS_MX)
		buf_span(&text, r->data);
	buf_quoted(out, buf_as_span(&text));
	buf_free(&text);
}

static void
answer_put(struct buf *out, enum dns_kind kind, const struct dns_answer *a)
{
	buf_putf(out,
	    "{\"status\": \"%s\", \"secure\": %d, \"alias\": %d, \"cut\": %d, "
	    "\"unusable\": %u, \"ttl\": %u, \"name\": ",
	    dns_status_name(a->status), a->is_secure, a->has_alias, a->is_cut,
	    a->n_unusable, a->ttl_sec);
	buf_quoted(out, a->name);
	buf_str(out, ", \"why\": ");
	buf_quoted(out, a->why);
	buf_str(out, ", \"records\": [");
	for (size_t i = 0; i < a->n_records; i++) {
		buf_str(out, i ? ", " : "");
		data_put(out, kind, &a->records[i]);
	}
	buf_str(out, "]}\n");
}

static void
answer_line(struct span line, struct buf *out)
{
	struct resolver_query q[RESOLVER_QUERIES_MAX] = {0};
	struct arena arena = {.max_bytes = ARENA_BYTES};
	uint64_t wait_ms = RESOLVER_WAIT_MS;
	size_t n = 0;
	while (line.n && n < COUNT(q)) {
		struct span words = span_trim(span_cut(&line, ','));
		q[n].kind = kind_of(span_cut(&words, ' '));
		q[n++].name = span_cut(&words, ' ');
		if (words.n && span_u64(words, RESOLVER_WAIT_MS, &wait_ms) != E_OK)
			bug("a wait that is no number");
	}
	resolver_ask(&resolver, q, n, &arena, deadline_in_ms((int64_t)wait_ms));
	for (size_t i = 0; i < n; i++)
		answer_put(out, q[i].kind, &q[i].answer);
	arena_reset(&arena);
}

static void
fetch_line(struct span words, struct buf *out)
{
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct span host = span_cut(&words, ' '), path = span_cut(&words, ' ');
	uint64_t wait_ms = FETCH_TIME_MS;
	if (words.n && span_u64(words, FETCH_TIME_MS, &wait_ms) != E_OK)
		bug("a wait that is no number");
	struct fetch_answer a = fetch_get(
	    &fetcher, &resolver, host, path, &arena, deadline_in_ms((int64_t)wait_ms));
	buf_putf(out,
	    "{\"status\": \"%s\", \"http\": %u, \"why\": ", fetch_status_name(a.status),
	    a.http_status);
	buf_quoted(out, a.why);
	buf_str(out, ", \"body\": ");
	buf_quoted(out, a.body);
	buf_str(out, "}\n");
	arena_reset(&arena);
}

static void
serve(int fd)
{
	static char line[LINE_MAX_BYTES];
	struct buf out = {0};
	while (io_wait(fd, POLLIN, DEADLINE_NONE, IO_AT_DRAIN) == E_OK) {
		ssize_t n = recv(fd, line, sizeof line, 0);
		if (n <= 0)
			break;
		buf_reset(&out);
		struct span said = span_make(line, (size_t)n);
		if (span_starts(said, SPAN("GET ")))
			fetch_line(span_from(said, 4), &out);
		else
			answer_line(said, &out);
		if (send(fd, out.p, out.len, MSG_NOSIGNAL) < 0)
			break;
	}
	buf_free(&out);
	close(fd);
}

static int
asker_run(void)
{
	while (io_wait(the_child.listeners[0].fd, POLLIN, DEADLINE_NONE, IO_AT_DRAIN) ==
	       E_OK) {
		int fd = accept(the_child.listeners[0].fd, NULL, NULL);
		if (fd >= 0)
			serve(fd);
	}
	return EX_OK;
}

static void
asker_jail(struct jail *j)
{
	j->calls = JAIL_ACCEPT;
}

/* clang-format off */
static const struct role roles[] = {
	[RESOLVER] = {.name = "resolver", .user = USER_NET, .at_start = 1,
		.prepare = resolver_prepare, .jail = resolver_jail, .run = resolver_run},
	[FETCH] = {.name = "fetch", .user = USER_NET, .at_start = 1,
		.prepare = fetch_prepare, .jail = fetch_jail, .run = fetch_run},
	[ASKER] = {.name = "asker", .user = USER_NET, .at_start = 2, .channels = 1u << RESOLVER | 1u << FETCH,
		.monitor_asks = MON_MAY(MON_CHANNEL), .jail = asker_jail, .run = asker_run},
};

/* clang-format on */

int
main(int argc, char **argv)
{
	static const char *const sockets[] = {"questions", NULL};
	static const struct daemon resolve = {.name = "queue",
	    .about = "asks the DNS and fetches, for tests",
	    .roles = roles,
	    .n_roles = COUNT(roles),
	    .unix_sockets = sockets,
	    .self_test = resolver_self_test};
	return daemon_main(&resolve, argc, argv);
}
