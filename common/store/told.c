/* SPDX-License-Identifier: ISC */
/* told.c - the last changes of METADATA: a ring, and its bytes. */
#include "store/told.h"

#include <string.h>

static const char format[] = "METADATA 1";

enum { FORMAT_MAX = 16 };

static struct told_change *
place_of(struct told_ring *t, uint64_t number)
{
	return &t->at[number % TOLD_KEPT];
}

static void
change_set(struct told_change *c, uint64_t number, uint32_t mailbox, struct span entry,
    uint64_t by)
{
	*c = (struct told_change){.number = number, .mailbox = mailbox, .by = by};
	if (entry.n)
		memcpy(c->entry, entry.p, entry.n);
}

void
told_add(struct told_ring *t, uint32_t mailbox, struct span entry, uint64_t by)
{
	uint64_t number = t->number + 1;
	change_set(place_of(t, number), number, mailbox, entry, by);
	t->number = number;
}

const struct told_change *
told_next(const struct told_ring *t, uint64_t since)
{
	if (since < t->number && t->number - since > TOLD_KEPT)
		since = t->number - TOLD_KEPT;
	while (since < t->number) {
		const struct told_change *c = &t->at[++since % TOLD_KEPT];
		if (c->number == since)
			return c;
	}
	return NULL;
}

void
told_put(struct buf *b, const struct told_ring *t)
{
	const struct told_change *c = told_next(t, 0);
	buf_bytes(b, span_of(format));
	buf_u64(b, t->number);
	for (; c; c = told_next(t, c->number)) {
		buf_u64(b, c->number);
		buf_u32(b, c->mailbox);
		buf_bytes(b, span_of(c->entry));
	}
}

/* In order, each once, and none that the ring has no place for. */
static bool
is_next(const struct told_ring *t, uint64_t last, uint64_t number)
{
	return number > last && number <= t->number && t->number - number < TOLD_KEPT;
}

int
told_get(struct span in, struct told_ring *out)
{
	struct told_ring t = {.number = 0};
	struct rd r = rd_of(in);
	uint64_t last = 0;
	if (!span_eqs(rd_str(&r, FORMAT_MAX), format))
		return E_BAD;
	t.number = rd_u64(&r);
	while (r.err == E_OK && r.in.n) {
		uint64_t number = rd_u64(&r);
		uint32_t mailbox = rd_u32(&r);
		struct span entry = rd_str(&r, METADATA_ENTRY_MAX);
		if (r.err != E_OK || !is_next(&t, last, number) ||
		    !metadata_entry_check(entry))
			return E_BAD;
		change_set(place_of(&t, number), number, mailbox, entry, 0);
		last = number;
	}
	if (rd_end(&r) != E_OK || t.number == 0 || t.number == UINT64_MAX)
		return E_BAD;
	*out = t;
	return E_OK;
}
