/* SPDX-License-Identifier: ISC */
/* answer.c - what the role budget says, in bytes. */
#include "smtpd/budget/budget.h"

void
budget_answer_put(struct buf *b, const struct budget_answer *a)
{
	buf_u8(b, (uint8_t)a->said);
	buf_u8(b, (uint8_t)a->over.what);
	buf_u8(b, (uint8_t)a->over.window);
	buf_u32(b, a->over.most);
}

int
budget_answer_get(struct rd *r, struct budget_answer *out)
{
	*out = (struct budget_answer){.said = rd_u8(r)};
	out->over.what = rd_u8(r);
	out->over.window = rd_u8(r);
	out->over.most = rd_u32(r);
	return r->err == E_OK && out->said < BUDGET_SAIDS &&
	               out->over.what < BUDGET_WHATS &&
	               out->over.window < BUDGET_WINDOWS
	           ? E_OK
	           : E_BAD;
}
