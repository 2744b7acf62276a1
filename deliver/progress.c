/* SPDX-License-Identifier: ISC */
/* progress.c - a few recipients that are tried again, and which of their mailboxes are done. */
#include "deliver/progress.h"

/* A mailbox: the tag is of its address and detail. */
struct done {
	uint32_t tag;
	uid_t uid;
};

struct tried {
	struct id message;
	uint32_t rcpt;
	uint64_t turn;     /* 0: the place is free */
	bool is_over;      /* the last try had no time left */
	struct done *done; /* own */
	size_t n, cap;
};

static struct {
	struct tried all[PROGRESS_MOST];
	uint64_t turn;
} progress;

static struct tried *
find(struct id message, uint32_t rcpt)
{
	for (size_t i = 0; i < PROGRESS_MOST; i++) {
		struct tried *t = &progress.all[i];
		if (t->turn && t->rcpt == rcpt && id_eq(t->message, message))
			return t;
	}
	return NULL;
}

static void
forget(struct tried *t)
{
	mem_free(&t->done);
	*t = (struct tried){.turn = 0};
}

static struct tried *
make(struct id message, uint32_t rcpt)
{
	struct tried *oldest = &progress.all[0];
	for (size_t i = 1; i < PROGRESS_MOST; i++)
		if (progress.all[i].turn < oldest->turn)
			oldest = &progress.all[i];
	forget(oldest);
	oldest->message = message;
	oldest->rcpt = rcpt;
	return oldest;
}

static bool
has(const struct tried *t, const struct target *target)
{
	for (size_t i = 0; t && i < t->n; i++)
		if (t->done[i].tag == target->tag && t->done[i].uid == target->uid)
			return true;
	return false;
}

bool
progress_has(struct id message, uint32_t rcpt, const struct target *target)
{
	const struct tried *t = find(message, rcpt);
	return t && t->is_over && has(t, target);
}

bool
progress_sent(struct id message, uint32_t rcpt, const struct target *target)
{
	return has(find(message, rcpt), target);
}

void
progress_end(struct id message, uint32_t rcpt, bool is_over)
{
	struct tried *t = find(message, rcpt);
	if (t)
		t->is_over = is_over;
}

void
progress_add(struct id message, uint32_t rcpt, const struct target *target)
{
	struct tried *t = find(message, rcpt);
	if (!t)
		t = make(message, rcpt);
	t->turn = ++progress.turn;
	if (has(t, target))
		return;
	t->done = mem_room(t->done, t->n, &t->cap, sizeof *t->done);
	t->done[t->n++] = (struct done){target->tag, target->uid};
}

void
progress_forget(struct id message, uint32_t rcpt)
{
	struct tried *t = find(message, rcpt);
	if (t)
		forget(t);
}

/* What was sent is on the spool's disk. */
void
progress_lost(void)
{
	for (size_t i = 0; i < PROGRESS_MOST; i++)
		progress.all[i].is_over = false;
}
