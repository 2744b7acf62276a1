/* SPDX-License-Identifier: ISC */
/* idn.c - U-labels to A-labels. */
#include "mime/idn.h"

#include <idn2.h>

/*
 * libidn2 hides in an A-label what no name of a host has, and maps wide forms to it: to a blank,
 * "@" or ">".
 */
static bool
is_name(struct span domain)
{
	for (size_t i = 0; i < domain.n; i++) {
		char c = domain.p[i];
		if ((unsigned char)c < 0x80 && !ch_alnum(c) && c != '-' && c != '_' &&
		    c != '.')
			return false;
	}
	return true;
}

static int
to_ascii(struct buf *text, struct buf *out)
{
	uint8_t *ascii = NULL;
	int err = idn2_lookup_u8((const uint8_t *)buf_cstr(text), &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (err == IDN2_MALLOC)
		bug("idn2_lookup_u8: no memory");
	bool is_good = err == IDN2_OK && is_name(span_of((const char *)ascii));
	if (is_good)
		buf_str(out, (const char *)ascii);
	idn2_free(ascii);
	return is_good ? E_OK : err == IDN2_TOO_BIG_DOMAIN ? E_LIMIT : E_BAD;
}

int
idn_ascii(struct span domain, struct buf *out)
{
	struct buf text = {0};
	if (span_is_ascii(domain)) {
		buf_span(out, domain);
		return E_OK;
	}
	if (domain.n > IDN_DOMAIN_MAX)
		return E_LIMIT;
	if (!is_name(domain) || !utf8_valid(domain))
		return E_BAD;
	buf_span(&text, domain);
	int err = to_ascii(&text, out);
	buf_free(&text);
	return err;
}
