/* SPDX-License-Identifier: ISC */
/* slept.c - a session as bytes, and back. */
#include "imapd/slept.h"

#include "imapd/session.h"

enum {
	IS_IDLE = 1,
	IS_DEFLATED = 2,
	HAS_MAILBOX = 4,
	FLAGS_KNOWN = 7,
	IS_READ_ONLY = 1,
	HAS_RECENT = 2,
	MAILBOX_FLAGS_KNOWN = 3,
	VERSION_MAX = 64,
};

/* ---- a mailbox ---- */

static void
mailbox_put(struct buf *b, const struct slept_mailbox *m)
{
	buf_u32(b, m->mailbox);
	buf_u32(b, m->uidvalidity);
	buf_u32(b, m->recent_from);
	buf_u8(b, (uint8_t)((m->is_read_only ? IS_READ_ONLY : 0) |
			    (m->has_recent ? HAS_RECENT : 0)));
	buf_u32(b, m->n);
	buf_u32(b, m->uid_last);
	buf_u32(b, m->n_keywords_told);
	buf_u64(b, m->modseq);
	buf_u64(b, m->modseq_seen);
	numset_encode(b, m->pending.ranges, m->pending.n);
	numset_encode(b, m->saved.ranges, m->saved.n);
}

static int
set_get(struct rd *r, struct numset *out)
{
	int err = numset_decode(r, out);
	return err == E_OK && out->n > SLEPT_RANGES_MOST ? E_BAD : err;
}

static int
mailbox_get(struct rd *r, struct slept_mailbox *m)
{
	m->mailbox = rd_u32(r);
	m->uidvalidity = rd_u32(r);
	m->recent_from = rd_u32(r);
	uint8_t flags = rd_u8(r);
	m->is_read_only = flags & IS_READ_ONLY;
	m->has_recent = flags & HAS_RECENT;
	m->n = rd_u32(r);
	m->uid_last = rd_u32(r);
	m->n_keywords_told = rd_u32(r);
	m->modseq = rd_u64(r);
	m->modseq_seen = rd_u64(r);
	if (r->err != E_OK || flags & ~MAILBOX_FLAGS_KNOWN || m->mailbox == 0 ||
	    m->n > m->uid_last || m->n_keywords_told > STORE_KEYWORDS_MAX)
		return E_BAD;
	int err = set_get(r, &m->pending);
	return err == E_OK ? set_get(r, &m->saved) : E_BAD;
}

/* ---- all ---- */

static void
version_put(struct buf *b)
{
	buf_bytes(b, span_of(MERPATI_VERSION));
	buf_u32(b, SLEPT_FORMAT);
}

static bool
version_take(struct rd *r)
{
	struct span version = rd_str(r, VERSION_MAX);
	return span_eqs(version, MERPATI_VERSION) && rd_u32(r) == SLEPT_FORMAT;
}

void
slept_put(struct buf *b, const struct slept *z)
{
	version_put(b);
	buf_u8(b,
	    (uint8_t)((z->is_idle ? IS_IDLE : 0) | (z->is_deflated ? IS_DEFLATED : 0) |
		      (z->has_mailbox ? HAS_MAILBOX : 0)));
	buf_bytes(b, z->tag);
	buf_u32(b, z->enabled);
	buf_u64(b, z->metadata);
	buf_u32(b, z->errors);
	buf_u64(b, (uint64_t)z->deadline);
	buf_u64(b, (uint64_t)z->woke_ms);
	buf_bytes(b, z->input);
	buf_bytes(b, z->deflate);
	buf_bytes(b, z->notify);
	if (!z->has_mailbox)
		return;
	buf_bytes(b, z->owner);
	mailbox_put(b, &z->mailbox);
}

/* It is said again, in a line of ours. */
static bool
is_tag(struct span tag)
{
	for (size_t i = 0; i < tag.n; i++)
		if (tag.p[i] <= ' ' || tag.p[i] > '~')
			return false;
	return tag.n > 0;
}

static bool
is_sound(const struct slept *z)
{
	return (z->is_idle ? is_tag(z->tag) : z->tag.n == 0) &&
	       !(z->enabled & ~(unsigned)EN_ALL) &&
	       !(z->enabled & EN_METADATA) == !z->metadata &&
	       z->errors < IMAP_ERRORS_MOST && z->deadline >= 0 && z->woke_ms >= 0 &&
	       (z->is_deflated || z->deflate.n == 0);
}

int
slept_get(struct span in, struct slept *out)
{
	struct rd r = rd_of(in);
	*out = (struct slept){.is_idle = false};
	if (!version_take(&r))
		return E_BAD;
	uint8_t flags = rd_u8(&r);
	out->is_idle = flags & IS_IDLE;
	out->is_deflated = flags & IS_DEFLATED;
	out->has_mailbox = flags & HAS_MAILBOX;
	out->tag = rd_str(&r, IMAP_TAG_MAX);
	out->enabled = rd_u32(&r);
	out->metadata = rd_u64(&r);
	out->errors = rd_u32(&r);
	out->deadline = (int64_t)rd_u64(&r);
	out->woke_ms = (int64_t)rd_u64(&r);
	out->input = rd_str(&r, SLEPT_INPUT_MAX);
	out->deflate = rd_str(&r, SLEPT_DEFLATE_MAX);
	out->notify = rd_str(&r, SLEPT_NOTIFY_MAX);
	if (r.err != E_OK || flags & ~FLAGS_KNOWN || !is_sound(out))
		return E_BAD;
	if (out->has_mailbox)
		out->owner = rd_str(&r, STORE_ADDRESS_MAX);
	if (out->has_mailbox && mailbox_get(&r, &out->mailbox) != E_OK)
		return E_BAD;
	if (out->is_idle && out->owner.n) /* what would wake it? */
		return E_BAD;
	return rd_end(&r) == E_OK ? E_OK : E_BAD;
}

void
slept_done(struct slept *z)
{
	numset_free(&z->mailbox.pending);
	numset_free(&z->mailbox.saved);
}
