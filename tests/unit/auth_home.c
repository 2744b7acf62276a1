/* SPDX-License-Identifier: ISC */
/* auth_home.c - a table of accounts, and one channel to auth, served in this process. */
#include "auth_home.h"

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

#include "auth/mech.h"
#include "base/id.h"
#include "conf/conf.h"
#include "proc/child.h"

/* ---- accounts ---- */

struct conf *home_conf;
struct buf home_body;

static struct {
	char dir[64];
	struct buf both, only_1;
	struct buf apps; /* the row of u1 and strict */
	struct app_row app_row;
	struct buf app_verifiers[5];
	struct asker *asker;
	int chan;
	struct buf scratch, in;
} home;

int
accounts_open(const char *dir, bool may_read_secrets, struct accounts **out)
{
	(void)dir;
	assert_true(may_read_secrets);
	*out = (struct accounts *)&home;
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
		buf_span(out, buf_as_span(&home.both));
	else if (span_eqs(address, "old@example.test"))
		buf_span(out, buf_as_span(&home.only_1));
	else if (span_starts(address, SPAN("many"))) /* each with a salt of its own */
		assert_int_equal(scram_verifier_make_salted(SPAN("SCRAM-SHA-256"),
				     SPAN("pass"), 4096, address, out),
		    E_OK);
	else
		return E_BAD;
	return E_OK;
}

/* ---- app passwords ---- */

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

const char *
app_text(int i)
{
	static char text[32];
	snprintf(text, sizeof text, "k7q2m-0xvbn-t4zrd-h9wc%d", i);
	return text;
}

static void
make_apps(void)
{
	home.app_row =
	    (struct app_row){.iterations = 4096, .salt = "0123456789abcde", .n = APPS};
	struct span salt = span_make(home.app_row.salt, APP_SALT_BYTES);
	for (int i = 0; i < APPS; i++) {
		struct span text = span_of(app_text(i));
		struct buf *v = &home.app_verifiers[i];
		assert_int_equal(scram_verifier_make_salted(
				     SPAN("SCRAM-SHA-256"), text, 4096, salt, v),
		    E_OK);
		buf_ch(v, '\n');
		assert_int_equal(scram_verifier_make_salted(
				     SPAN("SCRAM-SHA-1"), text, 4096, salt, v),
		    E_OK);
		home.app_row.all[i] = apps[i];
		home.app_row.all[i].id = id_new();
		home.app_row.all[i].verifiers = buf_as_span(v);
	}
	app_row_put(&home.apps, &home.app_row);
}

int
account_retention(
    struct accounts *a, struct span domain, struct arena *arena, struct span *rules)
{
	(void)a, (void)domain, (void)arena, (void)rules;
	return E_BAD;
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
	buf_span(row, buf_as_span(&home.apps));
	return E_OK;
}

static void
make_conf(void)
{
	struct buf path = {0}, errors = {0};
	buf_putf(&path, "%s/conf", home.dir);
	FILE *f = fopen(buf_cstr(&path), "w");
	assert_non_null(f);
	fprintf(f,
	    "version = 1\ncommon {\n\thostname = \"mail.example.test\"\n\tdomains = "
	    "{\"example.test\"}\n"
	    "\tstate_dir = \"%s\"\n\tplaintext_auth_on_loopback = yes\n}\n",
	    home.dir);
	fclose(f);
	int err = conf_load(buf_cstr(&path), &errors, &home_conf);
	if (err != E_OK)
		print_error("%s", buf_cstr(&errors));
	assert_int_equal(err, E_OK);
	buf_free(&path);
	buf_free(&errors);
}

int
auth_home_setup(void **state)
{
	(void)state;
	snprintf(home.dir, sizeof home.dir, "/tmp/test_auth.XXXXXX");
	assert_non_null(mkdtemp(home.dir));
	make_conf();
	assert_int_equal(
	    scram_verifier_make(SPAN("SCRAM-SHA-256"), SPAN("pass"), 4096, &home.both),
	    E_OK);
	buf_ch(&home.both, '\n');
	assert_int_equal(
	    scram_verifier_make(SPAN("SCRAM-SHA-1"), SPAN("pass"), 4096, &home.only_1),
	    E_OK);
	buf_ch(&home.only_1, '\n');
	buf_span(&home.both, buf_as_span(&home.only_1));
	make_apps();
	verify_open(home_conf);
	assert_int_equal(mech_init(home_conf), E_OK);
	return 0;
}

int
auth_home_teardown(void **state)
{
	struct buf path = {0};
	(void)state;
	mech_done();
	verify_close();
	conf_free(&home_conf);
	buf_putf(&path, "%s/conf", home.dir);
	unlink(buf_cstr(&path));
	buf_reset(&path);
	buf_putf(&path, "%s/auth_secret", home.dir);
	assert_int_equal(unlink(buf_cstr(&path)), 0);
	assert_int_equal(rmdir(home.dir), 0);
	buf_free(&path);
	buf_free(&home.both);
	buf_free(&home.only_1);
	buf_free(&home.apps);
	for (int i = 0; i < APPS; i++)
		buf_free(&home.app_verifiers[i]);
	return 0;
}

/* ---- one channel, served in this process ---- */

int
auth_home_open(void **state)
{
	int pair[2];
	const struct ask_table *t = auth_table(0);
	(void)state;
	ask_pair(pair);
	home.chan = pair[0];
	home.asker = asker_new(pair[1], t->rows, t->n_rows, t->who, NULL);
	return 0;
}

int
auth_home_close(void **state)
{
	(void)state;
	auth_table(0)->gone(home.asker);
	asker_free(&home.asker);
	close(home.chan);
	buf_free(&home.scratch);
	buf_free(&home_body);
	buf_free(&home.in);
	return 0;
}

int
ask(uint16_t type)
{
	assert_int_equal(
	    ask_send(home.chan, type, buf_as_span(&home_body), -1, 0), E_OK);
	buf_reset(&home_body);
	return asker_serve(home.asker, &home.scratch, 1);
}

static struct auth_reply
reply(void)
{
	struct ask_msg m;
	struct auth_reply r;
	assert_int_equal(ask_recv(home.chan, &home.in, &m, 0), E_OK);
	assert_int_equal(auth_get_reply(&m.body, &r), E_OK);
	return r;
}

const struct auth_conn over_tls = {
    .service = "smtp", .has_tls = true, .client = {"192.0.2.1", 9}};
const struct auth_conn in_clear = {.service = "pop", .client = {"192.0.2.1", 9}};
const struct auth_conn bound = {.service = "smtp",
    .has_tls = true,
    .client = {"192.0.2.1", 9},
    .binding_type = SPAN("tls-exporter"),
    .binding = SPAN("0123456789abcdefghijklmnop\0\n,=xy")};
const struct auth_conn loopback = {.service = "pop", .is_loopback = true};

struct auth_reply
start(const struct auth_conn *c, const char *mech, const struct span *initial)
{
	auth_put_start(&home_body, c, span_of(mech), initial);
	assert_int_equal(ask(AUTH_START), E_OK);
	return reply();
}

struct auth_reply
step(struct span response)
{
	auth_put_step(&home_body, response);
	assert_int_equal(ask(AUTH_STEP), E_OK);
	return reply();
}

void
auth_home_again(void)
{
	verify_close();
	verify_open(home_conf);
}

/* ---- what it costs ---- */

unsigned n_computed;

int __real_scram_verifier_derive(struct span password, struct scram_verifier *);
int __wrap_scram_verifier_derive(struct span password, struct scram_verifier *);

int
__wrap_scram_verifier_derive(struct span password, struct scram_verifier *v)
{
	n_computed++;
	return __real_scram_verifier_derive(password, v);
}

struct verify_way by_pop = {.protocol = APP_POP, .client = "192.0.2.1"};
