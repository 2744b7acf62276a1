/* SPDX-License-Identifier: ISC */
/* tag.c - lists of tags. */
#include "dkim/tag.h"

/* SP, HTAB, CR, LF. */
static bool
tag_is_blank(char c)
{
	return ch_space(c) || c == '\r' || c == '\n';
}

struct span
tag_trim(struct span s)
{
	while (s.n && tag_is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.n && tag_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* ALPHA *ALNUMPUNC */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return s.n > 0 && ch_alpha(s.p[0]);
}

/* VALCHAR, what UTF-8 has past ASCII, and blanks. */
static bool
is_value(struct span s)
{
	bool is_ascii = true;
	for (size_t i = 0; i < s.n; i++) {
		if (ch_ctl(s.p[i]) && !tag_is_blank(s.p[i]))
			return false;
		if ((unsigned char)s.p[i] >= 0x80)
			is_ascii = false;
	}
	return is_ascii || utf8_valid(s);
}

static int
tag_parse(struct span spec, struct tag *out)
{
	size_t equals = span_find(spec, '=');
	out->name = tag_trim(span_head(spec, equals));
	if (equals == spec.n || !is_name(out->name))
		return E_BAD;
	out->raw = span_from(spec, equals + 1);
	out->value = tag_trim(out->raw);
	return is_value(out->value) ? E_OK : E_BAD;
}

static bool
has_name(const struct tag_list *list, struct span name)
{
	for (size_t i = 0; i < list->n; i++)
		if (span_eq(list->all[i].name, name))
			return true;
	return false;
}

int
tag_list_parse(struct span in, struct tag_list *out)
{
	struct tag tag;
	out->n = 0;
	do {
		if (tag_parse(span_cut(&in, ';'), &tag) != E_OK ||
		    has_name(out, tag.name))
			return E_BAD;
		if (out->n == TAGS_MAX)
			return E_LIMIT;
		out->all[out->n++] = tag;
	} while (tag_trim(in).n);
	return E_OK;
}

const struct tag *
tag_find(const struct tag_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (span_eqs(list->all[i].name, name))
			return &list->all[i];
	return NULL;
}

int
tag_item_next(struct span *in, struct span *item)
{
	if (!in->p)
		return E_MORE;
	size_t colon = span_find(*in, ':');
	*item = tag_trim(span_head(*in, colon));
	*in = colon < in->n ? span_from(*in, colon + 1) : (struct span){NULL, 0};
	return E_OK;
}

bool
tag_has_item(struct span value, const char *item)
{
	struct span one;
	while (tag_item_next(&value, &one) == E_OK)
		if (span_ieqs(one, item))
			return true;
	return false;
}

int
tag_base64(struct span value, struct buf *out)
{
	struct buf text = {.max = TAG_BASE64_MAX};
	if (value.n > TAG_BASE64_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < value.n; i++)
		if (!tag_is_blank(value.p[i]))
			buf_ch(&text, value.p[i]);
	int err = base64_decode(buf_as_span(&text), out);
	buf_free(&text);
	return err;
}
