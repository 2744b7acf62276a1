/* SPDX-License-Identifier: ISC */
/* group.c - names of groups, and the key of the row that says who is in one.  Pure. */
#include "account/files.h"

/* A key that no address can be: it begins with NUL; behind its last NUL "NAME@DOMAIN". */
static const char key_group[] = "\0group";

bool
account_group_check(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!is_word && (i == 0 || (c != '-' && c != '_' && c != '.')))
			return false;
	}
	return name.n > 0 && name.n <= ACCOUNT_GROUP_MAX;
}

void
account_group_key(struct span group, struct buf *out)
{
	buf_put(out, key_group, sizeof key_group);
	buf_span(out, group);
}
