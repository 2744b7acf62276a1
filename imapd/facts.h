/* SPDX-License-Identifier: ISC */
/*
 * facts.h - what SORT and THREAD ask of the heads of many messages: from their cache items, which
 * stay mapped; from their files where there is none.
 */
#ifndef IMAPD_FACTS_H
#define IMAPD_FACTS_H

#include "imapd/look.h"
#include "imapd/message.h"
#include "imapd/search_run.h"

enum { FACTS_BYTES_MAX = 256 << 20 /* of all texts that had to be copied */ };

struct facts {
	struct message message; /* the one that is being read */
	struct arena kept;      /* texts that no mapping holds */
};

/*
 * facts_each - the facts of each message found, in their order.
 *   fn       its texts are borrowed until facts_done.  sent_sec and has_sent as RFC 5256 2.2 has
 *            it: without a Date INTERNALDATE.  A message that cannot be read has that date and
 *            empty texts.
 *   returns  R_DONE, R_LIMIT (too much to copy), or what look_up said
 */
typedef void facts_fn(
    void *ctx, size_t i, const struct store_record *, const struct envelope_facts *);
enum reply facts_each(
    struct facts *, struct session *, const struct found *, facts_fn *, void *ctx);
void facts_done(struct facts *);
/*
 * facts_of - of one message, borrowed until the next; *is_lent: its item is mapped, and lends its
 * texts until store_unselect
 */
void facts_of(struct message *, struct envelope_facts *out, bool *is_lent);

#endif
