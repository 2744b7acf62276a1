/* SPDX-License-Identifier: ISC */
/* url_data.h - the octets that an IMAP URL means, of this session's account. */
#ifndef IMAPD_URL_DATA_H
#define IMAPD_URL_DATA_H

#include "imapd/message.h"
#include "imapd/session.h"
#include "mime/imap_url.h"
#include "mime/section.h"

struct url_data {
	struct session *session; /* borrow */
	struct selected other;   /* own: where it is not the selected mailbox */
	bool is_peeked;
	struct message message;
	bool has_message;
	struct section section; /* of the message; the arena */
	struct buf made;
	struct arena arena;
	struct span text; /* borrow: of what is above */
};

/*
 * url_data_open - its message, or the part of it, PARTIAL too; without a mailbox: of the selected
 * one.  \Seen is not set.  url_data_close after any result
 *   returns  E_OK, E_BAD (there is no such thing, or it is no message's), E_IO
 */
MUST_USE int url_data_open(
    struct session *, const struct imap_url *, struct url_data *out);
/*
 * url_data_decode - text becomes what is encoded there, of one that was opened.  E_OK, E_BAD (that
 * is no part, or its encoding is not known)
 */
MUST_USE int url_data_decode(struct url_data *, const struct imap_url *);
void url_data_close(struct url_data *);

#endif
