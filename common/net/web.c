/* SPDX-License-Identifier: ISC */
/* web.c - the one door to libcurl. */
#include "net/web.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>

#include "base/log.h"
#include "proc/loop.h"
#include "proc/module.h"

/* The library is loaded by web_open: what is taken of it. */
#undef curl_easy_setopt /* a macro would name the function that nobody links */
#undef curl_easy_getinfo
#undef curl_multi_setopt
/* clang-format off */
#define FUNCTIONS(_) \
	_(global_init) \
	_(easy_cleanup) _(easy_getinfo) _(easy_init) _(easy_setopt) _(easy_strerror) \
	_(multi_add_handle) _(multi_assign) _(multi_info_read) _(multi_init) \
	_(multi_remove_handle) _(multi_setopt) _(multi_socket_action) \
	_(slist_append) _(slist_free_all)
/* clang-format on */
#define MEMBER(name) __typeof__(curl_##name) *name;
#define TAKE(name) module_take(module, "curl_" #name, &lib.name);

static struct {
	FUNCTIONS(MEMBER)
} lib;

static bool
library_load(void)
{
	void *module = module_open("net", "net_curl");
	if (module) {
		FUNCTIONS(TAKE)
	} else
		log_event(
		    LOG_CRIT, "fetch_failed", "at=library err=%s", log_qs(dlerror()));
	return module;
}

struct web_get {
	CURL *easy;                   /* own */
	struct curl_slist *addresses; /* own: libcurl borrows it */
	struct curl_slist *headers;   /* own: as well */
	struct buf body;
	bool is_post;
	bool is_ask; /* a POST of which the answer is wanted */
	char error[CURL_ERROR_SIZE];
	void *ctx;
};

static struct {
	CURLM *multi;
	struct loop *loop;
	struct loop_timer *timer;
	const char *ca_file;
	web_fn *fn;
} web;

static void
get_free(struct web_get *g)
{
	lib.multi_remove_handle(web.multi, g->easy);
	lib.easy_cleanup(g->easy);
	lib.slist_free_all(g->addresses);
	lib.slist_free_all(g->headers);
	buf_free(&g->body);
	mem_free(&g);
}

void
web_cancel(struct web_get **gp)
{
	if (*gp)
		get_free(*gp);
	*gp = NULL;
}

/* ---- what became of it ---- */

static enum fetch_status
status_of(CURLcode code, const struct web_get *g, long http_status)
{
	const char *type = NULL;
	if (g->body.err != E_OK || code == CURLE_FILESIZE_EXCEEDED)
		return FETCH_TOO_LARGE;
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return FETCH_UNTRUSTED;
	if (code != CURLE_OK)
		return FETCH_UNREACHABLE;
	if (g->is_post && !g->is_ask)
		return http_status / 100 == 2 ? FETCH_OK : FETCH_REFUSED;
	if (http_status != 200)
		return FETCH_REFUSED;
	lib.easy_getinfo(g->easy, CURLINFO_CONTENT_TYPE, &type);
	struct span rest = span_of(type), media = span_trim(span_cut(&rest, ';'));
	return span_ieqs(media, g->is_ask ? "application/json" : "text/plain")
	           ? FETCH_OK
	           : FETCH_NO_TEXT;
}

static void
finished(struct web_get *g, CURLcode code)
{
	long http_status = 0;
	lib.easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &http_status);
	struct fetch_answer a = {.status = status_of(code, g, http_status),
	    .http_status =
		http_status > 0 && http_status < 1000 ? (uint16_t)http_status : 0};
	if (a.status == FETCH_OK)
		a.body = g->is_post && !g->is_ask ? SPAN("") : buf_as_span(&g->body);
	else if (code != CURLE_OK)
		a.why = span_of(g->error[0] ? g->error : lib.easy_strerror(code));
	else
		a.why = span_of(fetch_status_name(a.status));
	web.fn(g->ctx, &a);
	get_free(g);
}

static void
take_finished(void)
{
	int left;
	CURLMsg *m;
	while ((m = lib.multi_info_read(web.multi, &left)) != NULL) {
		struct web_get *g = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE ||
		    lib.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &g) !=
			CURLE_OK ||
		    !g)
			bug("a fetch of nobody's");
		finished(g, code);
	}
}

/* ---- the loop ---- */

static void
act(curl_socket_t fd, int events)
{
	int running;
	lib.multi_socket_action(web.multi, fd, events, &running);
	take_finished();
}

static void
on_socket(void *ctx, int fd, unsigned events)
{
	(void)ctx;
	act(fd, ((events & LOOP_READ) ? CURL_CSELECT_IN : 0) |
		    ((events & LOOP_WRITE) ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(void *ctx)
{
	(void)ctx;
	act(CURL_SOCKET_TIMEOUT, 0);
}

static int
set_timer(CURLM *multi, long ms, void *ctx)
{
	(void)multi, (void)ctx;
	loop_timer_set(web.timer, ms);
	return 0;
}

static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
	struct loop_fd *w = watch;
	unsigned events = (what & CURL_POLL_IN ? LOOP_READ : 0u) |
	                  (what & CURL_POLL_OUT ? LOOP_WRITE : 0u);
	(void)easy, (void)ctx;
	if (what == CURL_POLL_REMOVE) {
		loop_unwatch(&w);
		lib.multi_assign(web.multi, fd, NULL);
	} else if (w)
		loop_events(w, events);
	else
		lib.multi_assign(
		    web.multi, fd, loop_watch(web.loop, fd, events, on_socket, NULL));
	return 0;
}

int
web_open(const char *ca_file, struct loop *loop, web_fn *fn)
{
	web.loop = loop;
	web.ca_file = ca_file;
	web.fn = fn;
	if (!library_load())
		return E_IO;
	if (lib.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (web.multi = lib.multi_init()) == NULL) {
		log_event(LOG_CRIT, "fetch_failed", "%s", "at=curl_global_init");
		return E_IO;
	}
	web.timer = loop_timer_new(loop, on_timer, NULL);
	lib.multi_setopt(web.multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	lib.multi_setopt(web.multi, CURLMOPT_TIMERFUNCTION, set_timer);
	return E_OK;
}

/* ---- a fetch ---- */

static size_t
take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct web_get *g = ctx;
	buf_put(&g->body, p, size * n);
	return g->body.err == E_OK ? size * n : 0; /* 0: it is ended */
}

/*
 * "+HOST:443:192.0.2.1,[2001:db8::1]": the name is not looked up again; + lets libcurl forget it in
 * time.
 */
static void
pin_addresses(struct web_get *g, const struct fetch_question *q)
{
	struct buf text = {0};
	char address[INET6_ADDRSTRLEN];
	buf_putf(&text, "+%.*s:%d:", SPAN_ARG(q->host), FETCH_PORT);
	for (size_t i = 0; i < q->n_addresses; i++) {
		bool is_v6 = q->addresses[i].n == 16;
		if (inet_ntop(is_v6 ? AF_INET6 : AF_INET, q->addresses[i].p, address,
			sizeof address))
			buf_putf(
			    &text, is_v6 ? "%s[%s]" : "%s%s", i ? "," : "", address);
	}
	g->addresses = lib.slist_append(NULL, buf_cstr(&text));
	buf_free(&text);
}

/* The first failure of a row of options. */
#define SET(option, value) (err = err ? err : lib.easy_setopt(g->easy, option, value))

static CURLcode
set_transport(struct web_get *g)
{
	CURLcode err = CURLE_OK;
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAINFO, web.ca_file);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)FETCH_TIME_MS);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_MS);
	SET(CURLOPT_MAXFILESIZE, (long)FETCH_BODY_MAX);
	return err;
}

static void
add_authorization(struct web_get *g, struct span authorization)
{
	struct buf line = {0};
	buf_putf(&line, "Authorization: %.*s", SPAN_ARG(authorization));
	g->headers = lib.slist_append(g->headers, buf_cstr(&line));
	buf_wipe(&line);
}

/* Its bytes are copied, and sent without being asked for (RFC 9110 10.1.1). */
static CURLcode
set_post(struct web_get *g, const struct fetch_question *q)
{
	CURLcode err = CURLE_OK;
	struct buf type = {0};
	buf_putf(&type, "Content-Type: %.*s", SPAN_ARG(q->type));
	g->headers = lib.slist_append(g->headers, buf_cstr(&type));
	g->headers = lib.slist_append(g->headers, "Expect:");
	if (g->is_ask)
		add_authorization(g, q->authorization);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE, (long)q->body.n);
	SET(CURLOPT_COPYPOSTFIELDS, q->body.p);
	buf_free(&type);
	return err;
}

static CURLcode
set_request(struct web_get *g, const struct fetch_question *q)
{
	CURLcode err = CURLE_OK;
	struct buf url = {0};
	buf_putf(&url, "https://%.*s:%d%.*s", SPAN_ARG(q->host), FETCH_PORT,
	    SPAN_ARG(q->path));
	pin_addresses(g, q);
	g->headers = lib.slist_append(NULL, g->is_ask    ? "Accept: application/json"
					    : g->is_post ? "Accept: */*"
							 : "Accept: text/plain");
	SET(CURLOPT_URL, buf_cstr(&url));
	SET(CURLOPT_RESOLVE, g->addresses);
	if (g->is_post)
		err = set_post(g, q);
	SET(CURLOPT_HTTPHEADER, g->headers);
	SET(CURLOPT_USERAGENT, "merpati/" MERPATI_VERSION);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, g);
	SET(CURLOPT_ERRORBUFFER, g->error);
	SET(CURLOPT_PRIVATE, g);
	buf_free(&url);
	return err;
}

struct web_get *
web_start(const struct fetch_question *q, void *ctx)
{
	struct web_get *g = mem_new(sizeof *g);
	g->body.max = FETCH_BODY_MAX;
	g->is_post = fetch_question_kind(q) != FETCH_GET;
	g->is_ask = fetch_question_kind(q) == FETCH_ASK;
	g->ctx = ctx;
	g->easy = lib.easy_init();
	if (!g->easy)
		bug("curl_easy_init");
	CURLcode err = set_transport(g);
	if (err == CURLE_OK)
		err = set_request(g, q);
	if (err != CURLE_OK || lib.multi_add_handle(web.multi, g->easy) != CURLM_OK) {
		log_event(
		    LOG_ERR, "fetch_failed", "err=%s", log_qs(lib.easy_strerror(err)));
		web_cancel(&g);
	}
	return g;
}
