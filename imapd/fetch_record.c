/* SPDX-License-Identifier: ISC */
/* fetch_record.c - the beginning of a FETCH answer, and what stands in the message's record. */
#include "imapd/fetch_record.h"

#include <string.h>

#include "mime/date.h"

enum {
	/* the zone of dates that we say: INTERNALDATE keeps the moment, not the zone */
	UTC_MIN = 0,
	RECORD_BYTES_MAX = 512, /* of all items, but flags and dates */
	DIGITS_MAX = 20,
};

/* ---- flags ---- */

void
flags_texts_init(struct flags_texts *t, const struct selected *selected)
{
	*t = (struct flags_texts){.selected = selected};
}

void
flags_texts_done(struct flags_texts *t)
{
	for (size_t i = 0; i < COUNT(t->of); i++)
		buf_free(&t->of[i].text);
}

/* What stands there is told: if the flags change meanwhile it is told again. */
static struct span
flags_text(struct flags_texts *t, const struct store_record *r)
{
	uint32_t flags = r->flags & FLAGS_ALL,
		 recent = selected_is_recent(t->selected, r) ? FLAGS_ALL + 1 : 0;
	uint64_t keywords = r->keywords;
	struct buf *text = &t->of[flags | recent].text;
	if (text->len && t->of[flags | recent].keywords == keywords)
		return buf_as_span(text);
	struct store_record same = {
	    .uid = r->uid, .flags = flags, .keywords = keywords};
	buf_reset(text);
	selected_flags_put(text, t->selected, &same);
	t->of[flags | recent].keywords = keywords;
	return buf_as_span(text);
}

/* ---- into room that is there ---- */

#define PUT(p, literal) put_bytes((p), (literal), sizeof(literal) - 1)

static inline char *
put_bytes(char *p, const char *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

static inline char *
put_number(char *p, uint64_t v)
{
	char digits[DIGITS_MAX];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	return put_bytes(p, digits + at, sizeof digits - at);
}

static char *
put_id(char *p, struct file_id id)
{
	p = PUT(p, "EMAILID (M");
	p = put_bytes(p, file_id_text(id), FILE_ID_TEXT);
	return PUT(p, ") ");
}

static char *
put_numbers(char *p, const struct store_record *r, uint64_t modseq, unsigned whats)
{
	if (whats & FETCH_MODSEQ) {
		p = put_number(PUT(p, "MODSEQ ("), modseq);
		p = PUT(p, ") ");
	}
	if (whats & FETCH_SIZE)
		p = PUT(put_number(PUT(p, "RFC822.SIZE "), r->size_bytes), " ");
	if (whats & FETCH_EMAILID)
		p = put_id(p, r->id);
	return p;
}

static void
put_date(struct buf *out, const char *name, int64_t sec)
{
	buf_str(out, name);
	buf_ch(out, '"');
	date_imap_put(out, sec, UTC_MIN);
	buf_put(out, "\" ", 2);
}

void
fetch_record_put(struct buf *out, struct flags_texts *t, uint32_t seq,
    const struct store_record *r, unsigned whats)
{
	/* before the flags: newer flags than it says do no harm */
	uint64_t modseq = r->modseq;
	struct span flags =
	    whats & FETCH_FLAGS ? flags_text(t, r) : (struct span){"", 0};
	char *room = buf_room(out, RECORD_BYTES_MAX + flags.n), *p = room;
	if (!room)
		return;
	bool is_by_uid = whats & FETCH_BY_UID;
	p = put_number(PUT(p, "* "), is_by_uid ? r->uid : seq);
	p = is_by_uid ? PUT(p, " UIDFETCH (") : PUT(p, " FETCH (");
	if (whats & FETCH_UID)
		p = PUT(put_number(PUT(p, "UID "), r->uid), " ");
	if (whats & FETCH_FLAGS) {
		p = put_bytes(PUT(p, "FLAGS "), flags.p, flags.n);
		*p++ = ' ';
	}
	buf_added(out, (size_t)(put_numbers(p, r, modseq, whats) - room));
	if (whats & FETCH_INTERNALDATE)
		put_date(out, "INTERNALDATE ", r->date_sec);
	if (whats & FETCH_SAVEDATE)
		put_date(out, "SAVEDATE ", r->saved_sec);
}

void
fetch_end(struct buf *out)
{
	if (!buf_room(out, 2))
		return;
	memcpy(out->p + out->len - 1, ")\r\n", 3);
	buf_added(out, 2);
}
