/* SPDX-License-Identifier: ISC */
/* cache_names.c - which fields are kept of each message, and HEADER.FIELDS from them. */
#include "mime/cache_names.h"

#include "mime/cache.h"

/*
 * What mail programs ask for to show a list.  Long ones that most messages have (Received,
 * DKIM-Signature, Authentication-Results) are not among them.  A name's number is in items: a
 * change is another CACHE_VERSION.
 */
static const char *const names[] = {[CACHE_NAME_FROM] = "From",
    [CACHE_NAME_TO] = "To",
    [CACHE_NAME_CC] = "Cc",
    [CACHE_NAME_BCC] = "Bcc",
    [CACHE_NAME_SUBJECT] = "Subject",
    /* all of them */
    "Date",
    "Message-ID",
    "Sender",
    "Reply-To",
    "In-Reply-To",
    "References",
    "Content-Type",
    "MIME-Version",
    "X-Priority",
    "Priority",
    "Importance",
    "Newsgroups",
    "Followup-To",
    /* Outlook, Outlook Express */
    "X-MSMail-Priority",
    "X-Ref",
    "X-MSOESRec",
    "Sensitivity",
    "Thread-Topic",
    /* Apple Mail and Notes */
    "X-Uniform-Type-Identifier",
    "X-Universally-Unique-Identifier",
    "X-Mail-Created-Date",
    "List-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    /* Thunderbird, K-9, Delta Chat */
    "X-Mozilla-Keys",
    "X-Mozilla-Draft-Info",
    "X-K9mail-Identity",
    "Chat-Version",
    "Disposition-Notification-To",
    "Return-Receipt-To",
    "Keywords",
    "X-Spam-Flag",
    /* Roundcube, Horde, SquirrelMail */
    "List-Post",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Return-Path",
    "Delivered-To",
    "X-Draft-Info",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-ID",
    /* Mutt, Alpine, Evolution */
    "List-Subscribe",
    "List-Help",
    "List-Archive",
    "List-Owner",
    "X-Mailing-List",
    "Mailing-List",
    "X-Label",
    "X-Original-To",
    "Lines",
    "Content-Description",
    "Content-Language",
    "X-Evolution",
    /* of senders */
    "X-Mailer",
    "User-Agent",
    "Auto-Submitted",
    "Precedence",
    "Organization",
    "Resent-From"};

_Static_assert(COUNT(names) <= CACHE_NAMES_MAX, "a bit a name");

int
cache_name_find(struct span name)
{
	char first = name.n ? ch_upper(name.p[0]) : '\0';
	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i][0] == first && span_ieqs(name, names[i]))
			return (int)i;
	return -1;
}

int
cache_names_of(const struct span *asked, size_t n, cache_names *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		int found = cache_name_find(asked[i]);
		if (found < 0)
			return E_BAD;
		*out |= (cache_names)1 << found;
	}
	return E_OK;
}

/* The next field of the item: its bytes. */
static struct span
field_next(struct rd *rows, struct span *fields, uint8_t *name)
{
	*name = rd_u8(rows);
	size_t n = rd_u16(rows);
	struct span field = span_head(*fields, n);
	*fields = span_from(*fields, n);
	return field;
}

void
cache_fields(const struct mime_cache *c, cache_names asked, struct buf *out)
{
	struct rd rows = rd_of(c->field_rows);
	struct span fields = c->fields;
	while (rows.in.n) {
		uint8_t name;
		struct span field = field_next(&rows, &fields, &name);
		if (asked >> name & 1)
			buf_span(out, field);
	}
	buf_put(out, "\r\n", 2);
}
