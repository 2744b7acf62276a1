/* SPDX-License-Identifier: ISC */
/* fetch.c - the FETCH answer of one message.  Its record is fetch_record.c's. */
#include "imapd/fetch.h"

#include "imapd/threadid.h"
#include "mime/bodystructure.h"
#include "mime/envelope.h"
#include "mime/preview.h"

#define PUT(out, literal) buf_put((out), (literal), sizeof(literal) - 1)

void
fetch_init(struct fetch *f, struct session *s, const struct fetch_atts *atts)
{
	*f = (struct fetch){.s = s, .atts = atts, .reply = R_DONE};
	message_init(&f->message, s->store, &s->selected->view);
	flags_texts_init(&f->flags, s->selected);
}

void
fetch_done(struct fetch *f)
{
	message_done(&f->message);
	store_cache_flush(f->s->store); /* items that were missing */
	flags_texts_done(&f->flags);
	buf_free(&f->made);
}

void
fetch_failed(struct fetch *f, enum reply reply)
{
	if (f->reply == R_DONE)
		f->reply = reply;
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
		imap_envelope_parse(
		    message_head(&f->message), &f->message.arena, &envelope);
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
		bodystructure_put(&f->made, message_tree(&f->message), is_extended,
		    &f->message.arena);
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
	put_structure(
	    f, out, item ? item->bodystructure : (struct span){NULL, 0}, true);
}

/*
 * RFC 8970 3.1: NIL is for LAZY alone, and there is no need of it: an item is made about as fast as
 * it is read
 */
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

static void
put_threadid(struct fetch *f, struct buf *out)
{
	buf_reset(&f->made);
	PUT(out, "THREADID ");
	if (threadid_put(&f->made, &f->message) == E_OK) {
		buf_ch(out, '(');
		buf_span(out, buf_as_span(&f->made));
		PUT(out, ") ");
	} else {
		PUT(out, "NIL "); /* its file is gone, and the reply says so */
	}
}

/* ---- all of it ---- */

static void
put_items(struct fetch *f, struct buf *out)
{
	if (f->atts->whats & FETCH_THREADID)
		put_threadid(f, out);
	if (f->atts->whats & FETCH_ENVELOPE)
		put_envelope(f, out);
	if (f->atts->whats & FETCH_BODY)
		put_body(f, out);
	if (f->atts->whats & FETCH_STRUCTURE)
		put_bodystructure(f, out);
	if (f->atts->whats & FETCH_PREVIEW)
		put_preview(f, out);
}

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
	const struct store_record *r = selected_record(f->s->selected, seq);
	message_set(&f->message, r);
	fetch_record_put(out, &f->flags, seq, r, f->atts->whats | more);
	if (f->atts->whats & ~(unsigned)FETCH_OF_RECORD)
		put_items(f, out);
	for (const struct fetch_section *a = f->atts->sections; a; a = a->next)
		if (!fetch_section_put(f, a))
			return false;
	fetch_end(out);
	note_file(f);
	return respond_flush(f->s);
}
