/* SPDX-License-Identifier: ISC */
/* metadata.c - a session's side: METADATA of mailboxes and of the account. */
#include <string.h>

#include "store/metadata.h"
#include "store/state.h"

enum store_said
store_metadata(struct store *s, struct span mailbox,
    void (*fn)(void *ctx, const struct metadata_entry *), void *ctx)
{
	struct buf body = {0};
	struct answer answer;
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	buf_bytes(&body, mailbox);
	enum store_said said =
	    keeper_ask_said(s, KEEPER_METADATA, &body, true, &answer);
	while (said == STORE_DONE && answer.body.in.n) {
		struct metadata_entry e = {
		    .name = rd_str(&answer.body, METADATA_ENTRY_MAX)};
		e.value = rd_str(&answer.body, METADATA_VALUE_MAX);
		if (answer.body.err != E_OK)
			return STORE_LATER;
		fn(ctx, &e);
	}
	return said;
}

enum store_said
store_metadata_set(struct store *s, struct span mailbox,
    const struct metadata_entry *entries, size_t n)
{
	struct buf body = {.max = ASK_BODY_MOST};
	struct answer answer;
	if (mailbox.n > STORE_NAME_MAX)
		return STORE_NONEXISTENT;
	if (n > METADATA_ENTRIES_MOST)
		return STORE_TOO_MANY;
	buf_bytes(&body, mailbox);
	for (size_t i = 0; i < n; i++) {
		buf_bytes(&body, entries[i].name);
		buf_u8(&body, entries[i].is_nil);
		buf_bytes(&body, entries[i].value);
	}
	return keeper_ask_said(s, KEEPER_SET_METADATA, &body, true, &answer);
}

int
store_metadata_changes(struct store *s,
    void (*fn)(void *ctx, struct span mailbox, struct span entry), void *ctx)
{
	struct buf body = {0};
	struct answer answer;
	buf_u64(&body, s->metadata_seen);
	if (keeper_ask_said(s, KEEPER_METADATA_CHANGES, &body, true, &answer) !=
	    STORE_DONE)
		return E_IO;
	(void)rd_u8(&answer.body); /* whether they are kept */
	s->metadata_seen = rd_u64(&answer.body);
	while (answer.body.in.n && answer.body.err == E_OK) {
		struct span mailbox = rd_str(&answer.body, STORE_NAME_MAX),
			    entry = rd_str(&answer.body, METADATA_ENTRY_MAX);
		if (answer.body.err == E_OK)
			fn(ctx, mailbox, entry);
	}
	return answer_end(&answer);
}

void
store_metadata_quiet(struct store *s)
{
	s->metadata_seen = 0;
}

uint64_t
store_metadata_seen(const struct store *s)
{
	return s->metadata_seen;
}

int
store_metadata_keep(struct store *s)
{
	struct buf body = {0};
	struct answer answer;
	buf_u64(&body, 0); /* none of them is told now */
	if (keeper_ask_said(s, KEEPER_METADATA_CHANGES, &body, true, &answer) !=
	    STORE_DONE)
		return E_IO;
	bool is_kept = rd_u8(&answer.body) == 1;
	(void)rd_u64(&answer.body);
	return answer_end(&answer) == E_OK && is_kept ? E_OK : E_IO;
}

void
store_metadata_go_on(struct store *s, uint64_t seen)
{
	s->metadata_seen = seen;
}
