/* SPDX-License-Identifier: ISC */
/* changes.c - a session's side: flags, copies, expunges. */
#include "store/state.h"

enum store_said
store_flags(struct store *s, uint32_t mailbox, const struct numset *uids,
    const struct store_change *c, struct numset *modified)
{
	struct buf body = {0};
	struct answer answer;
	struct numset ignored = {0};
	if (modified)
		numset_reset(modified);
	if (c->n_keywords > STORE_KEYWORDS_MAX)
		return STORE_TOO_MANY;
	ask_flags_put(&body, mailbox, uids, c);
	enum store_said said = keeper_ask_said(s, KEEPER_FLAGS, &body, true, &answer);
	if (said == STORE_DONE &&
	    numset_decode(&answer.body, modified ? modified : &ignored) != E_OK)
		said = STORE_LATER;
	numset_free(&ignored);
	return said;
}

enum store_said
store_copy(struct store *s, uint32_t mailbox, const struct numset *uids,
    struct span target, bool is_move, struct store_copied *out)
{
	struct ask_copy c = {.mailbox = mailbox,
	    .uids = *uids,
	    .target = target,
	    .is_move = is_move,
	    .quota_bytes = s->quota_bytes,
	    .quota_messages = s->quota_messages};
	struct buf body = {0};
	struct answer answer;
	*out = (struct store_copied){.uidvalidity = 0};
	if (target.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	ask_copy_put(&body, &c);
	enum store_said said = keeper_ask_said(s, KEEPER_COPY, &body, false, &answer);
	out->uidvalidity = rd_u32(&answer.body);
	if (answer.body.err == E_OK &&
	    (numset_decode(&answer.body, &out->from) != E_OK ||
		numset_decode(&answer.body, &out->to) != E_OK))
		said = STORE_LATER;
	return said;
}

enum store_said
store_expunge(
    struct store *s, uint32_t mailbox, const struct numset *uids, bool only_deleted)
{
	struct buf body = {0};
	struct answer answer;
	buf_u32(&body, mailbox);
	numset_encode(&body, uids->ranges, uids->n);
	buf_u8(&body, only_deleted);
	return keeper_ask_said(s, KEEPER_EXPUNGE, &body, true, &answer);
}

int
store_expunged(struct store *s, uint32_t mailbox, uint64_t modseq, struct numset *out)
{
	struct buf body = {0};
	struct answer answer;
	numset_reset(out);
	buf_u32(&body, mailbox);
	buf_u64(&body, modseq);
	enum store_said said =
	    keeper_ask_said(s, KEEPER_EXPUNGED, &body, true, &answer);
	if (said != STORE_DONE)
		return said == STORE_NONEXISTENT ? E_BAD : E_IO;
	bool is_known = rd_u8(&answer.body) == 1;
	if (numset_decode(&answer.body, out) != E_OK || answer_end(&answer) != E_OK)
		return E_IO;
	return is_known ? E_OK : E_LIMIT;
}
