/* SPDX-License-Identifier: ISC */
/*
 * fetch_body.c - one BODY[], BINARY[] or RFC822 of a FETCH answer.  What is the message, its head
 * or its text goes from the file straight into the output; fields that the cache item has come from
 * there; all else from the mapped file.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "imapd/fetch.h"

enum { NUL_SHOWN_AS = 0x80 }; /* what a literal may not hold: RFC 9051 9, CHAR8 */

struct extent {
	uint64_t at, end;
};

/* What is left of it by <from.most>; what begins behind the end is empty: RFC 9051 6.4.5 */
static struct extent
clip(const struct fetch_section *a, struct extent e)
{
	if (!a->is_partial)
		return e;
	e.at = a->from < e.end - e.at ? e.at + a->from : e.end;
	if (a->most < e.end - e.at)
		e.end = e.at + a->most;
	return e;
}

static void
put_label(struct fetch *f, const struct fetch_section *a)
{
	buf_span(respond_out(f->s), a->label);
	buf_ch(respond_out(f->s), ' ');
}

static void
put_literal_head(
    struct fetch *f, const struct fetch_section *a, uint64_t n, bool is_binary)
{
	struct buf *out = respond_out(f->s);
	put_label(f, a);
	if (is_binary)
		buf_ch(out, '~');
	buf_ch(out, '{');
	put_u64(out, n);
	buf_put(out, "}\r\n", 3);
}

static bool
put_word(struct fetch *f, const struct fetch_section *a, const char *word)
{
	put_label(f, a);
	buf_str(respond_out(f->s), word);
	buf_ch(respond_out(f->s), ' ');
	return true;
}

void
fetch_hide_nuls(char *p, size_t n)
{
	for (char *end = p + n; (p = memchr(p, '\0', (size_t)(end - p))) != NULL; p++)
		*p = (char)NUL_SHOWN_AS;
}

/* ---- from memory ---- */

static bool
send_without_nuls(struct fetch *f, struct span text)
{
	struct buf *out = respond_out(f->s);
	for (; text.n; text = span_from(text, FETCH_PIECE_BYTES)) {
		struct span piece = span_head(text, FETCH_PIECE_BYTES);
		buf_span(out, piece);
		if (buf_done(out) == E_OK)
			fetch_hide_nuls(out->p + out->len - piece.n, piece.n);
		if (!respond_flush(f->s))
			return false;
	}
	return true;
}

/* RFC 3516 4.3: a literal8 only where there is a NUL in it */
static bool
put_text(struct fetch *f, const struct fetch_section *a, struct span text)
{
	struct extent e = clip(a, (struct extent){0, text.n});
	text = span_head(span_from(text, (size_t)e.at), (size_t)(e.end - e.at));
	bool is_binary = a->form == FETCH_BINARY && span_find(text, '\0') < text.n;
	put_literal_head(f, a, text.n, is_binary);
	if (!(is_binary ? fetch_send(f, text) : send_without_nuls(f, text)))
		return false;
	buf_ch(respond_out(f->s), ' ');
	return true;
}

/* ---- from the file ---- */

/* The literal is announced: a file that ends early now ends the conversation. */
static bool
send_file(struct fetch *f, int fd, struct extent e)
{
	struct buf *out = respond_out(f->s);
	while (e.at < e.end) {
		size_t piece = e.end - e.at < FETCH_PIECE_BYTES ? (size_t)(e.end - e.at)
		                                                : FETCH_PIECE_BYTES;
		char *room = buf_room(out, piece);
		ssize_t got = room ? pread(fd, room, piece, (off_t)e.at) : 0;
		if (got <= 0) {
			log_event(LOG_ERR, "message_short", "file=%s err=%s",
			    file_id_text(f->message.record->id),
			    log_errno(got < 0 ? errno : 0));
			f->s->is_broken = true;
			return false;
		}
		fetch_hide_nuls(room, (size_t)got);
		buf_added(out, (size_t)got);
		e.at += (uint64_t)got;
		if (!respond_flush(f->s))
			return false;
	}
	return true;
}

static bool
put_file(struct fetch *f, const struct fetch_section *a, struct extent e)
{
	uint64_t bytes;
	int fd;
	if (message_open(&f->message, &fd, &bytes) != E_OK)
		return put_word(f, a, "NIL");
	if (e.end > bytes)
		e.end = bytes;
	if (e.at > e.end)
		e.at = e.end;
	e = clip(a, e);
	put_literal_head(f, a, e.end - e.at, false);
	bool is_sent = send_file(f, fd, e);
	close(fd);
	buf_ch(respond_out(f->s), ' ');
	return is_sent;
}

/* Where a section stands in the file; false: the parts must be known for that. */
static bool
find_extent(struct fetch *f, const struct fetch_section *a, struct extent *out)
{
	enum section_what what = a->section.what;
	*out = (struct extent){0, UINT64_MAX};
	if (a->form != FETCH_OCTETS || a->section.n_path)
		return false;
	if (what == SECTION_ALL)
		return true;
	const struct mime_cache *item = what == SECTION_HEADER || what == SECTION_TEXT
	                                    ? message_item(&f->message)
	                                    : NULL;
	if (!item || item->head_bytes == UINT32_MAX)
		return false;
	*(what == SECTION_HEADER ? &out->end : &out->at) = item->head_bytes;
	return true;
}

/* ---- from the parts ---- */

static bool
put_size(struct fetch *f, const struct fetch_section *a)
{
	size_t n;
	int err = section_binary_size(&a->section, message_tree(&f->message), &n);
	if (err == E_DENY)
		fetch_failed(f, R_UNKNOWN_CTE);
	put_label(f, a);
	put_u64(respond_out(f->s), err == E_OK ? n : 0);
	buf_ch(respond_out(f->s), ' ');
	return true;
}

static bool
put_part(struct fetch *f, const struct fetch_section *a)
{
	const struct tree *tree = message_tree(&f->message);
	struct span text;
	if (f->message.file != E_OK)
		return put_word(f, a, a->form == FETCH_BINARY_SIZE ? "0" : "NIL");
	if (a->form == FETCH_BINARY_SIZE)
		return put_size(f, a);
	buf_reset(&f->made);
	int err = a->form == FETCH_BINARY
	              ? section_binary(&a->section, tree, &f->made, &text)
	              : section_get(&a->section, tree, &f->made, &text);
	if (err == E_OK)
		return put_text(f, a, text);
	if (err != E_BAD) /* a part that is not there is NIL and no failure */
		fetch_failed(f, err == E_DENY ? R_UNKNOWN_CTE : R_LIMIT);
	return put_word(f, a, "NIL");
}

static bool
put_fields(struct fetch *f, const struct fetch_section *a)
{
	const struct mime_cache *item = message_item(&f->message);
	if (!item || !item->has_fields)
		return put_part(f, a);
	buf_reset(&f->made);
	cache_fields(item, a->names, &f->made);
	return put_text(f, a, buf_as_span(&f->made));
}

bool
fetch_section_put(struct fetch *f, const struct fetch_section *a)
{
	struct extent e;
	/* before it, since the blank behind it is wanted by fetch_end */
	if (!respond_flush(f->s))
		return false;
	if (a->has_names)
		return put_fields(f, a);
	if (find_extent(f, a, &e) && !f->message.has_text)
		return put_file(f, a, e);
	return put_part(f, a);
}
