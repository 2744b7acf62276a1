/* SPDX-License-Identifier: ISC */
/* sts.c - the role: what relays ask and tell, and what comes due. */
#include "queue/sts/sts.h"

#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/sts/discover.h"
#include "queue/sts/tlsrpt.h"
#include "queue/sts/wire.h"

enum {
	PH_ANY = 1,
	/* of one relay, which has one destination, in ASK_TIMES_WINDOW_SEC */
	POLICIES_A_WINDOW = 60,
	NOTES_A_WINDOW = 600,
	POLICY_BYTES = 4 + DNS_NAME_MAX,
	NOTE_BYTES = 16384,
	TICK_MS = 3000,
};

static int
ask_policy(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span domain = rd_str(body, DNS_NAME_MAX);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || !dns_name_ok(domain))
		return E_BAD;
	discover_for(a, domain);
	return E_MORE;
}

static int
ask_note(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct sts_note note;
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (sts_note_get(body, &note) != E_OK)
		return E_BAD;
	tlsrpt_note(&note);
	return E_MORE; /* there is no reply */
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*              name      legal in  times              bytes         fd back  answered by */
	[STS_POLICY] = {"POLICY", PH_ANY,   POLICIES_A_WINDOW, POLICY_BYTES, false,   ask_policy},
	[STS_NOTE]   = {"NOTE",   PH_ANY,   NOTES_A_WINDOW,    NOTE_BYTES,   false,   ask_note},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "relay", .gone = discover_gone};

const struct ask_table *
sts_table(unsigned kind)
{
	return kind == STS_ADMIN ? sts_admin_table() : &table;
}

static void
close_all(void)
{
	discover_close();
	tlsrpt_close();
}

/*
 * At a reload who waits asks the next one: relays of before may live for long.  At a stop they have
 * their last word first: child_serve returns when they left.
 */
static void
on_tick(void)
{
	if (the_child.is_draining && !the_child.is_stopping) {
		close_all();
		_exit(EX_OK);
	}
	discover_tick();
	tlsrpt_tick();
}

static struct buf dir;

void
sts_jail(struct jail *j)
{
	buf_reset(&dir);
	buf_putf(&dir, "%s/sts", conf_str(the_child.conf, "common", "spool_dir"));
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK | JAIL_ACCEPT;
	jail_allow(j, buf_cstr(&dir), JAIL_READ | JAIL_WRITE);
}

int
sts_run(void)
{
	wire_open(child_loop());
	discover_open(conf_str(the_child.conf, "common", "spool_dir"));
	tlsrpt_open(the_child.conf);
	sts_admin_open();
	bool has_work = conf_bool(the_child.conf, "queue", "mta_sts") ||
	                *conf_str(the_child.conf, "queue", "tlsrpt_from");
	int status = child_serve(sts_table, has_work ? on_tick : NULL, TICK_MS);
	close_all();
	return status;
}
