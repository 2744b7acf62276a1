/* SPDX-License-Identifier: ISC */
/* words.c - words on one line. */
#include "mime/words.h"

#include "mime/charset.h"

bool
words_are_full(const struct words *w)
{
	return w->n_chars >= w->max_chars;
}

static bool
is_in(const uint32_t (*ranges)[2], size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i][0] && code <= ranges[i][1])
			return true;
	return false;
}

/* Unicode's White_Space, and controls. */
static bool
is_blank(uint32_t code)
{
	static const uint32_t blanks[][2] = {{0x7f, 0xa0}, {0x1680, 0x1680},
	    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
	    {0x3000, 0x3000}};
	return code <= ' ' || (code >= 0x7f && is_in(blanks, COUNT(blanks), code));
}

/* With these, newsletters fill up the line that they want to be seen. */
static bool
is_unseen(uint32_t code)
{
	static const uint32_t unseen[][2] = {{0xad, 0xad}, {0x34f, 0x34f},
	    {0x61c, 0x61c}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f},
	    {0xfeff, 0xfeff}};
	return code >= 0xad && is_in(unseen, COUNT(unseen), code);
}

void
words_put(struct words *w, uint32_t code)
{
	/* the usual case */
	if (code > ' ' && code < 0x7f && !w->has_blank && !words_are_full(w)) {
		buf_ch(w->out, (char)code);
		w->n_chars++;
		return;
	}
	if (is_blank(code)) {
		w->has_blank = w->n_chars > 0;
		return;
	}
	if (is_unseen(code) || words_are_full(w))
		return;
	if (w->has_blank) {
		w->has_blank = false;
		w->n_chars++;
		if (words_are_full(w)) /* a blank would be the last */
			return;
		buf_ch(w->out, ' ');
	}
	utf8_put(w->out, code);
	w->n_chars++;
}
