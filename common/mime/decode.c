/* SPDX-License-Identifier: ISC */
/* decode.c - the text of a part. */
#include "mime/decode.h"

#include "mime/charset.h"
#include "mime/charset_row.h"
#include "mime/param.h"

int
part_text_of(const struct tree *t, const struct part *p, struct arena *arena,
    struct part_text *out)
{
	struct param_field field;
	*out = (struct part_text){
	    .body = part_body(t, p), .charset = {"", 0}, .is_ascii_like = true};
	if (p->kind != PART_LEAF || !part_is(p, "text", NULL))
		return E_BAD;
	out->transfer = transfer_kind_of(p->fields.encoding);
	if (out->transfer == TRANSFER_UNKNOWN)
		return E_BAD;
	if (p->fields.is_type_implied)
		return E_OK;
	param_type_parse(p->fields.content_type, arena, &field);
	struct span charset = param_find(field.text, "charset");
	if (charset.n == 0)
		return E_OK;
	const struct charset_row *row = charset_row_find(charset);
	out->charset = charset;
	out->is_ascii_like = row && row->is_ascii_like;
	out->is_utf8 = row && row->way == WAY_UTF8;
	return E_OK;
}

struct span
part_text_bytes(const struct part_text *t, size_t max_bytes, struct buf *decoded)
{
	struct span in = span_head(t->body, max_bytes);
	if (t->transfer == TRANSFER_PLAIN)
		return in;
	buf_reset(decoded);
	transfer_decode(t->transfer, in, decoded);
	return buf_as_span(decoded);
}

struct span
part_text_utf8(
    const struct part_text *t, size_t max_bytes, struct buf *decoded, struct buf *utf8)
{
	struct span in = part_text_bytes(t, max_bytes, decoded);
	if (t->is_ascii_like && span_is_ascii(in))
		return in;
	buf_reset(utf8);
	if (charset_to_utf8(t->charset, in, utf8) != E_OK)
		charset_guess(in, utf8);
	return buf_as_span(utf8);
}
