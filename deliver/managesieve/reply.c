/* SPDX-License-Identifier: ISC */
/* reply.c - the one form of all replies. */
#include "deliver/managesieve/reply.h"

#include "deliver/managesieve/syntax.h"

static void
put_text(struct buf *out, struct span text)
{
	if (text.n) {
		buf_ch(out, ' ');
		syntax_put_string(out, text);
	}
	buf_str(out, "\r\n");
}

void
reply_put(struct buf *out, const char *verdict, const char *code, struct span text)
{
	buf_str(out, verdict);
	if (code)
		buf_putf(out, " (%s)", code);
	put_text(out, text);
}

void
reply_put_with(struct buf *out, const char *verdict, const char *code,
    struct span string, struct span text)
{
	buf_putf(out, "%s (%s ", verdict, code);
	syntax_put_string(out, string);
	buf_ch(out, ')');
	put_text(out, text);
}
