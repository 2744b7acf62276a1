/* SPDX-License-Identifier: ISC */
/* cmd_list.c - STAT, LIST, UIDL: what is there. */
#include "pop3d/command.h"

void
cmd_stat(struct session *s, const struct arguments *a)
{
	(void)a;
	io_putf(&s->io, "+OK %zu %llu\r\n", s->drop.n_left,
	    (unsigned long long)s->drop.bytes_left);
}

static void
put_size(struct session *s, uint64_t number, const struct store_record *r)
{
	io_putf(&s->io, "%llu %llu\r\n", (unsigned long long)number,
	    (unsigned long long)r->size_bytes);
}

static void
put_uidl(struct session *s, uint64_t number, const struct store_record *r)
{
	struct buf uidl = {0};
	store_uidl(s->drop.store, r, &uidl);
	io_putf(&s->io, "%llu %s\r\n", (unsigned long long)number, buf_cstr(&uidl));
	buf_free(&uidl);
}

/* One line after "+OK ", or a line for each that is not marked. */
static void
one_or_all(struct session *s, const struct arguments *a,
    void (*put)(struct session *, uint64_t, const struct store_record *))
{
	if (a->message) {
		io_put(&s->io, SPAN("+OK "));
		put(s, a->message, drop_message(&s->drop, a->message));
		return;
	}
	io_putf(&s->io, "+OK %zu messages\r\n", s->drop.n_left);
	for (uint64_t i = 1; i <= s->drop.n; i++) {
		const struct store_record *r = drop_message(&s->drop, i);
		if (r)
			put(s, i, r);
	}
	io_put(&s->io, SPAN(".\r\n"));
}

void
cmd_list(struct session *s, const struct arguments *a)
{
	one_or_all(s, a, put_size);
}

void
cmd_uidl(struct session *s, const struct arguments *a)
{
	one_or_all(s, a, put_uidl);
}
