/* SPDX-License-Identifier: ISC */
/* job_guest.c - what a guest alone asks: whose channel this is, and a message's file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/jobs.h"

/* Said by who made the channel (door.c), which has our uid; from then on it can only be less. */
int
ask_guest(
    struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = asker->ctx;
	struct span who = rd_str(body, ANNOTATION_WHO_MAX),
		    groups = rd_str(body, KEEPER_GROUPS_MAX);
	uint32_t uid = rd_u32(body);
	uint64_t bytes = rd_u64(body), messages = rd_u64(body);
	uint8_t is_deposit = rd_u8(body);
	(void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || who.n == 0 || span_find(who, '\0') < who.n)
		return E_BAD;
	if (!sessions_take_guest(who))
		return E_LIMIT;
	s->guest = mem_new(sizeof *s->guest + who.n + 1 + groups.n);
	s->guest->refs = 1;
	s->guest->uid = uid;
	s->guest->quota_bytes = bytes;
	s->guest->quota_messages = messages;
	memcpy(s->guest->who, who.p, who.n);
	char *behind = s->guest->who + who.n + 1;
	if (groups.n)
		memcpy(behind, groups.p, groups.n);
	s->guest->groups = span_make(behind, groups.n);
	asker->phase = is_deposit ? PH_DEPOSIT : PH_GUEST;
	buf_u8(reply, STORE_DONE);
	return E_OK;
}

static const struct store_record *
record_of(const struct view *v, uint32_t uid)
{
	uint32_t n = v->head->n, at = store_records_before(v->records, n, uid);
	return at < n && v->records[at].uid == uid &&
	               !(v->records[at].flags & FLAG_GONE)
	           ? &v->records[at]
	           : NULL;
}

/* r: NULL: there is none */
static enum store_said
open_of(const struct store_record *r, int *out)
{
	struct buf path = {0};
	if (!r)
		return STORE_NONEXISTENT;
	takein_put_away(); /* it may have been told of just now */
	msg_path_put(&path, r->id);
	*out = file_open_unnoted(AT_FDCWD, buf_cstr(&path), O_NOFOLLOW);
	buf_free(&path);
	if (*out >= 0)
		return STORE_DONE;
	if (errno == ENOENT && !takein_is_behind())
		return STORE_NONEXISTENT;
	takein_want(); /* it may lie in new/ yet */
	return STORE_LATER;
}

int
ask_file(struct asker *asker, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct session *s = asker->ctx;
	struct view *v;
	uint32_t mailbox = rd_u32(body), uid = rd_u32(body);
	(void)fd;
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct slot *slot = slot_of(mailbox);
	enum store_said said = STORE_NONEXISTENT;
	if (slot && session_may(s, slot, RIGHT_READ))
		said = guest_view(slot, s->guest, &v) == E_OK
		           ? open_of(record_of(v, uid), fd_back)
		           : STORE_LATER;
	buf_u8(reply, said);
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
	return E_OK;
}
