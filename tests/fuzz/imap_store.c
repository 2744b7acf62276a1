/* SPDX-License-Identifier: ISC */
/* imap_store.c - a store of some mailboxes and messages that stay as they are. */
#include <stdlib.h>
#include <string.h>

#include "imap_store.h"
#include "store/incoming.h"
#include "store/metadata.h"

void
check(bool ok)
{
	if (!ok)
		abort();
}

static struct view_head head;
static struct store_record records[MESSAGES];

static void
check_name(struct span name)
{
	check(utf8_valid(name) && span_find(name, '\0') == name.n);
}

static struct store_mailbox
a_mailbox(const char *name)
{
	struct store_mailbox m = {.id = 7,
	    .uidvalidity = 1,
	    .uidnext = 9,
	    .modseq = 5,
	    .messages = MESSAGES,
	    .rights = RIGHTS_ALL,
	    .special_use = "\\Sent"};
	strcpy(m.name, name);
	return m;
}

int
store_mailboxes(
    struct store *s, int (*fn)(void *ctx, const struct store_mailbox *), void *ctx)
{
	static const char *const names[] = {
	    "INBOX", "a", "a/b", "a/b/c", "\303\274", "x/y"};
	(void)s;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct store_mailbox m = a_mailbox(names[i]);
		if (fn(ctx, &m) != E_OK)
			return E_LIMIT;
	}
	return E_OK;
}

int
store_subscriptions(struct store *s, int (*fn)(void *ctx, struct span name), void *ctx)
{
	(void)s;
	return fn(ctx, SPAN("gone/once"));
}

int
store_mailbox(struct store *s, struct span name, struct store_mailbox *out)
{
	(void)s;
	check_name(name);
	*out = a_mailbox("INBOX");
	return E_OK;
}

enum store_said
store_mailbox_create(struct store *s, struct span name, const char *special_use,
    struct store_mailbox *out)
{
	check_name(name);
	check(!special_use || special_use[0] == '\\');
	return store_mailbox(s, name, out) == E_OK ? STORE_DONE : STORE_LATER;
}

enum store_said
store_mailbox_delete(struct store *s, struct span name)
{
	(void)s;
	check_name(name);
	return STORE_IS_INBOX;
}

enum store_said
store_mailbox_rename(struct store *s, struct span from, struct span to)
{
	(void)s;
	check_name(from);
	check_name(to);
	return STORE_DONE;
}

enum store_said
store_subscribe(struct store *s, struct span name, bool is_subscribed)
{
	(void)s, (void)is_subscribed;
	check_name(name);
	return STORE_DONE;
}

enum store_said
store_acl(struct store *s, struct span mailbox,
    void (*fn)(void *ctx, struct span identifier, unsigned rights, uint32_t uid),
    void *ctx)
{
	(void)s;
	check_name(mailbox);
	fn(ctx, SPAN("owner"), RIGHTS_ALL, RIGHTS_ANY_UID);
	fn(ctx, SPAN("-b@x.test"), 0, RIGHTS_ANY_UID);
	fn(ctx, SPAN("b@x.test"), RIGHT_LOOKUP, 1000);
	fn(ctx, SPAN("c@x.test"), RIGHT_LOOKUP, 1000);
	return STORE_DONE;
}

enum store_said
store_acl_set(struct store *s, struct span mailbox, struct span identifier,
    enum store_acl_how how, unsigned rights, uint32_t uid)
{
	(void)s;
	check_name(mailbox);
	check(identifier_is_given(identifier) || uid == RIGHTS_ANY_UID);
	check(identifier.n && identifier.n <= IDENTIFIER_MAX && utf8_valid(identifier));
	check(how <= ACL_DELETE && rights <= RIGHTS_ALL);
	return STORE_DONE;
}

enum store_said
store_metadata(struct store *s, struct span mailbox,
    void (*fn)(void *ctx, const struct metadata_entry *), void *ctx)
{
	struct metadata_entry e = {
	    .name = SPAN("/private/comment"), .value = SPAN("a\0\"b")};
	(void)s;
	check_name(mailbox);
	fn(ctx, &e);
	e = (struct metadata_entry){.name = SPAN("/shared/a/b"), .value = SPAN("")};
	fn(ctx, &e);
	return STORE_DONE;
}

enum store_said
store_metadata_set(struct store *s, struct span mailbox,
    const struct metadata_entry *entries, size_t n)
{
	(void)s;
	check_name(mailbox);
	check(n > 0 && n <= METADATA_ENTRIES_MOST);
	for (size_t i = 0; i < n; i++)
		check(metadata_entry_check(entries[i].name) &&
		      entries[i].value.n <= METADATA_VALUE_MAX);
	return n > 2 ? STORE_TOO_MANY : STORE_DONE;
}

int
store_metadata_changes(struct store *s,
    void (*fn)(void *ctx, struct span mailbox, struct span entry), void *ctx)
{
	(void)s;
	fn(ctx, SPAN("INBOX"), SPAN("/private/comment"));
	return E_OK;
}

enum store_said
store_url_key(
    struct store *s, struct span mailbox, enum store_url_key_do what, struct span *out)
{
	(void)s;
	check_name(mailbox);
	check((mailbox.n == 0) == (what == URL_KEY_DROP));
	*out =
	    what == URL_KEY_DROP ? SPAN("") : SPAN("0123456789abcdef0123456789abcdef");
	return span_eqs(mailbox, "gone") ? STORE_NONEXISTENT : STORE_DONE;
}

uint64_t
store_quota_room(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

int
store_usage(struct store *s, uint64_t *bytes, uint64_t *messages)
{
	(void)s;
	*bytes = 1;
	*messages = 1;
	return E_OK;
}

void
store_quota(const struct store *s, uint64_t *bytes, uint64_t *messages)
{
	(void)s;
	*bytes = 1000;
	*messages = 0;
}

enum store_said
store_limit_own(struct store *s, uint64_t bytes, uint64_t messages)
{
	(void)s, (void)bytes, (void)messages;
	return STORE_DONE;
}

int
store_select(
    struct store *s, struct span mailbox, bool is_examine, struct store_view *out)
{
	(void)s, (void)is_examine;
	check_name(mailbox);
	head =
	    (struct view_head){.n = MESSAGES, .modseq = 5, .uidnext = 2 * MESSAGES + 1};
	for (uint32_t i = 0; i < MESSAGES; i++)
		records[i] = (struct store_record){.uid = 2 * i + 2, .modseq = i};
	*out = (struct store_view){.mailbox = 7,
	    .uidvalidity = 1,
	    .uidnext = 2 * MESSAGES + 1,
	    .modseq = 5,
	    .n = MESSAGES,
	    .recent_from = UINT32_MAX,
	    .rights = RIGHTS_ALL,
	    .head = &head,
	    .records = records};
	return E_OK;
}

static bool is_left; /* a mailbox is left, and the keeper does not know yet */

void
store_unselect(struct store *s, struct store_view *v)
{
	(void)s, (void)v;
}

void
store_unselect_later(struct store *s, struct store_view *v)
{
	(void)s, (void)v;
	is_left = true;
}

bool
store_is_unselecting(const struct store *s)
{
	(void)s;
	return is_left;
}

void
store_unselect_now(struct store *s)
{
	(void)s;
	is_left = false; /* nothing to do, when none was left */
}

int
store_view_renew(struct store *s, struct store_view *was, struct store_view *out)
{
	(void)s, (void)was, (void)out;
	return E_IO;
}

bool
store_take_events(struct store *s)
{
	(void)s;
	return false;
}

int
store_sync(struct store *s)
{
	(void)s;
	return E_OK;
}

int
store_expunged(struct store *s, uint32_t mailbox, uint64_t modseq, struct numset *out)
{
	(void)s, (void)mailbox;
	return modseq > 2 ? numset_add(out, 1, 1) : E_LIMIT;
}

enum store_said
store_expunge(
    struct store *s, uint32_t mailbox, const struct numset *uids, bool only_deleted)
{
	(void)s, (void)mailbox, (void)uids;
	check(only_deleted);
	return STORE_DONE;
}

/* ---- messages that come: counted, and that each is given up ---- */

unsigned n_incoming;

bool
incoming_was_quota(void)
{
	return false;
}

int
incoming_begin(struct store *s, struct incoming *out)
{
	(void)s;
	*out = (struct incoming){.fd = -1};
	n_incoming++;
	return E_OK;
}

int
incoming_write(struct incoming *m, struct span bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		check(bytes.p[i] != '\0');
	m->size_bytes += bytes.n;
	return m->size_bytes % 1000 == 999 ? E_LIMIT : E_OK; /* the disk is full */
}

int
incoming_end(struct incoming *m)
{
	m->is_linked = true;
	return E_OK;
}

int
incoming_end_all(struct incoming *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		all[i].is_linked = true;
	return E_OK;
}

void
incoming_drop(struct incoming *m)
{
	(void)m;
	check(n_incoming-- > 0);
}

static enum store_said
look_at(const struct incoming *all, size_t n)
{
	uint64_t bytes = 0;
	check(n > 0 && n <= STORE_APPENDS_MOST);
	for (size_t i = 0; i < n; i++) {
		check(all[i].is_linked && all[i].size_bytes > 0);
		for (size_t k = 0; k < all[i].n_keywords; k++)
			check(all[i].keywords[k].n > 0 &&
			      all[i].keywords[k].n <= STORE_KEYWORD_MAX);
		bytes += all[i].size_bytes;
	}
	return bytes % 50 == 7 ? STORE_OVER_QUOTA : STORE_DONE;
}

enum store_said
store_append(struct store *s, struct span mailbox, struct incoming *all, size_t n,
    uint32_t *uidvalidity, uint32_t *first_uid)
{
	(void)s;
	check_name(mailbox); /* stays valid */
	*uidvalidity = 1;
	*first_uid = 9;
	return look_at(all, n);
}

enum store_said
store_replace(struct store *s, uint32_t mailbox, uint32_t uid, struct span target,
    struct incoming *m, uint32_t *uidvalidity, uint32_t *new_uid)
{
	(void)mailbox;
	check(uid % 2 == 0 && uid <= 2 * MESSAGES);
	return store_append(s, target, m, 1, uidvalidity, new_uid);
}
