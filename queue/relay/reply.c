/* SPDX-License-Identifier: ISC */
/* reply.c - replies of a server, line by line. */
#include "queue/relay/reply.h"

void
reply_reset(struct reply *r)
{
	buf_reset(&r->text);
	r->code = 0;
	r->n_lines = 0;
	r->status = SPAN("");
}

void
reply_free(struct reply *r)
{
	buf_free(&r->text);
	reply_reset(r);
}

static int
code_parse(struct span line, uint16_t *out)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !ch_digit(line.p[1]) ||
	    !ch_digit(line.p[2]))
		return E_BAD;
	*out = (uint16_t)((line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 +
			  (line.p[2] - '0'));
	return line.n == 3 || line.p[3] == ' ' || line.p[3] == '-' ? E_OK : E_BAD;
}

/* class "." subject "." detail, RFC 3463 2; the class is that of the code. */
static struct span
status_of(struct span text, uint16_t code)
{
	struct span s = span_head(text, span_find(text, ' ')), rest = s;
	s = span_head(s, span_find(s, '\n'));
	rest = s;
	if (s.n < 5 || s.n > REPLY_STATUS_MAX || s.p[0] != (char)('0' + code / 100))
		return SPAN("");
	for (int i = 0; i < 3; i++) {
		struct span part = span_cut(&rest, '.');
		uint64_t number;
		if (span_u64(part, 999, &number) != E_OK)
			return SPAN("");
	}
	return rest.n == 0 && s.p[s.n - 1] != '.' ? s : SPAN("");
}

int
reply_add(struct reply *r, struct span line)
{
	uint16_t code;
	if (code_parse(line, &code) != E_OK || (r->n_lines && code != r->code))
		return E_BAD;
	r->text.max = REPLY_BYTES_MAX;
	r->code = code;
	if (r->n_lines)
		buf_ch(&r->text, '\n');
	buf_span(&r->text, span_from(line, 4));
	if (++r->n_lines > REPLY_LINES_MAX || buf_done(&r->text) != E_OK)
		return E_LIMIT;
	if (line.n > 3 && line.p[3] == '-')
		return E_MORE;
	r->status = status_of(buf_as_span(&r->text), code);
	return E_OK;
}

void
reply_said(const struct reply *r, struct span who, struct buf *out)
{
	struct span text = buf_as_span(&r->text);
	buf_putf(out, "%.*s said: %u ", SPAN_ARG(who), r->code);
	for (size_t i = 0; i < text.n; i++)
		buf_ch(out, ch_ctl(text.p[i]) ? ' ' : text.p[i]);
}

void
reply_reason(
    const struct reply *r, struct span who, const char *fallback, struct buf *out)
{
	if (r->status.n)
		buf_span(out, r->status);
	else
		buf_putf(out, "%u.%s",
		    r->code < 300    ? 2
		    : r->code >= 500 ? 5
				     : 4,
		    fallback);
	buf_ch(out, ' ');
	reply_said(r, who, out);
}
