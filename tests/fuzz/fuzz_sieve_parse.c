/* SPDX-License-Identifier: ISC */
/*
 * fuzz_sieve_parse.c - any text as a script: it is a program, or there is an error with its line.
 * fuzz: common/sieve/*.c common/spool/address.c common/mime/address.c common/mime/casemap.c common/mime/charset*.c common/mime/date.c common/mime/decode.c common/mime/find.c common/mime/header.c common/mime/html.c common/mime/lex.c common/mime/msgid.c common/mime/param.c common/mime/text.c common/mime/transfer.c common/mime/tree.c common/mime/word.c common/mime/words.c
 * libs: -lunistring -lpcre2-8
 */
#include <stdlib.h>

#include "sieve/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Every script includes the same one, which includes itself. */
static int
script(void *ctx, struct span location, struct span name, struct buf *out)
{
	(void)location;
	if (name.n % 2)
		return E_MORE;
	buf_span(out, *(const struct span *)ctx);
	return E_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_make(data, n);
	struct sieve_checking want = {.script = script, .ctx = &text};
	struct sieve_errors errors = {0};
	struct sieve_program *program;
	struct buf said = {0};
	int err = sieve_compile(text, &want, &errors, &program);
	if ((err == E_OK) != (program != NULL) || (err != E_OK) != (errors.total > 0))
		abort();
	sieve_errors_put(&errors, &said);
	if (err != E_OK && !said.len)
		abort();
	buf_free(&said);
	sieve_program_free(&program);
	sieve_errors_reset(&errors);
	return 0;
}
