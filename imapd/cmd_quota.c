/* SPDX-License-Identifier: ISC */
/*
 * cmd_quota.c - GETQUOTA, GETQUOTAROOT, SETQUOTA: RFC 9208.  There is one root, "": the account, if
 * it has a limit.
 */
#include "imapd/command.h"

enum { STORAGE_UNIT = 1024 }; /* octets: RFC 9208 5.1 */

static uint64_t
in_units(uint64_t bytes)
{
	return bytes / STORAGE_UNIT + (bytes % STORAGE_UNIT != 0);
}

/* A root without a resource could not be told: RFC 9208 7, quota-list. */
static bool
has_root(const struct session *s)
{
	return s->quota_bytes || s->quota_messages;
}

/* What has no limit is not named; the account has one. */
static enum reply
put_quota(struct session *s)
{
	uint64_t bytes, messages;
	struct buf *out = respond_out(s);
	if (store_sync(s->store) != E_OK ||
	    store_usage(s->store, &bytes, &messages) != E_OK)
		return R_LATER;
	buf_str(out, "* QUOTA \"\" (");
	if (s->quota_bytes)
		buf_putf(out, "STORAGE %llu %llu", (unsigned long long)in_units(bytes),
		    (unsigned long long)in_units(s->quota_bytes));
	if (s->quota_messages)
		buf_putf(out, "%sMESSAGE %llu %llu", s->quota_bytes ? " " : "",
		    (unsigned long long)messages,
		    (unsigned long long)s->quota_messages);
	buf_str(out, ")\r\n");
	return R_DONE;
}

enum reply
cmd_getquota(struct session *s, struct command *c)
{
	struct span root;
	if (parse_astring(&c->parse, &root) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	if (root.n || !has_root(s)) {
		buf_str(&s->code, "NONEXISTENT");
		return R_CANNOT;
	}
	return put_quota(s);
}

/* The mailbox need not be there: RFC 9208 4.1.2.  It may have no root: 4.2.2 */
enum reply
cmd_getquotaroot(struct session *s, struct command *c)
{
	struct span name;
	if (parse_mailbox(&c->parse, &name) != E_OK || parse_end(&c->parse) != E_OK)
		return R_SYNTAX;
	struct buf *out = respond_out(s);
	buf_str(out, "* QUOTAROOT ");
	put_mailbox(out, name, c->parse.is_utf8);
	buf_str(out, has_root(s) ? " \"\"\r\n" : "\r\n");
	return has_root(s) ? put_quota(s) : R_DONE;
}

/* Quotas are the admin's: merpati user quota. */
enum reply
cmd_setquota(struct session *s, struct command *c)
{
	(void)c;
	buf_str(&s->code, "NOPERM");
	return R_CANNOT;
}
