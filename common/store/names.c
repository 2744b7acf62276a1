/* SPDX-License-Identifier: ISC */
/* names.c - a session's side: the account's mailboxes, subscriptions, and what is used. */
#include <string.h>

#include "store/state.h"
#include "store/undelete.h"

/* fn may ask something else: what was answered is held here meanwhile. */
static struct buf
hold(const struct answer *a)
{
	struct buf b = {.max = ASK_BODY_MOST};
	buf_span(&b, a->body.in);
	return b;
}

int
store_mailboxes(
    struct store *s, int (*fn)(void *ctx, const struct store_mailbox *), void *ctx)
{
	struct buf body = {0};
	struct answer answer;
	if (keeper_ask_said(s, KEEPER_MAILBOXES, &body, true, &answer) != STORE_DONE)
		return E_IO;
	struct buf held = hold(&answer);
	struct rd r = rd_of(buf_as_span(&held));
	int err = E_OK;
	while (r.in.n && err == E_OK) {
		struct store_mailbox m;
		err = ask_mailbox_get(&r, &m) == E_OK ? fn(ctx, &m) : E_IO;
	}
	buf_free(&held);
	return err;
}

int
store_subscriptions(struct store *s, int (*fn)(void *ctx, struct span name), void *ctx)
{
	struct buf body = {0};
	struct answer answer;
	if (keeper_ask_said(s, KEEPER_SUBSCRIPTIONS, &body, true, &answer) !=
	    STORE_DONE)
		return E_IO;
	struct buf held = hold(&answer);
	struct rd r = rd_of(buf_as_span(&held));
	int err = E_OK;
	while (r.in.n && err == E_OK) {
		struct span name = rd_str(&r, STORE_NAME_MAX);
		err = r.err == E_OK ? fn(ctx, name) : E_IO;
	}
	buf_free(&held);
	return err;
}

static int
ask_mailbox_of(struct store *s, struct span name, struct store_mailbox *out)
{
	struct buf body = {0};
	struct answer answer;
	buf_bytes(&body, name);
	enum store_said said = keeper_ask_said(s, KEEPER_MAILBOX, &body, true, &answer);
	if (said != STORE_DONE)
		return said == STORE_NONEXISTENT ? E_BAD : E_IO;
	return ask_mailbox_get(&answer.body, out) == E_OK ? answer_end(&answer) : E_IO;
}

int
store_mailbox(struct store *s, struct span name, struct store_mailbox *out)
{
	return name.n && name.n <= STORE_NAME_MAX ? ask_mailbox_of(s, name, out)
	                                          : E_BAD;
}

int
store_kept(struct store *s, struct store_mailbox *out)
{
	return ask_mailbox_of(s, SPAN(""), out);
}

/* A page.  from: of the next one; E_MORE: there was something in it */
static int
kept_page(struct store *s, uint32_t *from,
    int (*fn)(void *ctx, const struct store_kept *), void *ctx)
{
	struct buf body = {0};
	struct answer answer;
	buf_u32(&body, *from);
	if (keeper_ask_said(s, KEEPER_KEPT, &body, true, &answer) != STORE_DONE)
		return E_IO;
	struct buf held = hold(&answer);
	struct rd r = rd_of(buf_as_span(&held));
	bool is_end = r.in.n == 0;
	int err = E_OK;
	while (r.in.n && err == E_OK) {
		struct store_kept k = {.uid = rd_u32(&r)};
		is_end |= k.uid < *from || k.uid == UINT32_MAX;
		*from = k.uid + 1;
		k.was = rd_u32(&r);
		k.mailbox = rd_str(&r, STORE_NAME_MAX);
		err = r.err == E_OK ? fn(ctx, &k) : E_IO;
	}
	buf_free(&held);
	return err == E_OK && !is_end ? E_MORE : err;
}

int
store_kept_each(
    struct store *s, int (*fn)(void *ctx, const struct store_kept *), void *ctx)
{
	uint32_t from = 1;
	int err;
	do
		err = kept_page(s, &from, fn, ctx);
	while (err == E_MORE);
	return err;
}

/* A change of names: what cannot be a name is not asked for. */
static enum store_said
ask_about(struct store *s, uint16_t ask, struct span name, struct buf *rest,
    bool may_repeat, struct answer *out)
{
	struct buf body = {0};
	enum store_said said = name.n > STORE_NAME_MAX ? STORE_BAD_NAME : STORE_DONE;
	buf_bytes(&body, name);
	buf_span(&body, buf_as_span(rest));
	buf_free(rest);
	if (said == STORE_DONE)
		return keeper_ask_said(s, ask, &body, may_repeat, out);
	buf_free(&body);
	return said;
}

enum store_said
store_mailbox_create(struct store *s, struct span name, const char *special_use,
    struct store_mailbox *out)
{
	struct store_mailbox ignored, *m = out ? out : &ignored;
	struct buf rest = {0};
	struct answer answer;
	buf_bytes(&rest, span_of(special_use));
	enum store_said said = ask_about(s, KEEPER_CREATE, name, &rest, false, &answer);
	if (said == STORE_DONE && ask_mailbox_get(&answer.body, m) != E_OK)
		said = STORE_LATER;
	return said;
}

enum store_said
store_mailbox_delete(struct store *s, struct span name)
{
	struct buf rest = {0};
	struct answer answer;
	return ask_about(s, KEEPER_DELETE, name, &rest, false, &answer);
}

enum store_said
store_mailbox_rename(struct store *s, struct span from, struct span to)
{
	struct buf rest = {0};
	struct answer answer;
	if (to.n > STORE_NAME_MAX)
		return STORE_BAD_NAME;
	buf_bytes(&rest, to);
	return ask_about(s, KEEPER_RENAME, from, &rest, false, &answer);
}

enum store_said
store_subscribe(struct store *s, struct span name, bool is_now)
{
	struct buf rest = {0};
	struct answer answer;
	buf_u8(&rest, is_now);
	return ask_about(s, KEEPER_SUBSCRIBE, name, &rest, true, &answer);
}

enum store_said
store_adopt_numbers(struct store *s, struct span mailbox, uint32_t uidvalidity,
    uint32_t uidnext, uint32_t reserved)
{
	struct buf rest = {0};
	struct answer answer;
	buf_u32(&rest, uidvalidity);
	buf_u32(&rest, uidnext);
	buf_u32(&rest, reserved);
	return ask_about(s, KEEPER_ADOPT, mailbox, &rest, false, &answer);
}

int
store_usage(struct store *s, uint64_t *bytes, uint64_t *messages)
{
	struct buf body = {0};
	struct answer answer;
	if (keeper_ask_said(s, KEEPER_USAGE, &body, true, &answer) != STORE_DONE)
		return E_IO;
	*bytes = rd_u64(&answer.body);
	*messages = rd_u64(&answer.body);
	s->own_limits.bytes = rd_u64(&answer.body);
	s->own_limits.messages = rd_u64(&answer.body);
	return answer_end(&answer);
}

void
store_quota(const struct store *s, uint64_t *bytes, uint64_t *messages)
{
	*bytes = limit_least(s->quota_bytes, s->own_limits.bytes);
	*messages = limit_least(s->quota_messages, s->own_limits.messages);
}

enum store_said
store_limit_own(struct store *s, uint64_t bytes, uint64_t messages)
{
	struct buf body = {0};
	struct answer answer;
	buf_u64(&body, bytes);
	buf_u64(&body, messages);
	return keeper_ask_said(s, KEEPER_LIMITS, &body, true, &answer);
}

int
store_recount(struct store *s, uint32_t *changed)
{
	struct buf body = {0};
	struct answer answer;
	enum store_said said = keeper_ask_said(s, KEEPER_RECOUNT, &body, true, &answer);
	*changed = said == STORE_DONE ? rd_u32(&answer.body) : 0;
	return said == STORE_DONE ? answer_end(&answer) : E_IO;
}
