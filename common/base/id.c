/* SPDX-License-Identifier: ISC */
/* id.c - unique names. */
#include "base/id.h"

#include <string.h>
#include <sys/random.h>

#include "base/buf.h"

void
random_fill(void *p, size_t n)
{
	char *at = p;
	while (n) {
		ssize_t got = getrandom(at, n, 0);
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

uint32_t
random_below(uint32_t bound)
{
	uint32_t v;
	random_fill(&v, sizeof v);
	return (uint32_t)((uint64_t)v * bound >> 32);
}

struct id
id_new(void)
{
	struct id id;
	random_fill(id.b, sizeof id.b);
	return id;
}

void
rd_id(struct rd *r, struct id *out)
{
	struct span s = rd_bytes(r, ID_BYTES);
	*out = (struct id){{0}};
	memcpy(out->b, s.p, s.n);
}

void
rd_file_id(struct rd *r, struct file_id *out)
{
	struct span s = rd_bytes(r, FILE_ID_BYTES);
	*out = (struct file_id){{0}};
	memcpy(out->b, s.p, s.n);
}

bool
id_eq(struct id a, struct id b)
{
	return memcmp(a.b, b.b, ID_BYTES) == 0;
}

bool
id_is_zero(struct id id)
{
	return id_eq(id, (struct id){{0}});
}

static const char *
hex_text(const unsigned char *p, size_t n)
{
	static char text[8][FILE_ID_TEXT + 1];
	static unsigned turn;
	static const char digit[] = "0123456789abcdef";
	char *t = text[turn++ % 8];
	for (size_t i = 0; i < n; i++) {
		t[2 * i] = digit[p[i] >> 4];
		t[2 * i + 1] = digit[p[i] & 15];
	}
	t[2 * n] = '\0';
	return t;
}

const char *
id_text(struct id id)
{
	return hex_text(id.b, ID_BYTES);
}

int
id_parse(struct span text, struct id *out)
{
	return hex_decode(text, out->b, ID_BYTES);
}

struct file_id
file_id_of(struct id id, uint32_t tag)
{
	struct file_id f;
	memcpy(f.b, id.b, ID_BYTES);
	for (int i = 0; i < 4; i++)
		f.b[ID_BYTES + i] = (unsigned char)(tag >> (24 - 8 * i));
	return f;
}

const char *
file_id_text(struct file_id id)
{
	return hex_text(id.b, FILE_ID_BYTES);
}

int
file_id_parse(struct span text, struct file_id *out)
{
	return hex_decode(text, out->b, FILE_ID_BYTES);
}

bool
file_id_eq(struct file_id a, struct file_id b)
{
	return memcmp(a.b, b.b, FILE_ID_BYTES) == 0;
}
