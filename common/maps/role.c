/* SPDX-License-Identifier: ISC */
/* role.c - the role "maps": it has the network that lookup has not, and parses keys alone. */
#include <sysexits.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "maps/maps.h"
#include "proc/child.h"
#include "proc/jail.h"

enum { PH_ANY = 1 };

static struct maps *maps;

static int
ask_find(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span key = rd_str(body, MAP_KEY_MAX);
	struct buf targets = {.max = MAP_ANSWER_MAX};
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	int err = maps ? maps_find(maps, key, deadline_in_ms(MAPS_WAIT_MS), &targets)
	               : E_IO; /* prepared by nobody */
	buf_u8(reply, (uint8_t)-err);
	buf_bytes(reply, err == E_OK ? buf_as_span(&targets) : SPAN(""));
	buf_free(&targets);
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*              name    legal in  times    bytes            fd back  answered by */
	[MAPS_FIND] = {"FIND",  PH_ANY,   6000000, 4 + MAP_KEY_MAX, false,   ask_find},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "maps client"};

const struct ask_table *
maps_table(unsigned kind)
{
	(void)kind;
	return &table;
}

int
maps_self_test(const struct conf *conf, struct buf *errors)
{
	struct maps *all = NULL;
	int err = maps_are_off(conf) ? E_OK : maps_open(conf, errors, &all);
	maps_close(&all);
	return err;
}

/* Definitions may be root's alone, and modules lie where the jail does not reach. */
int
maps_prepare(void)
{
	return maps_open(the_child.conf, NULL, &maps) == E_OK ? EX_OK : EX_CONFIG;
}

/*
 * What the libraries read: names of hosts, authorities, their own settings; and the folders of
 * SQLite's databases, with what it keeps beside them.
 */
void
maps_jail(struct jail *j)
{
	j->calls = JAIL_NET | JAIL_CONNECT_UNIX | JAIL_FILES_READ;
	jail_allow(j, "/etc", JAIL_READ);
	jail_allow(j, "/usr/share/ca-certificates", JAIL_READ);
	jail_allow(j, "/run/systemd/resolve", JAIL_READ);
	maps_allow_files(the_child.conf, j);
}

int
maps_run(void)
{
	return child_serve(maps_table, NULL, 0);
}

int
maps_ask(
    int *chan, struct span key, int64_t deadline, struct arena *arena, struct span *out)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	int err = E_IO;
	buf_bytes(&body, span_head(key, MAP_KEY_MAX));
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_IO; i++) {
		if (*chan < 0 && child_channel("maps", chan) != E_OK)
			break;
		err = ask_call(
		    *chan, MAPS_FIND, buf_as_span(&body), -1, &in, &reply, deadline);
		if (err != E_OK)
			ask_hang_up(chan);
	}
	if (err == E_OK) {
		err = -(int)rd_u8(&reply.body);
		*out = rd_copy(&reply.body, MAP_ANSWER_MAX, arena);
		if (rd_end(&reply.body) != E_OK || (err != E_OK && err != E_BAD))
			err = E_IO;
	} else {
		err = E_IO;
	}
	buf_free(&body);
	buf_free(&in);
	return err;
}
