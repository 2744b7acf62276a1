/* SPDX-License-Identifier: ISC */
/* share_monitor.c - in the monitor: whose a channel to shares is, and a door of an account. */
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "imapd/shares.h"
#include "proc/monitor.h"
#include "proc/owner.h"

const struct role *shares_role, *door_role;

enum {
	TERMS_BYTES =
	    4 + ACCOUNT_ADDRESS_MAX + 4 + ACCOUNT_GROUPS_MAX + 4 + 8 + 8 + 1 + 8
};

void
door_terms_put(struct buf *b, const struct door_terms *t)
{
	buf_bytes(b, t->guest);
	buf_bytes(b, t->groups);
	buf_u32(b, t->guest_uid);
	buf_u64(b, t->quota_bytes);
	buf_u64(b, t->quota_messages);
	buf_u8(b, t->is_deposit);
	buf_u64(b, t->message_bytes_most);
}

int
door_terms_get(struct rd *r, struct door_terms *out)
{
	out->guest = rd_str(r, ACCOUNT_ADDRESS_MAX);
	out->groups = rd_str(r, ACCOUNT_GROUPS_MAX);
	out->guest_uid = rd_u32(r);
	out->quota_bytes = rd_u64(r);
	out->quota_messages = rd_u64(r);
	out->is_deposit = rd_u8(r) == 1;
	out->message_bytes_most = rd_u64(r);
	return rd_end(r);
}

/* Before the session has its end: what shares reads first is the monitor's. */
static int
say_who(int chan, const struct process *p)
{
	struct buf body = {0};
	buf_bytes(&body, span_of(p->owner));
	buf_u32(&body, (uint32_t)p->pid);
	int err = ask_send(chan, SHARES_WHO, buf_as_span(&body), -1, 0);
	buf_free(&body);
	return err;
}

static int
ask_share_channel(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct process *p = a->ctx;
	int pair[2];
	(void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (!p->owner) { /* too many were there at a reload: nobody knows whose it is */
		buf_u8(reply, (uint8_t)E_IO);
		return E_OK;
	}
	ask_pair(pair);
	int err = say_who(pair[0], p);
	if (err == E_OK)
		err = monitor_hand_channel(p, shares_role, pair[1]);
	else
		close(pair[1]);
	buf_u8(reply, (uint8_t)err);
	if (err == E_OK)
		*fd_back = pair[0];
	else
		close(pair[0]);
	return E_OK;
}

static int
ask_share_fork(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf path = {0}, address = {0};
	struct door_terms terms;
	uid_t uid = rd_u32(body);
	gid_t gid = rd_u32(body);
	struct span home = rd_str(body, ACCOUNT_ADDRESS_MAX),
		    owner = rd_str(body, ACCOUNT_ADDRESS_MAX), about = body->in;
	(void)a, (void)fd_back;
	if (door_terms_get(body, &terms) != E_OK || *fd < 0)
		return E_BAD;
	if (!owner_may_be(uid, gid) || !owner_is_below(home))
		return E_DENY;
	buf_putf(&path, "%s/%.*s", conf_str(the_monitor.conf, "common", "mail_dir"),
	    SPAN_ARG(home));
	buf_span(&address, owner);
	int own = *fd;
	*fd = -1;
	int err = monitor_fork_session(door_role, uid, gid, buf_cstr(&path), own, about,
	    buf_cstr(&address), SPAN(""));
	buf_free(&path);
	buf_free(&address);
	buf_u8(reply, (uint8_t)err);
	return E_OK;
}

enum { FORK_BYTES = 4 + 4 + 2 * (4 + ACCOUNT_ADDRESS_MAX) + TERMS_BYTES };

/* clang-format off */
const struct ask_row share_rows[SHARE_ASKS_END - SLEEP_ASKS_END] = {
	/*                                name       legal in  times              bytes       fd back  answered by */
	[SHARE_CHANNEL - SLEEP_ASKS_END] = {"SHARES",  1,        60,                0,          true,    ask_share_channel},
	[SHARE_FORK - SLEEP_ASKS_END]    = {"DOOR",    1,        0,                 FORK_BYTES, false,   ask_share_fork},
};
/* clang-format on */
