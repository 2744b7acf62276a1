/* SPDX-License-Identifier: ISC */
/* asks.c - bodies of asks and replies between sessions and the keeper. */
#include "store/asks.h"

#include <string.h>

static void
id_put(struct buf *b, struct file_id id)
{
	buf_put(b, id.b, FILE_ID_BYTES);
}

static void
keywords_put(struct buf *b, const struct span *keywords, size_t n)
{
	buf_u16(b, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_bytes(b, keywords[i]);
}

static void
keywords_get(struct rd *r, struct span *out, size_t *n)
{
	*n = rd_u16(r);
	if (*n > STORE_KEYWORDS_MAX)
		r->err = E_BAD;
	for (size_t i = 0; i < *n && r->err == E_OK; i++) {
		out[i] = rd_str(r, STORE_KEYWORD_MAX);
		if (out[i].n == 0)
			r->err = E_BAD;
	}
}

/* ---- a mailbox that was selected ---- */

void
ask_selected_put(struct buf *b, const struct ask_selected *s)
{
	buf_u8(b, (uint8_t)s->err);
	buf_u32(b, s->mailbox);
	buf_u32(b, s->uidvalidity);
	buf_u32(b, s->uidnext);
	buf_u64(b, s->modseq);
	buf_u64(b, s->unseen);
	buf_u32(b, s->n);
	buf_u32(b, s->recent_from);
	buf_u64(b, s->mapped_bytes);
	buf_u32(b, s->n_uidls);
	buf_u16(b, s->rights);
	buf_u8(b, s->is_dozed);
	buf_u8(b, s->is_early);
}

int
ask_selected_get(struct rd *r, struct ask_selected *out)
{
	out->err = (int8_t)rd_u8(r);
	out->mailbox = rd_u32(r);
	out->uidvalidity = rd_u32(r);
	out->uidnext = rd_u32(r);
	out->modseq = rd_u64(r);
	out->unseen = rd_u64(r);
	out->n = rd_u32(r);
	out->recent_from = rd_u32(r);
	out->mapped_bytes = rd_u64(r);
	out->n_uidls = rd_u32(r);
	out->rights = rd_u16(r);
	uint8_t is_dozed = rd_u8(r), is_early = rd_u8(r);
	out->is_dozed = is_dozed == 1;
	out->is_early = is_early == 1;
	return is_dozed > 1 || is_early > 1 ? E_BAD : rd_end(r);
}

/* ---- a mailbox's numbers ---- */

void
ask_mailbox_put(struct buf *b, const struct store_mailbox *m)
{
	buf_u32(b, m->id);
	buf_u32(b, m->uidvalidity);
	buf_u32(b, m->uidnext);
	buf_u64(b, m->modseq);
	buf_u64(b, m->messages);
	buf_u64(b, m->unseen);
	buf_u64(b, m->deleted);
	buf_u64(b, m->deleted_bytes);
	buf_u64(b, m->recent);
	buf_u64(b, m->bytes);
	buf_u8(b, m->is_subscribed);
	buf_u8(b, m->is_kept);
	buf_u16(b, m->rights);
	buf_bytes(b, span_of(m->name));
	buf_bytes(b, span_of(m->special_use));
}

int
ask_mailbox_get(struct rd *r, struct store_mailbox *out)
{
	out->id = rd_u32(r);
	out->uidvalidity = rd_u32(r);
	out->uidnext = rd_u32(r);
	out->modseq = rd_u64(r);
	out->messages = rd_u64(r);
	out->unseen = rd_u64(r);
	out->deleted = rd_u64(r);
	out->deleted_bytes = rd_u64(r);
	out->recent = rd_u64(r);
	out->bytes = rd_u64(r);
	out->is_subscribed = rd_u8(r) == 1;
	out->is_kept = rd_u8(r) == 1;
	out->rights = rd_u16(r);
	struct span name = rd_str(r, STORE_NAME_MAX),
		    use = rd_str(r, sizeof out->special_use - 1);
	if (r->err != E_OK)
		return E_BAD;
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = '\0';
	memcpy(out->special_use, use.p, use.n);
	out->special_use[use.n] = '\0';
	return E_OK;
}

/* ---- flags ---- */

void
ask_flags_put(struct buf *b, uint32_t mailbox, const struct numset *uids,
    const struct store_change *c)
{
	buf_u32(b, mailbox);
	numset_encode(b, uids->ranges, uids->n);
	buf_u8(b, (uint8_t)c->how);
	buf_u32(b, c->flags & FLAGS_ALL);
	buf_u8(b, c->has_unchanged_since);
	buf_u64(b, c->unchanged_since);
	keywords_put(b, c->keywords, c->n_keywords);
}

int
ask_flags_get(struct rd *r, struct ask_flags *out)
{
	*out = (struct ask_flags){.mailbox = rd_u32(r)};
	if (numset_decode(r, &out->uids) != E_OK)
		return E_BAD;
	uint8_t how = rd_u8(r);
	out->change.how = how;
	out->change.flags = rd_u32(r) & FLAGS_ALL;
	out->change.has_unchanged_since = rd_u8(r) == 1;
	out->change.unchanged_since = rd_u64(r);
	keywords_get(r, out->keywords, &out->change.n_keywords);
	return how <= STORE_REMOVE ? rd_end(r) : E_BAD;
}

/* ---- copies ---- */

void
ask_copy_put(struct buf *b, const struct ask_copy *c)
{
	buf_u32(b, c->mailbox);
	numset_encode(b, c->uids.ranges, c->uids.n);
	buf_bytes(b, c->target);
	buf_u8(b, c->is_move);
	buf_u8(b, c->leaves_flagged);
	buf_u64(b, c->quota_bytes);
	buf_u64(b, c->quota_messages);
}

int
ask_copy_get(struct rd *r, struct ask_copy *out)
{
	*out = (struct ask_copy){.mailbox = rd_u32(r)};
	if (numset_decode(r, &out->uids) != E_OK)
		return E_BAD;
	out->target = rd_str(r, STORE_NAME_MAX);
	out->is_move = rd_u8(r) == 1;
	out->leaves_flagged = rd_u8(r) == 1;
	out->quota_bytes = rd_u64(r);
	out->quota_messages = rd_u64(r);
	return rd_end(r);
}

/* ---- new messages ---- */

void
ask_append_put(struct buf *b, const struct ask_append *a)
{
	buf_bytes(b, a->target);
	buf_u64(b, a->quota_bytes);
	buf_u64(b, a->quota_messages);
	buf_u32(b, a->replaced_mailbox);
	buf_u32(b, a->replaced_uid);
	buf_u64(b, a->coming_bytes);
	buf_u16(b, a->coming);
	buf_u8(b, a->is_copy);
	buf_u16(b, a->n);
}

int
ask_append_get(struct rd *r, struct ask_append *out)
{
	out->target = rd_str(r, STORE_NAME_MAX);
	out->quota_bytes = rd_u64(r);
	out->quota_messages = rd_u64(r);
	out->replaced_mailbox = rd_u32(r);
	out->replaced_uid = rd_u32(r);
	out->coming_bytes = rd_u64(r);
	out->coming = rd_u16(r);
	uint8_t is_copy = rd_u8(r);
	out->is_copy = is_copy == 1;
	out->n = rd_u16(r);
	return r->err == E_OK && is_copy <= 1 && out->n <= STORE_APPENDS_MOST ? E_OK
	                                                                      : E_BAD;
}

void
ask_message_put(struct buf *b, const struct incoming *m)
{
	id_put(b, m->id);
	buf_u64(b, m->size_bytes);
	buf_put(b, m->sha256, sizeof m->sha256);
	buf_u32(b, m->flags & FLAGS_ALL);
	buf_u32(b, m->uid);
	buf_u64(b, (uint64_t)m->date_sec);
	buf_u64(b, (uint64_t)m->saved_sec);
	keywords_put(b, m->keywords, m->n_keywords);
	buf_bytes(b, m->uidl);
	buf_bytes(b, m->cache);
}

int
ask_message_get(struct rd *r, struct ask_message *out)
{
	rd_file_id(r, &out->file.id);
	out->file.size_bytes = rd_u64(r);
	struct span sum = rd_bytes(r, sizeof out->file.sha256);
	memcpy(out->file.sha256, sum.p, sum.n);
	out->flags = rd_u32(r) & FLAGS_ALL;
	out->uid = rd_u32(r);
	out->date_sec = (int64_t)rd_u64(r);
	out->saved_sec = (int64_t)rd_u64(r);
	keywords_get(r, out->keywords, &out->n_keywords);
	out->uidl = rd_str(r, STORE_UIDL_MAX);
	out->cache = rd_str(r, STORE_CACHE_ITEM_MAX);
	return r->err;
}

/* ---- cache items ---- */

void
ask_file_put(struct buf *b, const struct ask_file *f)
{
	id_put(b, f->file.id);
	buf_u64(b, f->file.size_bytes);
	buf_put(b, f->file.sha256, sizeof f->file.sha256);
	buf_u32(b, f->references);
}

int
ask_file_get(struct rd *r, struct ask_file *out)
{
	rd_file_id(r, &out->file.id);
	out->file.size_bytes = rd_u64(r);
	struct span sum = rd_bytes(r, sizeof out->file.sha256);
	memcpy(out->file.sha256, sum.p, sum.n);
	out->references = rd_u32(r);
	return r->err;
}

void
ask_item_put(struct buf *b, const struct ask_item *i)
{
	buf_u32(b, i->mailbox);
	buf_u32(b, i->uid);
	id_put(b, i->id);
	buf_bytes(b, i->item);
}

int
ask_item_get(struct rd *r, struct ask_item *out)
{
	out->mailbox = rd_u32(r);
	out->uid = rd_u32(r);
	rd_file_id(r, &out->id);
	out->item = rd_str(r, STORE_CACHE_ITEM_MAX);
	return r->err;
}
