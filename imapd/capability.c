/* SPDX-License-Identifier: ISC */
/* capability.c - what CAPABILITY lists: RFC 9051 6.1.1, and what each extension says of itself. */
#include "imapd/capability.h"

#include "imapd/ring.h"

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

/* RFC 9738: one of them */
static void
put_limits(struct buf *out, const struct session *s)
{
	if (s->messages_most)
		buf_putf(out, " MESSAGELIMIT=%u", s->messages_most);
	else if (s->saves_most)
		buf_putf(out, " SAVELIMIT=%u", s->saves_most);
}

void
capability_put(struct buf *out, const struct session *s)
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
			   "UIDONLY CATENATE URL-PARTIAL "
			   "METADATA LIST-METADATA ACL RIGHTS=texk LIST-MYRIGHTS "
			   "SEARCH=FUZZY");
	if (session_is_private(s)) /* RFC 4467 10 */
		buf_str(out, " URLAUTH URLAUTH=BINARY");
	buf_putf(out, " APPENDLIMIT=%llu", (unsigned long long)s->message_size_most);
	if (!s->deflate)
		buf_str(out, " COMPRESS=DEFLATE");
	if (s->may_unauthenticate && !s->deflate)
		buf_str(out, " UNAUTHENTICATE");
	put_limits(out, s);
	ring_capability_put(out);
}

void
id_put(struct buf *out)
{
	buf_str(
	    out, "* ID (\"name\" \"merpati\" \"version\" \"" MERPATI_VERSION "\")\r\n");
}
