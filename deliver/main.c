/* SPDX-License-Identifier: ISC */
/* main.c - deliver: local delivery. */
#include <string.h>

#include "account/recipient.h"
#include "auth/auth.h"
#include "conf/conf.h"
#include "deliver/agent.h"
#include "deliver/agents.h"
#include "deliver/asks.h"
#include "deliver/events.h"
#include "deliver/letter_sign.h"
#include "deliver/lists.h"
#include "deliver/managesieve/login.h"
#include "deliver/managesieve/session.h"
#include "deliver/pipe.h"
#include "deliver/placer.h"
#include "deliver/programs.h"
#include "deliver/retention.h"
#include "deliver/runner.h"
#include "login/roll.h"
#include "login/ticket.h"
#include "maps/maps.h"
#include "metrics/role.h"
#include "mime/charset.h"
#include "net/fetch.h"
#include "proc/daemon.h"
#include "tls/dkim_key.h"
#include "tls/key.h"

/* ---- ManageSieve: without listen_sieve none of its processes is there ---- */

static bool
has_no_sieve(const struct conf *conf)
{
	return conf_list_count(conf, "deliver", "listen_sieve") == 0;
}

static bool
has_no_events(const struct conf *conf)
{
	return !conf_bool(conf, "deliver", "sieve") ||
	       !conf_bool(conf, "deliver", "sieve_imap");
}

static int
front_role(void)
{
	return front_run(&managesieve_dialect);
}

static int
auth_role_prepare(void)
{
	auth_announce_with(ticket_announce);
	return auth_prepare();
}

static const char *const listen_settings[] = {"listen_sieve", NULL};
static const char *const jobs_socket[] = {"jobs", NULL};
static const char *const events_socket[] = {"events", NULL};
static const char *const sockets[] = {"jobs", "events", NULL};

/* clang-format off */
/* before_start adds what auth may ask */
static struct role roles[] = {
	[DELIVER_PLACER] = {.name = "placer", .user = USER_DELIVER, .flags = ROLE_SINGLE | ROLE_CAPS_ID,
		.at_start = 2, .count = "placers", .listens = jobs_socket,
		.channels = 1u << DELIVER_LOOKUP | 1u << DELIVER_SIGNER, .peers = DAEMON_QUEUE,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_DAEMON) | MON_MAY(DELIVER_AGENT) |
		    MON_MAY(DELIVER_RUNNER),
		.prepare = placer_prepare, .jail = placer_jail, .run = placer_run},
	[DELIVER_LOOKUP] = {.name = "lookup", .user = USER_LOOKUP, .at_start = 1,
		.channels = 1u << DELIVER_MAPS, .monitor_asks = MON_MAY(MON_CHANNEL),
		.jail = lookup_jail, .run = lookup_run},
	[DELIVER_MAPS] = MAPS_ROLE,
	[DELIVER_AGENT_ROLE] = {.name = "agent", .user = USER_NET, .flags = ROLE_SESSION,
		.channels = 1u << DELIVER_LOOKUP, .monitor_asks = MON_MAY(MON_CHANNEL),
		.prepare = agent_prepare, .jail = agent_jail, .run = agent_run},
	[DELIVER_EVENTS] = {.name = "events", .user = USER_DELIVER, .flags = ROLE_SINGLE, .at_start = 1, .is_off = has_no_events,
		.listens = events_socket, .channels = 1u << DELIVER_LOOKUP | 1u << DELIVER_SIGNER, .peers = DAEMON_QUEUE,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_DAEMON) | MON_MAY(DELIVER_AGENT) |
		    MON_MAY(DELIVER_RUNNER),
		.prepare = events_prepare, .jail = events_jail, .run = events_run},
	[DELIVER_FRONT] = {.name = "front", .user = USER_NET, .flags = ROLE_POOL, .at_start = 1, .most = "fronts_most",
		.is_off = has_no_sieve, .listens = listen_settings,
		.channels = 1u << DELIVER_KEY | 1u << DELIVER_AUTH,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_SPAWN) | MON_MAY(LOGIN_REDEEM),
		.prepare = front_prepare, .jail = front_jail, .run = front_role},
	[DELIVER_SESSION] = {.name = "session", .user = USER_NET, .flags = ROLE_SESSION,
		.monitor_asks = MON_MAY(MON_WHO) | MON_MAY(LOGIN_IDLE) | MON_MAY(LOGIN_LEAVE) |
		    MON_MAY(LOGIN_RETURN),
		.jail = managesieve_jail, .run = managesieve_session_run},
	[DELIVER_KEY] = {.name = "key", .user = USER_KEY, .at_start = 1, .is_off = has_no_sieve,
		.prepare = key_prepare, .jail = key_jail, .run = key_run},
	[DELIVER_AUTH] = {.name = "auth", .user = USER_AUTH, .at_start = 1, .is_off = has_no_sieve,
		.monitor_asks = MON_MAY(LOGIN_TICKET),
		.prepare = auth_role_prepare, .jail = auth_jail, .run = auth_run},
	[DELIVER_RESOLVER] = {.name = "resolver", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.prepare = resolver_prepare, .jail = resolver_jail, .run = resolver_run},
	[DELIVER_FETCH] = {.name = "fetch", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.prepare = fetch_prepare, .jail = fetch_jail, .run = fetch_run},
	[DELIVER_RETENTION] = {.name = "retention", .user = USER_LOOKUP, .flags = ROLE_SINGLE, .at_start = 1,
		.monitor_asks = MON_MAY(DELIVER_RETAINER),
		.prepare = retention_prepare, .jail = retention_jail, .run = retention_role_run},
	[DELIVER_RETAINER_ROLE] = {.name = "retainer", .user = USER_NET, .flags = ROLE_SESSION,
		.prepare = retainer_prepare, .jail = retainer_jail, .run = retainer_run},
	[DELIVER_SIGNER] = {.name = "signer", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.channels = 1u << DELIVER_DKIM | 1u << DELIVER_LOOKUP, .monitor_asks = MON_MAY(MON_CHANNEL),
		.jail = signer_jail, .run = signer_run},
	[DELIVER_DKIM] = {.name = "dkim", .user = USER_KEY, .flags = ROLE_LAZY, .at_start = 1,
		.jail = key_mail_jail, .run = key_mail_run},
	[DELIVER_RUNNER_ROLE] = {.name = "runner", .user = USER_NET, .flags = ROLE_SESSION | ROLE_GROUP,
		.prepare = runner_prepare, .jail = runner_jail, .run = runner_run},
	METRICS_ROLE,
};

/* clang-format on */

static int
self_test(const struct conf *conf, struct buf *errors)
{
	int err = maps_self_test(conf, errors);
	if (programs_self_test(conf, errors) != E_OK)
		err = E_BAD;
	if (lists_self_test(conf, errors) != E_OK)
		err = E_BAD;
	runner_programs_test(conf, errors); /* one that cannot be run stops no other */
	if (has_no_sieve(conf))
		return err;
	return auth_self_test(conf, errors) == E_OK ? err : E_BAD;
}

static void
before_start(const struct conf *conf)
{
	if (conf_bool(conf, "deliver", "sieve")) {
		charset_prepare(); /* for agents */
		dkim_folder_make(conf);
	}
	if (has_no_sieve(conf))
		return;
	roll_new(conf, "deliver", "front_connections", "fronts_most");
	if (auth_asks_issuer(conf)) {
		roles[DELIVER_AUTH].channels |=
		    1u << DELIVER_RESOLVER | 1u << DELIVER_FETCH;
		roles[DELIVER_AUTH].monitor_asks |= MON_MAY(MON_CHANNEL);
	}
}

static void
on_born(const struct role *role)
{
	if (role != &roles[DELIVER_FRONT])
		roll_close();
}

/* Those of logins, and behind them our own. */
static struct ask_row rows[DELIVER_ASKS_END - MON_EXTRA];

int
main(int argc, char **argv)
{
	static const struct daemon deliver = {.name = "deliver",
	    .about = "puts mail into mailboxes, and lets people keep Sieve scripts",
	    .roles = roles,
	    .n_roles = COUNT(roles),
	    .listen_settings = listen_settings,
	    .unix_sockets = sockets,
	    .self_test = self_test,
	    .before_start = before_start,
	    .on_born = on_born,
	    .on_gone = roll_strike,
	    .on_adopted = deliver_runners_watch,
	    .extra_asks = rows,
	    .n_extra_asks = COUNT(rows)};
	memcpy(rows, login_rows, sizeof login_rows);
	rows[DELIVER_AGENT - MON_EXTRA] = deliver_agent_row;
	rows[DELIVER_RUNNER - MON_EXTRA] = deliver_runner_row;
	deliver_runner_role = &roles[DELIVER_RUNNER_ROLE];
	lookup_guests = 1u << DELIVER_AGENT_ROLE;
	rows[DELIVER_RETAINER - MON_EXTRA] = deliver_retainer_row;
	deliver_agent_role = &roles[DELIVER_AGENT_ROLE];
	deliver_retainer_role = &roles[DELIVER_RETAINER_ROLE];
	login_session_role = &roles[DELIVER_SESSION];
	login_front_role = &roles[DELIVER_FRONT];
	return daemon_main(&deliver, argc, argv);
}
