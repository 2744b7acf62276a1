/* SPDX-License-Identifier: ISC */
/* known.c - what an import knows of a folder: its text, read and written. */
#include "move/known.h"

#include <stdlib.h>

/* ---- words ---- */

static void
word_put(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch <= 0x20 || ch == '%' || ch >= 0x7f)
			buf_putf(out, "%%%02x", ch);
		else
			buf_ch(out, s.p[i]);
	}
}

/* E_BAD: not as word_put writes it, or too long. */
static int
word_get(struct span s, struct arena *a, struct span *out)
{
	char *p = arena_get(a, s.n ? s.n : 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		if (ch == '%') {
			if (s.n - i < 3 || hex_decode(span_head(span_from(s, i + 1), 2),
					       &ch, 1) != E_OK)
				return E_BAD;
			i += 2;
		}
		p[n++] = ch;
	}
	*out = span_make(p, n);
	return n <= KNOWN_KEY_MAX ? E_OK : E_BAD;
}

/* ---- reading ---- */

static bool
take_line(struct span *text, struct span *line)
{
	if (span_find(*text, '\n') == text->n)
		return false; /* torn, or the end */
	*line = span_cut(text, '\n');
	return true;
}

static bool
line_is(struct span *text, const char *head, struct span value)
{
	struct span line;
	struct buf want = {0};
	buf_str(&want, head);
	word_put(&want, value);
	bool is = take_line(text, &line) && span_eq(line, buf_as_span(&want));
	buf_free(&want);
	return is;
}

static int
read_numbers(struct span line, struct known *out)
{
	uint64_t uidvalidity, is_adopted;
	if (!span_eqs(span_cut(&line, ' '), "uidvalidity") ||
	    span_u64(span_cut(&line, ' '), UINT32_MAX, &uidvalidity) != E_OK ||
	    span_u64(line, 1, &is_adopted) != E_OK)
		return E_BAD;
	out->uidvalidity = (uint32_t)uidvalidity;
	out->is_adopted = is_adopted;
	return E_OK;
}

static int
read_row(struct span line, struct keywords *names, struct known *k)
{
	struct known_row r = {.flags = 0};
	uint64_t flags;
	if (word_get(span_cut(&line, ' '), &k->arena, &r.key) != E_OK || r.key.n == 0 ||
	    file_id_parse(span_cut(&line, ' '), &r.id) != E_OK ||
	    span_u64(span_cut(&line, ' '), FLAGS_ALL, &flags) != E_OK)
		return E_BAD;
	r.flags = (uint32_t)flags;
	while (line.n)
		r.keywords |= keywords_bit(names, &k->arena, span_cut(&line, ' '));
	known_add(k, &r);
	return E_OK;
}

/* The later of two rows with one key is the one that counts: the first was never appended. */
static int
by_key(const void *x, const void *y)
{
	const struct known_row *a = x, *b = y;
	return span_cmp(a->key, b->key);
}

static void
sort(struct known *k)
{
	size_t n = 0;
	if (k->n)
		qsort(k->rows, k->n, sizeof *k->rows, by_key);
	for (size_t i = 0; i < k->n; i++) {
		if (n && span_eq(k->rows[n - 1].key, k->rows[i].key) &&
		    !k->rows[i].is_confirmed)
			continue;
		n -= n && span_eq(k->rows[n - 1].key, k->rows[i].key);
		k->rows[n++] = k->rows[i];
	}
	k->n = n;
}

int
known_read(struct span text, struct span source, struct span folder,
    struct keywords *names, struct known *out)
{
	struct span line;
	size_t confirmed = 0;
	*out = (struct known){.n = 0};
	if (!line_is(&text, "merpati-import 1", SPAN("")) ||
	    !line_is(&text, "source ", source) || !line_is(&text, "folder ", folder) ||
	    !take_line(&text, &line) || read_numbers(line, out) != E_OK)
		return E_BAD;
	while (take_line(&text, &line)) {
		if (span_eqs(line, "."))
			for (; confirmed < out->n; confirmed++)
				out->rows[confirmed].is_confirmed = true;
		else if (!span_starts(line, SPAN("+ ")) ||
			 read_row(span_from(line, 2), names, out) != E_OK)
			break;
	}
	sort(out);
	return E_OK;
}

struct known_row *
known_find(const struct known *k, struct span key)
{
	struct known_row wanted = {.key = key};
	return k->n ? bsearch(&wanted, k->rows, k->n, sizeof wanted, by_key) : NULL;
}

void
known_add(struct known *k, const struct known_row *r)
{
	k->rows = mem_room(k->rows, k->n, &k->cap, sizeof *k->rows);
	k->rows[k->n++] = *r;
}

void
known_free(struct known *k)
{
	mem_free(&k->rows);
	arena_reset(&k->arena);
	*k = (struct known){.n = 0};
}

/* ---- writing ---- */

void
known_head_put(
    struct buf *b, struct span source, struct span folder, const struct known *k)
{
	buf_str(b, "merpati-import 1\nsource ");
	word_put(b, source);
	buf_str(b, "\nfolder ");
	word_put(b, folder);
	buf_putf(b, "\nuidvalidity %u %u\n", k->uidvalidity, k->is_adopted);
}

void
known_row_put(struct buf *b, const struct known_row *r, const struct keywords *names)
{
	struct span words[STORE_KEYWORDS_MAX];
	size_t n = keywords_of(names, r->keywords, words);
	buf_str(b, "+ ");
	word_put(b, r->key);
	buf_putf(b, " %s %u", file_id_text(r->id), r->flags);
	for (size_t i = 0; i < n; i++) {
		buf_ch(b, ' ');
		buf_span(b, words[i]);
	}
	buf_ch(b, '\n');
}

void
known_confirm_put(struct buf *b)
{
	buf_str(b, ".\n");
}
