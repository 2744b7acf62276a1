/* SPDX-License-Identifier: ISC */
/*
 * fuzz_segment.c - the replay of a segment.  The input is what follows the header page; the key is fixed, so
 * that seeds hold good batches.
 * fuzz: queue/batch.c queue/segment.c common/tls/hash.c
 * fuzz: common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c common/base/arena.c
 * libs: -lgnutls
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/batch.h"

enum { PAGES = 16, SEGMENT = (1 + PAGES) * JOURNAL_PAGE };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct segment segment = {.fd = -1, .use = 1, .bytes = SEGMENT};
static unsigned char seen;

static void
look(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		seen ^= (unsigned char)s.p[i];
}

static void
on_record(void *ctx, unsigned number, const struct record *r)
{
	(void)ctx, (void)number;
	look(r->envelope);
	look(r->message);
	if (r->offset + r->message.n > SEGMENT)
		abort();
}

static void
on_bad(void *ctx, unsigned number, uint64_t offset, struct span bytes, const char *why)
{
	(void)ctx, (void)number, (void)why;
	look(bytes);
	if (offset + bytes.n > SEGMENT)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct journal_visitor visitor = {NULL, on_record, on_bad};
	if (segment.fd < 0) {
		log_level(LOG_EMERG);
		segment.fd = memfd_create("segment", MFD_CLOEXEC);
		segment.mac = mac_new("the fuzzer's key", MAC_KEY_BYTES);
	}
	if (n > SEGMENT - JOURNAL_PAGE)
		n = SEGMENT - JOURNAL_PAGE;
	if (ftruncate(segment.fd, 0) != 0 ||
	    pwrite(segment.fd, data, n, JOURNAL_PAGE) != (ssize_t)n ||
	    ftruncate(segment.fd, SEGMENT) != 0)
		abort();
	segment.state = SEGMENT_LIVE;
	segment.end = JOURNAL_PAGE;
	segment.batches = 0;
	if (batch_replay(&segment, 0, &visitor) != E_OK || segment.end > SEGMENT)
		abort();
	return 0;
}
