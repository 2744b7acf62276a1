/* SPDX-License-Identifier: ISC */
/*
 * cmd_retr.c - RETR and TOP: a message is sent in pieces between its dots.  System calls of any
 * command whose client waits for its reply: poll, recvfrom, sendto; of these open, fstat, pread,
 * close, too.
 */
#include "metrics/metric.h"
#include "pop3d/command.h"
#include "pop3d/stuff.h"

/* With the last goes what ends the reply: a packet less, and a wake-up of the client. */
static void
put_piece(struct io *io, struct span piece, bool is_last)
{
	for (; piece.n > POP3_WRITE_CHUNK; piece = span_from(piece, POP3_WRITE_CHUNK))
		io_put(io, span_head(piece, POP3_WRITE_CHUNK));
	if (is_last)
		buf_span(&io->out, piece);
	else
		io_put(io, piece);
}

static void
send_text(struct session *s, struct span text)
{
	bool has_end = span_ends(text, SPAN("\n"));
	while (text.n) {
		bool needs_dot;
		struct span piece = stuff_next(&text, &needs_dot);
		if (needs_dot)
			io_put(&s->io, SPAN("."));
		put_piece(&s->io, piece, text.n == 0);
	}
	io_put(&s->io, has_end ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
}

/*
 * RFC 6856 2.1 and 7: such a head is not shown to who did not ask for UTF8.  Other bytes are old
 * mail's.
 */
static bool
has_utf8_head(struct span text)
{
	if (span_is_ascii(text))
		return false; /* faster than looking for its end */
	struct span head = span_head(text, span_search(text, SPAN("\r\n\r\n")));
	return !span_is_ascii(head) && utf8_valid(head);
}

/* Small ones are read, large ones mapped: then is_mapped. */
static int
take_text(
    struct session *s, const struct store_record *r, struct span *out, bool *is_mapped)
{
	*is_mapped = false;
	if (drop_is_gone(&s->drop, r))
		return E_BAD;
	int err = store_message_read(s->drop.store, r, &s->text);
	if (err == E_LIMIT) {
		err = store_message_map(s->drop.store, r, out);
		*is_mapped = err == E_OK;
	} else {
		*out = buf_as_span(&s->text);
	}
	return err == E_OK && out->n == 0 ? E_IO : err;
}

/* The whole of a message or its top; a file that is missing costs only this reply. */
static void
send_message(struct session *s, uint64_t number, bool is_top, uint64_t lines)
{
	const struct store_record *r = drop_message(&s->drop, number);
	struct span text;
	bool is_mapped;
	int err = take_text(s, r, &text, &is_mapped);
	if (err != E_OK) {
		io_putf(&s->io, "-ERR %s\r\n",
		    err == E_BAD ? "this message was removed meanwhile"
				 : "[SYS/TEMP] this message cannot be read");
		return;
	}
	if (!s->is_utf8 && has_utf8_head(text)) {
		io_putf(&s->io,
		    "-ERR [UTF8] its head is in UTF-8: say UTF8 before the login\r\n");
	} else {
		io_putf(
		    &s->io, "+OK %llu octets\r\n", (unsigned long long)r->size_bytes);
		send_text(s, is_top ? span_head(text, top_end(text, lines)) : text);
		if (!is_top) {
			drop_retrieved(&s->drop, number);
			metric_count(M_POP3_RETRIEVED);
		}
	}
	if (is_mapped)
		store_message_unmap(&text);
}

void
cmd_retr(struct session *s, const struct arguments *a)
{
	send_message(s, a->message, false, 0);
}

void
cmd_top(struct session *s, const struct arguments *a)
{
	send_message(s, a->message, true, a->lines);
}
