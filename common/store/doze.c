/* SPDX-License-Identifier: ISC */
/*
 * doze.c - the keeper's side of sessions that sleep: they watch index/wake.MAILBOX, which is
 * removed when the mailbox changes; those who follow the whole account (NOTIFY) index/wake.0, which
 * is removed when anything does that they may be told of.  A file that no one watches any more costs
 * one unlink.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/mailboxes.h"

enum { PATH_MAX_BYTES = 32 };

static void
wake(uint32_t mailbox)
{
	char path[PATH_MAX_BYTES];
	snprintf(path, sizeof path, "index/wake.%u", mailbox);
	if (unlink(path) != 0 && errno != ENOENT)
		log_event(LOG_ERR, "not_woken", "mailbox=%u err=%s", mailbox,
		    log_errno(errno));
}

void
doze_wake(void)
{
	if (!the_keeper.is_dozed)
		return;
	the_keeper.is_dozed = false;
	wake(0);
}

/* The feed tells it otherwise than before; not so who was shown what is \Recent, say. */
static bool
is_told_of(const struct slot *s)
{
	const struct mailbox *now = &s->now, *next = &s->next;
	if (s->is_hidden || (now->is_dead && next->is_dead))
		return false;
	return s->is_new || now->is_dead != next->is_dead ||
	       now->modseq != next->modseq || now->uidvalidity != next->uidvalidity ||
	       now->uidnext != next->uidnext || now->messages != next->messages ||
	       now->unseen != next->unseen || strcmp(now->name, next->name) != 0;
}

struct doze_due
doze_due(struct slot *s)
{
	struct doze_due due = {.all = the_keeper.is_dozed && is_told_of(s)};
	if (s->is_dozed &&
	    (s->next.modseq != s->now.modseq || s->next.is_dead || s->is_removed))
		due.mailbox = s->now.id;
	s->is_dozed &= due.mailbox == 0;
	return due;
}

void
doze_publish(struct doze_due due)
{
	/* what was published is seen by who begins to watch behind the unlink */
	atomic_thread_fence(memory_order_seq_cst);
	if (due.all)
		doze_wake();
	if (due.mailbox)
		wake(due.mailbox);
}

void
doze_load(bool is_unclean)
{
	DIR *d = folder_open_unnoted("index");
	struct dirent *e;
	while (d && (e = readdir(d))) {
		struct span name = span_of(e->d_name);
		uint64_t id;
		if (!span_eqs(span_cut(&name, '.'), "wake") ||
		    span_u64(name, UINT32_MAX, &id) != E_OK)
			continue;
		struct slot *s = slot_of((uint32_t)id);
		if (s && !is_unclean)
			s->is_dozed = true;
		else if (id == 0 && !is_unclean)
			the_keeper.is_dozed = true;
		else
			wake((uint32_t)id);
	}
	if (d)
		closedir(d);
}
