/* SPDX-License-Identifier: ISC */
/* sum.c - the SHA-256 of a message file. */
#include "store/sum.h"

#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18 };

int
file_sum(int fd, unsigned char out[SHA256_BYTES])
{
	static char chunk[READ_BYTES];
	struct hash *h = hash_new();
	ssize_t n;
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		hash_add(h, span_make(chunk, (size_t)n));
	hash_end(&h, out);
	return n == 0 ? E_OK : E_IO;
}

bool
sum_is_known(const unsigned char sum[SHA256_BYTES])
{
	static const unsigned char unknown[SHA256_BYTES];
	return memcmp(sum, unknown, sizeof unknown) != 0;
}
