/* SPDX-License-Identifier: ISC */
/* capability.c - what CAPABILITY lists: RFC 9051 6.1.1, and what each extension says of itself. */
#include "imapd/capability.h"

#define IN_BOTH_STATES "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE LANGUAGE"

void
capability_put_before(
    struct buf *out, bool may_starttls, bool may_show, struct span mechanisms)
{
	buf_str(out, IN_BOTH_STATES " SASL-IR");
	while (mechanisms.n) {
		struct span one = span_cut(&mechanisms, ' ');
		buf_putf(out, " AUTH=%.*s", SPAN_ARG(one));
	}
	if (!may_show)
		buf_str(out, " LOGINDISABLED");
	if (may_starttls)
		buf_str(out, " STARTTLS");
}

void
capability_put_after(struct buf *out, uint64_t message_size_most, bool may_compress)
{
	buf_str(out,
	    IN_BOTH_STATES " IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN "
			   "LIST-EXTENDED LIST-STATUS SPECIAL-USE"
			   " CREATE-SPECIAL-USE STATUS=SIZE ESEARCH SEARCHRES WITHIN "
			   "MULTIAPPEND BINARY CONDSTORE QRESYNC"
			   " UTF8=ACCEPT SORT SORT=DISPLAY ESORT CONTEXT=SEARCH "
			   "CONTEXT=SORT NOTIFY THREAD=ORDEREDSUBJECT "
			   "THREAD=REFERENCES THREAD=REFS I18NLEVEL=1 I18NLEVEL=2"
			   " OBJECTID SAVEDATE PREVIEW REPLACE QUOTA QUOTA=RES-STORAGE "
			   "QUOTA=RES-MESSAGE PARTIAL MULTISEARCH QUOTASET INPROGRESS "
			   "UIDONLY CATENATE URL-PARTIAL UNAUTHENTICATE "
			   "METADATA LIST-METADATA ACL RIGHTS=texk LIST-MYRIGHTS "
			   "URLAUTH URLAUTH=BINARY SEARCH=FUZZY");
	buf_putf(out, " APPENDLIMIT=%llu", (unsigned long long)message_size_most);
	if (may_compress)
		buf_str(out, " COMPRESS=DEFLATE");
}

void
capability_put_limits(struct buf *out, uint32_t messages_most, uint32_t saves_most)
{
	if (messages_most)
		buf_putf(out, " MESSAGELIMIT=%u", messages_most);
	else if (saves_most)
		buf_putf(out, " SAVELIMIT=%u", saves_most);
}

void
id_put(struct buf *out)
{
	buf_str(
	    out, "* ID (\"name\" \"merpati\" \"version\" \"" MERPATI_VERSION "\")\r\n");
}
