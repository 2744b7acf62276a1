/* SPDX-License-Identifier: ISC */
/*
 * data.h - what follows DATA and BDAT: dots taken off, the end found, bare CR and LF noticed.  Only
 * CRLF ends a line and only CRLF.CRLF ends a message (RFC 5321 2.3.8, 4.1.1.4).  Pure; works on
 * whole read buffers, with no byte looked at one by one but those beside a line end.
 */
#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include "base/span.h"

enum {
	DATA_LINE_MAX = 998
}; /* octets without CRLF: RFC 5322 2.1.1, RFC 5321 4.5.3.1.6 */

enum data_state {
	DATA_BOL = 0, /* behind CRLF, or at the very beginning */
	DATA_TEXT,    /* inside a line */
	DATA_DOT, /* behind the first dot of a line, which is not part of the message */
	DATA_DOT_CR, /* behind that dot and a CR */
};

struct data_scan {
	enum data_state state;
	char last; /* the byte before, in DATA_TEXT */
	bool has_bare_lf;
	uint64_t n_cr;   /* all CR seen */
	uint64_t n_crlf; /* and those before an LF: if fewer at the end, one was bare */
	uint64_t n_line; /* octets of the line so far, its CR too */
	bool has_long_line;
	bool is_head_over; /* data_head: the empty line was seen */
};                         /* {0} is the beginning */

enum data_event {
	DATA_PIECE, /* out is a piece of the message */
	DATA_MORE,  /* in is used up */
	DATA_END,   /* the final dot was consumed; what is left of in are commands */
};

/*
 * data_next - the next piece of a dot-stuffed message.
 *   in   advanced past what was used
 *   out  borrow: in (or a constant)
 */
enum data_event data_next(struct data_scan *, struct span *in, struct span *out);
/* data_plain - the same notice of bare CR and LF for bytes that are not dot-stuffed (BDAT) */
void data_plain(struct data_scan *, struct span piece);
/*
 * data_head - the same notice for the header section alone, of a message whose body may be anything
 * (BINARYMIME)
 */
void data_head(struct data_scan *, struct span piece);
/* data_has_bare - after the end: a CR without LF or an LF without CR was in it */
bool data_has_bare(const struct data_scan *);
/* data_has_long - after the end: a line of more than DATA_LINE_MAX octets was in it */
bool data_has_long(const struct data_scan *);

/*
 * blank_next - the next piece of what was sent with each bare CR and bare LF made a blank, so that it
 * can end a line for nobody that gets the message after us.
 *   has_cr   false at first; a CR was used of which nobody knows yet.  True at the very end: it was
 *            bare
 *   in       advanced past what was used
 *   out      borrow: in (or a constant)
 *   returns  false: in is used up, and out is nothing
 */
bool blank_next(bool *has_cr, struct span *in, struct span *out);

/* What of the header section decides something: RFC 5322 field names at line beginnings. */
struct head_scan {
	uint32_t n_received; /* Received fields: the hop count, RFC 5321 6.3 */
	bool has_date;
	bool has_from;
	bool has_message_id;
	bool is_over;         /* the empty line, or a line that is no field, was seen */
	unsigned char n_name; /* bytes in name; of the line so far */
	bool is_past_name;    /* the rest of the line does not matter */
	char name[16];        /* lower-cased */
	/* the field that is read is TLS-Required, RFC 8689 3: its value counts */
	bool is_tls_required;
	bool is_value_over;    /* a blank stands behind it */
	unsigned char n_value; /* bytes in value; past those it is another one */
	char value[2];         /* lower-cased, without the blanks around it */
	unsigned char n_tls_required;
	bool is_no; /* one of them says No */
};                  /* {0} is the beginning */

void head_feed(struct head_scan *, struct span piece);
/*
 * head_has_tls_optional - one TLS-Required field, which says No; more than one must not be, and say
 * nothing
 */
bool head_has_tls_optional(const struct head_scan *);

#endif
