/* SPDX-License-Identifier: ISC */
/* deliver_signer.c - what a placer asks of the role that has letters of scripts signed. */
#include "deliver/letter_sign.c"

#include "gates.h"

const struct ask_table *
signer_table(unsigned kind)
{
	(void)kind;
	return table_of(DELIVER_PLACER);
}

void
sample_signer(uint16_t type, struct buf *b)
{
	if (type == SIGNER_SEALER)
		return;
	buf_bytes(b, SPAN("u1@example.test"));
	if (type == SIGNER_SEAL)
		buf_u32(b, 0);
	else
		buf_bytes(b, SPAN("From: u1@example.test\r\n\r\nx\r\n"));
}
