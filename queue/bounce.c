/* SPDX-License-Identifier: ISC */
/* bounce.c - the process: asked by sched, it composes a report and hands it to the spool. */
#include "queue/bounce.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "spool/put.h"

enum { PH_ANY = 1 };

static struct spool_client spool;

static int
connect_spool(int *out)
{
	return child_daemon("queue", out);
}

/* The report is in the spool, or was before under the same id. */
static bool
make(const struct envelope *e, const struct bounce_failure *f, size_t n, struct span to, struct span message,
    struct arena *arena)
{
	struct buf report = {.max = SPOOL_SMALL_MAX};
	enum spool_verdict v = SPOOL_FAILED;
	struct envelope made;
	bounce_compose(conf_str(the_child.conf, "common", "hostname"), e, f, n, message, to, arena, &report, &made);
	int err = buf_done(&report);
	if (err == E_OK)
		err = spool_put(&spool, &made, buf_as_span(&report), &v);
	buf_free(&report);
	log_event(LOG_NOTICE, err == E_OK && v == SPOOL_OK ? "reported" : "not_reported", "mid=%s report=%s to=%s failures=%zu",
	    id_text(e->id), id_text(made.id), log_q(to), n);
	return err == E_OK && v == SPOOL_OK;
}

static bool
with_message(int fd, const struct envelope *e, const struct bounce_failure *f, size_t n, struct span to,
    struct arena *arena)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		return make(e, f, n, to, SPAN(""), arena);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	bool is_made = make(e, f, n, to, span_make(p, (size_t)st.st_size), arena);
	munmap(p, (size_t)st.st_size);
	return is_made;
}

static int
ask_make(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct arena arena = {.max_bytes = 4 << 20};
	struct envelope e;
	(void)a, (void)fd_back;
	struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
	uint16_t n = rd_u16(body);
	struct bounce_failure *f = arena_get(&arena, n * sizeof *f);
	for (uint16_t i = 0; f && i < n; i++) {
		f[i].rcpt = rd_u16(body);
		f[i].reason = rd_str(body, JOB_REASON_MAX);
	}
	struct span to = rd_str(body, ENVELOPE_PATH_MAX);
	int err = f && n && n <= BOUNCE_FAILURES_MOST ? rd_end(body) : E_BAD;
	if (err == E_OK)
		err = envelope_get(envelope, &arena, &e);
	for (uint16_t i = 0; err == E_OK && i < n; i++)
		if (f[i].rcpt >= e.n_rcpts)
			err = E_BAD;
	if (err == E_OK)
		buf_u8(reply, with_message(*fd, &e, f, n, to, &arena));
	arena_reset(&arena);
	return err;
}

/* clang-format off */
static const struct ask_row rows[BOUNCE_ASKS] = {
	/*               name    legal in  times  bytes            fd back  answered by */
	[BOUNCE_MAKE] = {"MAKE", PH_ANY,   0,     ASK_MSG_MAX - 2, false,   ask_make},
};
/* clang-format on */

static const struct ask_table table = {.rows = rows, .n_rows = COUNT(rows), .who = "sched"};

static const struct ask_table *
table_of(unsigned kind)
{
	return kind == QUEUE_SCHED ? &table : NULL;
}

void
bounce_jail(struct jail *j)
{
	(void)j; /* no file, no socket: what it needs comes as descriptors */
}

int
bounce_run(void)
{
	spool_client_init(&spool, connect_spool);
	return child_serve(table_of, NULL, 0);
}
