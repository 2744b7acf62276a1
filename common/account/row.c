/* SPDX-License-Identifier: ISC */
/* row.c - an account as the table holds it. */
#include "account/files.h"

enum { ROW_VERSION = 1, ROW_SUSPENDED = 1 };

void
account_row_put(struct buf *b, const struct account *a)
{
	buf_u8(b, ROW_VERSION);
	buf_u8(b, a->is_suspended ? ROW_SUSPENDED : 0);
	buf_u32(b, a->uid);
	buf_u32(b, a->gid);
	buf_bytes(b, a->home);
	buf_u64(b, a->quota_bytes);
	buf_u64(b, a->quota_messages);
	buf_u32(b, (uint32_t)a->pop3_keep_days);
}

int
account_row_get(struct span address, struct span row, struct account *out)
{
	struct rd r = rd_of(row);
	uint8_t version = rd_u8(&r);
	out->address = address;
	out->is_suspended = (rd_u8(&r) & ROW_SUSPENDED) != 0;
	out->uid = rd_u32(&r);
	out->gid = rd_u32(&r);
	out->home = rd_str(&r, ACCOUNT_ADDRESS_MAX);
	out->quota_bytes = rd_u64(&r);
	out->quota_messages = rd_u64(&r);
	out->pop3_keep_days = (int32_t)rd_u32(&r);
	return version == ROW_VERSION ? rd_end(&r) : E_BAD;
}
