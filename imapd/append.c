/* SPDX-License-Identifier: ISC */
/*
 * append.c - a message that a client sends: streamed into a file, its lines made to end in CRLF,
 * its cache item made.
 */
#include "imapd/append.h"

#include "imapd/append_stream.h"
#include "imapd/bound.h"
#include "imapd/catenate.h"
#include "imapd/share.h"

#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/log.h"
#include "mime/cache.h"

enum {
	/* bytes of cache items of one command: later messages get theirs when they are read */
	APPEND_ITEMS_MAX = 16 << 20,
	SYNC_EACH_MOST = 4, /* messages: of more the file system is synced at once */
};

/* ---- octets on their way into the file ---- */

enum reply
append_failed(int err, bool is_literal8)
{
	/* a NUL, which no literal may hold, or octets that are no lines */
	if (err == E_BAD)
		return is_literal8 ? R_UNKNOWN_CTE : R_CANNOT;
	if (err == E_LIMIT)
		return incoming_was_quota() ? R_OVER_QUOTA : R_DISK_FULL;
	return R_LATER;
}

static enum reply
take_octets(struct append *a, struct incoming *to, bool is_text8)
{
	bool is_literal8 = a->s->literal.is_binary;
	struct stream t = {.to = to, .is_binary = is_literal8 && !is_text8};
	int err = command_literal(a->s, stream_piece, &t);
	buf_free(&t.fixed);
	if (a->s->is_broken)
		return R_NONE;
	return err == E_OK ? R_DONE : append_failed(err, is_literal8);
}

/* ---- its cache item ---- */

/* The item stays in the arena of the command until the message is stored. */
static void
make_item(struct append *a, struct incoming *in)
{
	struct arena meanwhile = {.max_bytes = 0};
	struct buf item = {.max = CACHE_BYTES_MAX};
	if (in->size_bytes == 0 || a->s->arena.used_bytes > APPEND_ITEMS_MAX)
		return;
	void *p = mmap(NULL, in->size_bytes, PROT_READ, MAP_PRIVATE, in->fd, 0);
	if (p == MAP_FAILED)
		return;
	bool is_for_keeps = cache_make(span_make(p, in->size_bytes), &meanwhile, &item);
	munmap(p, in->size_bytes);
	if (is_for_keeps && buf_done(&item) == E_OK && item.len <= STORE_CACHE_ITEM_MAX)
		in->cache = arena_span(&a->s->arena, buf_as_span(&item));
	buf_free(&item);
	arena_reset(&meanwhile);
}

/* ---- one message ---- */

struct message_head {
	struct flag_list flags;
	int64_t date_sec;
	bool is_text8;     /* UTF8 ( */
	bool is_catenated; /* CATENATE ( */
};

/* What stands before the literal, which is not in the text. */
static int
parse_head(struct parse *p, struct message_head *out)
{
	*out = (struct message_head){.date_sec = clock_wall_sec()};
	if (parse_sp(p) != E_OK)
		return E_BAD;
	if (parse_peek(p, '(') &&
	    (parse_flag_list(p, &out->flags) != E_OK || parse_sp(p) != E_OK))
		return E_BAD;
	if (parse_peek(p, '"') &&
	    (parse_date_time(p, &out->date_sec) != E_OK || parse_sp(p) != E_OK))
		return E_BAD;
	out->is_catenated = parse_word(p, "CATENATE");
	if (out->is_catenated)
		return parse_sp(p) == E_OK && parse_ch(p, '(')
		           ? E_OK
		           : parse_fail(p, p->in, "parts in parentheses");
	out->is_text8 = parse_word(p, "UTF8");
	if (out->is_text8 && (parse_sp(p) != E_OK || !parse_ch(p, '(')))
		return parse_fail(p, p->in, "UTF8 (");
	return parse_end(p);
}

static enum reply
check_number(const struct append *a)
{
	const struct session *s = a->s;
	uint32_t told = bound_saves(s);
	uint32_t most = bound_least(told, STORE_APPENDS_MOST);
	if (a->n < most)
		return R_DONE;
	if (told)
		bound_say(a->s, R_LIMIT, most, 0);
	return R_LIMIT;
}

/* Before its octets are sent, where the client waits. */
static enum reply
check_literal(const struct append *a, const struct message_head *h)
{
	const struct session *s = a->s;
	if (h->is_catenated)
		return check_number(a);
	if (!s->literal.is_there || (h->is_text8 && !s->literal.is_binary))
		return R_SYNTAX;
	if (h->is_text8 && !(s->enabled & EN_UTF8))
		return R_CANNOT;
	if (s->literal.bytes == 0) /* RFC 3502: cancels it */
		return R_CANNOT;
	if (s->message_size_most && s->literal.bytes > s->message_size_most)
		return R_TOO_BIG;
	return check_number(a);
}

static void
keep_flags(struct append *a, struct incoming *in, const struct message_head *h)
{
	size_t bytes = h->flags.n_keywords * sizeof *h->flags.keywords;
	struct span *keywords = arena_get(&a->s->arena, bytes);
	if (keywords)
		memcpy(keywords, h->flags.keywords,
		    bytes); /* their text lives as long as the command */
	in->flags = h->flags.flags;
	in->date_sec = h->date_sec;
	in->keywords = keywords;
	in->n_keywords = keywords ? h->flags.n_keywords : 0;
}

static enum reply
take_message(struct append *a)
{
	struct parse *p = &a->c->parse;
	struct message_head head;
	if (parse_head(p, &head) != E_OK)
		return R_SYNTAX;
	enum reply reply = check_literal(a, &head);
	if (reply != R_DONE)
		return reply;
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 1;
		a->messages = mem_grow(a->messages, a->cap, sizeof *a->messages);
	}
	struct incoming *in = &a->messages[a->n];
	int err = incoming_begin(a->s->store, in);
	if (err != E_OK)
		return append_failed(err, false);
	a->n++;
	keep_flags(a, in, &head);
	if (head.is_catenated) {
		reply = catenate_take(a, in);
		if (reply == R_DONE)
			make_item(a, in);
		return reply;
	}
	reply = take_octets(a, in, head.is_text8);
	if (reply != R_DONE)
		return reply;
	make_item(a, in);
	err = command_more(a->s, a->c);
	if (err != E_OK)
		return err == E_BAD ? R_SYNTAX : R_NONE;
	return head.is_text8 && !parse_ch(p, ')') ? R_SYNTAX : R_DONE;
}

bool
append_take(struct append *a)
{
	a->reply = take_message(a);
	return a->reply == R_DONE;
}

enum reply
append_end(struct append *a)
{
	int err = E_OK;
	if (a->n > SYNC_EACH_MOST)
		err = incoming_end_all(a->messages, a->n);
	else
		for (size_t i = 0; i < a->n && err == E_OK; i++)
			err = incoming_end(&a->messages[i]);
	return err == E_OK ? R_DONE : append_failed(err, false);
}

/* ---- the command ---- */

static enum reply
check_room(const struct session *s, uint64_t bytes, uint64_t messages)
{
	uint64_t more = s->literal.bytes;
	if (s->quota_bytes && more > store_quota_room(s->quota_bytes, bytes))
		return R_OVER_QUOTA;
	return s->quota_messages && messages >= s->quota_messages ? R_OVER_QUOTA
	                                                          : R_DONE;
}

enum reply
append_accepts(struct session *s, struct span mailbox, const struct store_record *goes)
{
	struct store_mailbox m;
	struct place place;
	uint64_t bytes, messages;
	enum reply reply = share_find(s, mailbox, &place);
	if (reply != R_DONE)
		return reply;
	int err = store_mailbox(place.store, place.name, &m);
	if (err != E_OK)
		return err == E_BAD ? R_NO_MAILBOX_TRY : R_LATER;
	if (place.owner_local) /* whose keeper looks at his quota */
		return m.rights & RIGHT_INSERT ? R_DONE : R_NO_RIGHT;
	if (!s->quota_bytes && !s->quota_messages)
		return R_DONE;
	if (store_usage(place.store, &bytes, &messages) != E_OK)
		return R_LATER;
	if (goes && bytes >= goes->size_bytes && messages > 0)
		return check_room(s, bytes - goes->size_bytes, messages - 1);
	return check_room(s, bytes, messages);
}

void
append_init(struct append *a, struct session *s, struct command *c)
{
	*a = (struct append){.s = s, .c = c, .reply = R_DONE};
}

void
append_done(struct append *a)
{
	for (size_t i = 0; i < a->n; i++)
		incoming_drop(&a->messages[i]);
	mem_free(&a->messages);
}
