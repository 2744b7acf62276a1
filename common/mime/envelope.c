/* SPDX-License-Identifier: ISC */
/* envelope.c - fields of a head to IMAP's ENVELOPE and to keys for sorting and threading. */
#include "mime/envelope.h"

#include "mime/casemap.h"
#include "mime/date.h"
#include "mime/header.h"
#include "mime/imap_string.h"
#include "mime/msgid.h"
#include "mime/subject.h"
#include "mime/word.h"

/* ---- parse ---- */

/* On one line; in place where it already is. */
static struct span
unfolded(struct span value, struct arena *arena)
{
	value = span_trim(value);
	if (span_find(value, '\n') == value.n && span_find(value, '\r') == value.n &&
	    span_find(value, '\0') == value.n)
		return value;
	struct buf line = {0};
	header_unfold(&line, value);
	value = arena_span(arena, buf_as_span(&line));
	buf_free(&line);
	return value;
}

static void
addresses_add(struct address **list, struct span value, struct arena *arena)
{
	while (*list)
		list = &(*list)->next;
	*list = address_parse(value, arena);
}

static void
field_take(struct imap_envelope *e, const struct header_field *f, struct arena *arena)
{
	const struct {
		const char *name;
		struct span *text;
		struct address **list;
	} rows[] = {{"date", &e->date, NULL}, {"subject", &e->subject, NULL},
	    {"from", NULL, &e->from}, {"sender", NULL, &e->sender},
	    {"reply-to", NULL, &e->reply_to}, {"to", NULL, &e->to},
	    {"cc", NULL, &e->cc}, {"bcc", NULL, &e->bcc},
	    {"in-reply-to", &e->in_reply_to, NULL},
	    {"message-id", &e->message_id, NULL}, {"references", &e->references, NULL}};

	char first = ch_lower(f->name.p[0]);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].name[0] != first || !span_ieqs(f->name, rows[i].name))
			continue;
		if (rows[i].list)
			addresses_add(rows[i].list, f->value, arena);
		else if (!rows[i].text->p)
			*rows[i].text = unfolded(f->value, arena);
	}
}

void
imap_envelope_parse(struct span head, struct arena *arena, struct imap_envelope *out)
{
	struct header_field field;
	*out = (struct imap_envelope){0};
	while (header_next(&head, &field) == E_OK)
		field_take(out, &field, arena);
}

/* ---- ENVELOPE ---- */

/* A NIL host says group (RFC 3501 7.4.2), so a broken mailbox has an empty one. */
static struct span
not_nil(struct span s)
{
	return s.p ? s : SPAN("");
}

static void
address_put_imap(struct buf *out, const struct address *a)
{
	bool is_mailbox = a->kind == ADDRESS_MAILBOX;
	buf_ch(out, '(');
	imap_nstring_put(out, a->name);
	buf_ch(out, ' ');
	imap_nstring_put(out, a->adl);
	buf_ch(out, ' ');
	imap_nstring_put(
	    out, a->kind == ADDRESS_GROUP_END ? a->mailbox : not_nil(a->mailbox));
	buf_ch(out, ' ');
	imap_nstring_put(out, is_mailbox ? not_nil(a->host) : a->host);
	buf_ch(out, ')');
}

static void
addresses_put(struct buf *out, const struct address *list)
{
	buf_str(out, list ? " (" : " NIL");
	for (const struct address *a = list; a; a = a->next)
		address_put_imap(out, a);
	if (list)
		buf_ch(out, ')');
}

void
imap_envelope_put(struct buf *out, const struct imap_envelope *e)
{
	buf_ch(out, '(');
	imap_nstring_put(out, e->date);
	buf_ch(out, ' ');
	imap_nstring_put(out, e->subject);
	addresses_put(out, e->from);
	addresses_put(out, e->sender ? e->sender : e->from);
	addresses_put(out, e->reply_to ? e->reply_to : e->from);
	addresses_put(out, e->to);
	addresses_put(out, e->cc);
	addresses_put(out, e->bcc);
	buf_ch(out, ' ');
	imap_nstring_put(out, e->in_reply_to);
	buf_ch(out, ' ');
	imap_nstring_put(out, e->message_id);
	buf_ch(out, ')');
}

/* ---- facts ---- */

struct work {
	struct buf decoded, made;
	struct arena *arena; /* borrow */
};

static struct span
fold_keep(struct work *w, struct span utf8)
{
	buf_reset(&w->made);
	casemap_fold(&w->made, utf8);
	return arena_span(w->arena, buf_as_span(&w->made));
}

static void
subject_find(struct work *w, struct span subject, struct envelope_facts *out)
{
	struct buf base = {0};
	buf_reset(&w->decoded);
	word_decode(&w->decoded, subject);
	out->is_reply = subject_base(&base, buf_as_span(&w->decoded));
	out->base_subject = fold_keep(w, buf_as_span(&base));
	buf_free(&base);
}

static struct span
mailbox_key(struct work *w, const struct address *a)
{
	return a ? fold_keep(w, a->mailbox) : SPAN("");
}

static struct span
display_key(struct work *w, const struct address *a)
{
	if (!a)
		return SPAN("");
	buf_reset(&w->decoded);
	word_decode(&w->decoded, a->name);
	if (w->decoded.len == 0) {
		buf_span(&w->decoded, a->mailbox);
		buf_str(&w->decoded, a->host.p ? "@" : "");
		buf_span(&w->decoded, a->host);
	}
	return fold_keep(w, buf_as_span(&w->decoded));
}

static struct span
first_id(struct work *w, struct span value)
{
	buf_reset(&w->made);
	if (msgid_next(&value, &w->made) != E_OK)
		buf_reset(&w->made);
	return arena_span(w->arena, buf_as_span(&w->made));
}

/* There are not more ids than '<': counted only when there may be too many. */
static size_t
ids_count(struct work *w, struct span value)
{
	size_t n = 0;
	for (struct span left = value; left.n && n <= ENVELOPE_REFERENCES_MAX; n++) {
		left = span_from(left, span_find(left, '<'));
		left = span_from(left, 1);
	}
	if (n <= ENVELOPE_REFERENCES_MAX)
		return n;
	n = 0;
	buf_reset(&w->made);
	for (; msgid_next(&value, &w->made) == E_OK; n++)
		buf_reset(&w->made);
	return n;
}

/* RFC 5256 3, REFERENCES step 1.A. */
static struct span
references_find(struct work *w, const struct imap_envelope *e)
{
	size_t n = ids_count(w, e->references), i = 0;
	struct span value = e->references;
	buf_reset(&w->decoded);
	buf_reset(&w->made);
	for (; msgid_next(&value, &w->decoded) == E_OK; i++, buf_reset(&w->decoded)) {
		if (i > 0 && i + ENVELOPE_REFERENCES_MAX <= n)
			continue;
		if (w->made.len)
			buf_ch(&w->made, '\n');
		buf_span(&w->made, buf_as_span(&w->decoded));
	}
	if (w->made.len == 0)
		return first_id(w, e->in_reply_to);
	return arena_span(w->arena, buf_as_span(&w->made));
}

void
envelope_facts_find(
    const struct imap_envelope *e, struct arena *arena, struct envelope_facts *out)
{
	struct work w = {.arena = arena};
	struct date date;
	*out = (struct envelope_facts){0};
	if (e->date.p && date_parse(e->date, &date) == E_OK) {
		out->has_sent = true;
		out->sent_sec = date.unix_sec;
		out->sent_day = date.day;
	}
	subject_find(&w, e->subject, out);
	out->from = mailbox_key(&w, e->from);
	out->to = mailbox_key(&w, e->to);
	out->cc = mailbox_key(&w, e->cc);
	out->display_from = display_key(&w, e->from);
	out->display_to = display_key(&w, e->to);
	out->message_id = first_id(&w, e->message_id);
	out->references = references_find(&w, e);
	buf_free(&w.decoded);
	buf_free(&w.made);
}
