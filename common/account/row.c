/* SPDX-License-Identifier: ISC */
/* row.c - an account as the table holds it. */
#include "account/app.h"
#include "account/files.h"

/*
 * Rows of version 1 end before the identities, those of 2 before the groups, those of 3 before when
 * it was made, those of 4 before rules of retention: read as without any.  Without rules the row is
 * one of 4: who goes back to a program that knows no others has only those to set aside that have.
 */
enum {
	ROW_VERSION_PLAIN = 1,
	ROW_VERSION_BUDGET = 2,
	ROW_VERSION_GROUPS = 3,
	ROW_VERSION_CREATED = 4,
	ROW_VERSION = 5,
};

/* One octet: whether it is suspended, and the protocols of apps_only. */
enum { ROW_SUSPENDED = 1, ROW_APPS_SHIFT = 1 };

static void
budget_row_put(struct buf *b, const struct budget *budget)
{
	for (size_t i = 0; i < BUDGET_WHATS; i++)
		for (size_t w = 0; w < BUDGET_WINDOWS; w++)
			buf_u32(b, budget->most[i][w]);
}

static void
budget_row_get(struct rd *r, struct budget *out)
{
	for (size_t i = 0; i < BUDGET_WHATS; i++)
		for (size_t w = 0; w < BUDGET_WINDOWS; w++)
			out->most[i][w] = rd_u32(r);
}

void
account_row_put(struct buf *b, const struct account *a)
{
	buf_u8(b, a->retention.n ? ROW_VERSION : ROW_VERSION_CREATED);
	buf_u8(b, (uint8_t)((a->is_suspended ? ROW_SUSPENDED : 0) |
			    (a->apps_only & APP_ALL) << ROW_APPS_SHIFT));
	buf_u32(b, a->uid);
	buf_u32(b, a->gid);
	buf_bytes(b, a->home);
	buf_u64(b, a->quota_bytes);
	buf_u64(b, a->quota_messages);
	buf_u32(b, (uint32_t)a->pop3_keep_days);
	buf_bytes(b, a->identities);
	budget_row_put(b, &a->budget);
	buf_bytes(b, a->groups);
	buf_u64(b, (uint64_t)a->created_sec);
	if (a->retention.n)
		buf_bytes(b, a->retention);
}

int
account_row_get(struct span address, struct span row, struct account *out)
{
	struct rd r = rd_of(row);
	uint8_t version = rd_u8(&r);
	*out = (struct account){.address = address};
	uint8_t flags = rd_u8(&r);
	out->is_suspended = (flags & ROW_SUSPENDED) != 0;
	out->apps_only = flags >> ROW_APPS_SHIFT & APP_ALL;
	out->uid = rd_u32(&r);
	out->gid = rd_u32(&r);
	out->home = rd_str(&r, ACCOUNT_ADDRESS_MAX);
	out->quota_bytes = rd_u64(&r);
	out->quota_messages = rd_u64(&r);
	out->pop3_keep_days = (int32_t)rd_u32(&r);
	if (version >= ROW_VERSION_BUDGET) {
		out->identities = rd_str(&r, ACCOUNT_IDENTITIES_MAX);
		budget_row_get(&r, &out->budget);
	}
	if (version >= ROW_VERSION_GROUPS)
		out->groups = rd_str(&r, ACCOUNT_GROUPS_MAX);
	if (version >= ROW_VERSION_CREATED)
		out->created_sec = (int64_t)rd_u64(&r);
	if (version >= ROW_VERSION)
		out->retention = rd_str(&r, ACCOUNT_RETENTION_MAX);
	return version >= ROW_VERSION_PLAIN && version <= ROW_VERSION ? rd_end(&r)
	                                                              : E_BAD;
}
