/* SPDX-License-Identifier: ISC */
/* maildir_name.c - names of folders and of message files in a Maildir++. */
#include "move/maildir_name.h"

#include "mime/utf7.h"
#include "store/store.h"

enum { DATE_DIGITS_MAX = 12 };

/* ---- folders ---- */

/* "\2e" and "\5c" are octets; a backslash before anything else stands for itself. */
static void
unescape(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		int high = in.p[i] == '\\' && in.n - i > 2 ? ch_hex(in.p[i + 1]) : -1;
		int low = high >= 0 ? ch_hex(in.p[i + 2]) : -1;
		char ch = in.p[i];
		if (low >= 0)
			ch = (char)(high * 16 + low);
		buf_ch(out, ch == '/' ? '_' : ch);
		i += low >= 0 ? 2 : 0;
	}
}

int
maildir_level_put(struct span level, struct buf *out)
{
	struct buf octets = {.max = MAILDIR_NAME_MAX},
		   decoded = {.max = 3 * MAILDIR_NAME_MAX};
	unescape(level, &octets);
	struct span s = buf_as_span(&octets);
	int err = buf_done(&octets) == E_OK && s.n ? E_OK : E_BAD;
	/* "R&D" of a server that writes UTF-8 is no UTF-7, and as good a name */
	if (err == E_OK && span_is_ascii(s) && utf7_to_utf8(s, &decoded) == E_OK) {
		for (size_t i = 0; i < decoded.len; i++)
			buf_ch(out, decoded.p[i] == '/' ? '_' : decoded.p[i]);
	} else if (err == E_OK && utf8_valid(s)) {
		buf_span(out, s);
	} else {
		err = E_BAD;
	}
	buf_free(&octets);
	buf_free(&decoded);
	return err;
}

int
maildir_folder_name(struct span directory, struct buf *out)
{
	size_t before = out->len;
	int err = directory.n > 1 && directory.p[0] == '.' ? E_OK : E_BAD;
	struct span rest = span_from(directory, 1);
	bool is_more = true;
	while (err == E_OK && is_more) {
		is_more = span_find(rest, '.') < rest.n;
		if (out->len > before)
			buf_ch(out, '/');
		err = maildir_level_put(span_cut(&rest, '.'), out);
	}
	if (err != E_OK)
		buf_cut(out, before);
	return err;
}

/* What would end a level, or be read as an escape, in the way that listescape has it. */
static void
escape(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		bool is_special = in.p[i] == '.' || (in.p[i] == '\\' && in.n - i > 2 &&
							ch_hex(in.p[i + 1]) >= 0 &&
							ch_hex(in.p[i + 2]) >= 0);
		if (is_special)
			buf_putf(out, "\\%02x", (unsigned char)in.p[i]);
		else
			buf_ch(out, in.p[i]);
	}
}

int
maildir_level_escape(struct span level, struct buf *out)
{
	struct buf utf7 = {0};
	int err = utf7_from_utf8(level, &utf7);
	escape(buf_as_span(&utf7), out);
	buf_free(&utf7);
	return err;
}

int
maildir_folder_directory(struct span name, struct buf *out)
{
	struct span rest = name;
	int err = E_OK;
	if (span_ieqs(name, "INBOX"))
		return E_OK;
	while (rest.n && err == E_OK) {
		buf_ch(out, '.');
		err = maildir_level_escape(span_cut(&rest, '/'), out);
	}
	return err;
}

/* ---- files ---- */

static const struct {
	char letter;
	uint32_t flag;
} letters[] = {{'D', FLAG_DRAFT}, {'F', FLAG_FLAGGED}, {'R', FLAG_ANSWERED},
    {'S', FLAG_SEEN}, {'T', FLAG_DELETED}};

static void
read_info(struct span info, struct maildir_file *out)
{
	for (size_t i = 0; i < info.n && info.p[i] != ','; i++) {
		for (size_t k = 0; k < COUNT(letters); k++)
			if (letters[k].letter == info.p[i])
				out->flags |= letters[k].flag;
		out->is_forwarded |= info.p[i] == 'P';
		if (info.p[i] >= 'a' && info.p[i] <= 'z')
			out->letters |= 1u << (info.p[i] - 'a');
	}
}

static int64_t
date_of(struct span base)
{
	uint64_t sec;
	struct span digits = span_head(base, span_find(base, '.'));
	if (digits.n > DATE_DIGITS_MAX || span_u64(digits, INT64_MAX, &sec) != E_OK)
		return 0;
	return (int64_t)sec;
}

int
maildir_file_parse(struct span name, struct maildir_file *out)
{
	*out = (struct maildir_file){.flags = 0};
	if (name.n == 0 || name.n > MAILDIR_NAME_MAX || name.p[0] == '.')
		return E_BAD;
	size_t colon = span_find(name, ':');
	struct span info = span_from(name, colon);
	out->base = span_head(name, colon);
	out->key = span_head(out->base, span_find(out->base, ','));
	out->date_sec = date_of(out->base);
	if (span_starts(info, SPAN(":2,")))
		read_info(span_from(info, 3), out);
	return out->key.n ? E_OK : E_BAD;
}

void
maildir_info_put(
    struct buf *out, uint32_t flags, bool is_forwarded, uint32_t keyword_letters)
{
	buf_str(out, ":2,");
	for (char ch = 'A'; ch <= 'Z'; ch++) {
		bool is_set = ch == 'P' && is_forwarded;
		for (size_t k = 0; k < COUNT(letters); k++)
			is_set |= letters[k].letter == ch && (flags & letters[k].flag);
		if (is_set)
			buf_ch(out, ch);
	}
	for (unsigned i = 0; i < MAILDIR_LETTERS; i++)
		if (keyword_letters & (1u << i))
			buf_ch(out, (char)('a' + i));
}
