/* SPDX-License-Identifier: ISC */
/*
 * cmd_quota.c - GETQUOTA, GETQUOTAROOT, SETQUOTA: RFC 9208.  There is one root, "": the account, if
 * it has a limit.
 */
#include "imapd/share.h"

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
	uint64_t bytes, messages, bytes_most, messages_most;
	struct buf *out = respond_out(s);
	if (store_sync(session_own(s)) != E_OK ||
	    store_usage(session_own(s), &bytes, &messages) != E_OK)
		return R_LATER;
	store_quota(session_own(s), &bytes_most, &messages_most);
	buf_str(out, "* QUOTA \"\" (");
	if (bytes_most)
		buf_putf(out, "STORAGE %llu %llu", (unsigned long long)in_units(bytes),
		    (unsigned long long)in_units(bytes_most));
	if (messages_most)
		buf_putf(out, "%sMESSAGE %llu %llu", bytes_most ? " " : "",
		    (unsigned long long)messages, (unsigned long long)messages_most);
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
	/* what others have used is theirs to know */
	bool has = has_root(s) && !share_is_name(name);
	buf_str(out, "* QUOTAROOT ");
	put_mailbox(out, name, c->parse.is_utf8);
	buf_str(out, has ? " \"\"\r\n" : "\r\n");
	return has ? put_quota(s) : R_DONE;
}

/* "(STORAGE 512 MESSAGE 100)", or "()"; what is not named has no limit of the user's own */
static int
take_limits(struct parse *p, uint64_t *bytes, uint64_t *messages)
{
	*bytes = *messages = 0;
	if (!parse_ch(p, '('))
		return parse_fail(p, p->in, "a list of limits");
	for (bool is_first = true; !parse_ch(p, ')'); is_first = false) {
		struct span name;
		uint64_t n;
		if ((!is_first && parse_sp(p) != E_OK) ||
		    parse_atom(p, &name) != E_OK || parse_sp(p) != E_OK ||
		    parse_number64(p, &n) != E_OK)
			return E_BAD;
		n = n ? n : 1; /* a limit of none is one of the least there is */
		if (span_ieqs(name, "STORAGE"))
			*bytes = n < UINT64_MAX / STORAGE_UNIT ? n * STORAGE_UNIT
			                                       : UINT64_MAX;
		else if (span_ieqs(name, "MESSAGE"))
			*messages = n;
		else
			return E_DENY;
	}
	return parse_end(p);
}

/* The account's quota is the admin's (merpati user quota): a user sets less, and no more. */
enum reply
cmd_setquota(struct session *s, struct command *c)
{
	struct span root;
	uint64_t bytes, messages;
	if (parse_astring(&c->parse, &root) != E_OK || parse_sp(&c->parse) != E_OK)
		return R_SYNTAX;
	int err = take_limits(&c->parse, &bytes, &messages);
	if (err == E_BAD)
		return R_SYNTAX;
	if (root.n || !has_root(s)) {
		buf_str(&s->code, "NONEXISTENT");
		return R_CANNOT;
	}
	if (err == E_DENY) /* a resource that has no limits here */
		return R_CANNOT;
	if ((s->quota_bytes && bytes > s->quota_bytes) ||
	    (s->quota_messages && messages > s->quota_messages)) {
		buf_str(&s->code, "NOPERM");
		return R_CANNOT;
	}
	enum store_said said = store_limit_own(session_own(s), bytes, messages);
	return said == STORE_DONE ? put_quota(s) : reply_of(said, false);
}
