/* SPDX-License-Identifier: ISC */
/* bounce.c - the process: asked by sched, it composes a report and hands it back. */
#include "queue/bounce.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "queue/sealed.h"
#include "spool/put.h"

enum { PH_ANY = 1 };

/* What one report is made of. */
struct about {
	struct envelope envelope;
	struct bounce_failure *failures; /* in the arena */
	uint16_t n;
	struct span to;
	struct arena arena;              /* own */
};

/* A memory file of the report, its envelope into reply; -1: none could be made. */
static int
make(struct about *x, struct span message, struct buf *reply)
{
	struct buf report = {.max = SPOOL_SMALL_MAX};
	struct envelope made;
	int fd = -1;
	bounce_compose(conf_str(the_child.conf, "common", "hostname"), &x->envelope, x->failures, x->n, message, x->to,
	    &x->arena, &report, &made);
	if (buf_done(&report) == E_OK)
		fd = sealed_copy(buf_as_span(&report));
	buf_free(&report);
	buf_u32(reply, 0);
	envelope_put(reply, &made);
	buf_set_u32(reply, 0, (uint32_t)reply->len - 4);
	return fd;
}

static int
with_message(int fd, struct about *x, struct buf *reply)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		return make(x, SPAN(""), reply);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return make(x, SPAN(""), reply);
	int made = make(x, span_make(p, (size_t)st.st_size), reply);
	munmap(p, (size_t)st.st_size);
	return made;
}

static int
about_get(struct rd *body, struct about *out)
{
	struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
	out->n = rd_u16(body);
	out->failures = arena_get(&out->arena, out->n * sizeof *out->failures);
	for (uint16_t i = 0; out->failures && i < out->n; i++) {
		out->failures[i].rcpt = rd_u16(body);
		out->failures[i].reason = rd_str(body, JOB_REASON_MAX);
	}
	out->to = rd_str(body, ENVELOPE_PATH_MAX);
	int err = out->failures && out->n && out->n <= BOUNCE_FAILURES_MOST ? rd_end(body) : E_BAD;
	if (err == E_OK)
		err = envelope_get(envelope, &out->arena, &out->envelope);
	for (uint16_t i = 0; err == E_OK && i < out->n; i++)
		if (out->failures[i].rcpt >= out->envelope.n_rcpts)
			err = E_BAD;
	return err;
}

static int
ask_make(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct about x = {.arena = {.max_bytes = 4 << 20}};
	(void)a;
	int err = about_get(body, &x);
	if (err == E_OK)
		*fd_back = with_message(*fd, &x, reply);
	arena_reset(&x.arena);
	return err;
}

/* clang-format off */
static const struct ask_row rows[BOUNCE_ASKS] = {
	/*               name    legal in  times  bytes            fd back  answered by */
	[BOUNCE_MAKE] = {"MAKE", PH_ANY,   0,     ASK_MSG_MAX - 2, true,    ask_make},
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
	return child_serve(table_of, NULL, 0);
}
