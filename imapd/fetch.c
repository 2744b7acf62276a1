/* SPDX-License-Identifier: ISC */
/* fetch.c - the FETCH answer of one message.  Items end in a blank, of which fetch_end makes the parenthesis. */
#include "imapd/fetch.h"

#include "mime/bodystructure.h"
#include "mime/date.h"
#include "mime/envelope.h"
#include "mime/preview.h"

enum { UTC_MIN = 0 }; /* the zone of dates that we say: INTERNALDATE keeps the moment, not the zone */

#define PUT(out, literal) buf_put((out), (literal), sizeof(literal) - 1)

void
fetch_init(struct fetch *f, struct session *s, const struct fetch_atts *atts)
{
	*f = (struct fetch){.s = s, .atts = atts, .reply = R_DONE};
	message_init(&f->message, s->store, &s->selected->view);
}

void
fetch_done(struct fetch *f)
{
	message_done(&f->message);
	buf_free(&f->made);
}

void
fetch_failed(struct fetch *f, enum reply reply)
{
	if (f->reply == R_DONE)
		f->reply = reply;
}

void
fetch_begin(struct buf *out, uint32_t seq)
{
	PUT(out, "* ");
	put_u32(out, seq);
	PUT(out, " FETCH (");
}

void
fetch_end(struct buf *out)
{
	buf_cut(out, out->len - 1);
	PUT(out, ")\r\n");
}

/* ---- what the record says ---- */

void
fetch_uid_put(struct buf *out, uint32_t uid)
{
	PUT(out, "UID ");
	put_u32(out, uid);
	buf_ch(out, ' ');
}

void
fetch_modseq_put(struct buf *out, uint64_t modseq)
{
	PUT(out, "MODSEQ (");
	put_u64(out, modseq);
	PUT(out, ") ");
}

static void
put_uid(struct fetch *f, struct buf *out)
{
	fetch_uid_put(out, f->message.record->uid);
}

static void
put_flags(struct fetch *f, struct buf *out)
{
	PUT(out, "FLAGS ");
	selected_flags_put(out, f->s->selected, f->message.record);
	buf_ch(out, ' ');
}

static void
put_modseq(struct fetch *f, struct buf *out)
{
	fetch_modseq_put(out, f->message.record->modseq);
}

static void
put_internaldate(struct fetch *f, struct buf *out)
{
	PUT(out, "INTERNALDATE \"");
	date_imap_put(out, f->message.record->date_sec, UTC_MIN);
	PUT(out, "\" ");
}

static void
put_savedate(struct fetch *f, struct buf *out)
{
	PUT(out, "SAVEDATE \"");
	date_imap_put(out, f->message.record->saved_sec, UTC_MIN);
	PUT(out, "\" ");
}

static void
put_size(struct fetch *f, struct buf *out)
{
	PUT(out, "RFC822.SIZE ");
	put_u64(out, f->message.record->size_bytes);
	buf_ch(out, ' ');
}

static void
put_emailid(struct fetch *f, struct buf *out)
{
	PUT(out, "EMAILID (");
	buf_str(out, file_id_text(f->message.record->id));
	PUT(out, ") ");
}

/* RFC 8474 5.2: a server without threads says so */
static void
put_threadid(struct fetch *f, struct buf *out)
{
	(void)f;
	PUT(out, "THREADID NIL ");
}

/* ---- what the cache item says, or the parts of the message where it does not ---- */

bool
fetch_send(struct fetch *f, struct span text)
{
	for (; text.n; text = span_from(text, FETCH_PIECE_BYTES)) {
		buf_span(respond_out(f->s), span_head(text, FETCH_PIECE_BYTES));
		if (!respond_flush(f->s))
			return false;
	}
	return true;
}

/* What was put together, and is too large for an item: it may be larger than the output. */
static void
send_made(struct fetch *f)
{
	if (buf_done(&f->made) == E_OK) {
		fetch_send(f, buf_as_span(&f->made));
		return;
	}
	PUT(respond_out(f->s), "NIL");
	fetch_failed(f, R_LIMIT);
}

static void
put_envelope(struct fetch *f, struct buf *out)
{
	const struct mime_cache *item = message_item(&f->message);
	PUT(out, "ENVELOPE ");
	if (item && item->envelope.p) {
		buf_span(out, item->envelope);
	} else {
		struct imap_envelope envelope;
		imap_envelope_parse(message_head(&f->message), &f->message.arena, &envelope);
		buf_reset(&f->made);
		imap_envelope_put(&f->made, &envelope);
		send_made(f);
	}
	buf_ch(out, ' ');
}

static void
put_structure(struct fetch *f, struct buf *out, struct span cached, bool is_extended)
{
	if (cached.p) {
		buf_span(out, cached);
	} else {
		buf_reset(&f->made);
		bodystructure_put(&f->made, message_tree(&f->message), is_extended, &f->message.arena);
		send_made(f);
	}
	buf_ch(out, ' ');
}

static void
put_body(struct fetch *f, struct buf *out)
{
	const struct mime_cache *item = message_item(&f->message);
	PUT(out, "BODY ");
	put_structure(f, out, item ? item->body : (struct span){NULL, 0}, false);
}

static void
put_bodystructure(struct fetch *f, struct buf *out)
{
	const struct mime_cache *item = message_item(&f->message);
	PUT(out, "BODYSTRUCTURE ");
	put_structure(f, out, item ? item->bodystructure : (struct span){NULL, 0}, true);
}

/* RFC 8970 3.1: NIL is for LAZY alone, and there is no need of it: an item is made about as fast as it is read */
static void
put_preview(struct fetch *f, struct buf *out)
{
	const struct mime_cache *item = message_item(&f->message);
	struct span text = item ? item->preview : (struct span){NULL, 0};
	if (!text.p) {
		buf_reset(&f->made);
		preview_put(&f->made, message_tree(&f->message), &f->message.arena);
		text = buf_as_span(&f->made);
	}
	PUT(out, "PREVIEW ");
	put_string(out, text, f->s->enabled & (EN_UTF8 | EN_REV2));
	buf_ch(out, ' ');
}

/* ---- all of it ---- */

/* clang-format off */
/* A bit of enum fetch_what each. */
static void (*const puts_of[FETCH_WHATS])(struct fetch *, struct buf *) = {
	put_uid, put_flags, put_modseq, put_internaldate, put_size, put_emailid, put_threadid, put_savedate,
	put_envelope, put_body, put_bodystructure, put_preview,
};
/* clang-format on */

static void
note_file(struct fetch *f)
{
	if (f->message.file == E_BAD)
		fetch_failed(f, R_EXPUNGED);
	else if (f->message.file == E_IO)
		fetch_failed(f, R_LATER);
}

bool
fetch_put(struct fetch *f, uint32_t seq, unsigned more)
{
	struct buf *out = respond_out(f->s);
	message_set(&f->message, selected_record(f->s->selected, seq));
	fetch_begin(out, seq);
	for (unsigned left = f->atts->whats | more; left; left &= left - 1)
		puts_of[__builtin_ctz(left)](f, out);
	for (const struct fetch_section *a = f->atts->sections; a; a = a->next)
		if (!fetch_section_put(f, a))
			return false;
	fetch_end(out);
	note_file(f);
	return respond_flush(f->s);
}
