/* SPDX-License-Identifier: ISC */
/*
 * group_writer.c - groups: an account says which it is in, and beside the accounts stands a row for each
 * group that says who is in it, changed in the same transaction.
 */
#include "account/files.h"
#include "account/recipient.h"

/*
 * More than one verdict can take would have no mail at all: RECIPIENT_TARGETS_MAX, and their bytes as
 * they travel, a home being as long as an address.
 */
static bool
is_too_large(struct span members)
{
	size_t n = 0, bytes = 0;
	while (members.n) {
		bytes += 2 * span_cut(&members, '\n').n + TARGET_BYTES_BESIDE;
		n++;
	}
	return n > RECIPIENT_TARGETS_MAX || bytes > RECIPIENT_BYTES_MAX;
}

/* The row without the member, and with it at its end. */
static int
change_one(struct accounts_writer *w, struct span name, struct span member, bool is_in)
{
	struct buf key = {0}, group = {0}, row = {0},
		   now = {.max = ACCOUNT_MEMBERS_MAX};
	buf_span(&group, name);
	buf_span(&group, span_from(member, span_rfind(member, '@')));
	account_group_key(buf_as_span(&group), &key);
	int err = account_members_get(w, buf_as_span(&key), &row);
	bool is_there = err == E_OK;
	for (struct span all = buf_as_span(&row); all.n;) {
		struct span one = span_cut(&all, '\n');
		if (!span_eq(one, member))
			buf_putf(&now, "%.*s\n", SPAN_ARG(one));
	}
	if (is_in)
		buf_putf(&now, "%.*s\n", SPAN_ARG(member));
	if (err == E_OK || err == E_BAD)
		err = buf_done(&now);
	if (err == E_OK && is_in && is_too_large(buf_as_span(&now)))
		err = E_LIMIT;
	if (err == E_OK && (is_there || now.len))
		err = account_members_put(w, buf_as_span(&key), buf_as_span(&now));
	buf_free(&key);
	buf_free(&group);
	buf_free(&row);
	buf_free(&now);
	return err;
}

int
account_groups_change(
    struct accounts_writer *w, struct span address, struct span before, struct span now)
{
	int err = E_OK;
	for (struct span all = before; all.n && err == E_OK;) {
		struct span name = span_cut(&all, '\n');
		if (!span_has_line(now, name))
			err = change_one(w, name, address, false);
	}
	for (struct span all = now; all.n && err == E_OK;) {
		struct span name = span_cut(&all, '\n');
		if (!span_has_line(before, name))
			err = change_one(w, name, address, true);
	}
	return err;
}
