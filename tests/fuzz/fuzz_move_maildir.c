/* SPDX-License-Identifier: ISC */
/*
 * fuzz_move_maildir.c - files of Dovecot and Courier, names of folders and of files: all that is read lies inside, and a
 * folder's name finds its way back.
 * fuzz: common/move/maildir_name.c common/move/dovecot.c common/move/courier.c common/mime/utf7.c common/mime/charset*.c
 */
#include <stdlib.h>

#include "move/courier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
inside(struct span in, struct span s)
{
	if (s.n && (s.p < in.p || s.p + s.n > in.p + in.n))
		abort();
}

static void
read_uids(struct span in)
{
	struct uidlist l;
	struct uidlist_row r;
	if (uidlist_open(in, &l) != E_OK && courier_uids_open(in, &l) != E_OK)
		return;
	while (uidlist_next(&l, &r)) {
		inside(in, r.base);
		inside(in, r.uidl);
		if (r.uid == 0 || r.base.n == 0)
			abort();
	}
}

static void
read_lists(struct span in)
{
	struct courier_keywords k;
	struct span text = in, name;
	struct buf out = {0};
	unsigned letter, version = 0;
	uint64_t bits;
	while (keywords_next(&text, &letter, &name))
		if (letter >= MAILDIR_LETTERS || name.n == 0)
			abort();
	text = in;
	while (subscriptions_next(&text, &version, &out))
		if (out.len == 0 || !utf8_valid(buf_as_span(&out)))
			abort();
	text = in;
	while (courier_subscriptions_next(&text, &out))
		if (out.len == 0)
			abort();
	text = in;
	if (courier_uidls_open(&text) == E_OK)
		while (courier_uidls_next(&text, &name, &out))
			if (!uidl_is_legal(buf_as_span(&out)))
				abort();
	courier_keywords_open(in, &k);
	while (courier_keywords_next(&k, &name, &bits))
		inside(in, name);
	buf_free(&out);
}

static void
read_names(struct span in)
{
	struct buf name = {0}, directory = {0}, again = {0};
	struct maildir_file f;
	if (maildir_folder_name(in, &name) == E_OK) {
		if (!utf8_valid(buf_as_span(&name)))
			abort();
		if (!span_ieqs(buf_as_span(&name), "INBOX")) {
			if (maildir_folder_directory(buf_as_span(&name), &directory) !=
			    E_OK)
				abort();
			if (directory.len <= MAILDIR_NAME_MAX &&
			    (maildir_folder_name(buf_as_span(&directory), &again) !=
				    E_OK ||
				!span_eq(buf_as_span(&name), buf_as_span(&again))))
				abort();
		}
	}
	if (maildir_file_parse(in, &f) == E_OK) {
		inside(in, f.base);
		inside(f.base, f.key);
	}
	buf_reset(&name);
	if (uidl_format(in, 12, 34, SPAN("1.a"), &name) == E_OK &&
	    !uidl_is_legal(buf_as_span(&name)))
		abort();
	buf_free(&name);
	buf_free(&directory);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	read_uids(in);
	read_lists(in);
	read_names(in);
	return 0;
}
