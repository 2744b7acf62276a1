/* SPDX-License-Identifier: ISC */
/* mailbox_name.c - names of mailboxes: what may be one, and INBOX in any case.  Pure. */
#include "store/name.h"
#include "store/store.h"

static const struct span inbox = {"INBOX", 5};

static bool
is_level(struct span level)
{
	for (size_t i = 0; i < level.n; i++)
		if (ch_ctl(level.p[i]))
			return false;
	return level.n && !span_eqs(level, ".") && !span_eqs(level, "..");
}

enum store_said
mailbox_name_check(struct span name)
{
	unsigned depth = 1;
	if (name.n == 0 || name.n > STORE_NAME_MAX || name.p[name.n - 1] == '/' ||
	    !utf8_valid(name))
		return STORE_BAD_NAME;
	for (struct span rest = name; rest.n; depth++)
		if (depth > STORE_DEPTH_MAX || !is_level(span_cut(&rest, '/')))
			return STORE_BAD_NAME;
	return STORE_DONE;
}

bool
mailbox_name_is_inbox(struct span name)
{
	return span_ieq(name, inbox);
}

void
mailbox_name_put(struct buf *out, struct span name)
{
	struct span rest = name, first = span_cut(&rest, '/');
	if (span_ieq(first, inbox)) {
		buf_span(out, inbox);
		name = span_from(name, inbox.n);
	}
	buf_span(out, name);
}
