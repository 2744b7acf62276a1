/* SPDX-License-Identifier: ISC */
/* main.c - smtpd: intake and submission.  Its processes, and who may ask whom. */
#include <string.h>

#include "account/recipient.h"
#include "auth/auth.h"
#include "login/roll.h"
#include "login/ticket.h"
#include "maps/maps.h"
#include "metrics/role.h"
#include "net/fetch.h"
#include "net/resolver.h"
#include "proc/daemon.h"
#include "smtpd/budget/budget.h"
#include "smtpd/dial.h"
#include "smtpd/front.h"
#include "smtpd/policy/greylist.h"
#include "smtpd/policy/lists.h"
#include "smtpd/policy/psl.h"
#include "smtpd/rates.h"
#include "smtpd/session.h"
#include "smtpd/urls.h"
#include "store/store.h"
#include "tls/dkim_key.h"
#include "tls/key.h"
#include "tls/server.h"

enum {
	FRONT,
	SESSION,
	KEY,
	AUTH,
	LOOKUP,
	RESOLVER,
	GREYLIST,
	DIAL,
	FETCH,
	BUDGET,
	RATES_ROLE,
	MAPS,
	URLS
};

#define TO(role) (1u << (role))

static int
auth_role_prepare(void)
{
	auth_announce_with(ticket_announce);
	return auth_prepare();
}

/* clang-format off */
/* before_start adds what auth may ask */
static struct role roles[] = {
	[FRONT] = {.name = "front", .user = USER_NET, .at_start = 1, .count = "front_count",
	           .monitor_asks = MON_MAY(MON_SPAWN),
	           .prepare = front_prepare, .jail = front_jail, .run = front_run},
	[SESSION] = {.name = "session", .user = USER_NET, .flags = ROLE_POOL,
	           .count = "sessions_spare", .most = "sessions_most",
	           .channels = TO(FRONT) | TO(KEY) | TO(AUTH) | TO(LOOKUP) | TO(RESOLVER) |
	                TO(GREYLIST) | TO(DIAL) | TO(BUDGET) | TO(RATES_ROLE),
	           .peers = DAEMON_QUEUE,
	           .monitor_asks = MON_MAY(MON_CHANNEL) | MON_MAY(MON_DAEMON) | MON_MAY(MON_WHO) |
	                MON_MAY(LOGIN_REDEEM) | MON_MAY(LOGIN_IDLE) | MON_MAY(LOGIN_LEAVE) |
	                MON_MAY(URLS_OPEN),
	           .prepare = session_prepare, .jail = session_jail, .run = session_run},
	[KEY] = {.name = "key", .user = USER_KEY, .at_start = 1,
	           .prepare = key_prepare, .jail = key_mail_jail, .run = key_mail_run},
	[AUTH] = {.name = "auth", .user = USER_AUTH, .flags = ROLE_TELLS, .at_start = 1,
	           .monitor_asks = MON_MAY(LOGIN_TICKET),
	           .prepare = auth_role_prepare, .jail = auth_jail, .run = auth_run},
	[LOOKUP] = {.name = "lookup", .user = USER_LOOKUP, .at_start = 1,
	           .channels = TO(MAPS), .monitor_asks = MON_MAY(MON_CHANNEL),
	           .jail = lookup_jail, .run = lookup_run},
	[RESOLVER] = {.name = "resolver", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
	           .prepare = resolver_prepare, .jail = resolver_jail, .run = resolver_run},
	[GREYLIST] = {.name = "greylist", .user = USER_LOOKUP, .flags = ROLE_SINGLE | ROLE_LAZY, .at_start = 1,
	           .jail = greylist_jail, .run = greylist_run},
	[DIAL] = {.name = "dial", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
	           .monitor_asks = MON_MAY(DIAL_UNIX),
	           .jail = dial_jail, .run = dial_run},
	[FETCH] = {.name = "fetch", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
	           .prepare = fetch_prepare, .jail = fetch_jail, .run = fetch_run},
	[BUDGET] = {.name = "budget", .user = USER_LOOKUP, .flags = ROLE_SINGLE, .at_start = 1,
	           .is_off = budget_is_off, .peers = DAEMON_QUEUE | DAEMON_HOLD | DAEMON_CTL,
	           .monitor_asks = MON_MAY(MON_DAEMON),
	           .prepare = budget_prepare, .jail = budget_jail, .run = budget_run},
	[RATES_ROLE] = {.name = "rates", .user = USER_NET, .flags = ROLE_LAZY, .at_start = 1,
	           .jail = rates_jail, .run = rates_run},
	[MAPS] = MAPS_ROLE,
	[URLS] = {.name = "urls", .user = USER_NET, .flags = ROLE_SESSION,
	           .jail = store_jail, .run = urls_run},
	METRICS_ROLE,
};
/* clang-format on */

static const char *const listen_settings[] = {
    "listen_smtp", "listen_submission", "listen_submissions", "listen_lmtp", NULL};

static int
self_test(const struct conf *conf, struct buf *errors)
{
	int auth = auth_self_test(conf, errors), lists = lists_self_test(conf, errors),
	    maps = maps_self_test(conf, errors);
	return auth != E_OK ? auth : lists != E_OK ? lists : maps;
}

static void
before_start(const struct conf *conf)
{
	roll_new(conf, "smtpd", "connections_most", "front_count");
	rates_share(conf);
	dkim_folder_make(conf);
	greylist_folder_make(conf);
	budget_folder_make(conf);
	lists_load(conf);
	/* here, so that all sessions share its pages; what is missing is logged */
	(void)!psl_prepare();
	if (auth_asks_issuer(conf)) {
		roles[AUTH].channels |= TO(RESOLVER) | TO(FETCH);
		roles[AUTH].monitor_asks |= MON_MAY(MON_CHANNEL);
	}
}

static void
on_born(const struct role *role)
{
	if (role == &roles[FRONT])
		return;
	roll_close();
	rates_unshare();
}

/* login_rows, dial_extra, urls_extra: one table, at their numbers */
static struct ask_row extra[URLS_OPEN + 1 - MON_EXTRA];
_Static_assert((int)DIAL_UNIX == (int)LOGIN_ASKS_END, "one behind the other");

static const char *const sockets[] = {"budget", NULL};

static const struct daemon smtpd = {
    .name = "smtpd",
    .about = "takes mail in, from other servers and from mail programs",
    .roles = roles,
    .n_roles = COUNT(roles),
    .listen_settings = listen_settings,
    .unix_sockets = sockets,
    .self_test = self_test,
    .socket_user = "lmtp_user",
    .before_start = before_start,
    .on_born = on_born,
    .on_gone = roll_strike,
    .extra_asks = extra,
    .n_extra_asks = COUNT(extra),
};

int
main(int argc, char **argv)
{
	memcpy(extra, login_rows, sizeof login_rows);
	extra[DIAL_UNIX - MON_EXTRA] = dial_extra[0];
	extra[URLS_OPEN - MON_EXTRA] = urls_extra[0];
	login_session_role = &roles[SESSION];
	urls_role = &roles[URLS];
	return daemon_main(&smtpd, argc, argv);
}
