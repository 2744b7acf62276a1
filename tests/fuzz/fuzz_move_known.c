/* SPDX-License-Identifier: ISC */
/*
 * fuzz_move_known.c - what an import knows of a folder: what is read, is written and read as the same.
 * fuzz: common/move/known.c common/move/keywords.c common/mime/imap_string.c
 */
#include <stdlib.h>

#include "move/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct keywords names = {.n = 0}, again = {.n = 0};
	struct known k, l;
	struct buf text = {0};
	buf_str(&text, "merpati-import 1\nsource s\nfolder f\n");
	buf_put(&text, data, n);
	int err = known_read(buf_as_span(&text), SPAN("s"), SPAN("f"), &names, &k);
	if (err == E_OK) {
		buf_reset(&text);
		known_head_put(&text, SPAN("s"), SPAN("f"), &k);
		for (size_t i = 0; i < k.n; i++)
			known_row_put(&text, &k.rows[i], &names);
		known_confirm_put(&text);
		if (known_read(buf_as_span(&text), SPAN("s"), SPAN("f"), &again, &l) !=
			E_OK ||
		    l.n != k.n)
			abort();
		for (size_t i = 0; i < k.n; i++)
			if (!file_id_eq(k.rows[i].id, l.rows[i].id) ||
			    known_find(&l, k.rows[i].key) != &l.rows[i])
				abort();
		known_free(&l);
	}
	known_free(&k);
	buf_free(&text);
	return 0;
}
