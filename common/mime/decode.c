/* SPDX-License-Identifier: ISC */
/* decode.c - the text of a part. */
#include "mime/decode.h"

#include "mime/charset.h"
#include "mime/charset_row.h"
#include "mime/param.h"

int
part_text_of(const struct tree *t, const struct part *p, struct arena *arena, struct part_text *out)
{
	struct param_field field;
	*out = (struct part_text){.body = part_body(t, p), .charset = {"", 0}, .is_ascii_like = true};
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
	return E_OK;
}

void
part_text_decode(const struct part_text *t, size_t max_bytes, struct buf *decoded, struct buf *out)
{
	struct span in = span_head(t->body, max_bytes);
	buf_reset(decoded);
	buf_reset(out);
	if (t->transfer != TRANSFER_PLAIN) {
		transfer_decode(t->transfer, in, decoded);
		in = buf_as_span(decoded);
	}
	if (charset_to_utf8(t->charset, in, out) != E_OK)
		charset_guess(in, out);
}
