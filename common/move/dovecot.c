/* SPDX-License-Identifier: ISC */
/* dovecot.c - dovecot-uidlist, dovecot-keywords, subscriptions, pop3_uidl_format. */
#include "move/dovecot.h"

#include "store/store.h"

enum { FORMAT_WIDTH_MAX = 64 };

/* ---- dovecot-uidlist ---- */

/* "3 V1275660208 N25022 G3085f0..."; letters that we do not know are passed over. */
static void
read_head_3(struct span rest, struct uidlist *out)
{
	while (rest.n) {
		struct span field = span_cut(&rest, ' ');
		if (field.n > 1 && field.p[0] == 'V' &&
		    span_u32(span_from(field, 1), &out->uidvalidity) != E_OK)
			out->uidvalidity = 0;
		if (field.n > 1 && field.p[0] == 'N' &&
		    span_u32(span_from(field, 1), &out->uidnext) != E_OK)
			out->uidnext = 0;
	}
}

int
uidlist_open(struct span text, struct uidlist *out)
{
	struct span rest = text, line = span_cut(&rest, '\n'),
		    version = span_cut(&line, ' ');
	*out = (struct uidlist){.rest = rest};
	if (span_eqs(version, "3")) {
		out->version = 3;
		read_head_3(line, out);
	} else if (span_eqs(version, "1")) {
		out->version = 1;
		if (span_u32(span_cut(&line, ' '), &out->uidvalidity) != E_OK ||
		    span_u32(span_cut(&line, ' '), &out->uidnext) != E_OK)
			out->uidvalidity = 0;
	}
	return out->uidvalidity ? E_OK : E_BAD;
}

/* "25006 P1234 W3054 :1276528487.M364837P9451.host,S=2961" */
static bool
read_row(const struct uidlist *list, struct span line, struct uidlist_row *out)
{
	*out = (struct uidlist_row){.uid = 0};
	if (span_u32(span_cut(&line, ' '), &out->uid) != E_OK || out->uid == 0)
		return false;
	while (list->version == 3 && line.n && line.p[0] != ':') {
		struct span field = span_cut(&line, ' ');
		if (field.n > 1 && field.p[0] == 'P')
			out->uidl = span_from(field, 1);
	}
	struct span name = list->version == 3 ? span_from(line, 1) : line;
	out->base = span_head(name, span_find(name, ':'));
	return out->base.n > 0;
}

bool
uidlist_next(struct uidlist *list, struct uidlist_row *out)
{
	while (list->rest.n) {
		bool is_whole = span_find(list->rest, '\n') < list->rest.n;
		struct span line = span_cut(&list->rest, '\n');
		if (is_whole && read_row(list, line, out))
			return true;
		list->n_wrong++;
	}
	return false;
}

void
uidlist_head_put(
    struct buf *b, uint32_t uidvalidity, uint32_t uidnext, const unsigned char guid[16])
{
	buf_putf(b, "3 V%u N%u G", uidvalidity, uidnext);
	buf_hex(b, span_make(guid, 16));
	buf_ch(b, '\n');
}

void
uidlist_row_put(struct buf *b, const struct uidlist_row *r)
{
	buf_putf(b, "%u", r->uid);
	if (r->uidl.n)
		buf_putf(b, " P%.*s", SPAN_ARG(r->uidl));
	buf_putf(b, " :%.*s\n", SPAN_ARG(r->base));
}

/* ---- dovecot-keywords ---- */

bool
keywords_next(struct span *text, unsigned *letter, struct span *name)
{
	while (text->n) {
		struct span line = span_cut(text, '\n');
		uint32_t n;
		if (span_u32(span_cut(&line, ' '), &n) != E_OK ||
		    n >= MAILDIR_LETTERS || line.n == 0)
			continue; /* more of them there may be, but no name of a file says so */
		*letter = n;
		*name = line;
		return true;
	}
	return false;
}

void
keywords_put(struct buf *b, unsigned letter, struct span name)
{
	buf_putf(b, "%u %.*s\n", letter, SPAN_ARG(name));
}

/* ---- subscriptions ---- */

/* Levels with this between them. */
static int
read_levels(struct span line, char between, struct buf *out)
{
	bool is_more = true;
	int err = line.n ? E_OK : E_BAD;
	buf_reset(out);
	while (err == E_OK && is_more) {
		is_more = span_find(line, between) < line.n;
		if (out->len)
			buf_ch(out, '/');
		err = maildir_level_put(span_cut(&line, between), out);
	}
	return err;
}

bool
subscriptions_next(struct span *text, unsigned *version, struct buf *out)
{
	if (*version == 0) {
		*version = span_starts(*text, SPAN("V\t2\n")) ? 2 : 1;
		if (*version == 2)
			span_cut(text, '\n');
	}
	while (text->n) {
		struct span line = span_cut(text, '\n');
		/*
		 * a name with the separator of a namespace's own shows as one level; it is rare,
		 * and harmless
		 */
		if (read_levels(line, *version == 2 ? '\t' : '.', out) == E_OK)
			return true;
	}
	return false;
}

void
subscriptions_head_put(struct buf *b)
{
	buf_str(b, "V\t2\n\n");
}

int
subscriptions_put(struct buf *b, struct span name)
{
	size_t before = b->len;
	int err = E_OK;
	while (name.n && err == E_OK) {
		if (b->len > before)
			buf_ch(b, '\t');
		err = maildir_level_escape(span_cut(&name, '/'), b);
	}
	if (err == E_OK)
		buf_ch(b, '\n');
	else
		buf_cut(b, before);
	return err;
}

/* ---- pop3_uidl_format ---- */

struct field {
	bool is_padded, is_hex;
	uint32_t width;
	char letter;
};

static int
read_field(struct span *in, struct field *out)
{
	size_t i = 0;
	*out = (struct field){.is_padded = in->n && in->p[0] == '0'};
	while (i < in->n && ch_digit(in->p[i]) && out->width < FORMAT_WIDTH_MAX)
		out->width = out->width * 10 + (uint32_t)(in->p[i++] - '0');
	out->is_hex = i < in->n && in->p[i] == 'X';
	i += out->is_hex;
	if (i == in->n || out->width > FORMAT_WIDTH_MAX)
		return E_BAD;
	out->letter = in->p[i];
	*in = span_from(*in, i + 1);
	return E_OK;
}

/* As Dovecot has it: "X" is hex in small letters; a width pads after "0", and cuts without it. */
static void
put_number(struct buf *out, const struct field *f, uint32_t n)
{
	struct buf digits = {0};
	buf_putf(&digits, f->is_hex ? "%x" : "%u", n);
	for (size_t i = digits.len; f->is_padded && i < f->width; i++)
		buf_ch(out, '0');
	buf_span(out, span_head(buf_as_span(&digits),
			  f->width && !f->is_padded ? f->width : digits.len));
	buf_free(&digits);
}

bool
uidl_is_legal(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0 && s.n <= STORE_UIDL_MAX;
}

int
uidl_format(struct span format, uint32_t uid, uint32_t uidvalidity, struct span file,
    struct buf *out)
{
	size_t before = out->len;
	bool is_unique = false;
	while (format.n) {
		size_t at = span_find(format, '%');
		struct field f;
		buf_span(out, span_head(format, at));
		format = span_from(format, at);
		if (format.n == 0)
			break;
		format = span_from(format, 1);
		if (read_field(&format, &f) != E_OK)
			return E_BAD;
		is_unique |= f.letter == 'u' || f.letter == 'f';
		if (f.letter == 'u' || f.letter == 'v')
			put_number(out, &f, f.letter == 'u' ? uid : uidvalidity);
		else if (f.letter == 'f')
			buf_span(out, file);
		else if (f.letter == '%')
			buf_ch(out, '%');
		else
			return E_BAD;
	}
	if (!is_unique)
		return E_BAD;
	return uidl_is_legal(span_from(buf_as_span(out), before)) ? E_OK : E_LIMIT;
}
