/* SPDX-License-Identifier: ISC */
/*
 * deferred_fill.c - deferred_fill SPOOL_DIR MESSAGES DESTINATIONS TENANTS DUE_SEC BYTES: a spool in
 * which so many messages wait, as a queue leaves it that has tried each once: files and rows,
 * without a network.  The queue does not run.  BYTES 0: rows alone, for files that an earlier run
 * made (remove SPOOL_DIR/sched first).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/files.h"
#include "queue/index.h"
#include "queue/retry.h"
#include "queue/turn.h"
#include "tls/hash.h"

enum { WRITERS = 2, SYNC_EVERY = 2000 };

static struct {
	unsigned n, destinations, tenants, bytes;
	int64_t due_sec;
} want;

/* The same for the process that writes its file and for the one that writes its row. */
static struct id
id_of(unsigned i)
{
	unsigned char sum[SHA256_BYTES];
	struct id id;
	sha256(span_make((const char *)&i, sizeof i), sum);
	memcpy(id.b, sum, sizeof id.b);
	return id;
}

struct made {
	char sender[64], to[64];
	struct rcpt rcpt;
	struct envelope envelope;
};

static void
make(unsigned i, struct made *m)
{
	snprintf(m->sender, sizeof m->sender, "sender%u@tenant%u.example", i % 7,
	    i % want.tenants);
	snprintf(m->to, sizeof m->to, "user%u@host%u.elsewhere.test", i,
	    i % want.destinations);
	m->rcpt = (struct rcpt){.address = span_of(m->to)};
	m->envelope = (struct envelope){.id = id_of(i),
	    .size_bytes = want.bytes,
	    .head_bytes = 0,
	    .arrived_sec = clock_wall_sec(),
	    .sender = span_of(m->sender),
	    .client = SPAN("127.0.0.1"),
	    .n_rcpts = 1,
	    .rcpts = &m->rcpt};
}

static int
write_files(const struct files *f, unsigned from)
{
	char *message = mem_new(want.bytes);
	memset(message, 'x', want.bytes);
	struct buf b = {0};
	int err = E_OK;
	for (unsigned i = from; i < want.n && err == E_OK; i += WRITERS) {
		struct made m;
		char name[FILE_NAME_BYTES], temporary[FILE_NAME_BYTES + 4];
		make(i, &m);
		sha256(span_make(message, want.bytes), m.envelope.sha256);
		buf_reset(&b);
		envelope_put(&b, &m.envelope);
		err = deferred_write(
		    f, buf_as_span(&b), NULL, 0, span_make(message, want.bytes));
		file_name(m.envelope.id, name);
		snprintf(temporary, sizeof temporary, "%s.new", name);
		if (err == E_OK &&
		    renameat(f->deferred, temporary, f->deferred, name) != 0)
			err = E_IO;
	}
	buf_free(&b);
	mem_free(&message);
	return err;
}

static int
write_rows(struct index *x)
{
	int err = E_OK;
	for (unsigned i = 0; i < want.n && err == E_OK; i++) {
		struct made m;
		make(i, &m);
		struct admin_rcpt shown = {m.rcpt.address, RCPT_WAITING,
		    SPAN("4.2.0 host said: 450 4.2.0 try again later")};
		struct index_row row = {.id = m.envelope.id,
		    .due_sec = retry_now() + want.due_sec + i % 600,
		    .first_sec = retry_now(),
		    .lane = (uint8_t)(tenant_name(&m.envelope) % INDEX_LANES),
		    .entry = {.id = m.envelope.id,
			.state = ADMIN_DEFERRED,
			.size_bytes = want.bytes,
			.arrived_sec = m.envelope.arrived_sec,
			.attempts = 1,
			.sender = m.envelope.sender,
			.n_rcpts = 1,
			.rcpts = &shown}};
		err = index_put(x, &row);
		if (err == E_OK && i % SYNC_EVERY == SYNC_EVERY - 1)
			err = index_sync(x);
	}
	return err == E_OK ? index_sync(x) : err;
}

int
main(int argc, char **argv)
{
	struct files files;
	struct index *index;
	int status = 0, one;
	if (argc < 7)
		return 2;
	want.n = (unsigned)atoi(argv[2]);
	want.destinations = (unsigned)atoi(argv[3]);
	want.tenants = (unsigned)atoi(argv[4]);
	want.due_sec = atoll(argv[5]);
	want.bytes = (unsigned)atoi(argv[6]);
	if (!want.destinations || !want.tenants || files_open(argv[1], &files) != E_OK)
		return 2;
	if (mkdirat(files.dir, "sched", 0700) != 0)
		return 2; /* a spool that was used */
	int64_t begin = clock_mono_ms();
	for (unsigned w = 0; w < WRITERS && want.bytes; w++)
		if (fork() == 0)
			_exit(write_files(&files, w) != E_OK);
	while (wait(&one) > 0)
		status |= one;
	printf("files: %lld ms\n", (long long)(clock_mono_ms() - begin));
	begin = clock_mono_ms();
	retry_clock_start(0, 0);
	if (index_open(argv[1], &index) != E_OK || write_rows(index) != E_OK)
		return 1;
	index_close(&index);
	printf("rows: %lld ms, %.1f us each\n", (long long)(clock_mono_ms() - begin),
	    (double)(clock_mono_ms() - begin) * 1000 / want.n);
	sync();
	return status != 0;
}
