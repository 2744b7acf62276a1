/* SPDX-License-Identifier: ISC */
/* address.c - can an address stand in an envelope?  Pure. */
#include "spool/envelope.h"

bool
envelope_address_check(struct span s)
{
	size_t at = span_rfind(s, '@');
	if (s.n > ENVELOPE_PATH_MAX || at == 0 || at + 1 >= s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]) || s.p[i] == '<' || s.p[i] == '>' ||
		    (i > at && (unsigned char)s.p[i] <= ' '))
			return false;
	return true;
}
