/* SPDX-License-Identifier: ISC */
/* items.c - cache items of messages that came without one. */
#include "imapd/items.h"

#include "base/log.h"
#include "imapd/message.h"

/* Then the keeper has to have taken them: it drops what comes faster. */
enum { ITEMS_AT_ONCE = 64 };

static int
hand_over(struct store *s)
{
	uint64_t bytes, messages;
	store_cache_flush(s);
	return store_usage(s, &bytes, &messages); /* answered behind them */
}

static unsigned
make_all(struct store *s, const struct store_view *v)
{
	struct message m;
	unsigned n = 0;
	int err = E_OK;
	message_init(&m, s, v);
	for (uint32_t i = 0; i < v->head->n && err == E_OK; i++) {
		const struct store_record *r = &v->records[i];
		if (r->flags & FLAG_GONE || store_has_cache(s, r))
			continue;
		message_set(&m, r);
		n += message_item(&m) != NULL;
		if (n % ITEMS_AT_ONCE == 0)
			err = hand_over(s);
	}
	message_done(&m);
	(void)hand_over(s);
	return n;
}

void
items_make(struct store *s, struct span mailbox)
{
	struct store_view v;
	if (store_select(s, mailbox, true, &v) != E_OK)
		return;
	unsigned n = make_all(s, &v);
	if (n)
		log_event(LOG_DEBUG, "items_made", "mailbox=%u n=%u", v.mailbox, n);
	store_unselect(s, &v);
}
