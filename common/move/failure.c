/* SPDX-License-Identifier: ISC */
/* failure.c - a status and its text. */
#include "move/failure.h"

int
failed(struct failure *f, int status, const char *fmt, ...)
{
	va_list ap;
	buf_reset(&f->why);
	va_start(ap, fmt);
	buf_vputf(&f->why, fmt, ap);
	va_end(ap);
	f->status = status;
	return E_IO;
}
