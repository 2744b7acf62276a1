/* SPDX-License-Identifier: ISC */
/* unbound.c - the one door to libunbound. */
#include "net/unbound.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unbound-event.h>
#include <unbound.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/loop.h"
#include "proc/module.h"

enum { CLASS_IN = 1, BOGUS = 1, SECURE = 2 };

/*
 * The keys of the root: of 2017, and of 2024 (https://data.iana.org/root-anchors/root-anchors.xml).
 */
static const char *const root_anchors[] = {
    ". IN DS 20326 8 2 "
    "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 "
    "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"};

/* clang-format off */
static const struct {
	const char *name, *value;
} options[] = {
	/* many at once: the library expects a program that asks now and then */
	{"outgoing-range:",        "256"},
	{"num-queries-per-thread:", "2048"},
	{"outgoing-num-tcp:",      "16"},
	/* a server that was dead is tried again soon, not after 15 minutes */
	{"infra-host-ttl:",        "60"},
	{"infra-keep-probing:",    "yes"},
	{"infra-cache-numhosts:",  "4000"},
	{"neg-cache-size:",        "256k"},
	/* networks of their own have names of their own; only localhost is known without asking */
	{"unblock-lan-zones:",     "yes"},
	{"local-zone:",            "test. transparent"},
	{"local-zone:",            "home.arpa. transparent"},
	{"local-zone:",            "127.in-addr.arpa. transparent"},
	{"local-data:",            "1.0.0.127.in-addr.arpa. 10800 IN PTR localhost."},
};

/* clang-format on */

/* The library is loaded by unbound_open: what is taken of it. */
/* clang-format off */
#define FUNCTIONS(_) \
	_(cancel) _(resolve_event) _(strerror) \
	_(ctx_add_ta) _(ctx_add_ta_file) _(ctx_create_event) _(ctx_debugout) \
	_(ctx_resolvconf) _(ctx_set_fwd) _(ctx_set_option)
/* clang-format on */
#define MEMBER(name) __typeof__(ub_##name) *name;
#define TAKE(name) module_take(module, "ub_" #name, &lib.name);

static struct {
	FUNCTIONS(MEMBER)
} lib;

static bool
library_load(void)
{
	void *module = module_open("net", "net_unbound");
	if (module) {
		FUNCTIONS(TAKE)
	} else
		log_event(LOG_CRIT, "resolver_failed", "at=library err=%s",
		    log_qs(dlerror()));
	return module;
}

static struct ub_ctx *ub; /* own; for ever */
static unbound_fn *answer_fn;

static int
failed(const char *what, const char *value, int err)
{
	log_event(LOG_CRIT, "resolver_failed", "at=%s value=%s err=%s", what,
	    log_qs(value), log_qs(lib.strerror(err)));
	return E_BAD;
}

static int
set_option(const char *name, const char *value)
{
	int err = lib.ctx_set_option(ub, name, value);
	return err ? failed(name, value, err) : E_OK;
}

static int
set_size(const char *name, int64_t bytes)
{
	struct buf value = {0};
	buf_putf(&value, "%lld", (long long)bytes);
	int err = set_option(name, buf_cstr(&value));
	buf_free(&value);
	return err;
}

/* A third for messages, half for records, the rest for keys. */
static int
set_cache(int64_t bytes)
{
	int err = set_size("msg-cache-size:", bytes / 3);
	if (err == E_OK)
		err = set_size("rrset-cache-size:", bytes / 2);
	return err == E_OK ? set_size("key-cache-size:", bytes / 6) : err;
}

static int
set_server(const char *setting)
{
	struct buf server = {0};
	if (!strcmp(setting, "system")) {
		int err = lib.ctx_resolvconf(ub, NULL);
		return err ? failed("resolver_forward", "/etc/resolv.conf", err) : E_OK;
	}
	dns_server_parse(span_of(setting), &server);
	int err = lib.ctx_set_fwd(ub, buf_cstr(&server));
	if (err)
		failed("resolver_forward", buf_cstr(&server), err);
	buf_free(&server);
	return err ? E_BAD : E_OK;
}

static int
set_servers(const struct conf *c)
{
	size_t n = conf_list_count(c, "common", "resolver_forward");
	/*
	 * a server that an admin names may be on this host; one that a stranger's zone names may
	 * not
	 */
	int err = set_option("do-not-query-localhost:", n ? "no" : "yes");
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = set_server(conf_list(c, "common", "resolver_forward", i));
	return err;
}

static int
set_anchors(const struct conf *c)
{
	size_t n = conf_list_count(c, "common", "resolver_trust_anchors");
	int err = 0;
	if (!conf_bool(c, "common", "resolver_dnssec"))
		return E_OK;
	for (size_t i = 0; i < n && !err; i++)
		err = lib.ctx_add_ta_file(
		    ub, conf_list(c, "common", "resolver_trust_anchors", i));
	for (size_t i = 0; n == 0 && i < COUNT(root_anchors) && !err; i++)
		err = lib.ctx_add_ta(ub, root_anchors[i]);
	return err ? failed("resolver_trust_anchors", "", err) : E_OK;
}

static void
on_finished(
    void *ctx, int rcode, void *packet, int len, int sec, char *why, int was_limited)
{
	(void)ctx, (void)rcode, (void)packet, (void)len, (void)sec, (void)why,
	    (void)was_limited;
}

/* The first question makes the library read its files: one that needs no network. */
static int
finish(void)
{
	int err = lib.resolve_event(
	    ub, "localhost.", DNS_A, CLASS_IN, NULL, on_finished, NULL);
	return err ? failed("start",
			 "is every file of resolver_trust_anchors one of DS or DNSKEY "
			 "records?",
			 err)
	           : E_OK;
}

int
unbound_open(const struct conf *c, struct loop *loop, unbound_fn *fn)
{
	int err = E_OK;
	answer_fn = fn;
	if (!library_load())
		return E_BAD;
	ub = lib.ctx_create_event(loop_base(loop));
	if (!ub)
		bug("ub_ctx_create_event");
	lib.ctx_debugout(ub, NULL);
	for (size_t i = 0; i < COUNT(options) && err == E_OK; i++)
		err = set_option(options[i].name, options[i].value);
	if (err == E_OK)
		err = set_cache(conf_int(c, "common", "resolver_cache"));
	if (err == E_OK)
		err = set_servers(c);
	if (err == E_OK)
		err = set_anchors(c);
	return err == E_OK ? finish() : err;
}

/* ---- questions ---- */

static void
on_answer(
    void *ctx, int rcode, void *packet, int len, int sec, char *why, int was_limited)
{
	struct unbound_result r = {.rcode = (unsigned)rcode,
	    .is_secure = sec == SECURE,
	    .is_bogus = sec == BOGUS,
	    .why = why};
	(void)was_limited;
	if (rcode == 0 && packet && len > 0)
		r.packet = span_make(packet, (size_t)len);
	answer_fn(ctx, &r);
}

int
unbound_ask(enum dns_kind kind, const char *name, void *ctx, int *id)
{
	return lib.resolve_event(ub, name, (int)kind, CLASS_IN, ctx, on_answer, id) == 0
	           ? E_OK
	           : E_IO;
}

void
unbound_cancel(int id)
{
	lib.cancel(ub, id);
}
