/* SPDX-License-Identifier: ISC */
/* cmd_data.c - DATA, RFC 5321 4.1.1.4. */
#include "smtpd/command.h"

/* R_NONE: the final dot came.  What was read behind it stays unread: commands. */
static enum reply
read_message(struct session *s)
{
	struct message *m = &s->message;
	for (;;) {
		struct span in = io_unread(&s->io), piece;
		size_t before = in.n;
		enum data_event e;
		while ((e = data_next(&m->scan, &in, &piece)) == DATA_PIECE)
			message_add(m, piece);
		io_take(&s->io, before - in.n);
		if (e == DATA_END)
			return R_NONE;
		if (m->size_bytes > DATA_BIG)
			s->io.chunk = DATA_CHUNK;
		int err = io_fill(&s->io);
		if (err != E_OK)
			return session_io_reply(s, err);
	}
}

enum reply
cmd_data(struct session *s, struct span argument)
{
	(void)argument;
	if (s->message.is_binary) { /* RFC 3030 3 */
		buf_str(&s->argument, "BINARYMIME needs BDAT");
		return R_SEQUENCE;
	}
	enum reply r = txn_data(s, s->txn.announced_bytes);
	if (r != R_NONE) {
		/* or a second DATA would come past filters that have said all they had to say */
		txn_reset(s);
		return r;
	}
	session_say(s, R_GO_AHEAD);
	r = read_message(s);
	return r == R_NONE ? txn_finish(s) : r;
}
