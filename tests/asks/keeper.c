/* SPDX-License-Identifier: ISC */
/* keeper.c - what sessions ask of the keeper of their account. */
#include "store/sessions.c"

#include "gates.h"

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "session"};
static struct session asking;

const struct ask_table *
keeper_table(unsigned kind)
{
	(void)kind;
	return &table;
}

void *
keeper_ctx(void)
{
	return &asking;
}

static void
put_u32s(struct buf *b, unsigned n)
{
	while (n-- > 0)
		buf_u32(b, 1);
}

static void
put_set(struct buf *b)
{
	static const struct num_range one = {1, 1};
	numset_encode(b, &one, 1);
}

static void
put_named(uint16_t type, struct buf *b)
{
	buf_bytes(b, SPAN("INBOX"));
	if (type == KEEPER_SELECT || type == KEEPER_SUBSCRIBE)
		buf_u8(b, 1);
	if (type == KEEPER_CREATE || type == KEEPER_RENAME)
		buf_bytes(b, SPAN("x"));
	if (type == KEEPER_URL_KEY)
		buf_u8(b, URL_KEY_MAKE);
	if (type == KEEPER_ADOPT)
		put_u32s(b, 3);
	if (type == KEEPER_SET_ACL) {
		buf_bytes(b, SPAN("anyone"));
		buf_u8(b, 0);
		buf_u16(b, 1);
		buf_u32(b, 1000);
	}
	if (type == KEEPER_SET_METADATA) {
		buf_bytes(b, SPAN("/private/comment"));
		buf_u8(b, 0);
		buf_bytes(b, SPAN("x"));
	}
}

static void
put_changing(uint16_t type, struct buf *b)
{
	struct num_range one = {1, 1};
	const struct numset uids = {.ranges = &one, .n = 1};
	const struct store_change change = {.how = 0};
	const struct ask_copy copy = {
	    .mailbox = 1, .uids = uids, .target = SPAN("INBOX")};
	const struct ask_append append = {.target = SPAN("INBOX"), .n = 1};
	if (type == KEEPER_FLAGS)
		ask_flags_put(b, 1, &uids, &change);
	if (type == KEEPER_COPY)
		ask_copy_put(b, &copy);
	if (type == KEEPER_APPEND) {
		ask_append_put(b, &append);
		ask_message_put(b, &(struct incoming){.size_bytes = 1});
	}
	if (type == KEEPER_CACHE)
		ask_item_put(b,
		    &(struct ask_item){.mailbox = 1, .uid = 1, .item = SPAN("item")});
	if (type == KEEPER_EXPUNGE) {
		buf_u32(b, 1);
		put_set(b);
		buf_u8(b, 1);
	}
}

void
sample_keeper(uint16_t type, struct buf *b)
{
	static const char id[FILE_ID_BYTES];
	switch (type) {
	case KEEPER_SELECT:
	case KEEPER_MAILBOX:
	case KEEPER_PEEK:
	case KEEPER_SUBSCRIBE:
	case KEEPER_CREATE:
	case KEEPER_DELETE:
	case KEEPER_RENAME:
	case KEEPER_ADOPT:
	case KEEPER_METADATA:
	case KEEPER_ACL:
	case KEEPER_SET_ACL:
	case KEEPER_SET_METADATA:
	case KEEPER_URL_KEY:
		put_named(type, b);
		break;
	case KEEPER_KEPT:
	case KEEPER_UNSELECT:
		put_u32s(b, type == KEEPER_UNSELECT ? 2 : 1);
		break;
	case KEEPER_EXPUNGED:
		put_u32s(b, 3);
		break;
	case KEEPER_RENEW:
		put_u32s(b, 1);
		buf_u8(b, 1);
		break;
	case KEEPER_DOZE:
		put_u32s(b, 3);
		buf_u8(b, 1);
		break;
	case KEEPER_QUOTA:
		put_u32s(b, 6);
		break;
	case KEEPER_DOZE_ALL:
		put_u32s(b, 7);
		break;
	case KEEPER_WAIT:
		put_u32s(b, 5);
		break;
	case KEEPER_GUEST:
		buf_bytes(b, SPAN("u2@example.test"));
		buf_bytes(b, SPAN("staff\n"));
		put_u32s(b, 5);
		buf_u8(b, 0);
		break;
	case KEEPER_FILE:
		put_u32s(b, 2);
		break;
	case KEEPER_FEED:
		buf_u64(b, 0);
		buf_u8(b, 1);
		break;
	case KEEPER_METADATA_CHANGES:
		buf_u64(b, 1);
		break;
	case KEEPER_FILES:
		buf_put(b, id, sizeof id);
		buf_u8(b, 0);
		break;
	default:
		put_changing(type, b);
	}
}
