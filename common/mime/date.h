/* SPDX-License-Identifier: ISC */
/* date.h - dates of messages (RFC 5322 3.3, 4.3) and of IMAP (RFC 3501 9: date, date-time). */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include "base/buf.h"

enum {
	DATE_ZONE_MIN_MAX = 24 * 60 - 1,
	DATE_BYTES_MAX = 1000 /* of a value: more is not looked at */
};

struct date {
	int64_t unix_sec;
	int zone_min; /* minutes that local time is ahead of UTC */
	int32_t day; /* of the local calendar, whatever the zone; 0 is 1 January 1970 */
};

/*
 * date_parse - a Date field's value: comments, obsolete zones, two-digit years, missing seconds,
 * "Jan-2", ISO 8601, and
 *   the ctime form are read.  A zone that is none is UTC, a time that is none 00:00:00 (RFC 5256
 *   2.2).
 *   returns  E_OK, E_BAD (no day, month and year in it)
 */
MUST_USE int date_parse(struct span value, struct date *out);
/* date_imap_day_parse - "1-Feb-1994" (without quotes).  E_OK, E_BAD */
MUST_USE int date_imap_day_parse(struct span in, int32_t *day);
/* date_imap_parse - "17-Jul-1996 02:44:25 -0700" or " 7-Jul-...", without quotes.  E_OK, E_BAD */
MUST_USE int date_imap_parse(struct span in, struct date *out);
/* date_imap_put - 26 octets, without quotes, local time of that zone */
void date_imap_put(struct buf *out, int64_t unix_sec, int zone_min);
/* date_day_of - the calendar day there and then, for BEFORE, ON and SINCE */
int32_t date_day_of(int64_t unix_sec, int zone_min);

#endif
