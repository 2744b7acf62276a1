/* SPDX-License-Identifier: ISC */
/* script_name.c - which names scripts may have, and what their files are called. */
#include "sieve/script_name.h"

static const char tail[] = ".sieve";

static void
put_escaped(struct span name, struct buf *out)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '%' || name.p[i] == '/' ||
		    (i == 0 && name.p[i] == '.'))
			buf_putf(out, "%%%02X", (unsigned char)name.p[i]);
		else
			buf_ch(out, name.p[i]);
}

/* Of valid UTF-8: U+0000-001F, U+007F; U+0080-009F; U+2028, U+2029. */
static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		struct span here = span_from(s, i);
		if (ch_ctl(s.p[i]) || span_starts(here, SPAN("\xe2\x80\xa8")) ||
		    span_starts(here, SPAN("\xe2\x80\xa9")))
			return true;
		if (here.n > 1 && (unsigned char)here.p[0] == 0xc2 &&
		    (unsigned char)here.p[1] < 0xa0)
			return true;
	}
	return false;
}

static size_t
file_bytes(struct span name)
{
	struct buf file = {0};
	put_escaped(name, &file);
	size_t n = file.len;
	buf_free(&file);
	return n;
}

bool
sieve_name_valid(struct span name)
{
	return name.n > 0 && name.n <= SIEVE_NAME_BYTES_MAX && utf8_valid(name) &&
	       !has_control(name) && utf8_count(name) <= SIEVE_NAME_CHARS_MAX &&
	       file_bytes(name) <= SIEVE_NAME_FILE_MAX;
}

int
sieve_name_to_file(struct span name, struct buf *out)
{
	if (!sieve_name_valid(name))
		return E_BAD;
	put_escaped(name, out);
	buf_str(out, tail);
	return buf_done(out);
}

static void
put_unescaped(struct span file, struct buf *out)
{
	while (file.n) {
		char c;
		if (file.p[0] == '%' && file.n >= 3 &&
		    hex_decode(span_make(file.p + 1, 2), &c, 1) == E_OK) {
			buf_ch(out, c);
			file = span_from(file, 3);
		} else {
			buf_ch(out, file.p[0]);
			file = span_from(file, 1);
		}
	}
}

/* A file is a script's only by the name that is made of the script's: each has one. */
int
sieve_name_of_file(struct span file, struct buf *out)
{
	size_t start = out->len;
	struct buf again = {0};
	if (!span_ends(file, span_of(tail)))
		return E_BAD;
	put_unescaped(span_head(file, file.n - (sizeof tail - 1)), out);
	int err = buf_done(out) == E_OK
	              ? sieve_name_to_file(span_from(buf_as_span(out), start), &again)
	              : E_BAD;
	if (err == E_OK && !span_eq(buf_as_span(&again), file))
		err = E_BAD;
	buf_free(&again);
	return err == E_OK ? E_OK : E_BAD;
}
