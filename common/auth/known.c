/* SPDX-License-Identifier: ISC */
/* known.c - a small table of keys that were right. */
#include "auth/known.h"

#include <string.h>

#include "base/clock.h"
#include "base/id.h"

struct known {
	unsigned char tag[SHA256_BYTES]; /* of salt and password, under our key */
	unsigned char stored_key[HASH_BYTES_MAX];
	int64_t until_ms;
};

static struct {
	unsigned char key[KNOWN_KEY_BYTES];
	/* own: KNOWN_ENTRIES, each at one of a few places; NULL until needed */
	struct known *all;
} the;

void
known_open(void)
{
	random_fill(the.key, sizeof the.key);
}

void
known_close(void)
{
	if (the.all)
		mem_wipe(the.all, KNOWN_ENTRIES * sizeof *the.all);
	mem_free(&the.all);
	mem_wipe(the.key, sizeof the.key);
}

static void
make_tag(const struct scram_verifier *v, struct span password, unsigned char *out)
{
	struct buf text = {0};
	buf_u8(&text, (uint8_t)v->kind);
	buf_u32(&text, v->iterations);
	buf_bytes(&text, span_make(v->salt, v->salt_bytes));
	buf_bytes(&text, password);
	hmac_sha256(span_make(the.key, sizeof the.key), buf_as_span(&text), out);
	buf_wipe(&text);
}

/*
 * Where what is known of this tag stands, else what is known for longest.  With one place for each,
 * of 100 accounts 17 drove each other out, and paid PBKDF2 at each login.
 */
static struct known *
place_of(const unsigned char *tag)
{
	uint32_t set;
	if (!the.all)
		the.all = mem_new(KNOWN_ENTRIES * sizeof *the.all);
	memcpy(&set, tag, sizeof set);
	struct known *places =
			 &the.all[set % (KNOWN_ENTRIES / KNOWN_WAYS) * KNOWN_WAYS],
		     *oldest = places;
	for (size_t i = 0; i < KNOWN_WAYS; i++) {
		if (mem_same(places[i].tag, tag, sizeof places[i].tag))
			return &places[i];
		if (places[i].until_ms < oldest->until_ms)
			oldest = &places[i];
	}
	return oldest;
}

int
known_derive(struct span password, struct scram_verifier *v)
{
	unsigned char tag[SHA256_BYTES];
	make_tag(v, password, tag);
	const struct known *k = place_of(tag);
	if (clock_mono_ms() >= k->until_ms || !mem_same(k->tag, tag, sizeof tag))
		return scram_verifier_derive(password, v) == E_OK ? E_OK : E_DENY;
	memcpy(v->stored_key, k->stored_key, sizeof v->stored_key);
	return E_OK;
}

void
known_remember(struct span password, const struct scram_verifier *v)
{
	unsigned char tag[SHA256_BYTES];
	make_tag(v, password, tag);
	struct known *k = place_of(tag);
	int64_t now = clock_mono_ms();
	if (now < k->until_ms && mem_same(k->tag, tag, sizeof tag))
		return; /* it ends when it would have ended */
	memcpy(k->tag, tag, sizeof tag);
	memcpy(k->stored_key, v->stored_key, sizeof k->stored_key);
	k->until_ms = now + KNOWN_MS;
}
