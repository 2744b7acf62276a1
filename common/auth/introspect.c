/* SPDX-License-Identifier: ISC */
/*
 * introspect.c - questions to the issuer: its addresses first, by the role "resolver", where they are not
 * known from a moment ago; then one POST each.  Everything in the loop of the process.
 */
#include "auth/introspect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/fetch.h"
#include "proc/child.h"
#include "proc/loop.h"

enum { ARENA_BYTES = 256 << 10, CREDENTIALS_MAX = 700, ADDRESS_BYTES = 16 };

struct introspect {
	struct introspect *next; /* all */
	introspect_fn *fn;
	void *ctx;
	struct buf body;          /* own: the form */
	int chan;                 /* own: to fetch; -1 */
	struct loop_fd *watch;    /* own */
	struct loop_timer *timer; /* own */
	bool is_over;             /* fn was, or is being called */
	const char *why;          /* borrow: what it ends with when its timer does */
};

static struct {
	struct span host, path;   /* borrow: the configuration */
	struct buf authorization; /* own */
	struct introspect *all;   /* own */
	size_t n;
	/* the issuer's addresses */
	unsigned char addresses[FETCH_ADDRESSES_MAX][ADDRESS_BYTES];
	size_t address_bytes[FETCH_ADDRESSES_MAX];
	size_t n_addresses;
	int64_t known_until_ms;
	int resolver;           /* own; -1 */
	struct loop_fd *answer; /* own */
	unsigned n_awaited;     /* answers */
} the = {.resolver = -1};

/* ---- the configuration ---- */

bool
introspect_is_configured(const struct conf *conf)
{
	return conf_str(conf, "common", "oauth_introspection")[0] != '\0';
}

bool
auth_asks_issuer(const struct conf *conf)
{
	return introspect_is_configured(conf);
}

/* "https://HOST/PATH", with the one port that the role fetch may use.  E_OK, E_BAD */
static int
url_parse(const char *text, struct span *host, struct span *path)
{
	struct span s = span_of(text);
	if (!span_starts(s, SPAN("https://")))
		return E_BAD;
	s = span_from(s, 8);
	size_t slash = span_find(s, '/');
	*host = span_head(s, slash);
	*path = span_from(s, slash);
	return dns_name_ok(*host) && fetch_post_path_ok(*path) ? E_OK : E_BAD;
}

static int
wrong(struct buf *errors, const char *path, const char *why)
{
	buf_putf(errors, "%s: %s\n", path, why);
	return E_BAD;
}

/* Its first line.  E_OK, E_BAD with a line in errors */
static int
read_credentials(const char *path, struct buf *errors, struct buf *out)
{
	char text[CREDENTIALS_MAX + 1];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return wrong(errors, path, strerror(errno));
	bool is_ours = fstat(fd, &st) == 0 && (st.st_mode & 077) == 0;
	ssize_t n = is_ours ? read(fd, text, sizeof text) : 0;
	close(fd);
	if (!is_ours)
		return wrong(
		    errors, path, "others may read it: right would be mode 0600");
	struct span all = span_make(text, n > 0 ? (size_t)n : 0),
		    line = span_trim(span_cut(&all, '\n'));
	int err = line.n && line.n < CREDENTIALS_MAX ? E_OK : E_BAD;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '~')
			err = E_BAD;
	if (err == E_OK)
		buf_span(out, line);
	mem_wipe(text, sizeof text);
	return err == E_OK
	           ? E_OK
	           : wrong(errors, path,
			 "right would be \"USER:PASSWORD\" or \"Bearer TOKEN\"");
}

static int
load(const struct conf *conf, struct buf *errors, struct buf *authorization)
{
	const char *url = conf_str(conf, "common", "oauth_introspection"),
		   *path = conf_str(conf, "common", "oauth_credentials");
	struct buf line = {0};
	struct span host, rest;
	if (!introspect_is_configured(conf))
		return E_OK;
	if (url_parse(url, &host, &rest) != E_OK)
		return wrong(errors, conf_path(conf),
		    "oauth_introspection: right would be https://HOST/PATH, without a "
		    "port");
	int err = read_credentials(path, errors, &line);
	if (err == E_OK && span_starts(buf_as_span(&line), SPAN("Bearer "))) {
		buf_span(authorization, buf_as_span(&line));
	} else if (err == E_OK) {
		buf_str(authorization, "Basic ");
		buf_base64(authorization, buf_as_span(&line));
	}
	buf_wipe(&line);
	return err;
}

int
introspect_check(const struct conf *conf, struct buf *errors)
{
	struct buf authorization = {0};
	int err = load(conf, errors, &authorization);
	buf_wipe(&authorization);
	return err;
}

int
introspect_open(const struct conf *conf)
{
	struct buf errors = {0};
	buf_wipe(&the.authorization);
	int err = load(conf, &errors, &the.authorization);
	if (err == E_OK && introspect_is_configured(conf))
		err = url_parse(conf_str(conf, "common", "oauth_introspection"),
		    &the.host, &the.path);
	if (err != E_OK)
		log_event(
		    LOG_ERR, "oauth_failed", "why=%s", log_q(buf_as_span(&errors)));
	buf_free(&errors);
	return err;
}

/* ---- the end of a question ---- */

static void
free_one(struct introspect *q)
{
	struct introspect **link = &the.all;
	while (*link && *link != q)
		link = &(*link)->next;
	if (*link) {
		*link = q->next;
		the.n--;
	}
	loop_unwatch(&q->watch);
	loop_timer_free(&q->timer);
	ask_hang_up(&q->chan);
	buf_wipe(&q->body);
	mem_free(&q);
}

void
introspect_cancel(struct introspect **qp)
{
	if (*qp && !(*qp)->is_over)
		free_one(*qp);
	*qp = NULL;
}

static void
end(struct introspect *q, int err, struct span json, const char *why)
{
	if (err != E_OK)
		log_event(LOG_WARNING, "introspection_failed", "host=%s why=%s",
		    log_q(the.host), log_qs(why));
	q->is_over = true;
	q->fn(q->ctx, err, json);
	free_one(q);
}

static void
on_time(void *ctx)
{
	struct introspect *q = ctx;
	end(q, E_IO, SPAN(""), q->why);
}

/* ---- the POST ---- */

static void
on_fetched(void *ctx, int fd, unsigned events)
{
	struct introspect *q = ctx;
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct buf in = {0};
	struct fetch_answer a;
	struct ask_msg m;
	(void)events;
	int err = ask_recv(fd, &in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK)
		err = fetch_answer_get(&m.body, &arena, &a);
	if (err != E_OK)
		end(q, E_IO, SPAN(""), "nobody fetches now");
	else if (a.status != FETCH_OK)
		end(q, E_IO, SPAN(""), fetch_status_name(a.status));
	else
		end(q, E_OK, a.body, NULL);
	buf_wipe(&in);
	arena_reset(&arena);
}

/* By the loop: who called us may hold it. */
static void
end_soon(struct introspect *q, const char *why)
{
	q->why = why;
	loop_timer_set(q->timer, 0);
}

static void
post(struct introspect *q)
{
	struct fetch_question f = {.host = the.host,
	    .path = the.path,
	    .type = SPAN("application/x-www-form-urlencoded"),
	    .body = buf_as_span(&q->body),
	    .authorization = buf_as_span(&the.authorization),
	    .n_addresses = the.n_addresses};
	struct buf body = {.max = ASK_MSG_MAX - 2};
	for (size_t i = 0; i < the.n_addresses; i++)
		f.addresses[i] = span_make(the.addresses[i], the.address_bytes[i]);
	fetch_question_put(&body, &f);
	int err = child_channel("fetch", &q->chan);
	if (err != E_OK)
		q->chan = -1;
	else
		err = ask_send(q->chan, FETCH_ASK, buf_as_span(&body), -1, 0);
	if (err == E_OK)
		q->watch = loop_watch(child_loop(), q->chan, LOOP_READ, on_fetched, q);
	else
		end_soon(q, "nobody fetches now");
	buf_wipe(&body);
}

/* ---- the addresses ---- */

static void
forget_resolver(void)
{
	loop_unwatch(&the.answer);
	ask_hang_up(&the.resolver);
	the.n_awaited = 0;
}

static void
take_addresses(const struct dns_answer *a)
{
	for (size_t i = 0; i < a->n_records && the.n_addresses < FETCH_ADDRESSES_MAX;
	     i++) {
		struct span data = a->records[i].data;
		if (data.n != 4 && data.n != ADDRESS_BYTES)
			continue;
		memcpy(the.addresses[the.n_addresses], data.p, data.n);
		the.address_bytes[the.n_addresses++] = data.n;
	}
}

/* All who waited for the addresses. */
static void
resolved(void)
{
	the.known_until_ms =
	    clock_mono_ms() + (the.n_addresses ? INTROSPECT_DNS_MS : 0);
	for (struct introspect *q = the.all; q; q = q->next)
		if (q->chan < 0 && !q->is_over && the.n_addresses)
			post(q);
		else if (q->chan < 0 && !q->is_over)
			end_soon(q, "no address is known for it");
}

static void
on_resolved(void *ctx, int fd, unsigned events)
{
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct buf in = {0};
	struct dns_answer a;
	struct ask_msg m;
	(void)ctx, (void)events;
	int err = ask_recv(fd, &in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK) {
		(void)rd_u32(&m.body);
		if (dns_answer_get(&m.body, &arena, &a) == E_OK)
			take_addresses(&a);
	}
	the.n_awaited--;
	if (err != E_OK || the.n_awaited == 0) {
		forget_resolver();
		resolved();
	}
	buf_free(&in);
	arena_reset(&arena);
}

static int
ask_resolver(enum dns_kind kind, uint32_t number)
{
	struct buf body = {0};
	buf_u32(&body, number);
	buf_u16(&body, (uint16_t)kind);
	buf_bytes(&body, the.host);
	int err = ask_send(the.resolver, RESOLVER_QUERY, buf_as_span(&body), -1, 0);
	buf_free(&body);
	return err;
}

/* E_OK: on_resolved will be called */
static int
resolve(void)
{
	static const enum dns_kind kinds[] = {DNS_AAAA, DNS_A};

	if (the.n_awaited)
		return E_OK;
	if (child_channel("resolver", &the.resolver) != E_OK) {
		the.resolver = -1;
		return E_IO;
	}
	the.n_addresses = 0;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (ask_resolver(kinds[i], (uint32_t)i + 1) != E_OK) {
			forget_resolver();
			return E_IO;
		}
	the.n_awaited = COUNT(kinds);
	the.answer =
	    loop_watch(child_loop(), the.resolver, LOOP_READ, on_resolved, NULL);
	return E_OK;
}

/* ---- a question ---- */

/* Of a form: a token may hold "+", "/" and "=" beside what stands for itself (RFC 6750 2.1). */
static void
put_form(struct span token, struct buf *out)
{
	buf_str(out, "token_type_hint=access_token&token=");
	for (size_t i = 0; i < token.n; i++)
		if (ch_alnum(token.p[i]) || token.p[i] == '-' || token.p[i] == '.' ||
		    token.p[i] == '_' || token.p[i] == '~')
			buf_ch(out, token.p[i]);
		else
			buf_putf(out, "%%%02X", (unsigned)(unsigned char)token.p[i]);
}

struct introspect *
introspect_ask(struct span token, introspect_fn *fn, void *ctx)
{
	bool is_known = clock_mono_ms() < the.known_until_ms;
	if (the.n >= INTROSPECT_MOST || (!is_known && resolve() != E_OK))
		return NULL;
	struct introspect *q = mem_new(sizeof *q);
	*q = (struct introspect){.next = the.all,
	    .fn = fn,
	    .ctx = ctx,
	    .body.max = FETCH_BODY_MAX,
	    .why = "not in time",
	    .chan = -1};
	the.all = q;
	the.n++;
	put_form(token, &q->body);
	q->timer = loop_timer_new(child_loop(), on_time, q);
	loop_timer_set(q->timer, INTROSPECT_MS);
	if (is_known)
		post(q);
	return q;
}
