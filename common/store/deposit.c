/* SPDX-License-Identifier: ISC */
/* deposit.c - a session's side: new messages for another account, which copies them (door.c). */
#include <unistd.h>

#include "base/clock.h"
#include "store/door.h"
#include "store/state.h"

static enum store_said
ask_deposit(
    int chan, uint16_t ask, struct buf *body, int fd, struct buf *in, struct rd *out)
{
	struct ask_msg reply = {.fd = -1};
	int err = ask_call(chan, ask, buf_as_span(body), fd, in, &reply,
	    deadline_in_ms(STORE_WAIT_MS));
	uint8_t said = err == E_OK ? rd_u8(&reply.body) : STORE_LATER;
	if (err == E_OK && reply.fd >= 0)
		close(reply.fd);
	buf_free(body);
	*out = reply.body;
	return err == E_OK && reply.body.err == E_OK && said <= STORE_LATER
	           ? (enum store_said)said
	           : STORE_LATER;
}

static enum store_said
bring(int chan, const struct incoming *m, struct buf *in)
{
	struct buf body = {0};
	struct rd rest;
	buf_u32(&body, m->flags);
	buf_u64(&body, (uint64_t)m->date_sec);
	buf_u64(&body, m->size_bytes);
	buf_u16(&body, (uint16_t)m->n_keywords);
	for (size_t i = 0; i < m->n_keywords; i++)
		buf_bytes(&body, m->keywords[i]);
	return ask_deposit(chan, DEPOSIT_MESSAGE, &body, m->fd, in, &rest);
}

enum store_said
store_deposit(int chan, struct span mailbox, const struct incoming *all, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	struct buf body = {0}, in = {0};
	struct rd rest;
	uint64_t bytes = 0;
	enum store_said said;
	if (n == 0 || n > STORE_APPENDS_MOST)
		return STORE_TOO_MANY;
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	buf_bytes(&body, mailbox);
	buf_u16(&body, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		bytes += all[i].size_bytes;
	buf_u64(&body, bytes);
	buf_u8(&body, all[0].is_copy);
	said = ask_deposit(chan, DEPOSIT_BEGIN, &body, -1, &in, &rest);
	for (size_t i = 0; i < n && said == STORE_DONE; i++)
		said = bring(chan, &all[i], &in);
	if (said == STORE_DONE)
		said = ask_deposit(chan, DEPOSIT_END, &body, -1, &in, &rest);
	if (said == STORE_DONE) {
		*uidvalidity = rd_u32(&rest);
		*first_uid = rd_u32(&rest);
		if (rd_end(&rest) != E_OK)
			said = STORE_LATER;
	}
	buf_free(&body);
	buf_free(&in);
	return said;
}
