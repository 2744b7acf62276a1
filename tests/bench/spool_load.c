/* SPDX-License-Identifier: ISC */
/*
 * spool_load.c - spool_load SOCKET CLIENTS SECONDS BYTES [ADDRESS]: messages a second into the
 * spool, without SMTP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/put.h"
#include "tls/hash.h"

enum { SAMPLES = 1 << 16 };

static const char *path;

/* What the processes count together. */
struct count {
	uint64_t n, failed;
	uint32_t samples_us[SAMPLES];
};

static int
connect_spool(int *out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	*out = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return connect(*out, (struct sockaddr *)&a, sizeof a) == 0 ? E_OK : E_IO;
}

static void
load(struct count *c, int64_t until_ms, size_t bytes, bool asks_room)
{
	struct rcpt to = {.address = SPAN("u1@example.test")};
	char *message = mem_new(bytes);
	memset(message, 'x', bytes);
	struct envelope e = {.size_bytes = bytes,
	    .sender = SPAN("a@example.test"),
	    .client = SPAN("127.0.0.1"),
	    .n_rcpts = 1,
	    .rcpts = &to};
	struct spool_client spool;
	sha256(span_make(message, bytes), e.sha256);
	spool_client_init(&spool, connect_spool);
	while (clock_mono_ms() < until_ms) {
		enum spool_verdict v = SPOOL_OK;
		int64_t begin = clock_mono_us();
		e.id = id_new();
		int err = asks_room ? spool_room(&spool, bytes, &v) : E_OK;
		if (err == E_OK && v == SPOOL_OK)
			err = spool_put(&spool, &e, span_make(message, bytes), &v);
		if (err != E_OK || v != SPOOL_OK) {
			__atomic_add_fetch(&c->failed, 1, __ATOMIC_RELAXED);
			usleep(1000);
			continue;
		}
		uint64_t at = __atomic_fetch_add(&c->n, 1, __ATOMIC_RELAXED);
		c->samples_us[at % SAMPLES] = (uint32_t)(clock_mono_us() - begin);
	}
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	path = argv[1];
	int n = atoi(argv[2]), seconds = atoi(argv[3]);
	struct count *c = mmap(
	    NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t until = clock_mono_ms() + seconds * 1000;
	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			load(c, until, (size_t)atol(argv[4]), argc < 6);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	size_t kept = c->n < SAMPLES ? c->n : SAMPLES;
	qsort(c->samples_us, kept, sizeof c->samples_us[0], by_size);
	printf("%llu messages, %llu/s, %llu refused; us: median %u, p99 %u, most %u\n",
	    (unsigned long long)c->n, (unsigned long long)c->n / (unsigned)seconds,
	    (unsigned long long)c->failed, kept ? c->samples_us[kept / 2] : 0,
	    kept ? c->samples_us[kept * 99 / 100] : 0,
	    kept ? c->samples_us[kept - 1] : 0);
	return 0;
}
