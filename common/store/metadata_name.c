/* SPDX-License-Identifier: ISC */
/* metadata_name.c - names of METADATA entries: RFC 5464 3.2.  Pure. */
#include "store/metadata.h"
#include "store/store.h"

/* Octets up to 0x19 must not be in it; of those up to 0x1f nobody wants one either. */
static bool
is_entry_char(char c)
{
	return (unsigned char)c >= ' ' && (unsigned char)c < 0x7f && c != '*' &&
	       c != '%';
}

bool
metadata_entry_form(struct span name)
{
	if (name.n > METADATA_ENTRY_MAX || !span_starts(name, SPAN("/")) ||
	    span_ends(name, SPAN("/")))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_entry_char(name.p[i]) ||
		    (name.p[i] == '/' && i && name.p[i - 1] == '/'))
			return false;
	struct span rest = span_from(name, 1), scope = span_cut(&rest, '/');
	return span_ieqs(scope, "private") || span_ieqs(scope, "shared");
}

bool
metadata_entry_check(struct span name)
{
	unsigned parts = 0;
	for (size_t i = 0; i < name.n; i++) {
		parts += name.p[i] == '/';
		if (name.p[i] != ch_lower(name.p[i]))
			return false;
	}
	bool is_vendor = span_starts(name, SPAN("/private/vendor/")) ||
	                 span_starts(name, SPAN("/shared/vendor/"));
	return metadata_entry_form(name) && parts >= (is_vendor ? 4 : 2) &&
	       !span_eqs(name, "/private/vendor") && !span_eqs(name, "/shared/vendor");
}
