/* SPDX-License-Identifier: ISC */
/*
 * fuzz_pipe_order.c - what a runner takes for an order is one again when it is put, and no text of it has a NUL.
 * fuzz: deliver/pipe_order.c
 */
#include <stdlib.h>
#include <string.h>

#include "deliver/pipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pipe_order o, words;
	struct buf again = {0};
	struct span in = span_make(data, n);
	if (pipe_order_get(in, &o) == E_OK) {
		pipe_order_put(&again, &o);
		buf_span(&again, o.message);
		if (!span_eq(buf_as_span(&again), in) || o.n_words == 0 ||
		    o.n_words > PIPE_WORDS_MAX)
			abort();
		for (size_t i = 0; i < o.n_words; i++)
			if (span_find(o.words[i], '\0') < o.words[i].n)
				abort();
	}
	buf_reset(&again);
	if (pipe_words(in, &words) == E_OK) {
		for (size_t i = 0; i < words.n_words; i++)
			buf_bytes(&again, words.words[i]);
		if (!span_eq(buf_as_span(&again), in))
			abort();
	}
	buf_free(&again);
	return 0;
}
