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

static enum store_said
copy(struct store *s, struct ask_copy *c, struct store_copied *out)
{
	struct buf body = {0};
	struct answer answer;
	*out = (struct store_copied){.uidvalidity = 0};
	if (c->target.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	c->quota_bytes = s->quota_bytes;
	c->quota_messages = s->quota_messages;
	ask_copy_put(&body, c);
	enum store_said said = keeper_ask_said(s, KEEPER_COPY, &body, false, &answer);
	out->uidvalidity = rd_u32(&answer.body);
	if (answer.body.err == E_OK &&
	    (numset_decode(&answer.body, &out->from) != E_OK ||
		numset_decode(&answer.body, &out->to) != E_OK))
		said = STORE_LATER;
	return said;
}

enum store_said
store_copy(struct store *s, uint32_t mailbox, const struct numset *uids,
    struct span target, bool is_move, struct store_copied *out)
{
	struct ask_copy c = {
	    .mailbox = mailbox, .uids = *uids, .target = target, .is_move = is_move};
	return copy(s, &c, out);
}

enum store_said
store_move_unflagged(struct store *s, uint32_t mailbox, const struct numset *uids,
    struct span target, struct store_copied *out)
{
	struct ask_copy c = {.mailbox = mailbox,
	    .uids = *uids,
	    .target = target,
	    .is_move = true,
	    .leaves_flagged = true};
	return copy(s, &c, out);
}

static enum store_said
expunge(struct store *s, uint32_t mailbox, const struct numset *uids,
    enum ask_expunge_of of, struct answer *answer)
{
	struct buf body = {0};
	buf_u32(&body, mailbox);
	numset_encode(&body, uids->ranges, uids->n);
	buf_u8(&body, (uint8_t)of);
	return keeper_ask_said(s, KEEPER_EXPUNGE, &body, true, answer);
}

enum store_said
store_expunge(
    struct store *s, uint32_t mailbox, const struct numset *uids, bool only_deleted)
{
	struct answer answer;
	return expunge(
	    s, mailbox, uids, only_deleted ? EXPUNGE_DELETED : EXPUNGE_ALL, &answer);
}

enum store_said
store_expunge_unflagged(struct store *s, uint32_t mailbox, const struct numset *uids,
    uint64_t *messages, uint64_t *bytes)
{
	struct answer answer;
	enum store_said said = expunge(s, mailbox, uids, EXPUNGE_UNFLAGGED, &answer);
	*messages = *bytes = 0;
	if (said != STORE_DONE)
		return said;
	*messages = rd_u64(&answer.body);
	*bytes = rd_u64(&answer.body);
	return answer_end(&answer) == E_OK ? STORE_DONE : STORE_LATER;
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
