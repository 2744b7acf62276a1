/* SPDX-License-Identifier: ISC */
/* cmd_retr.c - RETR and TOP: a message is mapped, and sent in pieces between its dots. */
#include <sys/mman.h>
#include <unistd.h>

#include "pop3d/command.h"
#include "pop3d/stuff.h"

static void
send_text(struct session *s, struct span text)
{
	bool has_end = span_ends(text, SPAN("\n"));
	while (text.n) {
		bool needs_dot;
		struct span piece = stuff_next(&text, &needs_dot);
		if (needs_dot)
			io_put(&s->io, SPAN("."));
		for (; piece.n; piece = span_from(piece, POP3_WRITE_CHUNK))
			io_put(&s->io, span_head(piece, POP3_WRITE_CHUNK));
	}
	io_put(&s->io, has_end ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
}

/* RFC 6856 2.1 and 7: such a head is not shown to who did not ask for UTF8.  Other bytes are old mail's. */
static bool
has_utf8_head(struct span text)
{
	struct span head = span_head(text, span_search(text, SPAN("\r\n\r\n")));
	return !span_is_ascii(head) && utf8_valid(head);
}

/* The whole of a message or its top; a file that is missing costs only this reply. */
static void
send_message(struct session *s, uint64_t number, bool is_top, uint64_t lines)
{
	const struct store_record *r = drop_message(&s->drop, number);
	int fd;
	int err = drop_message_open(&s->drop, r, &fd);
	if (err != E_OK) {
		io_putf(&s->io, "-ERR %s\r\n",
		    err == E_BAD ? "this message was removed meanwhile" : "[SYS/TEMP] this message cannot be read");
		return;
	}
	off_t size = lseek(fd, 0, SEEK_END);
	void *p = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (p == MAP_FAILED) {
		io_putf(&s->io, "-ERR [SYS/TEMP] this message cannot be read\r\n");
		return;
	}
	struct span text = span_make(p, (size_t)size);
	if (!s->is_utf8 && has_utf8_head(text)) {
		munmap(p, (size_t)size);
		io_putf(&s->io, "-ERR [UTF8] its head is in UTF-8: say UTF8 before the login\r\n");
		return;
	}
	io_putf(&s->io, "+OK %llu octets\r\n", (unsigned long long)r->size_bytes);
	send_text(s, is_top ? span_head(text, top_end(text, lines)) : text);
	munmap(p, (size_t)size);
	if (!is_top)
		drop_retrieved(&s->drop, number);
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
