/* SPDX-License-Identifier: ISC */
/*
 * test_auth.c - conversations with the asks of the role "auth"; the account table is this file's.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "account/app.h"
#include "auth/auth.h"
#include "auth/mech.h"
#include "auth/scram.h"
#include "auth/verify.h"
#include "base/clock.h"
#include "base/id.h"
#include "conf/conf.h"
#include "proc/child.h"

/*
 * ---- accounts: u1 and sleeper, password "pass"; old has SCRAM-SHA-1 alone; broken cannot be read
 * ----
 */

static struct {
	char dir[64];
	struct conf *conf;
	struct buf both, only_1;
	struct buf apps; /* the row of u1 and strict */
	struct app_row app_row;
	struct buf app_verifiers[5];
	struct asker *asker;
	int chan;
	struct buf scratch, body, in;
} the;

int
accounts_open(const char *dir, bool may_read_secrets, struct accounts **out)
{
	(void)dir;
	assert_true(may_read_secrets);
	*out = (struct accounts *)&the;
	return E_OK;
}

void
accounts_close(struct accounts **a)
{
	*a = NULL;
}

int
account_get(
    struct accounts *a, struct span address, struct arena *arena, struct account *out)
{
	(void)a;
	if (span_eqs(address, "broken@example.test"))
		return E_IO;
	*out = (struct account){.address = arena_span(arena, address),
	    .uid = 1,
	    .gid = 1,
	    .is_suspended = span_eqs(address, "sleeper@example.test"),
	    .apps_only =
		span_eqs(address, "strict@example.test") ? APP_POP | APP_IMAP : 0};
	return span_search(address, SPAN("nobody")) == 0 ? E_BAD : E_OK;
}

int
account_verifiers(struct accounts *a, struct span address, struct buf *out)
{
	(void)a;
	if (span_eqs(address, "broken@example.test"))
		return E_IO;
	if (span_eqs(address, "u1@example.test") ||
	    span_eqs(address, "sleeper@example.test") ||
	    span_eqs(address, "strict@example.test"))
		buf_span(out, buf_as_span(&the.both));
	else if (span_eqs(address, "old@example.test"))
		buf_span(out, buf_as_span(&the.only_1));
	else if (span_starts(address, SPAN("many"))) /* each with a salt of its own */
		assert_int_equal(scram_verifier_make_salted(SPAN("SCRAM-SHA-256"),
				     SPAN("pass"), 4096, address, out),
		    E_OK);
	else
		return E_BAD;
	return E_OK;
}

/* ---- app passwords of u1 and strict, by number: "k7q2m-0xvbn-t4zrd-h9wcN" ---- */

enum { APP_ANY, APP_MAIL_ONLY, APP_OLD, APP_HERE, APP_THERE, APPS };

static const struct app_password apps[APPS] = {
    [APP_ANY] = {.name = SPAN("any"), .protocols = APP_ALL},
    [APP_MAIL_ONLY] = {.name = SPAN("smtp-only"), .protocols = APP_SMTP},
    [APP_OLD] = {.name = SPAN("old"), .protocols = APP_ALL, .expires_sec = 1000},
    [APP_HERE] = {.name = SPAN("here"),
	.protocols = APP_ALL,
	.expires_sec = INT64_MAX,
	.networks = SPAN("2001:db8::/32 192.0.2.0/24")},
    [APP_THERE] = {.name = SPAN("there"),
	.protocols = APP_ALL,
	.networks = SPAN("198.51.100.0/24")},
};

static const char *
app_text(int i)
{
	static char text[32];
	snprintf(text, sizeof text, "k7q2m-0xvbn-t4zrd-h9wc%d", i);
	return text;
}

static void
make_apps(void)
{
	the.app_row =
	    (struct app_row){.iterations = 4096, .salt = "0123456789abcde", .n = APPS};
	struct span salt = span_make(the.app_row.salt, APP_SALT_BYTES);
	for (int i = 0; i < APPS; i++) {
		struct span text = span_of(app_text(i));
		struct buf *v = &the.app_verifiers[i];
		assert_int_equal(scram_verifier_make_salted(
				     SPAN("SCRAM-SHA-256"), text, 4096, salt, v),
		    E_OK);
		buf_ch(v, '\n');
		assert_int_equal(scram_verifier_make_salted(
				     SPAN("SCRAM-SHA-1"), text, 4096, salt, v),
		    E_OK);
		the.app_row.all[i] = apps[i];
		the.app_row.all[i].id = id_new();
		the.app_row.all[i].verifiers = buf_as_span(v);
	}
	app_row_put(&the.apps, &the.app_row);
}

int
account_apps(struct accounts *a, struct span address, struct buf *row)
{
	(void)a;
	if (span_eqs(address, "broken@example.test"))
		return E_IO;
	if (!span_eqs(address, "u1@example.test") &&
	    !span_eqs(address, "strict@example.test"))
		return E_BAD;
	buf_span(row, buf_as_span(&the.apps));
	return E_OK;
}

static void
make_conf(void)
{
	struct buf path = {0}, errors = {0};
	buf_putf(&path, "%s/conf", the.dir);
	FILE *f = fopen(buf_cstr(&path), "w");
	assert_non_null(f);
	fprintf(f,
	    "version = 1\ncommon {\n\thostname = \"mail.example.test\"\n\tdomains = "
	    "{\"example.test\"}\n"
	    "\tstate_dir = \"%s\"\n\tplaintext_auth_on_loopback = yes\n}\n",
	    the.dir);
	fclose(f);
	int err = conf_load(buf_cstr(&path), &errors, &the.conf);
	if (err != E_OK)
		print_error("%s", buf_cstr(&errors));
	assert_int_equal(err, E_OK);
	buf_free(&path);
	buf_free(&errors);
}

static int
setup(void **state)
{
	(void)state;
	snprintf(the.dir, sizeof the.dir, "/tmp/test_auth.XXXXXX");
	assert_non_null(mkdtemp(the.dir));
	make_conf();
	assert_int_equal(
	    scram_verifier_make(SPAN("SCRAM-SHA-256"), SPAN("pass"), 4096, &the.both),
	    E_OK);
	buf_ch(&the.both, '\n');
	assert_int_equal(
	    scram_verifier_make(SPAN("SCRAM-SHA-1"), SPAN("pass"), 4096, &the.only_1),
	    E_OK);
	buf_ch(&the.only_1, '\n');
	buf_span(&the.both, buf_as_span(&the.only_1));
	make_apps();
	verify_open(the.conf);
	assert_int_equal(mech_init(the.conf), E_OK);
	return 0;
}

static int
teardown(void **state)
{
	struct buf path = {0};
	(void)state;
	mech_done();
	verify_close();
	conf_free(&the.conf);
	buf_putf(&path, "%s/conf", the.dir);
	unlink(buf_cstr(&path));
	buf_reset(&path);
	buf_putf(&path, "%s/auth_secret", the.dir);
	assert_int_equal(unlink(buf_cstr(&path)), 0);
	assert_int_equal(rmdir(the.dir), 0);
	buf_free(&path);
	buf_free(&the.both);
	buf_free(&the.only_1);
	buf_free(&the.apps);
	for (int i = 0; i < APPS; i++)
		buf_free(&the.app_verifiers[i]);
	return 0;
}

/* ---- one channel, served in this process ---- */

static int
open_channel(void **state)
{
	int pair[2];
	const struct ask_table *t = auth_table(0);
	(void)state;
	ask_pair(pair);
	the.chan = pair[0];
	the.asker = asker_new(pair[1], t->rows, t->n_rows, t->who, NULL);
	return 0;
}

static int
close_channel(void **state)
{
	(void)state;
	auth_table(0)->gone(the.asker);
	asker_free(&the.asker);
	close(the.chan);
	buf_free(&the.scratch);
	buf_free(&the.body);
	buf_free(&the.in);
	return 0;
}

static int
ask(uint16_t type)
{
	assert_int_equal(ask_send(the.chan, type, buf_as_span(&the.body), -1, 0), E_OK);
	buf_reset(&the.body);
	return asker_serve(the.asker, &the.scratch, 1);
}

static struct auth_reply
reply(void)
{
	struct ask_msg m;
	struct auth_reply r;
	assert_int_equal(ask_recv(the.chan, &the.in, &m, 0), E_OK);
	assert_int_equal(auth_get_reply(&m.body, &r), E_OK);
	return r;
}

static const struct auth_conn over_tls = {
    .service = "smtp", .has_tls = true, .client = {"192.0.2.1", 9}};
static const struct auth_conn in_clear = {.service = "pop", .client = {"192.0.2.1", 9}};
static const struct auth_conn bound = {.service = "smtp",
    .has_tls = true,
    .client = {"192.0.2.1", 9},
    .binding_type = SPAN("tls-exporter"),
    .binding = SPAN("0123456789abcdefghijklmnop\0\n,=xy")};
static const struct auth_conn loopback = {.service = "pop", .is_loopback = true};

static struct auth_reply
start(const struct auth_conn *c, const char *mech, const struct span *initial)
{
	auth_put_start(&the.body, c, span_of(mech), initial);
	assert_int_equal(ask(AUTH_START), E_OK);
	return reply();
}

static struct auth_reply
step(struct span response)
{
	auth_put_step(&the.body, response);
	assert_int_equal(ask(AUTH_STEP), E_OK);
	return reply();
}

/* ---- PLAIN and LOGIN ---- */

static void
test_plain(void **state)
{
	static const struct {
		struct span message;
		enum auth_status want;
	} rows[] = {
	    {SPAN("\0u1@example.test\0pass"), AUTH_OK},
	    {SPAN("\0u1\0pass"), AUTH_OK},
	    {SPAN("\0U1@Example.TEST\0pass"), AUTH_OK},
	    {SPAN("u1@example.test\0u1@example.test\0pass"), AUTH_OK},
	    {SPAN("old@example.test\0u1@example.test\0pass"), AUTH_FAIL},
	    {SPAN("\0u1@example.test\0Pass"), AUTH_FAIL},
	    {SPAN("\0u1@example.test\0"), AUTH_FAIL},
	    {SPAN("\0u1@example.test\0pass\0"), AUTH_FAIL},
	    {SPAN("\0\0pass"), AUTH_FAIL},
	    {SPAN("\0u1 @example.test\0pass"), AUTH_FAIL},
	    {SPAN("\0nobody@example.test\0pass"), AUTH_FAIL},
	    {SPAN("\0sleeper@example.test\0pass"), AUTH_SUSPENDED},
	    {SPAN("\0sleeper@example.test\0wrong"), AUTH_FAIL},
	    {SPAN("\0broken@example.test\0pass"), AUTH_TEMP},
	    {SPAN("pass"), AUTH_FAIL},
	    {SPAN(""), AUTH_FAIL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct auth_reply r = start(&over_tls, "PLAIN", &rows[i].message);
		if (r.status != rows[i].want)
			print_error("row %zu\n", i);
		assert_int_equal(r.status, rows[i].want);
		assert_true(
		    span_eqs(r.account, r.status == AUTH_OK ? "u1@example.test" : ""));
		assert_true(id_is_zero(r.ticket));
	}
	assert_int_equal(start(&over_tls, "plain", NULL).status, AUTH_CONTINUE);
	assert_int_equal(step(rows[0].message).status, AUTH_OK);
}

static void
test_login(void **state)
{
	(void)state;
	struct auth_reply r = start(&over_tls, "LOGIN", NULL);
	assert_int_equal(r.status, AUTH_CONTINUE);
	assert_true(span_eqs(r.challenge, "Username:"));
	r = step(SPAN("u1@example.test"));
	assert_int_equal(r.status, AUTH_CONTINUE);
	assert_true(span_eqs(r.challenge, "Password:"));
	assert_int_equal(step(SPAN("pass")).status, AUTH_OK);
	assert_int_equal(
	    start(&over_tls, "LOGIN", &SPAN("bad name")).status, AUTH_FAIL);
	start(&over_tls, "LOGIN", NULL);
	assert_int_equal(step(SPAN("")).status, AUTH_FAIL);
	start(&over_tls, "LOGIN", &SPAN("u1@example.test"));
	assert_int_equal(step(SPAN("wrong")).status, AUTH_FAIL);
}

static void
test_offered(void **state)
{
	struct buf out = {0};
	(void)state;
	auth_mechanisms(the.conf, &over_tls, &out);
	assert_string_equal(buf_cstr(&out), "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
	buf_reset(&out);
	auth_mechanisms(the.conf, &bound, &out);
	assert_string_equal(buf_cstr(&out), "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS "
					    "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN");
	buf_reset(&out);
	auth_mechanisms(the.conf, &in_clear, &out);
	assert_string_equal(buf_cstr(&out), "SCRAM-SHA-256 SCRAM-SHA-1");
	buf_free(&out);
	assert_int_equal(
	    start(&in_clear, "PLAIN", &SPAN("\0u1\0pass")).status, AUTH_NO_MECH);
	assert_int_equal(
	    start(&loopback, "PLAIN", &SPAN("\0u1\0pass")).status, AUTH_OK);
	assert_int_equal(start(&over_tls, "CRAM-MD5", NULL).status, AUTH_NO_MECH);
	assert_int_equal(
	    start(&over_tls, "SCRAM-SHA-256-PLUS", NULL).status, AUTH_NO_MECH);
	assert_int_equal(start(&over_tls, "", NULL).status, AUTH_NO_MECH);
}

/* ---- SCRAM, the client's half ---- */

struct client {
	enum hash_kind kind;
	const char *header;      /* gs2-header */
	struct span binding;     /* that it thinks the connection has */
	struct buf message;      /* AuthMessage */
	struct scram_verifier v; /* of the password, with the server's salt */
	unsigned char client_key[HASH_BYTES_MAX];
};

/* "r=...,s=...,i=..." and a password: what the client can know. */
static void
client_keys(struct client *c, struct span challenge, const char *password)
{
	unsigned char salted[HASH_BYTES_MAX];
	struct buf salt = {0};
	uint64_t iterations;
	size_t n = hash_bytes(c->kind);
	span_cut(&challenge, ',');
	assert_int_equal(
	    base64_decode(span_from(span_cut(&challenge, ','), 2), &salt), E_OK);
	assert_int_equal(span_u64(span_from(challenge, 2), 1 << 20, &iterations), E_OK);
	pbkdf2(c->kind, span_of(password), buf_as_span(&salt), (uint32_t)iterations,
	    salted);
	hmac_of(c->kind, span_make(salted, n), SPAN("Client Key"), c->client_key);
	hash_of(c->kind, span_make(c->client_key, n), c->v.stored_key);
	hmac_of(c->kind, span_make(salted, n), SPAN("Server Key"), c->v.server_key);
	buf_free(&salt);
}

static void
client_final(struct client *c, struct span challenge, struct buf *out)
{
	unsigned char proof[HASH_BYTES_MAX];
	size_t n = hash_bytes(c->kind);
	struct span nonce = span_head(challenge, span_find(challenge, ','));
	struct buf input = {0};
	buf_str(&input, c->header);
	buf_span(&input, c->binding);
	buf_str(out, "c=");
	buf_base64(out, buf_as_span(&input));
	buf_putf(out, ",%.*s", SPAN_ARG(nonce));
	buf_free(&input);
	buf_span(&c->message, buf_as_span(out));
	hmac_of(
	    c->kind, span_make(c->v.stored_key, n), buf_as_span(&c->message), proof);
	for (size_t i = 0; i < n; i++)
		proof[i] ^= c->client_key[i];
	buf_str(out, ",p=");
	buf_base64(out, span_make(proof, n));
}

static void
assert_server(struct client *c, struct span challenge)
{
	unsigned char signature[HASH_BYTES_MAX];
	struct buf want = {0};
	size_t n = hash_bytes(c->kind);
	hmac_of(c->kind, span_make(c->v.server_key, n), buf_as_span(&c->message),
	    signature);
	buf_str(&want, "v=");
	buf_base64(&want, span_make(signature, n));
	assert_true(span_eq(challenge, buf_as_span(&want)));
	buf_free(&want);
}

static enum auth_status
scram_as(const struct auth_conn *conn, struct client c, const char *mech,
    const char *name, const char *password)
{
	struct buf first = {0}, last = {0};
	c.kind =
	    span_starts(span_of(mech), SPAN("SCRAM-SHA-256")) ? HASH_SHA256 : HASH_SHA1;
	buf_putf(&c.message, "n=%s,r=abcdefghijkl", name);
	buf_putf(&first, "%s%s", c.header, buf_cstr(&c.message));
	struct auth_reply r = start(conn, mech, &(struct span){first.p, first.len});
	if (r.status == AUTH_CONTINUE) {
		buf_putf(&c.message, ",%.*s,", SPAN_ARG(r.challenge));
		client_keys(&c, r.challenge, password);
		client_final(&c, r.challenge, &last);
		r = step(buf_as_span(&last));
	}
	if (r.status == AUTH_CONTINUE) {
		assert_server(&c, r.challenge);
		r = step(SPAN(""));
	}
	if (r.status == AUTH_OK)
		assert_true(span_search(r.account, SPAN("@example.test")) > 0);
	buf_free(&first);
	buf_free(&last);
	buf_free(&c.message);
	return r.status;
}

static enum auth_status
scram(const char *mech, const char *name, const char *password)
{
	return scram_as(&in_clear,
	    (struct client){.header = "n,,", .binding = SPAN("")}, mech, name,
	    password);
}

/* RFC 5802 6: each flag, with each kind of mechanism, where we have a binding and where not. */
static void
test_binding(void **state)
{
	static const struct span other = SPAN("0123456789abcdefghijklmnop\0\n,=xz"),
				 none = SPAN(""), shorter = SPAN("0123456789abcdef");

	const struct {
		const struct auth_conn *conn;
		const char *mech, *header;
		struct span data;
		enum auth_status want;
	} rows[] = {
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", bound.binding, AUTH_OK},
	    {&bound, "SCRAM-SHA-1-PLUS", "p=tls-exporter,,", bound.binding, AUTH_OK},
	    {&bound, "scram-sha-1-plus", "p=tls-exporter,,", bound.binding, AUTH_OK},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,a=u1@example.test,",
		bound.binding, AUTH_OK},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", other, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", shorter, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", none, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=tls-unique,,", bound.binding, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "p=,,", bound.binding, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "n,,", none, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256-PLUS", "y,,", none, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256", "p=tls-exporter,,", bound.binding, AUTH_FAIL},
	    {&bound, "SCRAM-SHA-256", "n,,", none, AUTH_OK},
	    /* somebody took -PLUS out of the list */
	    {&bound, "SCRAM-SHA-256", "y,,", none, AUTH_FAIL},
	    {&over_tls, "SCRAM-SHA-256", "y,,", none, AUTH_OK},
	    {&over_tls, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", bound.binding,
		AUTH_NO_MECH},
	    {&in_clear, "SCRAM-SHA-1", "y,,", none, AUTH_OK},
	    {&in_clear, "SCRAM-SHA-1-PLUS", "p=tls-exporter,,", none, AUTH_NO_MECH},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum auth_status got = scram_as(rows[i].conn,
		    (struct client){.header = rows[i].header, .binding = rows[i].data},
		    rows[i].mech, "u1@example.test", "pass");
		if (got != rows[i].want)
			print_error("row %zu\n", i);
		assert_int_equal(got, rows[i].want);
	}
	assert_int_equal(
	    scram_as(&bound,
		(struct client){.header = "p=tls-exporter,,", .binding = bound.binding},
		"SCRAM-SHA-256-PLUS", "u1@example.test", "wrong"),
	    AUTH_FAIL);
}

static void
test_scram(void **state)
{
	(void)state;
	assert_int_equal(scram("SCRAM-SHA-256", "u1@example.test", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-1", "u1@example.test", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-1", "U1", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-1", "old@example.test", "pass"), AUTH_OK);
	assert_int_equal(scram("SCRAM-SHA-256", "old@example.test", "pass"), AUTH_FAIL);
	assert_int_equal(scram("SCRAM-SHA-256", "u1@example.test", "Pass"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "nobody@example.test", "pass"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "sleeper@example.test", "pass"), AUTH_SUSPENDED);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "sleeper@example.test", "x"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "broken@example.test", "pass"), AUTH_TEMP);
}

/* Binding that is not there; names and messages that are none. */
static void
test_scram_malformed(void **state)
{
	static const struct span rows[] = {SPAN("p=tls-unique,,n=u1,r=abcdefghijkl"),
	    SPAN("n"), SPAN("x,,"), SPAN("n,,n=u1"), SPAN("n,,n=u=,r=abc"),
	    SPAN("n,,n=,r=abcdefg"), SPAN("n,,m=x,n=u1,r=abcdef"),
	    SPAN("n,a=old@example.test,n=u1"), SPAN("n,,n=u1\0,r=abcdef")};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    start(&over_tls, "SCRAM-SHA-256", &rows[i]).status, AUTH_FAIL);
	assert_int_equal(start(&over_tls, "SCRAM-SHA-1", NULL).status, AUTH_CONTINUE);
	assert_int_equal(step(rows[0]).status, AUTH_FAIL);
	assert_int_equal(
	    start(&over_tls, "SCRAM-SHA-1", &SPAN("")).status, AUTH_CONTINUE);
	assert_int_equal(step(rows[0]).status, AUTH_FAIL);
	assert_int_equal(start(&over_tls, "SCRAM-SHA-1", NULL).status, AUTH_CONTINUE);
	assert_int_equal(step(SPAN("")).status, AUTH_FAIL);
	start(&over_tls, "SCRAM-SHA-256", &SPAN("n,,n=u1,r=abcdefghijkl"));
	assert_int_equal(
	    step(SPAN("c=cD10bHMtdW5pcXVlLCxhYmM=,r=x,p=x")).status, AUTH_FAIL);
}

static struct verify_way by_pop = {.protocol = APP_POP, .client = "192.0.2.1"};

/* Who guesses names learns nothing: salt and count are there, and stay, also for a new process. */
static void
test_unknown(void **state)
{
	struct buf a = {0}, b = {0};
	(void)state;
	assert_int_equal(
	    verify_verifiers(&by_pop, SPAN("nobody@example.test"), &a), E_OK);
	verify_close();
	verify_open(the.conf);
	assert_int_equal(
	    verify_verifiers(&by_pop, SPAN("nobody@example.test"), &b), E_OK);
	assert_true(span_eq(buf_as_span(&a), buf_as_span(&b)));
	buf_reset(&b);
	assert_int_equal(
	    verify_verifiers(&by_pop, SPAN("nobody2@example.test"), &b), E_OK);
	assert_false(span_eq(buf_as_span(&a), buf_as_span(&b)));
	buf_free(&a);
	buf_free(&b);
}

/* into least: how long that took, if it was shorter: others on the machine make it only longer */
static void
us_of(const char *name, const char *password, int64_t *least)
{
	int64_t from = clock_mono_us();
	int err = verify_password(&by_pop, span_of(name), span_of(password));
	int64_t took = clock_mono_us() - from;
	assert_true(err == E_OK || err == E_DENY);
	if (took < *least)
		*least = took;
}

/* A right password is known for a while; a wrong one costs the same for everybody. */
static void
test_cache(void **state)
{
	int64_t known = INT64_MAX, unknown = INT64_MAX, cached = INT64_MAX;
	(void)state;
	assert_int_equal(
	    verify_password(&by_pop, SPAN("u1@example.test"), SPAN("pass")), E_OK);
	for (int i = 0; i < 20; i++) {
		us_of("u1@example.test", "wrong", &known);
		us_of("nobody@example.test", "wrong", &unknown);
		us_of("u1@example.test", "pass", &cached);
	}
	assert_true(cached * 4 < known);
	assert_true(known < unknown * 2 && unknown < known * 2);
}

static unsigned n_computed;

int __real_scram_verifier_derive(struct span password, struct scram_verifier *);
int __wrap_scram_verifier_derive(struct span password, struct scram_verifier *);

int
__wrap_scram_verifier_derive(struct span password, struct scram_verifier *v)
{
	n_computed++;
	return __real_scram_verifier_derive(password, v);
}

static bool
refuses_u1(struct span name, const struct verify_way *way)
{
	assert_true(way->is_password);
	return span_eqs(name, "u1@example.test");
}

/* No password of who is locked is looked at: one that is known would be answered sooner. */
static void
test_refused(void **state)
{
	static const struct span right = SPAN("\0u1\0pass"),
				 other = SPAN("\0sleeper\0pass");
	(void)state;
	mech_refuse_with(refuses_u1);
	n_computed = 0;
	assert_int_equal(start(&over_tls, "PLAIN", &right).status, AUTH_TEMP);
	assert_int_equal(start(&over_tls, "LOGIN", &SPAN("u1")).status, AUTH_CONTINUE);
	assert_int_equal(step(SPAN("never tried")).status, AUTH_TEMP);
	assert_int_equal(n_computed, 0);
	assert_int_equal(start(&over_tls, "PLAIN", &other).status, AUTH_SUSPENDED);
	mech_refuse_with(NULL);
	n_computed = 0;
	assert_int_equal(start(&over_tls, "PLAIN", &right).status, AUTH_OK);
	assert_int_equal(start(&over_tls, "LOGIN", &SPAN("u1")).status, AUTH_CONTINUE);
	assert_int_equal(step(SPAN("never tried")).status, AUTH_FAIL);
	assert_int_equal(n_computed, 1);
}

/* Far less than there is room for: hardly one drives another one out. */
static void
test_cache_of_many(void **state)
{
	char name[32];
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		n_computed = 0;
		for (unsigned i = 0; i < 100; i++) {
			snprintf(name, sizeof name, "many%u@example.test", i);
			assert_int_equal(
			    verify_password(&by_pop, span_of(name), SPAN("pass")),
			    E_OK);
		}
		assert_true(round == 0 ? n_computed == 100 : n_computed < 10);
	}
}

/* ---- app passwords ---- */

static enum auth_status
by_plain(const struct auth_conn *c, const char *user, const char *password)
{
	struct buf message = {0};
	buf_ch(&message, '\0');
	buf_str(&message, user);
	buf_ch(&message, '\0');
	buf_str(&message, password);
	struct span s = buf_as_span(&message);
	struct auth_reply r = start(c, "PLAIN", &s);
	assert_true(
	    r.status != AUTH_OK || span_ieq(r.account, verify_address(span_of(user))));
	buf_free(&message);
	return r.status;
}

static void
test_apps_plain(void **state)
{
	static const struct {
		const char *user, *password;
		enum auth_status want;
	} rows[] = {
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	    {"u1@example.test", "K7Q2M0XVBNT4ZRDH9WC0", AUTH_OK},
	    {"u1@example.test", " k7q2m 0xvbn t4zrd h9wc0 ", AUTH_FAIL},
	    {"u1@example.test", "k7q2m 0xvbn t4zrd h9wc0", AUTH_OK},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc", AUTH_FAIL},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc00", AUTH_FAIL},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wcz", AUTH_FAIL},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc1", AUTH_FAIL}, /* SMTP only */
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc2", AUTH_FAIL}, /* expired */
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc3", AUTH_OK},
	    {"u1@example.test", "k7q2m-0xvbn-t4zrd-h9wc4", AUTH_FAIL}, /* elsewhere */
	    {"u1@example.test/any", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	    {"U1@Example.Test/Any", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	    {"u1@example.test/here", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_FAIL},
	    {"u1@example.test/any", "pass", AUTH_FAIL},
	    {"u1@example.test/", "pass", AUTH_FAIL},
	    {"u1@example.test/a/b", "pass", AUTH_FAIL},
	    {"nobody@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_FAIL},
	    {"sleeper@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_FAIL},
	    {"broken@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_TEMP},
	    {"strict@example.test", "pass", AUTH_FAIL},
	    {"strict@example.test", "k7q2m-0xvbn-t4zrd-h9wc0", AUTH_OK},
	};

	struct auth_conn c = {
	    .service = "pop", .has_tls = true, .client = SPAN("192.0.2.9")};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum auth_status got = by_plain(&c, rows[i].user, rows[i].password);
		if (got != rows[i].want)
			print_error("row %zu: %d\n", i, (int)got);
		assert_int_equal(got, rows[i].want);
	}
	c.service = "smtp";
	assert_int_equal(
	    by_plain(&c, "u1@example.test", app_text(APP_MAIL_ONLY)), AUTH_OK);
	assert_int_equal(by_plain(&c, "strict@example.test", "pass"), AUTH_OK);
	c.client = SPAN("198.51.100.7");
	assert_int_equal(by_plain(&c, "u1@example.test", app_text(APP_THERE)), AUTH_OK);
	assert_int_equal(
	    by_plain(&c, "u1@example.test", app_text(APP_HERE)), AUTH_FAIL);
}

/* SCRAM takes the one that the name says. */
static void
test_apps_scram(void **state)
{
	(void)state;
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/any", app_text(APP_ANY)), AUTH_OK);
	assert_int_equal(
	    scram("SCRAM-SHA-1", "u1@example.test/any", app_text(APP_ANY)), AUTH_OK);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/here", app_text(APP_ANY)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/old", app_text(APP_OLD)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test/none", app_text(APP_ANY)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "u1@example.test", app_text(APP_ANY)), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "nobody@example.test/any", app_text(APP_ANY)),
	    AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "strict@example.test", "pass"), AUTH_FAIL);
	assert_int_equal(
	    scram("SCRAM-SHA-256", "strict@example.test/any", app_text(APP_ANY)),
	    AUTH_OK);
}

/* Whoever is asked for, and whether he has app passwords: as many PBKDF2, and the same salts. */
static void
test_apps_unknown(void **state)
{
	static const char *const names[] = {"u1@example.test", "old@example.test",
	    "nobody@example.test", "u1@example.test/any", "u1@example.test/none",
	    "nobody@example.test/any"};
	struct buf first = {0}, other = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		bool has_app = i > 2;
		n_computed = 0;
		assert_int_equal(
		    verify_password(&by_pop, span_of(names[i]), SPAN("wrong")), E_DENY);
		assert_int_equal(n_computed, has_app ? 0 : 1);
		n_computed = 0;
		assert_int_equal(verify_password(&by_pop, span_of(names[i]),
				     SPAN("k7q2m-0xvbn-t4zrd-h9wcz")),
		    E_DENY);
		assert_int_equal(n_computed, has_app ? 1 : 2);
	}
	for (size_t i = 3; i + 1 < COUNT(names); i++) {
		buf_reset(&other);
		assert_int_equal(
		    verify_verifiers(&by_pop, span_of(names[i]), &other), E_OK);
		struct span salt = buf_as_span(&other);
		salt = span_head(salt, span_find(span_from(salt, 14), '$') + 14);
		if (first.len == 0)
			buf_span(&first, salt);
		assert_true(span_eq(salt, buf_as_span(&first)));
	}
	buf_free(&first);
	buf_free(&other);
}

/* ---- tickets ---- */

static int announced; /* what it returns */

static int
announce(const struct account *account, struct id *ticket)
{
	assert_true(span_eqs(account->address, "u1@example.test"));
	*ticket = id_new();
	return announced;
}

static void
test_tickets(void **state)
{
	struct span initial = SPAN("\0u1@example.test\0pass");
	(void)state;
	auth_announce_with(announce);
	announced = E_OK;
	struct auth_reply r = start(&over_tls, "PLAIN", &initial);
	assert_int_equal(r.status, AUTH_OK);
	assert_false(id_is_zero(r.ticket));
	announced = E_IO;
	r = start(&over_tls, "PLAIN", &initial);
	assert_int_equal(r.status, AUTH_TEMP);
	assert_true(id_is_zero(r.ticket));
	auth_announce_with(NULL);
}

/* ---- the asks ---- */

static void
test_asks(void **state)
{
	(void)state;
	start(&over_tls, "PLAIN", NULL);
	start(&over_tls, "LOGIN", NULL); /* ends what was before */
	assert_int_equal(ask(AUTH_CANCEL), E_OK);
	auth_put_step(&the.body, SPAN("u1"));
	assert_int_equal(ask(AUTH_STEP), E_DENY); /* out of turn: ended */
}

static void
test_ask_short(void **state)
{
	(void)state;
	auth_put_start(&the.body, &over_tls, SPAN("PLAIN"), NULL);
	buf_cut(&the.body, the.body.len - 1);
	assert_int_equal(ask(AUTH_START), E_BAD);
}

static void
test_ask_long(void **state)
{
	char big[AUTH_DATA_MAX + 8];
	(void)state;
	memset(big, 'x', sizeof big);
	start(&over_tls, "PLAIN", NULL);
	auth_put_step(&the.body, span_make(big, sizeof big));
	assert_int_equal(ask(AUTH_STEP), E_LIMIT);
}

static void
test_ask_service(void **state)
{
	struct auth_conn c = over_tls;
	(void)state;
	c.service = "../x";
	auth_put_start(&the.body, &c, SPAN("PLAIN"), NULL);
	assert_int_equal(ask(AUTH_START), E_BAD);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, open_channel, close_channel)

int
main(void)
{
	const struct CMUnitTest tests[] = {ROW(test_plain), ROW(test_login),
	    ROW(test_offered), ROW(test_scram), ROW(test_binding),
	    ROW(test_scram_malformed), ROW(test_unknown), ROW(test_refused),
	    ROW(test_cache), ROW(test_cache_of_many), ROW(test_apps_plain),
	    ROW(test_apps_scram), ROW(test_apps_unknown), ROW(test_tickets),
	    ROW(test_asks), ROW(test_ask_short), ROW(test_ask_long),
	    ROW(test_ask_service)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
