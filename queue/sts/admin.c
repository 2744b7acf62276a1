/* SPDX-License-Identifier: ISC */
/* admin.c - RUN/queue/reports: what people ask of reports on TLS. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proc/child.h"
#include "proc/loop.h"
#include "queue/sts/tlsrpt.h"
#include "spool/admin.h"

enum { PH_ANY = 1, ADMINS_MOST = 8, LIST_MOST = 50 /* of an answer */ };

static unsigned n_admins;

static uint64_t
sum_of(const struct tally_row *row, bool is_fine)
{
	uint64_t n = 0;
	for (size_t i = 0; i < row->n_policies; i++)
		n += is_fine ? row->policies[i].n_fine : row->policies[i].n_failed;
	return n;
}

static void
put_row(struct buf *out, const struct tally_row *row)
{
	admin_report_put(out, &(struct admin_report){.day = row->day,
				  .domain = row->domain,
				  .n_fine = sum_of(row, true),
				  .n_failed = sum_of(row, false),
				  .due_sec = row->due_sec,
				  .attempts = row->attempts});
}

static int
ask_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct tally_row *row = mem_new(sizeof *row);
	uint32_t day = rd_u32(body);
	struct span domain = rd_str(body, DNS_NAME_MAX);
	uint16_t n = 0;
	(void)a, (void)fd, (void)fd_back;
	int err = rd_end(body) == E_OK ? E_OK : E_BAD;
	buf_u16(reply, 0);
	for (; err == E_OK && n < LIST_MOST && tlsrpt_next(day, domain, row) == E_OK;
	     n++) {
		put_row(reply, row);
		day = row->day;
		domain = row->domain;
	}
	reply->p[0] = (char)n;
	tally_row_done(row);
	mem_free(&row);
	return err;
}

static int
ask_send_now(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u32(reply, tlsrpt_hurry());
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*                name    legal in  times  bytes                 fd back  answered by */
	[REPORTS_LIST] = {"LIST", PH_ANY,   60000, 8 + DNS_NAME_MAX,     false,   ask_list},
	[REPORTS_SEND] = {"SEND", PH_ANY,   600,   0,                    false,   ask_send_now},
};

/* clang-format on */

static void
on_gone(struct asker *a)
{
	(void)a;
	n_admins--;
}

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "admin", .gone = on_gone};

const struct ask_table *
sts_admin_table(void)
{
	return &table;
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (n_admins == ADMINS_MOST || !ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	n_admins++;
	the_child.on_client(fd, STS_ADMIN, SPAN(""));
}

void
sts_admin_open(void)
{
	for (size_t i = 0; i < the_child.n_listeners; i++)
		if (strcmp(the_child.listeners[i].kind, "reports") == 0)
			loop_watch(child_loop(), the_child.listeners[i].fd, LOOP_READ,
			    on_listener, NULL);
}
