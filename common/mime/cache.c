/* SPDX-License-Identifier: ISC */
/* cache.c - items: made from a message, opened in place. */
#include "mime/cache.h"

#include "mime/bodystructure.h"
#include "mime/cache_names.h"
#include "mime/casemap.h"
#include "mime/charset.h"
#include "mime/header.h"
#include "mime/param.h"
#include "mime/preview.h"
#include "mime/signature.h"
#include "mime/text.h"

enum {
	CACHE_VERSION = 2,
	FLAG_ATTACHMENT = 1,
	FLAG_SENT = 2,
	FLAG_REPLY = 4,
	ABSENT = 0xffff, /* in place of a string's length */
	N_STRINGS = 22,
};

/*
 * The strings of an item: the one list of them, in their order.  What stands last is the first to
 * be absent.
 */
struct strings {
	struct span *at[N_STRINGS]; /* borrow: of the struct mime_cache */
};

static struct strings
strings_of(struct mime_cache *c)
{
	struct envelope_facts *f = &c->facts;
	struct cache_search *s = &c->search;
	return (struct strings){{&f->base_subject, &f->from, &f->to, &f->cc,
	    &f->display_from, &f->display_to, &f->message_id, &f->references, &s->heads,
	    &s->texts, &c->envelope, &c->field_rows, &c->fields, &s->subject, &s->from,
	    &s->to, &s->cc, &s->bcc, &c->bodystructure, &c->body, &c->preview, NULL}};
}

static bool has_signatures = true;

enum {
	N_FACTS = 8, /* of the strings, at their beginning */
	N_FACTS_SIGNATURES = N_FACTS + 2,
};

/* ---- make ---- */

struct maker {
	struct mime_cache c;
	struct arena *arena; /* borrow */
	struct tree tree;
	struct buf work; /* one text after the other */
};

static struct span
work_keep(struct maker *m)
{
	struct span kept = arena_span(m->arena, buf_as_span(&m->work));
	bool is_whole = buf_done(&m->work) == E_OK && kept.n == m->work.len;
	buf_reset(&m->work);
	return is_whole ? kept : (struct span){NULL, 0};
}

/* The fields that are kept, as they stand, and a row for each. */
struct kept {
	struct buf rows, bytes; /* own */
	bool is_too_large;
};

static void
field_keep(struct kept *k, const struct header_field *f, int name)
{
	/* the last line may have no end */
	bool is_whole = span_ends(f->whole, SPAN("\n"));
	size_t n = f->whole.n + (is_whole ? 0 : 2);
	k->is_too_large |= n >= ABSENT || k->bytes.len + n >= ABSENT;
	if (k->is_too_large)
		return;
	buf_u8(&k->rows, (uint8_t)name);
	buf_u16(&k->rows, (uint16_t)n);
	buf_span(&k->bytes, f->whole);
	buf_str(&k->bytes, is_whole ? "" : "\r\n");
}

static void
fields_make(struct maker *m, struct span head)
{
	struct cache_search *s = &m->c.search;
	struct span *const out[] = {[CACHE_NAME_FROM] = &s->from,
	    [CACHE_NAME_TO] = &s->to,
	    [CACHE_NAME_CC] = &s->cc,
	    [CACHE_NAME_BCC] = &s->bcc,
	    [CACHE_NAME_SUBJECT] = &s->subject};
	struct buf values[CACHE_N_SEARCHED] = {0};
	struct kept kept = {0};
	struct header_field f;
	while (header_next(&head, &f) == E_OK) {
		int name = cache_name_find(f.name);
		if (name < 0)
			continue;
		field_keep(&kept, &f, name);
		if (name >= CACHE_N_SEARCHED)
			continue;
		buf_str(&values[name], values[name].len ? "\n" : "");
		text_value_put(&values[name], f.value);
	}
	for (size_t i = 0; i < CACHE_N_SEARCHED; i++) {
		casemap_fold(&m->work, buf_as_span(&values[i]));
		*out[i] = work_keep(m);
		buf_free(&values[i]);
	}
	if (!kept.is_too_large) {
		m->c.field_rows = arena_span(m->arena, buf_as_span(&kept.rows));
		m->c.fields = arena_span(m->arena, buf_as_span(&kept.bytes));
	}
	buf_free(&kept.rows);
	buf_free(&kept.bytes);
}

/* A part that a reader would save: named as one, or no text and with a file's name. */
static bool
is_attachment(const struct part *p, struct arena *arena)
{
	struct param_field type = {0}, disposition = {0};
	bool is_signature = part_is(p, "application", "pgp-signature") ||
	                    part_is(p, "application", "pkcs7-signature") ||
	                    part_is(p, "application", "x-pkcs7-signature");
	if (p->child || is_signature)
		return p->kind == PART_MESSAGE && !p->is_root;
	if (p->fields.disposition.p)
		param_disposition_parse(p->fields.disposition, arena, &disposition);
	if (disposition.type.n)
		return span_ieqs(disposition.type, "attachment");
	if (part_is(p, "text", NULL) || p->fields.is_type_implied)
		return false;
	param_type_parse(p->fields.content_type, arena, &type);
	return param_find(type.text, "name").n > 0;
}

static void
structure_make(struct maker *m)
{
	struct buf body = {0};
	bodystructure_put_both(&m->work, &body, &m->tree, m->arena);
	m->c.bodystructure = work_keep(m);
	buf_span(&m->work, buf_as_span(&body));
	m->c.body = work_keep(m);
	buf_free(&body);
	preview_put(&m->work, &m->tree, m->arena);
	m->c.preview = work_keep(m);
	for (const struct part *p = &m->tree.root; p && !m->c.has_attachment;
	     p = part_next(p))
		m->c.has_attachment = is_attachment(p, m->arena);
}

static void
signatures_put(struct maker *m)
{
	struct signatures s = {{NULL, 0}, {NULL, 0}};
	if (has_signatures)
		signatures_make(&m->tree, m->arena, &s);
	m->c.search.heads = s.heads;
	m->c.search.texts = s.texts;
}

static void
item_put(struct buf *out, struct mime_cache *c)
{
	struct strings strings = strings_of(c);
	size_t at = out->len;
	buf_u8(out, CACHE_VERSION);
	buf_u8(out, (uint8_t)((c->has_attachment ? FLAG_ATTACHMENT : 0) |
			      (c->facts.has_sent ? FLAG_SENT : 0) |
			      (c->facts.is_reply ? FLAG_REPLY : 0)));
	buf_u32(out, c->head_bytes);
	buf_u32(out, c->n_parts);
	buf_u64(out, (uint64_t)c->facts.sent_sec);
	buf_u32(out, (uint32_t)c->facts.sent_day);
	for (size_t i = 0; strings.at[i]; i++) {
		struct span s = *strings.at[i];
		/* each one behind it has its length at least */
		if (s.p && s.n < ABSENT &&
		    out->len - at + s.n + 2 * (N_STRINGS - i) <= CACHE_BYTES_MAX) {
			buf_u16(out, (uint16_t)s.n);
			buf_span(out, s);
		} else {
			buf_u16(out, ABSENT);
		}
	}
}

void
cache_without_signatures(void)
{
	has_signatures = false;
}

bool
cache_make(struct span message, struct arena *arena, struct buf *out)
{
	struct maker m = {.arena = arena};
	unsigned long n_missed = charset_n_missed();
	struct imap_envelope envelope;
	tree_make(message, arena, &m.tree);
	struct span head = part_head(&m.tree, &m.tree.root);
	m.c.head_bytes = head.n < UINT32_MAX ? (uint32_t)head.n : UINT32_MAX;
	m.c.n_parts = (uint32_t)m.tree.n_parts;
	imap_envelope_parse(head, arena, &envelope);
	imap_envelope_put(&m.work, &envelope);
	m.c.envelope = work_keep(&m);
	envelope_facts_find(&envelope, arena, &m.c.facts);
	fields_make(&m, head);
	structure_make(&m);
	signatures_put(&m);
	item_put(out, &m.c);
	buf_free(&m.work);
	return charset_n_missed() == n_missed;
}

/* ---- open ---- */

/* What rd_u16 does, without a call: an item is opened for each message of a search. */
static size_t
u16_at(const char *p)
{
	return (size_t)((unsigned char)p[0] | (unsigned char)p[1] << 8);
}

/* A string behind its length; false when it does not end where the item does, or before. */
static bool
string_get(struct span *in, struct span *out)
{
	if (in->n < 2)
		return false;
	size_t n = u16_at(in->p);
	bool is_absent = n == ABSENT;
	n = is_absent ? 0 : n;
	if (n > in->n - 2)
		return false;
	*out = (struct span){is_absent ? NULL : in->p + 2, n};
	*in = (struct span){in->p + 2 + n, in->n - 2 - n};
	return true;
}

/* Rows name fields that there are, and share out all of their bytes. */
static bool
fields_are_good(const struct mime_cache *c)
{
	size_t size = 0;
	for (size_t i = 0; i + CACHE_ROW_BYTES <= c->field_rows.n;
	     i += CACHE_ROW_BYTES) {
		if ((unsigned char)c->field_rows.p[i] >= CACHE_NAMES_MAX)
			return false;
		size += u16_at(c->field_rows.p + i + 1);
	}
	return c->field_rows.n % CACHE_ROW_BYTES == 0 && size == c->fields.n;
}

/* The head of an item, and its first strings; rest is what stands behind them. */
static int
open_first(
    struct span item, size_t n_strings, struct mime_cache *out, struct span *rest)
{
	struct rd r = rd_of(item);
	*out = (struct mime_cache){0};
	struct strings strings = strings_of(out);
	if (item.n > CACHE_BYTES_MAX || rd_u8(&r) != CACHE_VERSION)
		return E_BAD;
	uint8_t flags = rd_u8(&r);
	out->has_attachment = flags & FLAG_ATTACHMENT;
	out->facts.has_sent = flags & FLAG_SENT;
	out->facts.is_reply = flags & FLAG_REPLY;
	out->head_bytes = rd_u32(&r);
	out->n_parts = rd_u32(&r);
	out->facts.sent_sec = (int64_t)rd_u64(&r);
	out->facts.sent_day = (int32_t)rd_u32(&r);
	out->has_facts = true;
	for (size_t i = 0; i < n_strings; i++) {
		if (r.err != E_OK || !string_get(&r.in, strings.at[i]))
			return E_BAD;
		out->has_facts &= i >= N_FACTS || strings.at[i]->p;
	}
	*rest = r.in;
	return E_OK;
}

int
cache_open(struct span item, struct mime_cache *out)
{
	struct span rest;
	if (open_first(item, N_STRINGS - 1, out, &rest) != E_OK)
		return E_BAD;
	out->has_fields = out->fields.p && out->field_rows.p;
	return rest.n == 0 && (!out->has_fields || fields_are_good(out)) ? E_OK : E_BAD;
}

int
cache_open_facts(struct span item, struct mime_cache *out)
{
	struct span rest;
	return open_first(item, N_FACTS, out, &rest);
}

int
cache_open_signatures(struct span item, struct mime_cache *out)
{
	struct span rest;
	return open_first(item, N_FACTS_SIGNATURES, out, &rest);
}
