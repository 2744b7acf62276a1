/* SPDX-License-Identifier: ISC */
/* threadid.c - which conversation a message belongs to. */
#include "imapd/threadid.h"

#include "imapd/facts.h"
#include "tls/hash.h"

int
threadid_put(struct buf *out, struct message *m)
{
	struct envelope_facts facts;
	unsigned char sum[SHA256_BYTES];
	struct span text;
	bool is_lent;
	if (!message_item(m) && message_text(m, &text) != E_OK)
		return E_BAD;
	facts_of(m, &facts, &is_lent);
	struct span root = span_cut(&facts.references, '\n');
	if (root.n == 0)
		root = facts.message_id;
	buf_ch(out, 'T');
	if (root.n) {
		sha256(root, sum);
		buf_hex(out, span_make(sum, THREADID_HASHED_BYTES));
	} else {
		buf_put(out, file_id_text(m->record->id), FILE_ID_TEXT);
	}
	return E_OK;
}
