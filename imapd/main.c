/* SPDX-License-Identifier: ISC */
/* main.c - imapd: mailboxes for those who read, file and search. */
#include <string.h>

#include "auth/auth.h"
#include "conf/conf.h"
#include "imapd/asks.h"
#include "imapd/login.h"
#include "imapd/ring.h"
#include "imapd/session.h"
#include "imapd/shares.h"
#include "login/front.h"
#include "login/nest.h"
#include "login/roll.h"
#include "login/sleep.h"
#include "login/ticket.h"
#include "metrics/role.h"
#include "mime/charset.h"
#include "net/fetch.h"
#include "proc/daemon.h"
#include "store/store.h"
#include "tls/key.h"
#include "tls/server.h"

static int
front_role(void)
{
	return front_run(&imap_dialect);
}

static int
nest_role(void)
{
	static const struct nest_texts texts = {
	    .stops = "* BYE [UNAVAILABLE] this server stops\r\n",
	    .kicked = "* BYE [UNAVAILABLE] an administrator ends this session\r\n",
	    .idle = "* BYE idle for too long\r\n", /* RFC 9051 5.4 */
	};
	return nest_run(&texts);
}

static bool
nobody_sleeps(const struct conf *conf)
{
	return conf_int(conf, "imapd", "sleep_after") == 0;
}

/* Who reads mail, or forks a keeper whose helper does. */
static void
reader_jail(struct jail *j)
{
	store_jail(j);
	jail_allow(j, charset_folder(), JAIL_READ);
}

static int
auth_role_prepare(void)
{
	auth_announce_with(ticket_announce);
	return auth_prepare();
}

/* clang-format off */
/* before_start adds what auth may ask */
static struct role roles[] = {
	[IMAP_FRONT] = {.name = "front", .user = USER_NET, .flags = ROLE_POOL, .at_start = 1, .most = "fronts_most",
		.channels = 1u << IMAP_KEY | 1u << IMAP_AUTH,
		.monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_SPAWN) | MON_MAY(LOGIN_REDEEM),
		.prepare = front_prepare, .jail = front_jail, .run = front_role},
	[IMAP_SESSION] = {.name = "session", .user = USER_NET, .flags = ROLE_SESSION,
		.monitor_asks = MON_MAY(MON_WHO) | MON_MAY(LOGIN_IDLE) | MON_MAY(LOGIN_LEAVE) |
		    MON_MAY(LOGIN_RETURN) | MON_MAY(SLEEP_WATCH) | MON_MAY(SLEEP_BEGIN) | MON_MAY(SLEEP_AGAIN) | MON_MAY(SLEEP_AWAKE) |
		    MON_MAY(SHARE_CHANNEL) | MON_MAY(RING_BELL),
		.prepare = ring_prepare, .jail = reader_jail, .run = imap_session_run, .ahead = imap_session_ahead, .warm = store_prepare},
	[IMAP_KEY] = {.name = "key", .user = USER_KEY, .at_start = 1,
		.prepare = key_prepare, .jail = key_jail, .run = key_run},
	[IMAP_AUTH] = {.name = "auth", .user = USER_AUTH, .flags = ROLE_TELLS, .at_start = 1,
		.monitor_asks = MON_MAY(LOGIN_TICKET),
		.prepare = auth_role_prepare, .jail = auth_jail, .run = auth_run},
	[IMAP_RESOLVER] = {.name = "resolver", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.prepare = resolver_prepare, .jail = resolver_jail, .run = resolver_run},
	[IMAP_FETCH] = {.name = "fetch", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
		.prepare = fetch_prepare, .jail = fetch_jail, .run = fetch_run},
	[IMAP_NEST] = {.name = "nest", .user = USER_NET, .flags = ROLE_NEST, .at_start = 1, .most = "nests_most", .is_off = nobody_sleeps,
		.monitor_asks = MON_MAY(SLEEP_WAKE) | MON_MAY(SLEEP_ENDED),
		.prepare = nest_prepare, .jail = nest_jail, .run = nest_role},
	[IMAP_SHARES] = {.name = "shares", .user = USER_LOOKUP, .flags = ROLE_LAZY, .at_start = 1,
		.monitor_asks = MON_MAY(SHARE_FORK), .jail = shares_jail, .run = shares_run},
	[IMAP_DOOR] = {.name = "door", .user = USER_NET, .flags = ROLE_SESSION,
		.jail = reader_jail, .run = door_run},
	METRICS_ROLE,
};

/* clang-format on */

static void
before_start(const struct conf *conf)
{
	charset_prepare();
	store_prepare();
	roll_new(conf, "imapd", "front_connections", "fronts_most");
	if (auth_asks_issuer(conf)) {
		roles[IMAP_AUTH].channels |= 1u << IMAP_RESOLVER | 1u << IMAP_FETCH;
		roles[IMAP_AUTH].monitor_asks |= MON_MAY(MON_CHANNEL);
	}
}

static void
on_born(const struct role *role)
{
	if (role != &roles[IMAP_FRONT])
		roll_close();
}

/* Those of every daemon with a login, about sleep, about mailboxes of others, and about scripts. */
static struct ask_row asks[RING_ASKS_END - MON_EXTRA];

int
main(int argc, char **argv)
{
	static const char *const listen[] = {"listen_imap", "listen_imaps", NULL};
	static const struct daemon imapd = {.name = "imapd",
	    .about = "lets mail programs read, file, flag and search",
	    .roles = roles,
	    .n_roles = COUNT(roles),
	    .listen_settings = listen,
	    .self_test = auth_self_test,
	    .on_born = on_born,
	    .on_gone = roll_strike,
	    .before_start = before_start,
	    .extra_asks = asks,
	    .n_extra_asks = COUNT(asks)};
	memcpy(asks, login_rows, sizeof login_rows);
	memcpy(asks + COUNT(login_rows), sleep_rows, sizeof sleep_rows);
	memcpy(asks + COUNT(login_rows) + COUNT(sleep_rows), share_rows,
	    sizeof share_rows);
	memcpy(asks + (RING_BELL - MON_EXTRA), ring_rows, sizeof ring_rows);
	shares_role = &roles[IMAP_SHARES];
	door_role = &roles[IMAP_DOOR];
	login_session_role = &roles[IMAP_SESSION];
	login_front_role = &roles[IMAP_FRONT];
	return daemon_main(&imapd, argc, argv);
}
