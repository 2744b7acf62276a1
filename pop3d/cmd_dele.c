/* SPDX-License-Identifier: ISC */
/* cmd_dele.c - DELE, RSET, and QUIT, which makes it so. */
#include "base/log.h"
#include "metrics/metric.h"
#include "pop3d/command.h"

void
cmd_dele(struct session *s, const struct arguments *a)
{
	drop_delete(&s->drop, a->message);
	io_put(&s->io, SPAN("+OK marked\r\n"));
}

void
cmd_rset(struct session *s, const struct arguments *a)
{
	(void)a;
	drop_reset(&s->drop);
	io_putf(&s->io, "+OK %zu messages\r\n", s->drop.n_left);
}

/* RFC 1939 6: +OK only when what was marked is gone, for ever. */
void
cmd_quit(struct session *s, const struct arguments *a)
{
	size_t n = 0;
	(void)a;
	int err = drop_update(&s->drop, &n);
	metric_add(M_POP3_DELETED, n);
	if (err == E_OK)
		io_putf(&s->io, "+OK bye\r\n");
	else
		io_putf(&s->io, "-ERR [SYS/TEMP] some messages were not removed\r\n");
	log_event(LOG_INFO, "quit", "removed=%zu result=%s", n, err_name(err));
	s->is_over = true;
}
