/* SPDX-License-Identifier: ISC */
/*
 * gates.c - every row of the tables that key, auth, lookup, maps, resolver, greylist, dial, budget, fetch, a monitor, a keeper, the
 * role shares, a door,
 * the front of smtpd, the processes of queue and the command that moves or repairs a mailbox
 * answer: out of turn, too long, too often, one byte short, one byte more, asks that do not exist,
 * and of a monitor those that a role may not make; what a relay tells the scheduler.  Prints "ok
 * WHAT" or "FAILED WHAT", a line each.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "account/recipient.h"
#include "auth/auth.h"
#include "base/log.h"
#include "gates.h"
#include "login/sleep.h"
#include "maps/maps.h"
#include "move/asks.h"
#include "net/fetch.h"
#include "proc/child.h"
#include "proc/monitor.h"
#include "queue/sts/sts.h"
#include "smtpd/budget/budget.h"
#include "smtpd/dial.h"
#include "smtpd/policy/greylist.h"
#include "smtpd/rates.h"
#include "smtpd/urls.h"
#include "spool/admin.h"
#include "tls/key.h"

static void
sample_key(uint16_t type, struct buf *b)
{
	if (type == KEY_SIGN) {
		buf_u16(b, 0);
		buf_u32(b, 0);
		buf_bytes(b, SPAN("0123456789abcdef0123456789abcdef"));
	}
	if (type == KEY_DKIM_SIGN)
		buf_u8(b, 0);
	if (type == KEY_DKIM_LIST || type == KEY_DKIM_SIGN)
		buf_bytes(b, SPAN("a.test"));
	if (type == KEY_DKIM_SIGN) {
		buf_bytes(b, SPAN("s1"));
		buf_bytes(b, SPAN("0123456789abcdef0123456789abcdef"));
	}
}

static void
sample_auth(uint16_t type, struct buf *b)
{
	const struct auth_conn c = {.service = "smtp", .client = SPAN("127.0.0.1")};
	if (type == AUTH_START)
		auth_put_start(b, &c, SPAN("PLAIN"), NULL);
	if (type == AUTH_STEP)
		auth_put_step(b, SPAN("response"));
}

static void
sample_lookup(uint16_t type, struct buf *b)
{
	if (type == LOOKUP_RCPTS)
		buf_u16(b, 1);
	buf_bytes(b, SPAN("u1@example.test"));
	if (type == LOOKUP_SENDERS) {
		buf_u16(b, 1);
		buf_bytes(b, SPAN("u1@example.test"));
	}
	if (type == LOOKUP_MEMBER)
		buf_bytes(b, SPAN("u1@example.test"));
}

/* For who runs what users wrote: nothing but LOOKUP_MEMBER. */
static const struct ask_table *
lookup_guest_table(unsigned kind)
{
	lookup_guests = 1u << kind;
	const struct ask_table *t = lookup_table(kind);
	lookup_guests = 0;
	return t;
}

static void
sample_maps(uint16_t type, struct buf *b)
{
	(void)type;
	buf_bytes(b, SPAN("u1@example.test"));
}

static void
sample_resolver(uint16_t type, struct buf *b)
{
	(void)type;
	buf_u32(b, 1);
	buf_u16(b, DNS_MX);
	buf_bytes(b, SPAN("example.test"));
}

static void
sample_fetch(uint16_t type, struct buf *b)
{
	struct fetch_question q = {.host = SPAN("mta-sts.example.test"),
	    .path = SPAN("/.well-known/mta-sts.txt"),
	    .addresses = {SPAN("\177\0\0\1")},
	    .n_addresses = 1};
	if (type == FETCH_POST || type == FETCH_ASK)
		q.type = SPAN("application/tlsrpt+gzip");
	if (type == FETCH_ASK)
		q.authorization = SPAN("Basic dTpw");
	fetch_question_put(b, &q);
}

static void
sample_sts(uint16_t type, struct buf *b)
{
	if (type == STS_POLICY)
		buf_bytes(b, SPAN("example.test"));
	else
		sts_note_put(b, &(struct sts_note){.domain = SPAN("example.test"),
				    .host = SPAN("mx.example.test"),
				    .why = SPAN("x")});
}

static void
sample_dial(uint16_t type, struct buf *b)
{
	(void)type;
	buf_bytes(b, SPAN("unix:/run/policy.sock"));
}

static const struct ask_table *
dial_unix_table(unsigned kind)
{
	static const struct ask_table table = {
	    .rows = dial_extra, .n_rows = COUNT(dial_extra), .who = "dial"};
	(void)kind;
	return &table;
}

static const struct ask_table *
urls_open_table(unsigned kind)
{
	static const struct ask_table table = {
	    .rows = urls_extra, .n_rows = COUNT(urls_extra), .who = "session"};
	(void)kind;
	return &table;
}

static void
sample_urls(uint16_t type, struct buf *b)
{
	if (type == URLS_READ) {
		buf_bytes(b, SPAN("imap://u1@h/INBOX/;uid=1"));
		buf_u64(b, 1);
	}
}

static void
sample_greylist(uint16_t type, struct buf *b)
{
	(void)type;
	buf_bytes(b, SPAN("net:192.0.2.0/24"));
	buf_bytes(b, SPAN("a@example.test"));
	buf_bytes(b, SPAN("b@example.test"));
}

static void
sample_rates(uint16_t type, struct buf *b)
{
	(void)type;
	buf_bytes(b, SPAN("192.0.2.1"));
	for (enum rate r = RATE_MESSAGES; r < RATES; r++)
		buf_u32(b, 1);
}

static void
sample_budget(uint16_t type, struct buf *b)
{
	buf_bytes(b, SPAN("u1@example.test"));
	if (type == BUDGET_TAKE) {
		buf_u16(b, 1);
		buf_u64(b, 1);
	}
}

static const struct ask_table *
budget_admin_table(unsigned kind)
{
	(void)kind;
	return budget_table(BUDGET_ADMIN);
}

static void
sample_budget_admin(uint16_t type, struct buf *b)
{
	(void)type;
	buf_bytes(b, SPAN("u1@example.test"));
}

static const struct ask_table *
reports_table(unsigned kind)
{
	(void)kind;
	return sts_table(STS_ADMIN);
}

static void
sample_reports(uint16_t type, struct buf *b)
{
	if (type == REPORTS_LIST) {
		buf_u32(b, 0);
		buf_bytes(b, SPAN("example.test"));
	}
}

static void
sample_nothing(uint16_t type, struct buf *b)
{
	(void)type, (void)b;
}

static void
sample_monitor(uint16_t type, struct buf *b)
{
	const struct login_client client = {.client = SPAN("127.0.0.1"),
	    .sid = SPAN(""),
	    .mechanisms = SPAN(""),
	    .tag = SPAN(""),
	    .input = SPAN("")};
	static const struct id id;
	if (type == MON_CHANNEL || type == MON_DAEMON || type == MON_SPAWN)
		buf_bytes(b, SPAN("key"));
	if (type == MON_SPAWN)
		buf_u32(b, 0);
	if (type == MON_WHO) {
		buf_bytes(b, SPAN("127.0.0.1"));
		buf_bytes(b, SPAN("u1@example.test"));
	}
	if (type == LOGIN_TICKET || type == LOGIN_REDEEM)
		buf_put(b, id.b, ID_BYTES);
	if (type == LOGIN_TICKET) {
		buf_bytes(b, SPAN("u1@example.test"));
		buf_u64(b, 0); /* uid, gid */
		buf_bytes(b, SPAN("example.test/u1"));
		buf_u64(b, 0); /* days */
		buf_u64(b, 0);
		buf_u64(b, 0);
	}
	if (type == LOGIN_REDEEM)
		login_client_put(b, &client);
	if (type == SLEEP_WAKE || type == SLEEP_ENDED)
		buf_put(b, id.b, ID_BYTES);
	if (type == SLEEP_WAKE)
		buf_u8(b, 0);
	if (type == SLEEP_BEGIN || type == SLEEP_AGAIN) {
		buf_bytes(b, SPAN("facts"));
		buf_u8(b, 0);
		buf_u64(b, 1);
		buf_u8(b, 0);
	}
	if (type == SLEEP_BEGIN || type == SLEEP_AGAIN || type == SLEEP_WAKE)
		buf_bytes(b, SPAN("state"));
}

/* A daemon in which one role may ask everything, and one nothing. */
static const struct role roles[] = {
    {.name = "any", .monitor_asks = ~0u}, {.name = "none"}, {.name = "key"}};
static struct ask_row extra[SLEEP_ASKS_END - MON_EXTRA];
static const struct daemon a_daemon = {.name = "imapd",
    .roles = roles,
    .n_roles = COUNT(roles),
    .extra_asks = extra,
    .n_extra_asks = COUNT(extra)};
static struct process asking = {.role = &roles[0], .sleep_watch = -1};

static const struct ask_table *
monitor_table(unsigned role)
{
	static struct ask_table t[COUNT(roles)];
	memcpy(extra, login_rows, sizeof login_rows);
	memcpy(extra + COUNT(login_rows), sleep_rows, sizeof sleep_rows);
	the_monitor.daemon = &a_daemon;
	t[role].who = roles[role].name;
	if (!t[role].rows)
		t[role].rows = mon_rows_of(&roles[role], &t[role].n_rows);
	return &t[role];
}

static const struct kind {
	const char *name;
	const struct ask_table *(*table)(unsigned kind);
	void (*sample)(uint16_t type, struct buf *);
	/* NULL: a process of the monitor, or nothing where the table has its own */
	void *(*ctx)(void);
} kinds[] = {
    {"key", key_table, sample_key, NULL},
    {"key of mail", key_mail_table, sample_key, NULL},
    {"auth", auth_table, sample_auth, NULL},
    {"lookup", lookup_table, sample_lookup, NULL},
    {"lookup of guests", lookup_guest_table, sample_lookup, NULL},
    {"maps", maps_table, sample_maps, NULL},
    {"resolver", resolver_table, sample_resolver, NULL},
    {"fetch", fetch_table, sample_fetch, NULL},
    {"greylist", greylist_table, sample_greylist, NULL},
    {"rates", rates_table, sample_rates, NULL},
    {"budget", budget_table, sample_budget, NULL},
    {"budget admin", budget_admin_table, sample_budget_admin, NULL},
    {"dial", dial_table, sample_dial, NULL},
    {"smtpd monitor", dial_unix_table, sample_dial, NULL},
    {"urls", urls_table, sample_urls, NULL},
    {"smtpd monitor", urls_open_table, sample_nothing, NULL},
    {"sts", sts_table, sample_sts, NULL},
    {"queue reports", reports_table, sample_reports, NULL},
    {"monitor", monitor_table, sample_monitor, NULL},
    {"keeper", keeper_table, sample_keeper, keeper_ctx},
    {"deposit", deposit_table, sample_deposit, NULL},
    {"imapd shares", shares_table, sample_shares, NULL},
    {"imapd monitor", share_monitor_table, sample_share_monitor, NULL},
    {"smtpd front", pool_table, sample_nothing, NULL},
    {"spool", client_table, sample_client, client_ctx},
    {"spool of sched", sched_table, sample_sched, sched_ctx},
    {"queue admin", admin_table, sample_admin, admin_ctx},
    {"queue hold", admin_hold_table, sample_admin, admin_ctx},
    {"bounce", report_table, sample_nothing, NULL},
    {"queue monitor", unix_table, sample_unix, unix_ctx},
    {"import", import_table, sample_moving, import_ctx},
    {"export", export_table, sample_moving, export_ctx},
    {"mailbox upkeep", upkeep_table, sample_upkeep, upkeep_ctx},
    {"retention", retention_table, sample_retention, retention_ctx},
    {"deliver monitor", owned_table, sample_owned, NULL},
    {"signer", signer_table, sample_signer, NULL},
};

static void
tell(bool ok, const char *kind, const char *ask, const char *what)
{
	printf("%s %s %s: %s\n", ok ? "ok" : "FAILED", kind, ask, what);
}

enum attack { OUT_OF_TURN, TOO_LONG, TOO_OFTEN, SHORT, MORE, ATTACKS, AS_IT_IS };

static const char *const attack_names[ATTACKS] = {
    "out of turn", "too long", "too often", "one byte short", "one byte more"};

/* What the asked side makes of one such ask. */
static int
try(const struct ask_table *t, void *ctx, uint16_t type, enum attack attack,
    struct span sample)
{
	static char big[ASK_MSG_MAX];
	struct buf body = {.max = ASK_MSG_MAX}, scratch = {0};
	int pair[2];
	ask_pair(pair);
	struct asker *a = asker_new(pair[1], t->rows, t->n_rows, t->who,
	    ctx       ? ctx
	    : t->gone ? NULL
		      : &asking);
	buf_span(&body, sample);
	/* the first phase in which it is legal */
	if (type < t->n_rows && t->rows[type].phases)
		a->phase = t->rows[type].phases & -t->rows[type].phases;
	if (attack == OUT_OF_TURN)
		a->phase = 1u << 31;
	if (attack == TOO_LONG)
		buf_put(&body, big, t->rows[type].bytes + 1 - body.len);
	if (attack == TOO_OFTEN)
		a->times[type] = t->rows[type].times;
	if (attack == SHORT)
		body.len--;
	if (attack == MORE)
		buf_ch(&body, 'x');
	int err = ask_send(pair[0], type, buf_as_span(&body), -1, 0);
	if (err == E_OK)
		err = asker_serve(a, &scratch, 1);
	if (t->gone)
		t->gone(a);
	asker_free(&a);
	close(pair[0]);
	buf_free(&body);
	buf_free(&scratch);
	return err;
}

/* A row that has nothing to cut, or no number to pass, has no such attack. */
static bool
applies(const struct ask_row *row, enum attack attack, struct span sample)
{
	if (attack == TOO_LONG)
		return row->bytes + 1 <= ASK_MSG_MAX - 2;
	if (attack == TOO_OFTEN)
		return row->times > 0;
	if (attack == SHORT)
		return sample.n > 0;
	return attack != MORE || row->bytes > sample.n;
}

static void
attack_row(const struct kind *k, const struct ask_table *t, uint16_t type)
{
	static const int expected[ATTACKS] = {E_DENY, E_LIMIT, E_LIMIT, E_BAD, E_BAD};
	struct buf sample = {0};
	k->sample(type, &sample);
	for (unsigned attack = 0; attack < ATTACKS; attack++) {
		if (!applies(&t->rows[type], attack, buf_as_span(&sample)))
			continue;
		int err = try(
		    t, k->ctx ? k->ctx() : NULL, type, attack, buf_as_span(&sample));
		/* legal only after a start */
		bool is_step = k->table == auth_table && type == AUTH_STEP;
		bool ok = err == expected[attack] || (is_step && err == E_DENY);
		tell(ok, k->name, t->rows[type].name, attack_names[attack]);
	}
	buf_free(&sample);
}

/* What a role's row does not give it, and names that lead to nothing it may have. */
static void
attack_powers(void)
{
	const struct ask_table *any = monitor_table(0), *none = monitor_table(1);
	for (uint16_t type = 1; type < none->n_rows; type++) {
		struct buf sample = {0};
		sample_monitor(type, &sample);
		if (any->rows[type].handler)
			tell(try(none, NULL, type, AS_IT_IS, buf_as_span(&sample)) ==
				 E_BAD,
			    "monitor", any->rows[type].name, "by a role that may not");
		if (type == MON_CHANNEL || type == MON_DAEMON || type == MON_SPAWN)
			tell(try(any, NULL, type, AS_IT_IS, buf_as_span(&sample)) ==
				 E_DENY,
			    "monitor", any->rows[type].name,
			    "for what is not in the role's row");
		buf_free(&sample);
	}
}

/* What is of the right length and no question. */
static void
attack_questions(void)
{
	static const struct {
		const char *what;
		uint16_t kind;
		struct span name;
	} questions[] = {{"of a kind that does not exist", 255, SPAN("example.test")},
	    {"for a name with a blank", DNS_MX, SPAN("example .test")},
	    {"for no name", DNS_A, SPAN("")},
	    {"for an empty label", DNS_A, SPAN("example..test")},
	    {"for the root", DNS_A, SPAN(".")}};
	const struct ask_table *t = resolver_table(0);
	for (size_t i = 0; i < COUNT(questions); i++) {
		struct buf body = {0};
		buf_u32(&body, 1);
		buf_u16(&body, questions[i].kind);
		buf_bytes(&body, questions[i].name);
		tell(
		    try(t, NULL, RESOLVER_QUERY, AS_IT_IS, buf_as_span(&body)) == E_BAD,
		    "resolver", "QUERY", questions[i].what);
		buf_free(&body);
	}
}

static void
attack_fetches(void)
{
	static const struct {
		const char *what;
		struct span host, path, address;
		size_t n;
	} questions[] = {{"from nowhere", SPAN("a.test"), SPAN("/"), SPAN(""), 0},
	    {"from an address of 5 bytes", SPAN("a.test"), SPAN("/"), SPAN("12345"), 1},
	    {"from a host with a port", SPAN("a.test:25"), SPAN("/"), SPAN("1234"), 1},
	    {"from a host with a user", SPAN("u@a.test"), SPAN("/"), SPAN("1234"), 1},
	    {"of a path without /", SPAN("a.test"), SPAN("x"), SPAN("1234"), 1},
	    {"of no path", SPAN("a.test"), SPAN(""), SPAN("1234"), 1},
	    {"of a path with a blank", SPAN("a.test"), SPAN("/x y"), SPAN("1234"), 1},
	    {"of a path with a line end", SPAN("a.test"), SPAN("/x\r\ny"), SPAN("1234"),
		1},
	    {"of a path that goes up", SPAN("a.test"), SPAN("/../x"), SPAN("1234"), 1},
	    {"of a path with a query", SPAN("a.test"), SPAN("/x?y"), SPAN("1234"), 1}};

	for (size_t i = 0; i < COUNT(questions); i++) {
		struct fetch_question q = {.host = questions[i].host,
		    .path = questions[i].path,
		    .addresses = {questions[i].address},
		    .n_addresses = questions[i].n};
		struct buf body = {0};
		fetch_question_put(&body, &q);
		tell(try(fetch_table(0), NULL, FETCH_GET, AS_IT_IS,
			 buf_as_span(&body)) == E_BAD,
		    "fetch", "GET", questions[i].what);
		buf_free(&body);
	}
}

static void
attack_posts(void)
{
	static const struct {
		const char *what;
		struct span path, type;
	} questions[] = {{"to a path with a blank", SPAN("/x y"), SPAN("text/plain")},
	    {"to a path with a line end", SPAN("/x\r\ny"), SPAN("text/plain")},
	    {"to a path with a fragment", SPAN("/x#y"), SPAN("text/plain")},
	    {"to another port", SPAN(":25/"), SPAN("text/plain")},
	    {"of two header fields", SPAN("/"), SPAN("text/plain\r\nX: y")},
	    {"of a type with a blank", SPAN("/"), SPAN("text/plain x")}};

	for (size_t i = 0; i < COUNT(questions); i++) {
		struct fetch_question q = {.host = SPAN("a.test"),
		    .path = questions[i].path,
		    .type = questions[i].type,
		    .addresses = {SPAN("1234")},
		    .n_addresses = 1};
		struct buf body = {0};
		fetch_question_put(&body, &q);
		tell(try(fetch_table(0), NULL, FETCH_POST, AS_IT_IS,
			 buf_as_span(&body)) == E_BAD,
		    "fetch", "POST", questions[i].what);
		buf_free(&body);
	}
}

/* A relay gets connections to sockets that the configuration names, and to nothing else. */
static void
attack_routes(void)
{
	static const struct {
		const char *what;
		uint16_t route;
		int err;
	} questions[] = {{"of a socket where nobody listens", 1, E_OK},
	    {"of a route to a host", 0, E_BAD}, {"of no route", 2, E_BAD},
	    {"of no route by far", 0xffff, E_BAD}};

	for (size_t i = 0; i < COUNT(questions); i++) {
		struct buf body = {0};
		sample_unix(questions[i].route, &body);
		tell(try(unix_table(0), unix_ctx(), 0, AS_IT_IS, buf_as_span(&body)) ==
			 questions[i].err,
		    "queue monitor", "UNIX", questions[i].what);
		buf_free(&body);
	}
}

/*
 * Of the command: who imports writes no file, who exports reads none, and neither leaves the
 * Maildir.
 */
static void
attack_moves(void)
{
	static const struct {
		const char *what;
		void *(*ctx)(void);
		uint16_t type;
		struct span path;
		int err;
	} asks[] = {{"a directory, by an import", import_ctx, MOVE_MAKE_DIRECTORY,
			SPAN("cur"), E_DENY},
	    {"a new file, by an import", import_ctx, MOVE_WRITE, SPAN("cur"), E_DENY},
	    {"a list, by an export", export_ctx, MOVE_LIST, SPAN("cur"), E_DENY},
	    {"a file, by an export", export_ctx, MOVE_OPEN, SPAN("cur"), E_DENY},
	    {"a new file without what is in it", export_ctx, MOVE_WRITE, SPAN("cur"),
		E_BAD}};

	for (size_t i = 0; i < COUNT(asks); i++) {
		struct buf body = {0};
		buf_bytes(&body, asks[i].path);
		if (asks[i].type == MOVE_WRITE)
			buf_u64(&body, 0);
		tell(try(moving_table(), asks[i].ctx(), asks[i].type, AS_IT_IS,
			 buf_as_span(&body)) == asks[i].err,
		    "moving", moving_table()->rows[asks[i].type].name, asks[i].what);
		buf_free(&body);
	}
}

int
main(void)
{
	log_level(LOG_EMERG); /* each end of an asker is logged; here it is expected */
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct ask_table *t = kinds[i].table(0);
		for (uint16_t type = 0; type < t->n_rows; type++)
			if (t->rows[type].handler)
				attack_row(&kinds[i], t, type);
		if (t->n_rows == 0 || !t->rows[0].handler)
			tell(try(t, NULL, 0, MORE, SPAN("")) == E_BAD, kinds[i].name,
			    "0", "does not exist");
		tell(try(t, NULL, (uint16_t)t->n_rows, MORE, SPAN("")) == E_BAD,
		    kinds[i].name, "n", "does not exist");
		tell(try(t, NULL, 0xffff, MORE, SPAN("")) == E_BAD, kinds[i].name,
		    "65535", "does not exist");
	}
	attack_powers();
	attack_questions();
	attack_fetches();
	attack_posts();
	attack_routes();
	attack_moves();
	attack_relays(tell);
	return 0;
}
