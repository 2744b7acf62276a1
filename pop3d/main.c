/* SPDX-License-Identifier: ISC */
/* main.c - pop3d: maildrops for those who fetch. */
#include "auth/auth.h"
#include "login/front.h"
#include "login/roll.h"
#include "metrics/role.h"
#include "net/fetch.h"
#include "pop3d/asks.h"
#include "pop3d/expire.h"
#include "pop3d/login.h"
#include "pop3d/session.h"
#include "proc/daemon.h"
#include "store/store.h"
#include "tls/key.h"
#include "tls/server.h"

static int
front_role(void)
{
	return front_run(&pop3_dialect);
}

static int
auth_role_prepare(void)
{
	auth_announce_with(expire_announce);
	return auth_prepare();
}

/* clang-format off */
/* before_start adds what auth may ask */
static struct role roles[] = {
	[POP3_FRONT] = {.name = "front", .user = USER_NET, .flags = ROLE_POOL, .at_start = 1, .most = "fronts_most",
		.channels = 1u << POP3_KEY | 1u << POP3_AUTH,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_SPAWN) | MON_MAY(LOGIN_REDEEM),
		.prepare = front_prepare, .jail = front_jail, .run = front_role},
	[POP3_SESSION] = {.name = "session", .user = USER_NET, .flags = ROLE_SESSION,
		.monitor_asks = MON_MAY(MON_WHO) | MON_MAY(LOGIN_IDLE) | MON_MAY(LOGIN_LEAVE),
		.jail = store_jail, .run = pop3_session_run},
	[POP3_KEY] = {.name = "key", .user = USER_KEY, .at_start = 1,
		.prepare = key_prepare, .jail = key_jail, .run = key_run},
	[POP3_AUTH] = {.name = "auth", .user = USER_AUTH, .flags = ROLE_TELLS, .at_start = 1,
		.monitor_asks = MON_MAY(LOGIN_TICKET),
		.prepare = auth_role_prepare, .jail = auth_jail, .run = auth_run},
	[POP3_RESOLVER] = {.name = "resolver", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.prepare = resolver_prepare, .jail = resolver_jail, .run = resolver_run},
	[POP3_FETCH] = {.name = "fetch", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.prepare = fetch_prepare, .jail = fetch_jail, .run = fetch_run},
	METRICS_ROLE,
};

/* clang-format on */

static void
before_start(const struct conf *conf)
{
	store_prepare();
	roll_new(conf, "pop3d", "front_connections", "fronts_most");
	if (auth_asks_issuer(conf)) {
		roles[POP3_AUTH].channels |= 1u << POP3_RESOLVER | 1u << POP3_FETCH;
		roles[POP3_AUTH].monitor_asks |= MON_MAY(MON_CHANNEL);
	}
}

static void
on_born(const struct role *role)
{
	if (role != &roles[POP3_FRONT])
		roll_close();
}

int
main(int argc, char **argv)
{
	static const char *const listen[] = {"listen_pop3", "listen_pop3s", NULL};
	static const struct daemon pop3d = {.name = "pop3d",
	    .about = "lets mail programs fetch and delete",
	    .roles = roles,
	    .n_roles = COUNT(roles),
	    .listen_settings = listen,
	    .self_test = auth_self_test,
	    .before_start = before_start,
	    .on_born = on_born,
	    .on_gone = roll_strike,
	    .extra_asks = login_rows,
	    .n_extra_asks = COUNT(login_rows)};
	login_session_role = &roles[POP3_SESSION];
	return daemon_main(&pop3d, argc, argv);
}
