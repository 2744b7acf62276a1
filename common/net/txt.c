/* SPDX-License-Identifier: ISC */
/* txt.c - TXT records that are fields behind a version. */
#include "net/txt.h"

enum { FIELD_NAME_MAX = 32 };

bool
txt_is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) &&
		    (i == 0 || (s.p[i] != '_' && s.p[i] != '-' && s.p[i] != '.')))
			return false;
	return s.n > 0 && s.n <= FIELD_NAME_MAX;
}

static bool
is_of_version(struct span s, const char *wanted, struct span *rest)
{
	struct span version = span_cut(&s, ';');
	*rest = s;
	while (version.n && ch_space(version.p[version.n - 1]))
		version.n--;
	return span_eqs(version, wanted);
}

int
txt_fields(
    const struct dns_record *txt, size_t n, const char *version, struct span *out)
{
	struct span rest;
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		if (is_of_version(txt[i].data, version, &rest)) {
			*out = rest;
			found++;
		}
	return found == 1 ? E_OK : E_BAD;
}

int
txt_field_next(struct span *in, struct span *name, struct span *value)
{
	if (in->n == 0)
		return E_MORE;
	struct span rest = *in;
	*value = span_trim(span_cut(&rest, ';'));
	*name = span_cut(value, '=');
	if (!txt_is_name(*name) || !value->n)
		return E_BAD;
	*in = span_trim(rest).n ? rest : SPAN("");
	return E_OK;
}
