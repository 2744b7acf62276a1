/* SPDX-License-Identifier: ISC */
/* acl.c - a session's side: who may do what with a mailbox. */
#include "store/state.h"

void
store_hold(struct store *s)
{
	if (!s->is_held) /* else it was told, or hears it first of all */
		keeper_tell(s, KEEPER_HOLD, SPAN(""));
	s->is_held = true;
}

enum store_said
store_acl(struct store *s, struct span mailbox,
    void (*fn)(void *ctx, struct span identifier, unsigned rights, uint32_t uid),
    void *ctx)
{
	struct buf body = {0};
	struct answer answer;
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	buf_bytes(&body, mailbox);
	enum store_said said = keeper_ask_said(s, KEEPER_ACL, &body, true, &answer);
	while (said == STORE_DONE && answer.body.in.n) {
		struct span identifier = rd_str(&answer.body, IDENTIFIER_MAX);
		unsigned rights = rd_u16(&answer.body);
		uint32_t uid = rd_u32(&answer.body);
		if (answer.body.err != E_OK)
			return STORE_LATER;
		fn(ctx, identifier, rights, uid);
	}
	return said;
}

enum store_said
store_acl_set(struct store *s, struct span mailbox, struct span identifier,
    enum store_acl_how how, unsigned rights, uint32_t uid)
{
	struct buf body = {0};
	struct answer answer;
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	buf_bytes(&body, mailbox);
	buf_bytes(&body, identifier);
	buf_u8(&body, (uint8_t)how);
	buf_u16(&body, (uint16_t)rights);
	buf_u32(&body, uid);
	return keeper_ask_said(s, KEEPER_SET_ACL, &body, true, &answer);
}
