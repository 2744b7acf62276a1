/* SPDX-License-Identifier: ISC */
/* role.c - the role "auth": conversations behind three asks. */
#include <string.h>
#include <sysexits.h>

#include "account/app_use.h"
#include "auth/auth.h"
#include "auth/bearer.h"
#include "auth/failures.h"
#include "auth/gssapi.h"
#include "auth/introspect.h"
#include "auth/mech.h"
#include "auth/secrets.h"
#include "auth/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/jail.h"

enum {
	PH_IDLE = 1,
	PH_MIDST = 2,
	PH_WAITING = 4, /* for the issuer of a token */
	PH_ANY = PH_IDLE | PH_MIDST | PH_WAITING,
	SERVICE_MAX = 16,
	START_BYTES = AUTH_DATA_MAX + AUTH_CERTIFICATE_MAX + 2048
};

/* Who talks, for the log: kept with the conversation. */
struct talk {
	struct mech_talk *mech; /* own */
	struct buf about;       /* "service=smtp client=... mech=..." */
	/* own: while the issuer is asked; then the rest says who waits for what answer */
	struct introspect *asked;
	struct asker *asker;
	uint16_t type;
	bool is_refused; /* banned, or locked: whatever the password */
};

static struct app_uses *uses;     /* own; NULL: nothing is noted */
static struct failures *failures; /* own; NULL: nothing is counted */
static int (*announce)(const struct account *, struct id *ticket); /* or NULL */

void
auth_announce_with(int (*fn)(const struct account *, struct id *ticket))
{
	announce = fn;
}

static void
talk_free(struct asker *a)
{
	struct talk *t = a->ctx;
	if (!t)
		return;
	introspect_cancel(&t->asked);
	mech_free(&t->mech);
	buf_free(&t->about);
	mem_free(&t);
	a->ctx = NULL;
}

static void
put_reply(struct buf *out, enum auth_status status, struct span challenge,
    struct span account, struct id ticket, uint32_t delay_ms)
{
	buf_u8(out, (uint8_t)status);
	buf_bytes(out, challenge);
	buf_bytes(out, account);
	buf_put(out, ticket.b, sizeof ticket.b);
	buf_u32(out, delay_ms);
}

/* The password was right: may it come in? */
static enum auth_status
admit(struct mech_talk *t, struct account *account)
{
	const struct verify_way *way = mech_way(t);
	int err = verify_account(mech_name(t), account);
	if (err != E_OK)
		return err == E_IO ? AUTH_TEMP : AUTH_FAIL;
	if (id_is_zero(way->app) && verify_address(mech_name(t)).n != mech_name(t).n)
		return AUTH_FAIL; /* the name of an app password, by something else */
	if (way->is_password && id_is_zero(way->app) &&
	    account->apps_only & way->protocol)
		return AUTH_FAIL; /* for this protocol the main password is none */
	return account->is_suspended ? AUTH_SUSPENDED : AUTH_OK;
}

static void
log_end(struct talk *t, enum auth_status status)
{
	static const char *const words[] = {[AUTH_FAIL] = "credentials",
	    [AUTH_TEMP] = "try_later",
	    [AUTH_SUSPENDED] = "suspended",
	    [AUTH_NO_MECH] = "mechanism"};
	if (status == AUTH_OK && mech_way(t->mech)->app_name[0])
		log_event(LOG_INFO, "login", "%s account=%s app=%s",
		    buf_cstr(&t->about), log_q(verify_address(mech_name(t->mech))),
		    mech_way(t->mech)->app_name);
	else if (status == AUTH_OK)
		log_event(LOG_INFO, "login", "%s account=%s", buf_cstr(&t->about),
		    log_q(mech_name(t->mech)));
	else
		log_event(LOG_NOTICE, "login_failed", "%s account=%s why=%s",
		    buf_cstr(&t->about), log_q(mech_name(t->mech)),
		    t->is_refused ? "banned" : words[status]);
}

static struct attempt
attempt_of(struct span login, const struct verify_way *way)
{
	struct span name = verify_address(login);
	return (struct attempt){.client = way->client,
	    .name = name,
	    .name_tag = name.n ? verify_tag(name, SPAN("")) : 0,
	    .password_tag = way->tried};
}

/*
 * No step goes on then, so that nothing tells whether the password was right: not the second one of
 * SCRAM either.
 */
static bool
is_refused(struct span name, const struct verify_way *way)
{
	struct attempt a = attempt_of(name, way);
	if (!way->is_password)
		a.name_tag = 0; /* a lock is against who guesses */
	return failures && failures_refuses(failures, &a, clock_wall_sec());
}

/*
 * Each conversation that came to an end, right or wrong, once: the one place to count them.  A
 * cancelled one is none.  Only passwords can be guessed: tokens and certificates are not counted.
 * Returns how long the answer is to wait, in ms.
 */
static uint32_t
count_end(struct talk *t, enum auth_status status)
{
	const struct verify_way *way = mech_way(t->mech);
	struct attempt a = attempt_of(mech_name(t->mech), way);
	uint32_t delay_ms = 0;
	if (status == AUTH_FAIL && way->is_password)
		delay_ms = failures_wrong(failures, &a, clock_wall_sec());
	else if (status == AUTH_OK)
		failures_right(failures, &a, clock_wall_sec());
	if (status == AUTH_OK && !id_is_zero(way->app))
		app_uses_note(uses, way->app, way->protocol, way->client);
	log_end(t, status);
	return delay_ms;
}

static void
answer(
    struct asker *a, enum auth_status status, struct span challenge, struct buf *reply)
{
	struct talk *t = a->ctx;
	struct account account = {0};
	struct id ticket = {{0}};
	if (status != AUTH_NO_MECH &&
	    is_refused(mech_name(t->mech), mech_way(t->mech))) {
		t->is_refused = true;
		status = AUTH_TEMP;
	}
	if (status == AUTH_CONTINUE) {
		a->phase = PH_MIDST;
		put_reply(reply, status, challenge, SPAN(""), ticket, 0);
		return;
	}
	if (status == AUTH_OK)
		status = admit(t->mech, &account);
	if (status == AUTH_OK && challenge.n > AUTH_SUCCESS_MAX)
		status = AUTH_TEMP; /* none of our mechanisms says so much */
	if (status == AUTH_OK && announce && announce(&account, &ticket) != E_OK)
		status = AUTH_TEMP;
	uint32_t delay_ms = count_end(t, status);
	if (status == AUTH_OK)
		put_reply(reply, status, challenge, account.address, ticket, 0);
	else
		put_reply(
		    reply, status, SPAN(""), SPAN(""), (struct id){{0}}, delay_ms);
	talk_free(a);
	a->phase = PH_IDLE;
}

/* The issuer has spoken: the conversation goes on where it waited. */
static void
on_said(void *ctx, int err, struct span json)
{
	struct talk *t = ctx;
	struct asker *a = t->asker;
	struct buf reply = {0};
	struct span token, challenge;
	uint16_t type = t->type;
	t->asked = NULL;
	if (mech_waits(t->mech, &token))
		oauth_said(token, err, json);
	answer(a, mech_resume(t->mech, &challenge), challenge, &reply);
	/* who left meanwhile has freed what waited */
	if (ask_answer(a, type, buf_as_span(&reply), -1) != E_OK)
		log_event(LOG_INFO, "asker_left", "asker=%s", a->who);
	buf_wipe(&reply);
}

/* Whether the issuer is being asked, and on_said will answer. */
static bool
is_asked(struct asker *a, enum auth_status status, uint16_t type)
{
	struct talk *t = a->ctx;
	struct span token;
	if (status != AUTH_TEMP || !mech_waits(t->mech, &token))
		return false;
	t->asker = a;
	t->type = type;
	t->asked = introspect_ask(token, on_said, t);
	if (t->asked)
		a->phase = PH_WAITING;
	return t->asked != NULL;
}

/* The body of AUTH_START.  The service is copied, for libsasl2 wants a C string. */
struct start {
	struct auth_conn conn;
	struct span mech, initial;
	bool has_initial;
};

static int
take_service(struct span s, char out[SERVICE_MAX + 1])
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return E_BAD;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return s.n ? E_OK : E_BAD;
}

static int
get_start(struct rd *body, char service[SERVICE_MAX + 1], struct start *out)
{
	struct span name = rd_str(body, SERVICE_MAX);
	out->conn.service = service;
	out->conn.has_tls = rd_u8(body) != 0;
	out->conn.is_loopback = rd_u8(body) != 0;
	out->conn.client = rd_str(body, AUTH_TEXT_MAX);
	out->conn.binding_type = rd_str(body, AUTH_TEXT_MAX);
	out->conn.binding = rd_str(body, AUTH_TEXT_MAX);
	out->conn.certificate = rd_str(body, AUTH_CERTIFICATE_MAX);
	out->mech = rd_str(body, AUTH_MECH_MAX);
	out->has_initial = rd_u8(body) != 0;
	out->initial = rd_str(body, AUTH_DATA_MAX);
	return rd_end(body) == E_OK ? take_service(name, service) : E_BAD;
}

static int
ask_start(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct start s;
	struct span challenge;
	char service[SERVICE_MAX + 1];
	(void)fd, (void)fd_back;
	if (get_start(body, service, &s) != E_OK)
		return E_BAD;
	talk_free(a);
	struct talk *t = a->ctx = mem_new(sizeof *t);
	buf_putf(&t->about, "service=%s client=%s mech=%s", service,
	    log_q(s.conn.client), log_q(s.mech));
	enum auth_status status = mech_start(
	    &s.conn, s.mech, s.has_initial ? &s.initial : NULL, &t->mech, &challenge);
	if (is_asked(a, status, AUTH_START))
		return E_MORE;
	answer(a, status, challenge, reply);
	return E_OK;
}

static int
ask_step(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct talk *t = a->ctx;
	struct span response = rd_str(body, AUTH_DATA_MAX), challenge;
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	enum auth_status status = mech_step(t->mech, response, &challenge);
	if (is_asked(a, status, AUTH_STEP))
		return E_MORE;
	answer(a, status, challenge, reply);
	return E_OK;
}

static int
ask_cancel(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	talk_free(a);
	a->phase = PH_IDLE;
	return E_MORE; /* no reply */
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*               name      legal in             times             bytes              fd back  answered by */
	[AUTH_START]  = {"START",  PH_ANY,              AUTH_STARTS_MOST, START_BYTES,       false,   ask_start},
	[AUTH_STEP]   = {"STEP",   PH_MIDST,            0,                AUTH_DATA_MAX + 4, false,   ask_step},
	[AUTH_CANCEL] = {"CANCEL", PH_ANY,              AUTH_STARTS_MOST, 0,                 false,   ask_cancel},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "of_auth", .gone = talk_free};

const struct ask_table *
auth_table(unsigned kind)
{
	(void)kind;
	return &table;
}

static int
open_secrets(void)
{
	struct buf errors = {0};
	int err = secrets_open(the_child.conf, &errors);
	if (err != E_OK)
		log_event(
		    LOG_ERR, "secrets_unread", "why=%s", log_q(buf_as_span(&errors)));
	buf_free(&errors);
	return err;
}

int
auth_prepare(void)
{
	verify_open(the_child.conf);
	app_uses_close(&uses);
	uses = app_uses_open(the_child.conf, the_child.daemon);
	failures_close(&failures);
	failures = failures_open(the_child.conf);
	mech_refuse_with(is_refused);
	if (oauth_open(the_child.conf) != E_OK || open_secrets() != E_OK)
		return EX_CONFIG;
	return mech_init(the_child.conf) == E_OK ? EX_OK : EX_SOFTWARE;
}

void
auth_jail(struct jail *j)
{
	static struct buf accounts; /* the jail borrows it */
	buf_reset(&accounts);
	buf_putf(
	    &accounts, "%s/accounts", conf_str(the_child.conf, "common", "state_dir"));
	/* logged; where there is none nobody can log in */
	(void)accounts_dir_make(the_child.conf);
	/* accounts are read under a shared lock */
	j->calls = JAIL_FILES_READ | JAIL_FLOCK;
	jail_allow(j, buf_cstr(&accounts), JAIL_READ);
	jail_allow(j, "/dev/urandom", JAIL_READ); /* libsasl2's nonces */
	gssapi_jail(the_child.conf, j);
}

int
auth_run(void)
{
	return child_serve(auth_table, NULL, 0);
}
