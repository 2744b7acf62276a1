/* SPDX-License-Identifier: ISC */
/*
 * fuzz_keeper_asks.c - bodies of what sessions and their keeper tell each other: the first byte says which.  What was read is
 * written, and read again the same.
 * fuzz: common/store/asks.c common/store/numset.c common/store/name.c common/store/mailbox_name.c common/store/item.c
 */
#include "store/asks.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum kind { SELECTED, MAILBOX, FLAGS, COPY, APPEND, MESSAGE, A_FILE, ITEM, SET, KINDS };

/* Reads one, writes it.  E_OK, or that it is none */
static int
pass(enum kind kind, struct rd *r, struct buf *out)
{
	static struct ask_flags flags;
	static struct ask_message message;
	static struct store_mailbox mailbox;
	struct ask_selected selected;
	struct ask_copy copy = {.mailbox = 0};
	struct ask_append append;
	struct ask_file file;
	struct ask_item item;
	struct numset set = {0};
	int err;
	switch (kind) {
	case SELECTED:
		err = ask_selected_get(r, &selected);
		if (err == E_OK)
			ask_selected_put(out, &selected);
		return err;
	case MAILBOX:
		err = ask_mailbox_get(r, &mailbox);
		if (err == E_OK)
			ask_mailbox_put(out, &mailbox);
		return err;
	case FLAGS:
		err = ask_flags_get(r, &flags);
		flags.change.keywords = flags.keywords;
		if (err == E_OK)
			ask_flags_put(out, flags.mailbox, &flags.uids, &flags.change);
		numset_free(&flags.uids);
		return err;
	case COPY:
		err = ask_copy_get(r, &copy);
		if (err == E_OK)
			ask_copy_put(out, &copy);
		numset_free(&copy.uids);
		return err;
	case APPEND:
		err = ask_append_get(r, &append);
		if (err == E_OK)
			ask_append_put(out, &append);
		return err;
	case MESSAGE: /* is put from something else */
		err = ask_message_get(r, &message);
		if (err == E_OK && message.n_keywords > STORE_KEYWORDS_MAX)
			bug("more keywords than there is room for");
		return E_BAD;
	case A_FILE:
		err = ask_file_get(r, &file);
		if (err == E_OK)
			ask_file_put(out, &file);
		return err;
	case ITEM:
		err = ask_item_get(r, &item);
		if (err == E_OK)
			ask_item_put(out, &item);
		return err;
	default:
		err = numset_decode(r, &set);
		if (err == E_OK)
			numset_encode(out, set.ranges, set.n);
		numset_free(&set);
		return err;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf once = {0}, again = {0};
	if (n < 1)
		return 0;
	enum kind kind = p[0] % KINDS;
	struct rd r = rd_of(span_make(p + 1, n - 1));
	if (pass(kind, &r, &once) == E_OK) {
		r = rd_of(buf_as_span(&once));
		if (pass(kind, &r, &again) != E_OK || rd_end(&r) != E_OK ||
		    !span_eq(buf_as_span(&once), buf_as_span(&again)))
			bug("what was read became something else");
	}
	buf_free(&once);
	buf_free(&again);
	return 0;
}
