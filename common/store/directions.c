/* SPDX-License-Identifier: ISC */
/* directions.c - what a placer tells the keeper of a message in new/. */
#include "store/directions.h"

static const struct span begin = {"mD1", 3}, end = {".", 1};

bool
mailbox_keyword_check(struct span name)
{
	static const struct span specials = {"(){%*\"\\]", 8};
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' ||
		    (unsigned char)name.p[i] >= 0x7f ||
		    span_find(specials, name.p[i]) < specials.n)
			return false;
	return name.n && name.n <= STORE_KEYWORD_MAX;
}

void
directions_put(struct buf *out, const struct directions *d)
{
	buf_span(out, begin);
	buf_bytes(out, d->mailbox);
	buf_bytes(out, d->special_use);
	buf_bytes(out, d->mailboxid);
	buf_u8(out, d->can_create);
	buf_u32(out, d->flags);
	buf_u16(out, (uint16_t)d->n_keywords);
	for (size_t i = 0; i < d->n_keywords; i++)
		buf_bytes(out, d->keywords[i]);
	/* a file that has not all of its bytes is none */
	buf_span(out, end);
}

static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]))
			return false;
	return true;
}

int
directions_get(struct span text, struct directions *out)
{
	struct rd r = rd_of(text);
	struct directions d = {.flags = 0};
	bool is_good = span_eq(rd_bytes(&r, begin.n), begin);
	d.mailbox = rd_str(&r, STORE_NAME_MAX);
	d.special_use = rd_str(&r, DIRECTIONS_USE_MAX);
	d.mailboxid = rd_str(&r, DIRECTIONS_ID_MAX);
	uint8_t can_create = rd_u8(&r);
	d.flags = rd_u32(&r);
	d.n_keywords = rd_u16(&r);
	d.can_create = can_create == 1;
	is_good = is_good && can_create <= 1 && d.n_keywords <= STORE_KEYWORDS_MAX &&
	          (d.flags & ~(uint32_t)FLAGS_ALL) == 0 && is_text(d.special_use);
	for (size_t i = 0; is_good && i < d.n_keywords; i++) {
		d.keywords[i] = rd_str(&r, STORE_KEYWORD_MAX);
		is_good = mailbox_keyword_check(d.keywords[i]);
	}
	if (!is_good || !span_eq(rd_bytes(&r, end.n), end) || rd_end(&r) != E_OK)
		return E_BAD;
	*out = d;
	return E_OK;
}

void
directions_name_put(struct buf *out, struct file_id id)
{
	buf_putf(out, ".%s", file_id_text(id));
}

int
directions_name_parse(struct span text, struct file_id *out)
{
	if (text.n != DIRECTIONS_NAME_MAX - 1 || text.p[0] != '.')
		return E_BAD;
	return file_id_parse(span_from(text, 1), out);
}
