/* SPDX-License-Identifier: ISC */
/*
 * job_told.c - who is told that METADATA changed.  Once a session wants to hear of it, the last
 * changes are in index/told, too: it may sleep, and ask another keeper of them.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/jobs.h"
#include "store/told.h"

static const char told_name[] = "index/told";

static struct {
	struct told_ring now, next; /* next: as the batch leaves it */
	bool is_wanted;             /* in the file: somebody may sleep by it */
	bool is_kept;               /* it is there, with the last change */
} told;

uint64_t
metadata_changes_now(void)
{
	if (told.now.number == 0)
		told.now.number = (uint64_t)clock_wall_us();
	return told.now.number;
}

/* Not synced: who sleeps does not outlast a power cut. */
static int
write_ring(const struct told_ring *ring)
{
	struct buf b = {.max = TOLD_BYTES_MOST};
	told_put(&b, ring);
	int err = buf_done(&b);
	if (err == E_OK)
		err = file_replace(told_name, buf_as_span(&b), 0600, false);
	buf_free(&b);
	return err == E_OK ? E_OK : E_IO;
}

int
metadata_keep(void)
{
	told.is_wanted = true;
	if (!told.is_kept && metadata_changes_now())
		told.is_kept = write_ring(&told.now) == E_OK;
	return told.is_kept ? E_OK : E_IO;
}

void
metadata_notes_begin(void)
{
	(void)metadata_changes_now();
	told.next = told.now;
}

void
metadata_note(uint32_t mailbox, struct span entry, const struct session *by)
{
	told_add(&told.next, mailbox, entry, by ? by->number : 0);
}

void
metadata_notes_keep(void)
{
	if (!told.is_wanted)
		return;
	told.is_kept = write_ring(&told.next) == E_OK;
	if (!told.is_kept)
		log_event(
		    LOG_ERR, "change_not_kept", "number=%" PRIu64, told.next.number);
}

void
metadata_notes_publish(void)
{
	told.now = told.next;
	doze_wake();
}

void
metadata_changes_load(void)
{
	struct buf b = {.max = TOLD_BYTES_MOST};
	int fd = open(told_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	told.is_wanted = true;
	int err = file_read(fd, &b);
	if (err == E_OK)
		err = told_get(buf_as_span(&b), &told.now);
	told.is_kept = err == E_OK;
	if (!told.is_kept)
		log_event(LOG_WARNING, "told_unreadable", "%s", "");
	close(fd);
	buf_free(&b);
}

/* ---- who asks ---- */

static void
put_change(struct buf *b, const struct told_change *c, const struct session *to)
{
	const struct slot *s = slot_of(c->mailbox);
	unsigned rights = s ? session_rights(to, c->mailbox) : RIGHTS_ALL;
	if (c->by == to->number || (c->mailbox && !s) || !(rights & RIGHT_LOOKUP) ||
	    !(rights & RIGHTS_METADATA))
		return;
	buf_bytes(b, s ? span_of(s->now.name) : SPAN(""));
	buf_bytes(b, span_of(c->entry));
}

int
ask_metadata_changes(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {0};
	uint64_t since = rd_u64(body), now = metadata_changes_now();
	const struct told_change *c = since ? told_next(&told.now, since) : NULL;
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u8(&b, STORE_DONE);
	buf_u8(&b, metadata_keep() == E_OK);
	buf_u64(&b, now);
	for (; c; c = told_next(&told.now, c->number))
		put_change(&b, c, a->ctx);
	session_answer(a->ctx, KEEPER_METADATA_CHANGES, &b, -1);
	buf_free(&b);
	return E_MORE;
}
