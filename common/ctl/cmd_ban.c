/* SPDX-License-Identifier: ISC */
/* cmd_ban.c - bans of networks, and locks of accounts: said, ended, listed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/bans.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/value.h"
#include "ctl/changelog.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

enum {
	BAN_ARGUMENTS_MAX = 1000,
	BAN_TIME_SEC = 86400,
	BAN_TIME_MOST_SEC = 3650 * 86400,
};

/* Open, and locked.  NULL: it said why */
static struct bans *
bans_to_change(struct merpati *c)
{
	struct bans *b = bans_open(c->conf, true);
	if (b && bans_lock(b) != E_OK)
		bans_close(&b);
	if (!b)
		ctl_say("the file of bans, %s/auth_failures, cannot be written",
		    conf_str(c->conf, "common", "state_dir"));
	return b;
}

static void
log_change(const struct merpati *c, const char *event, const struct ban *ban)
{
	struct buf who = {0};
	ban_put_who(ban, &who);
	if (changelog_begin(c))
		log_event(LOG_NOTICE, event, "%s=%s seconds=%lld by=%u reason=%s",
		    ban->kind == BAN_LOCK ? "account" : "network",
		    log_q(buf_as_span(&who)),
		    (long long)(ban->until_sec - ban->since_sec), (unsigned)getuid(),
		    log_qs(ban->kind == BAN_ADMIN ? ban->text : ""));
	changelog_end();
	buf_free(&who);
}

static int
read_net(const struct merpati *c, const char *text, struct net *out)
{
	if (net_parse(span_of(text), out) != E_OK)
		return ctl_usage(c,
		    "\"%s\": right would be an address like 192.0.2.1, or a network "
		    "like 192.0.2.0/24 or 2001:db8::/64",
		    text);
	net_cut(out, out->bits);
	return EX_OK;
}

/* ---- ban ---- */

static int
read_time(const struct merpati *c, const char *text, int64_t *sec)
{
	*sec = BAN_TIME_SEC;
	if (!text || (value_parse_number(CONF_SECONDS, span_of(text), sec) == E_OK &&
			 *sec > 0 && *sec <= BAN_TIME_MOST_SEC))
		return EX_OK;
	return ctl_usage(
	    c, "--time \"%s\": right would be a time like 30m, 12h or 7d", text);
}

static int
put(struct merpati *c, struct bans *b, const struct ban *ban)
{
	if (bans_put(b, ban, ban->since_sec) == E_OK) {
		log_change(c, "banned_by_admin", ban);
		return EX_OK;
	}
	ctl_say("there is no room for one more ban beside those that admins said");
	return EX_CANTCREAT;
}

int
cmd_ban(struct merpati *c, int argc, char **argv)
{
	const char *time = NULL, *reason = NULL;
	const struct opt opts[] = {
	    {"--time", NULL, &time}, {"--reason", NULL, &reason}};
	struct ban ban = {.kind = BAN_ADMIN, .since_sec = clock_wall_sec(), .times = 1};
	int64_t sec = 0;
	int status = opts_read(c, opts, COUNT(opts), &argc, argv, 1, BAN_ARGUMENTS_MAX);
	if (status == EX_OK)
		status = read_time(c, time, &sec);
	for (int i = 0; i < argc && status == EX_OK; i++)
		status = read_net(c, argv[i], &ban.net);
	struct bans *b = status == EX_OK ? bans_to_change(c) : NULL;
	if (!b)
		return status == EX_OK ? EX_NOPERM : status;
	ban.until_sec = ban.since_sec + sec;
	snprintf(ban.text, sizeof ban.text, "%s", reason ? reason : "");
	for (int i = 0; i < argc && status == EX_OK; i++)
		if ((status = read_net(c, argv[i], &ban.net)) == EX_OK)
			status = put(c, b, &ban);
	bans_close(&b); /* and the lock with it */
	return status == EX_OK ? ctl_done() : status;
}

/* ---- unban ---- */

struct search {
	const char *name; /* borrow */
	struct ban ban;   /* found */
};

/* E_MORE ends it. */
static int
look(void *ctx, const struct ban *ban)
{
	struct search *s = ctx;
	/* a long one stands there as far as there is room */
	struct span name = span_head(span_of(s->name), BAN_TEXT_MAX - 1);
	if (ban->kind != BAN_LOCK || !span_ieqs(name, ban->text))
		return E_OK;
	s->ban = *ban;
	return E_MORE;
}

/* The account that is locked, this very network, or the /64 of an IPv6 address.  E_OK, E_BAD */
static int
find(const struct bans *b, const char *text, struct ban *out)
{
	struct search s = {.name = text};
	struct net net;
	if (strchr(text, '@')) {
		int found = bans_each(b, look, &s);
		*out = s.ban;
		return found == E_MORE ? E_OK : E_BAD;
	}
	if (net_parse(span_of(text), &net) != E_OK)
		return E_BAD;
	net_cut(&net, net.bits);
	if (bans_find(b, BAN_ADMIN, &net, out) == E_OK)
		return E_OK;
	return !strchr(text, '/') && bans_net_of(text, &net) == E_OK
	           ? bans_find(b, BAN_ADMIN, &net, out)
	           : E_BAD;
}

static int
end(struct merpati *c, struct bans *b, const char *text)
{
	struct ban ban;
	struct net net;
	if (!strchr(text, '@') && read_net(c, text, &net) != EX_OK)
		return EX_USAGE;
	if (find(b, text, &ban) == E_OK && ban_is_in_force(&ban, clock_wall_sec()) &&
	    bans_remove(b, &ban) == E_OK) {
		log_change(c, "unbanned", &ban);
		return EX_OK;
	}
	ctl_say("%s is not banned; merpati bans lists who is", text);
	return EX_DATAERR;
}

int
cmd_unban(struct merpati *c, int argc, char **argv)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 1, BAN_ARGUMENTS_MAX);
	if (status != EX_OK)
		return status;
	struct bans *b = bans_to_change(c);
	if (!b)
		return EX_NOPERM;
	for (int i = 0; i < argc && status != EX_USAGE; i++) {
		int ended = end(c, b, argv[i]);
		status = ended == EX_OK ? status : ended;
	}
	bans_close(&b);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- bans ---- */

static const struct column columns[] = {
    {"who", "WHO", CELL_TEXT},
    {"kind", "KIND", CELL_TEXT},
    {"since", "SINCE", CELL_TIME},
    {"until", "UNTIL", CELL_TIME},
    {"failures", "FAILURES", CELL_NUMBER},
    {"times", "TIMES", CELL_NUMBER},
    {"reason", "REASON", CELL_TEXT},
};

static int
add_row(void *ctx, const struct ban *ban)
{
	static const char *const kinds[] = {
	    [BAN_FAILURES] = "failures", [BAN_ADMIN] = "admin", [BAN_LOCK] = "lock"};
	struct table *t = ctx;
	struct buf who = {0};
	if (!ban_is_in_force(ban, clock_wall_sec()))
		return E_OK;
	ban_put_who(ban, &who);
	table_text(t, buf_as_span(&who));
	table_text(t, span_of(kinds[ban->kind]));
	table_number(t, ban->since_sec);
	table_number(t, ban->until_sec);
	table_number(t, ban->count);
	table_number(t, ban->times);
	table_text(t, ban->kind == BAN_ADMIN ? span_of(ban->text) : SPAN(""));
	buf_free(&who);
	return E_OK;
}

int
cmd_bans(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 0);
	if (status != EX_OK)
		return status;
	struct bans *b = bans_open(c->conf, false);
	if (!b) {
		ctl_say("the file of bans, %s/auth_failures, cannot be read",
		    conf_str(c->conf, "common", "state_dir"));
		return EX_NOINPUT;
	}
	if (bans_each(b, add_row, &t) == E_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	bans_close(&b);
	return ctl_done();
}
