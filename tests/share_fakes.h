/* SPDX-License-Identifier: ISC */
/* share_fakes.h - of others there is nothing: all mailboxes are the session's own (imapd/share.h). */
#ifndef SHARE_FAKES_H
#define SHARE_FAKES_H

#include "imapd/share.h"

bool
share_is_name(struct span mailbox)
{
	(void)mailbox;
	return false;
}

enum reply
share_find(struct session *s, struct span mailbox, struct place *out)
{
	*out = (struct place){.store = session_own(s), .name = mailbox};
	return R_DONE;
}

void
share_owner_put(struct buf *b, const struct session *s, const struct place *p)
{
	(void)p;
	buf_str(b, s->account);
}

int
share_name(const struct place *p, struct store_mailbox *m)
{
	(void)p, (void)m;
	return E_OK;
}

void
share_events(void (*fn)(void *ctx, struct span local), void *ctx)
{
	(void)fn, (void)ctx;
}

void
share_mailboxes(
    struct session *s, int (*fn)(void *ctx, const struct store_mailbox *), void *ctx)
{
	(void)s, (void)fn, (void)ctx;
}

void
share_granted(struct session *s, const struct place *p)
{
	(void)s, (void)p;
}

/* b@x.test has an account, nobody else */
int
share_uids(struct session *s, const struct span *identifiers, size_t n, uint32_t *out)
{
	(void)s;
	for (size_t i = 0; i < n; i++)
		out[i] = span_eqs(identifiers[i], "b@x.test") ? 1000 : 0;
	return E_OK;
}

#ifdef SHARE_FAKES_APPEND
enum store_said
share_append(struct session *s, const struct place *p, struct incoming *all, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	(void)s;
	return store_append(p->store, p->name, all, n, uidvalidity, first_uid);
}
#endif

enum store_said
share_copy(struct session *s, const struct numset *uids, const struct place *p,
    bool is_move, struct store_copied *out)
{
	(void)s, (void)uids, (void)p, (void)is_move, (void)out;
	return STORE_LATER;
}

void
share_copied(
    struct session *s, const struct place *p, const struct store_copied *copied)
{
	(void)s, (void)p, (void)copied;
}

#endif
