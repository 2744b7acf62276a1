/* SPDX-License-Identifier: ISC */
/* main.c - deliver: local delivery. */
#include "account/recipient.h"
#include "deliver/asks.h"
#include "deliver/placer.h"
#include "maps/maps.h"
#include "metrics/role.h"
#include "proc/daemon.h"

/* clang-format off */
static const struct role roles[] = {
	[DELIVER_PLACER] = {.name = "placer", .user = USER_DELIVER, .flags = ROLE_SINGLE | ROLE_CAPS_ID,
		.at_start = 2, .count = "placers",
		.channels = 1u << DELIVER_LOOKUP, .monitor_asks = MON_MAY(MON_CHANNEL),
		.prepare = placer_prepare, .jail = placer_jail, .run = placer_run},
	[DELIVER_LOOKUP] = {.name = "lookup", .user = USER_LOOKUP, .at_start = 1,
		.channels = 1u << DELIVER_MAPS, .monitor_asks = MON_MAY(MON_CHANNEL),
		.jail = lookup_jail, .run = lookup_run},
	[DELIVER_MAPS] = MAPS_ROLE,
	METRICS_ROLE,
};

/* clang-format on */

int
main(int argc, char **argv)
{
	static const char *const sockets[] = {"jobs", NULL};
	static const struct daemon deliver = {.name = "deliver",
	    .about = "puts mail into mailboxes",
	    .roles = roles,
	    .n_roles = COUNT(roles),
	    .self_test = maps_self_test,
	    .unix_sockets = sockets};
	return daemon_main(&deliver, argc, argv);
}
