/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_login.c - what a client says before its login: the first byte says how it came.  Each line or literal has exactly
 * one tagged reply of the right form, or one "+", or asks auth once and is silent, or ends the connection with BYE.
 * fuzz: tests/fuzz/front.c
 * fuzz: imapd/login.c common/login/dialect.c imapd/capability.c imapd/language.c imapd/parse.c imapd/parse_values.c imapd/respond.c common/mime/date.c common/mime/charset*.c common/mime/lex.c common/mime/utf7.c
 */
#include <string.h>

#include "base/log.h"
#include "front.h"
#include "imapd/login.h"
#include "imapd/respond.h"
#include "imapd/ring.h"
#include "proc/child.h"

enum { REPLY_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct child the_child = {.daemon = "imapd", .control = -1};

/* ---- the processes around it ---- */

int
io_flush(struct io *io)
{
	(void)io;
	return E_OK;
}

void
ring_capability_put(struct buf *out)
{
	(void)out;
}

/* ---- what must hold ---- */

static bool
is_tagged(struct span line)
{
	struct span status = line, tag = span_cut(&status, ' ');
	return tag.n &&
	       (span_starts(status, SPAN("OK ")) || span_starts(status, SPAN("NO ")) ||
		   span_starts(status, SPAN("BAD ")));
}

/* Lines of untagged data, then one that ends the command: tagged, "+", or BYE. */
static void
check_reply(struct span reply, bool is_over)
{
	unsigned n_ends = 0;
	check(reply.n <= REPLY_MAX && span_ends(reply, SPAN("\r\n")));
	while (reply.n) {
		struct span line = span_head(reply, span_search(reply, SPAN("\r\n")));
		reply = span_from(reply, line.n + 2);
		check(span_find(line, '\n') == line.n);
		bool is_data = span_starts(line, SPAN("* CAPABILITY ")) ||
		               span_starts(line, SPAN("* ID (")) ||
		               span_starts(line, SPAN("* BYE "));
		check(is_data || span_starts(line, SPAN("+ ")) || is_tagged(line));
		n_ends += !is_data;
	}
	check(n_ends == 1 || (is_over && n_ends == 0));
}

static void
feed(struct front_conn *c, struct span piece, bool is_line)
{
	buf_reset(&c->out);
	n_asked = 0;
	if (is_line)
		imap_dialect.line(c, piece);
	else
		imap_dialect.octets(c, piece);
	check(c->command.len <= FRONT_OCTETS_MAX + 2);
	if (n_asked)
		check(n_asked == 1 && c->out.len == 0);
	/* a "{n+}": more is awaited */
	else if (!is_line || (c->out.len == 0 && c->command.len))
		check(c->out.len == 0 && c->state == FRONT_TALK);
	else
		check_reply(buf_as_span(&c->out), c->state == FRONT_CLOSING);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 1 || n > FRONT_LINE_MAX)
		return 0;
	log_level(LOG_EMERG);
	struct span in = span_make(p + 1, n - 1);
	struct front_conn c = front_client(p[0]);
	must_have_tag = true;
	while (in.n && c.state == FRONT_TALK) {
		bool is_line = c.n_octets_wanted == 0;
		if (!is_line && in.n < c.n_octets_wanted)
			break;
		struct span piece = is_line ? span_head(in, span_find(in, '\n'))
		                            : span_head(in, c.n_octets_wanted);
		in = span_from(in, piece.n + is_line < in.n ? piece.n + is_line : in.n);
		c.n_octets_wanted = 0;
		if (is_line && span_ends(piece, SPAN("\r")))
			piece.n--;
		feed(&c, piece, is_line);
	}
	front_client_free(&c);
	return 0;
}
