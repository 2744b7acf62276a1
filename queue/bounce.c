/* SPDX-License-Identifier: ISC */
/* bounce.c - the process: asked by sched, it composes a report and hands it back. */
#include "queue/bounce.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "dkim/sign.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "queue/report_sign.h"
#include "queue/sealed.h"
#include "spool/put.h"

enum { PH_ANY = 1 };

static struct dkim_signer signer;

static int
key_channel(int *out)
{
	return child_channel("key", out);
}

/* What one report is made of. */
struct work {
	struct envelope envelope;
	struct bounce_about about;
	struct arena arena; /* own */
};

/* A memory file of the report, its envelope into reply; -1: none could be made. */
static int
make(struct work *w, struct buf *reply)
{
	struct buf report = {.max = SPOOL_SMALL_MAX};
	struct envelope made;
	int fd = -1;
	bounce_compose(conf_str(the_child.conf, "common", "hostname"), &w->about,
	    &w->arena, &report, &made);
	if (buf_done(&report) == E_OK) {
		report_sign(&signer, made.arrived_sec, &report, &made);
		fd = sealed_copy(buf_as_span(&report));
	}
	buf_free(&report);
	buf_u32(reply, 0);
	envelope_put(reply, &made);
	buf_set_u32(reply, 0, (uint32_t)reply->len - 4);
	return fd;
}

static int
with_message(int fd, struct work *w, struct buf *reply)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		return make(w, reply);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return make(w, reply);
	w->about.message = span_make(p, (size_t)st.st_size);
	int made = make(w, reply);
	munmap(p, (size_t)st.st_size);
	return made;
}

static int
rcpts_get(struct rd *body, struct work *w)
{
	uint16_t n = rd_u16(body);
	if (n == 0 || n > BOUNCE_RCPTS_MOST)
		return E_BAD;
	struct bounce_rcpt *all = arena_get(&w->arena, n * sizeof *all);
	if (!all)
		return E_LIMIT;
	for (uint16_t i = 0; i < n; i++) {
		all[i].rcpt = rd_u16(body);
		all[i].action = rd_u8(body);
		all[i].reason = rd_str(body, JOB_REASON_MAX);
	}
	w->about.rcpts = all;
	w->about.n = n;
	return body->err;
}

/* Those of one report are of one kind. */
static bool
are_sound(const struct work *w)
{
	for (size_t i = 0; i < w->about.n; i++) {
		const struct bounce_rcpt *r = &w->about.rcpts[i];
		if (r->rcpt >= w->envelope.n_rcpts || r->action == ACTION_NONE ||
		    r->action >= BOUNCE_ACTIONS ||
		    bounce_kind_of(r->action) !=
			bounce_kind_of(w->about.rcpts[0].action))
			return false;
	}
	return true;
}

static int
work_get(struct rd *body, struct work *w)
{
	struct span envelope = rd_str(body, ENVELOPE_BYTES_MAX);
	int err = rcpts_get(body, w);
	if (err != E_OK)
		return err;
	w->about.to = rd_str(body, ENVELOPE_PATH_MAX);
	w->about.attempt_sec = (int64_t)rd_u64(body);
	w->about.retry_until_sec = (int64_t)rd_u64(body);
	err = rd_end(body);
	if (err == E_OK)
		err = envelope_get(envelope, &w->arena, &w->envelope);
	w->about.envelope = &w->envelope;
	return err == E_OK && !are_sound(w) ? E_BAD : err;
}

static int
ask_make(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct work w = {.arena = {.max_bytes = 4 << 20}};
	(void)a;
	int err = work_get(body, &w);
	if (err == E_OK)
		*fd_back = with_message(*fd, &w, reply);
	arena_reset(&w.arena);
	return err;
}

/* clang-format off */
static const struct ask_row rows[BOUNCE_ASKS] = {
	/*               name    legal in  times  bytes            fd back  answered by */
	[BOUNCE_MAKE] = {"MAKE", PH_ANY,   0,     ASK_MSG_MAX - 2, true,    ask_make},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "sched"};

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
	dkim_signer_init(&signer, key_channel);
	return child_serve(table_of, NULL, 0);
}
