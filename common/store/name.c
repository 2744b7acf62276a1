/* SPDX-License-Identifier: ISC */
/* name.c - names of files in a mailbox. */
#include "store/name.h"

#include <string.h>

void
file_name_put(struct buf *out, const struct file_name *f)
{
	buf_hex(out, span_make(f->id.b, ID_BYTES));
	buf_ch(out, ',');
	buf_hex(out, span_make(f->id.b + ID_BYTES, FILE_ID_BYTES - ID_BYTES));
	buf_putf(out, ",S=%llu,C=", (unsigned long long)f->size_bytes);
	buf_hex(out, span_make(f->sha256, sizeof f->sha256));
	if (f->is_junk)
		buf_str(out, ",J");
	if (f->is_directed)
		buf_str(out, ",D");
}

static bool
is_lower_hex(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_hex(s.p[i]) < 0 || ch_lower(s.p[i]) != s.p[i])
			return false;
	return true;
}

/* At its end; then it goes. */
static bool
take_mark(struct span *text, const char *mark)
{
	struct span m = span_of(mark);
	bool is_there = span_ends(*text, m);
	if (is_there)
		text->n -= m.n;
	return is_there;
}

int
file_name_parse(struct span text, struct file_name *out)
{
	struct file_name f = {.is_directed = take_mark(&text, ",D")};
	f.is_junk = take_mark(&text, ",J");
	struct span id = span_cut(&text, ','), tag = span_cut(&text, ','),
		    size = span_cut(&text, ',');
	if (!is_lower_hex(id) || !is_lower_hex(tag) || !span_starts(size, SPAN("S=")) ||
	    !span_starts(text, SPAN("C=")))
		return E_BAD;
	size = span_from(size, 2);
	text = span_from(text, 2);
	if (size.n > 1 && size.p[0] == '0')
		return E_BAD;
	if (hex_decode(id, f.id.b, ID_BYTES) != E_OK ||
	    hex_decode(tag, f.id.b + ID_BYTES, FILE_ID_BYTES - ID_BYTES) != E_OK ||
	    span_u64(size, INT64_MAX, &f.size_bytes) != E_OK || !is_lower_hex(text) ||
	    hex_decode(text, f.sha256, sizeof f.sha256) != E_OK)
		return E_BAD;
	*out = f;
	return E_OK;
}

void
msg_path_put(struct buf *out, struct file_id id)
{
	const char *text = file_id_text(id);
	buf_putf(out, "msg/%.2s/%s", text, text);
}

void
tmp_path_put(struct buf *out, struct file_id id)
{
	buf_putf(out, "tmp/%s", file_id_text(id));
}
