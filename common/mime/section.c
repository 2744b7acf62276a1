/* SPDX-License-Identifier: ISC */
/* section.c - section texts, and the bytes of a section. */
#include "mime/section.h"

#include "mime/header.h"
#include "mime/imap_string.h"
#include "mime/transfer.h"

/* decoded at a time when only the size is wanted */
enum { BINARY_PIECE_BYTES = 32 << 10 };

static const char *const words[] = {[SECTION_ALL] = "",
    [SECTION_HEADER] = "HEADER",
    [SECTION_FIELDS] = "HEADER.FIELDS",
    [SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT",
    [SECTION_TEXT] = "TEXT",
    [SECTION_MIME] = "MIME"};

/* ---- text ---- */

/* Numbers and the dots between them; a dot behind the last one says that a word follows. */
static int
path_parse(struct span *in, struct section *out, bool *has_word)
{
	*has_word = true;
	while (in->n && ch_digit(in->p[0])) {
		uint64_t number;
		size_t n = 1;
		while (n < in->n && ch_digit(in->p[n]))
			n++;
		if (out->n_path == SECTION_PATH_MAX)
			return E_LIMIT;
		int err = span_u64(span_head(*in, n), UINT32_MAX, &number);
		if (err != E_OK || number == 0)
			return err != E_OK ? err : E_BAD;
		out->path[out->n_path++] = (uint32_t)number;
		*in = span_from(*in, n);
		*has_word = in->n && in->p[0] == '.';
		if (!*has_word)
			return E_OK;
		*in = span_from(*in, 1);
	}
	return E_OK;
}

static int
word_parse(struct span *in, enum section_what *out)
{
	size_t n = 0;
	while (n < in->n && (ch_alpha(in->p[n]) || in->p[n] == '.'))
		n++;
	struct span word = span_head(*in, n);
	*in = span_from(*in, n);
	for (size_t i = SECTION_HEADER; i < COUNT(words); i++)
		if (span_ieqs(word, words[i])) {
			*out = (enum section_what)i;
			return E_OK;
		}
	return E_BAD;
}

/* "{5}" or "{5+}", a line end, and so many octets. */
static int
literal_parse(struct span *in, struct span *out)
{
	uint64_t n;
	struct span left = span_from(*in, 1), size = span_cut(&left, '}');
	if (size.n && size.p[size.n - 1] == '+')
		size.n--;
	int err = span_u64(size, SECTION_NAME_MAX, &n);
	if (err != E_OK || !span_starts(left, SPAN("\r\n")) || left.n - 2 < n)
		return err == E_LIMIT ? E_LIMIT : E_BAD;
	*out = span_head(span_from(left, 2), (size_t)n);
	*in = span_from(left, 2 + (size_t)n);
	return E_OK;
}

static int
quoted_parse(struct span *in, struct arena *arena, struct span *out)
{
	size_t n = 1, len = 0;
	while (n < in->n && in->p[n] != '"')
		n += in->p[n] == '\\' ? 2 : 1;
	if (n >= in->n)
		return E_BAD;
	char *name = n - 1 <= SECTION_NAME_MAX ? arena_get(arena, n) : NULL;
	if (!name)
		return E_LIMIT;
	for (size_t i = 1; i < n; i++) {
		if (in->p[i] == '\r' || in->p[i] == '\n')
			return E_BAD;
		i += in->p[i] == '\\';
		name[len++] = in->p[i];
	}
	*out = span_make(name, len);
	*in = span_from(*in, n + 1);
	return E_OK;
}

static int
name_parse(struct span *in, struct arena *arena, struct span *out)
{
	if (in->n && in->p[0] == '"')
		return quoted_parse(in, arena, out);
	if (in->n && in->p[0] == '{')
		return literal_parse(in, out);
	size_t n = 0;
	while (n < in->n && imap_is_atom(span_make(in->p + n, 1)))
		n++;
	if (n == 0 || n > SECTION_NAME_MAX)
		return n ? E_LIMIT : E_BAD;
	*out = span_head(*in, n);
	*in = span_from(*in, n);
	return E_OK;
}

/* " (" name *(" " name) ")" */
static int
names_parse(struct span *in, struct arena *arena, struct section *out)
{
	struct span names[SECTION_NAMES_MAX];
	size_t n = 0;
	if (!span_starts(*in, SPAN(" (")))
		return E_BAD;
	do {
		*in = span_from(*in, n ? 1 : 2);
		if (n == SECTION_NAMES_MAX)
			return E_LIMIT;
		int err = name_parse(in, arena, &names[n++]);
		if (err == E_OK && span_find(names[n - 1], '\0') < names[n - 1].n)
			err = E_BAD; /* RFC 3501 9: neither CHAR nor CHAR8 */
		if (err != E_OK)
			return err;
	} while (in->n && in->p[0] == ' ');
	if (in->n == 0 || in->p[0] != ')')
		return E_BAD;
	*in = span_from(*in, 1);
	struct span *kept = arena_get(arena, n * sizeof *kept);
	if (!kept)
		return E_LIMIT;
	for (size_t i = 0; i < n; i++)
		kept[i] = names[i];
	out->names = kept;
	out->n_names = n;
	return E_OK;
}

int
section_parse(struct span *in, struct arena *arena, struct section *out)
{
	struct span left = *in;
	bool has_word;
	*out = (struct section){.what = SECTION_ALL};
	int err = path_parse(&left, out, &has_word);
	if (err == E_OK && has_word && (out->n_path || !(left.n && left.p[0] == ']')))
		err = word_parse(&left, &out->what);
	if (err == E_OK &&
	    (out->what == SECTION_FIELDS || out->what == SECTION_FIELDS_NOT))
		err = names_parse(&left, arena, out);
	if (err != E_OK)
		return err;
	if ((out->what == SECTION_MIME && out->n_path == 0) || left.n == 0 ||
	    left.p[0] != ']')
		return E_BAD;
	*in = left;
	return E_OK;
}

void
section_put(struct buf *out, const struct section *s)
{
	for (size_t i = 0; i < s->n_path; i++)
		buf_putf(out, i ? ".%u" : "%u", s->path[i]);
	if (s->n_path && s->what != SECTION_ALL)
		buf_ch(out, '.');
	buf_str(out, words[s->what]);
	for (size_t i = 0; i < s->n_names; i++) {
		buf_str(out, i ? " " : " (");
		imap_astring_put(out, s->names[i]);
	}
	if (s->n_names)
		buf_ch(out, ')');
}

/* ---- bytes ---- */

static bool
is_named(struct span name, const struct span *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_ieq(name, names[i]))
			return true;
	return false;
}

void
section_fields(
    struct buf *out, struct span head, const struct span *names, size_t n, bool is_not)
{
	struct header_field field;
	while (header_next(&head, &field) == E_OK) {
		if (is_named(field.name, names, n) == is_not)
			continue;
		buf_span(out, field.whole);
		if (!span_ends(field.whole, SPAN("\n")))
			buf_str(out, "\r\n");
	}
	buf_str(out, "\r\n");
}

/*
 * Whose HEADER and TEXT these are: the message, or the one in a message/rfc822; NULL: of no
 * message.
 */
static const struct part *
message_of(const struct section *s, const struct part *p)
{
	if (s->n_path == 0)
		return p;
	return p->kind == PART_MESSAGE ? p->child : NULL;
}

static int
message_get(const struct section *s, const struct tree *t, const struct part *p,
    struct buf *made, struct span *out)
{
	const struct part *root = message_of(s, p);
	if (!root)
		return E_BAD;
	*out = s->what == SECTION_TEXT ? part_body(t, root) : part_head(t, root);
	if (s->what != SECTION_FIELDS && s->what != SECTION_FIELDS_NOT)
		return E_OK;
	section_fields(made, *out, s->names, s->n_names, s->what == SECTION_FIELDS_NOT);
	*out = buf_as_span(made);
	return buf_done(made);
}

int
section_get(
    const struct section *s, const struct tree *t, struct buf *made, struct span *out)
{
	const struct part *p = part_find(t, s->path, s->n_path);
	buf_reset(made);
	if (!p)
		return E_BAD;
	if (s->what == SECTION_ALL)
		*out = s->n_path ? part_body(t, p) : t->message;
	else if (s->what == SECTION_MIME)
		*out = part_head(t, p);
	else
		return message_get(s, t, p, made, out);
	return E_OK;
}

/* The bytes as they stand, and what they are encoded in. */
static int
binary_find(const struct section *s, const struct tree *t, struct span *out,
    enum transfer_kind *kind)
{
	const struct part *p = part_find(t, s->path, s->n_path);
	if (!p || s->what != SECTION_ALL)
		return E_BAD;
	bool is_whole =
	    s->n_path == 0 || p->kind == PART_MULTIPART || p->kind == PART_MESSAGE;
	*out = s->n_path ? part_body(t, p) : t->message;
	*kind = is_whole ? TRANSFER_PLAIN : transfer_kind_of(p->fields.encoding);
	return *kind == TRANSFER_UNKNOWN ? E_DENY : E_OK;
}

int
section_binary(
    const struct section *s, const struct tree *t, struct buf *made, struct span *out)
{
	enum transfer_kind kind;
	int err = binary_find(s, t, out, &kind);
	buf_reset(made);
	if (err != E_OK || kind == TRANSFER_PLAIN)
		return err;
	transfer_decode(kind, *out, made);
	*out = buf_as_span(made);
	return buf_done(made);
}

int
section_binary_size(const struct section *s, const struct tree *t, size_t *out)
{
	struct transfer decoder = {.kind = TRANSFER_PLAIN};
	struct buf piece = {0};
	struct span in;
	int err = binary_find(s, t, &in, &decoder.kind);
	if (err != E_OK)
		return err;
	*out = decoder.kind == TRANSFER_PLAIN ? in.n : 0;
	for (; decoder.kind != TRANSFER_PLAIN && in.n;
	     in = span_from(in, BINARY_PIECE_BYTES)) {
		transfer_put(&decoder, span_head(in, BINARY_PIECE_BYTES), &piece);
		*out += piece.len;
		buf_reset(&piece);
	}
	transfer_end(&decoder, &piece);
	*out += piece.len;
	buf_free(&piece);
	return E_OK;
}
