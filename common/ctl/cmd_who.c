/* SPDX-License-Identifier: ISC */
/* cmd_who.c - who is served now: every running monitor is asked. */
#include <unistd.h>

#include "base/clock.h"
#include "ctl/daemons.h"
#include "ctl/table.h"
#include "proc/daemon.h"

enum { WHO_WAIT_MS = 5000 };

static const struct column columns[] = {
    {"daemon", "DAEMON", CELL_TEXT},
    {"role", "ROLE", CELL_TEXT},
    {"pid", "PID", CELL_NUMBER},
    {"address", "ADDRESS", CELL_TEXT},
    {"account", "ACCOUNT", CELL_TEXT},
    {"since", "SINCE", CELL_TIME},
};

/* One packet's rows; *n says how many: the last has none. */
static int
take_rows(const char *daemon, struct rd *body, struct table *t, uint16_t *n)
{
	*n = rd_u16(body);
	for (uint16_t i = 0; i < *n && body->err == E_OK; i++) {
		uint32_t pid = rd_u32(body);
		struct span role = rd_str(body, WHO_TEXT_MAX),
			    address = rd_str(body, WHO_TEXT_MAX);
		struct span account = rd_str(body, WHO_TEXT_MAX);
		uint64_t since = rd_u64(body);
		table_text(t, span_of(daemon));
		table_text(t, role);
		table_number(t, pid);
		table_text(t, address);
		table_text(t, account);
		table_number(t, (int64_t)since);
	}
	return rd_end(body);
}

static int
ask(void *ctx, const char *daemon, int fd)
{
	struct buf in = {0};
	struct ask_msg m;
	uint16_t n = 1;
	int64_t deadline = deadline_in_ms(WHO_WAIT_MS);
	int err = ask_send(fd, CTL_SOCKET_WHO, SPAN(""), -1, deadline);
	while (err == E_OK && n) {
		err = ask_recv(fd, &in, &m, deadline);
		if (err == E_OK && m.fd >= 0)
			close(m.fd);
		if (err == E_OK)
			err = m.type == (CTL_SOCKET_WHO | ASK_REPLY)
			          ? take_rows(daemon, &m.body, ctx, &n)
			          : E_BAD;
	}
	buf_free(&in);
	return err;
}

int
cmd_who(struct merpati *c, int argc, char **argv)
{
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 0);
	if (status != EX_OK)
		return status;
	status = daemons_ask(c, ask, &t);
	table_print(&t, c->is_json);
	table_free(&t);
	return status == EX_OK ? ctl_done() : status;
}
