/* SPDX-License-Identifier: ISC */
/* asks.c - bodies of asks and replies between the processes of an import or export. */
#include "move/asks.h"

#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/dovecot.h"
#include "move/source.h"
#include "store/asks.h"

enum { WHY_MAX = 2000 };

/* ---- of the command ---- */

void
move_entry_put(struct buf *b, const struct move_entry *e)
{
	buf_bytes(b, e->name);
	buf_u8(b, e->is_directory);
	buf_u64(b, e->size_bytes);
	buf_u64(b, (uint64_t)e->mtime_sec);
}

int
move_entry_get(struct rd *r, struct move_entry *out)
{
	out->name = rd_str(r, MOVE_PATH_MAX);
	out->is_directory = rd_u8(r) == 1;
	out->size_bytes = rd_u64(r);
	out->mtime_sec = (int64_t)rd_u64(r);
	return r->err;
}

void
move_row_put(struct buf *b, const struct move_row *m)
{
	buf_bytes(b, m->folder);
	buf_u64(b, m->source);
	buf_u64(b, m->here);
	buf_u64(b, m->fetched);
	buf_u64(b, m->bytes);
	buf_u64(b, m->flagged);
	buf_u64(b, m->removed);
	buf_u64(b, m->left);
	buf_u64(b, m->failed);
	buf_u8(b, m->numbers);
	buf_bytes(b, span_head(m->note, WHY_MAX / 4));
}

int
move_row_get(struct rd *r, struct move_row *out)
{
	out->folder = rd_str(r, SOURCE_RAW_MAX);
	out->source = rd_u64(r);
	out->here = rd_u64(r);
	out->fetched = rd_u64(r);
	out->bytes = rd_u64(r);
	out->flagged = rd_u64(r);
	out->removed = rd_u64(r);
	out->left = rd_u64(r);
	out->failed = rd_u64(r);
	out->numbers = rd_u8(r);
	out->note = rd_str(r, MOVE_ROW_BYTES);
	return out->numbers <= NUMBERS_NEW ? rd_end(r) : E_BAD;
}

/* ---- of the process that talks to a server ---- */

void
net_folder_put(struct buf *b, const struct source_folder *f)
{
	buf_bytes(b, f->raw);
	buf_bytes(b, f->name);
	buf_bytes(b, f->special_use);
	buf_u8(b, f->is_selectable);
	buf_u8(b, f->is_subscribed);
}

int
net_folder_get(struct rd *r, struct source_folder *out)
{
	*out = (struct source_folder){
	    .raw = rd_str(r, SOURCE_RAW_MAX), .why = "a name that cannot be read"};
	out->name = rd_str(r, SOURCE_RAW_MAX);
	out->special_use =
	    rd_str(r, sizeof((struct store_mailbox *)0)->special_use - 1);
	out->is_selectable = rd_u8(r) == 1;
	out->is_subscribed = rd_u8(r) == 1;
	return r->err;
}

void
net_listing_put(struct buf *b, const struct listing *l)
{
	buf_u32(b, l->uidvalidity);
	buf_u32(b, l->uidnext);
	buf_u32(b, l->n_wrong);
	buf_u32(b, l->n_lost_uidls);
	buf_u32(b, l->keywords.n_left_out);
	buf_u16(b, (uint16_t)l->keywords.n);
	for (size_t i = 0; i < l->keywords.n; i++)
		buf_bytes(b, l->keywords.names[i]);
	buf_u32(b, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct source_message *m = &l->all[i];
		buf_u32(b, m->uid);
		buf_u32(b, m->flags);
		buf_u64(b, m->keywords);
		buf_u64(b, m->size_bytes);
		buf_u64(b, (uint64_t)m->date_sec);
		buf_bytes(b, m->uidl);
	}
}

/* The key of a message is its uid. */
static struct span
key_of(uint32_t uid, struct arena *a)
{
	struct buf b = {0};
	buf_putf(&b, "%u", uid);
	struct span key = arena_span(a, buf_as_span(&b));
	buf_free(&b);
	return key;
}

static int
listing_message_get(struct rd *r, struct listing *out)
{
	struct source_message m = {.uid = rd_u32(r)};
	m.flags = rd_u32(r) & FLAGS_ALL;
	m.keywords = rd_u64(r);
	m.size_bytes = rd_u64(r);
	m.date_sec = (int64_t)rd_u64(r);
	struct span uidl = rd_str(r, STORE_UIDL_MAX);
	if (r->err != E_OK || m.uid == 0)
		return E_BAD;
	if (uidl_is_legal(uidl))
		m.uidl = arena_span(&out->arena, uidl);
	m.key = key_of(m.uid, &out->arena);
	if (out->keywords.n < STORE_KEYWORDS_MAX)
		m.keywords &= (1ull << out->keywords.n) - 1;
	return listing_add(out, &m);
}

int
net_listing_get(struct rd *r, struct listing *out)
{
	*out = (struct listing){.uidvalidity = rd_u32(r)};
	out->uidnext = rd_u32(r);
	out->n_wrong = rd_u32(r);
	out->n_lost_uidls = rd_u32(r);
	uint32_t left_out = rd_u32(r);
	uint16_t n_keywords = rd_u16(r);
	for (uint16_t i = 0; i < n_keywords && r->err == E_OK; i++)
		if (!keywords_bit(
			&out->keywords, &out->arena, rd_str(r, STORE_KEYWORD_MAX)))
			return E_BAD;
	out->keywords.n_left_out = left_out;
	uint32_t n = rd_u32(r);
	for (uint32_t i = 0; i < n; i++)
		if (listing_message_get(r, out) != E_OK)
			return E_BAD;
	return rd_end(r);
}

/* ---- asking ---- */

void
move_reply_put(struct buf *b, int status, struct span why)
{
	buf_u8(b, (uint8_t)status);
	buf_bytes(b, span_head(why, WHY_MAX));
}

/* The body of a memory file is read into in, over the message. */
static int
take_reply(struct ask_msg *reply, struct buf *in, struct rd *out, int *fd_out)
{
	int err = E_OK;
	*out = reply->body;
	if (fd_out) {
		*fd_out = reply->fd;
	} else if (reply->fd >= 0) {
		in->max = SOURCE_LISTING_BYTES_MAX;
		err = large_read(reply->fd, in);
		close(reply->fd);
		*out = rd_of(buf_as_span(in));
	}
	return err;
}

int
move_ask(int chan, uint16_t type, struct buf *body, int fd, struct buf *in,
    struct rd *out, int *fd_out, struct buf *why)
{
	struct ask_msg reply = {.fd = -1};
	int err = buf_done(body);
	if (err == E_OK)
		err = ask_call(chan, type, buf_as_span(body), fd, in, &reply,
		    deadline_in_ms(MOVE_WAIT_MS));
	buf_free(body);
	int status = err == E_OK ? rd_u8(&reply.body) : EX_IOERR;
	buf_reset(why);
	buf_span(why, err == E_OK ? rd_str(&reply.body, WHY_MAX)
				  : SPAN("the process that was asked is gone"));
	if (err == E_OK)
		err = take_reply(&reply, in, out, fd_out);
	if (err == E_OK && status == EX_OK)
		return EX_OK;
	if (fd_out && *fd_out >= 0) {
		close(*fd_out);
		*fd_out = -1;
	}
	if (why->len == 0)
		buf_str(why, "an answer that is none");
	return status ? status : EX_IOERR;
}

void
move_tell(int chan, uint16_t type, struct buf *body)
{
	if (buf_done(body) == E_OK && ask_send(chan, type, buf_as_span(body), -1,
					  deadline_in_ms(MOVE_WAIT_MS)) != E_OK)
		buf_reset(body);
	buf_free(body);
}
