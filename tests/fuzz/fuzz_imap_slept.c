/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_slept.c - what a nest gives back of a session that slept: it is refused, or says what it says once more, within its limits.
 * fuzz: imapd/slept.c common/store/numset.c common/net/deflate.c
 * libs: -lz
 */
#include <stdlib.h>

#include "base/log.h"
#include "imapd/session.h"
#include "imapd/slept.h"
#include "net/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* Bytes that a client may have sent then are inflated, or refused. */
static void
go_on(struct span saved)
{
	static char raw[64];
	struct deflate *d;
	struct rd r = rd_of(saved);
	char out[256];
	size_t got = 0;
	bool wants;
	if (deflate_load(&r, -1, &d) != E_OK) {
		check(d == NULL);
		return;
	}
	check(deflate_feed(d, span_make(raw, sizeof raw)) == E_OK);
	if (deflate_way.read(d, out, sizeof out, &got, &wants) == E_OK)
		check(got <= sizeof out);
	deflate_free(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slept z;
	struct buf again = {0};
	struct span in = span_make((const char *)p, n);
	log_level(LOG_EMERG);
	if (slept_get(in, &z) == E_OK) {
		check(z.tag.n <= IMAP_TAG_MAX && z.input.n <= SLEPT_INPUT_MAX);
		check(z.mailbox.pending.n <= SLEPT_RANGES_MOST);
		slept_put(&again, &z);
		check(span_eq(buf_as_span(&again), in));
		go_on(z.deflate);
	}
	slept_done(&z);
	buf_free(&again);
	go_on(in);
	return 0;
}
