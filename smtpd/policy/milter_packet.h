/* SPDX-License-Identifier: ISC */
/*
 * milter_packet.h - the milter protocol, version 6, as an MTA speaks it: packets that are sent, and
 * what comes back.  A packet is u32 length, big-endian, then one letter and its data, which the
 * length counts; strings end in NUL.  There is no RFC: it is what Sendmail's libmilter speaks
 * (mfdef.h).  Pure.
 */
#ifndef SMTPD_POLICY_MILTER_PACKET_H
#define SMTPD_POLICY_MILTER_PACKET_H

#include "base/buf.h"

enum {
	MILTER_VERSION = 6,
	MILTER_VERSION_LEAST = 2,
	MILTER_VERSION_DATA = 4, /* first one that knows DATA */
	MILTER_CHUNK = 65535,    /* octets of a body in one packet */
	/* bytes of a packet that we take, with its letter: a chunk, or a field about as long */
	MILTER_PACKET_MAX = 128 * 1024,
	MILTER_MACROS_BYTES_MAX = 4096, /* of names that a milter wants, all stages */
	MILTER_REPLY_LINES_MAX = 20,    /* of a reply text; more are left out */
	MILTER_ADDRESS_MAX = 1024,      /* octets, with <> */
};

enum milter_command {
	MILTER_ABORT = 'A',
	MILTER_BODY = 'B',
	MILTER_CONNECT = 'C',
	MILTER_MACRO = 'D',
	MILTER_END = 'E', /* of the message */
	MILTER_HELO = 'H',
	MILTER_QUIT_NEXT =
	    'K', /* of this conversation; another one follows on this connection */
	MILTER_HEADER = 'L',
	MILTER_MAIL = 'M',
	MILTER_HEADER_END = 'N',
	MILTER_OPTIONS = 'O', /* its answer, too */
	MILTER_QUIT = 'Q',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
};

enum milter_answer {
	/* what becomes of the command, or the message */
	MILTER_ACCEPT = 'a',
	MILTER_CONTINUE = 'c',
	MILTER_DISCARD = 'd',
	MILTER_CONNECTION_FAIL = 'f',
	MILTER_REJECT = 'r',
	MILTER_SKIP = 's', /* no more of this kind, please */
	MILTER_TEMPFAIL = 't',
	MILTER_REPLY = 'y', /* with a text of its own */
	MILTER_SHUTDOWN = '4',
	/* not yet */
	MILTER_PROGRESS = 'p',
	/* changes, before the answer to MILTER_END */
	MILTER_ADD_RCPT = '+',
	MILTER_DELETE_RCPT = '-',
	MILTER_ADD_RCPT_PARAMS = '2',
	MILTER_REPLACE_BODY = 'b',
	MILTER_CHANGE_FROM = 'e',
	MILTER_ADD_HEADER = 'h',
	MILTER_INSERT_HEADER = 'i',
	MILTER_CHANGE_HEADER = 'm',
	MILTER_QUARANTINE = 'q',
};

/* What a filter may do: bits of its "actions". */
enum milter_action {
	MILTER_MAY_ADD_HEADERS = 0x1,
	MILTER_MAY_CHANGE_BODY = 0x2,
	MILTER_MAY_ADD_RCPT = 0x4,
	MILTER_MAY_DELETE_RCPT = 0x8,
	MILTER_MAY_CHANGE_HEADERS = 0x10,
	MILTER_MAY_QUARANTINE = 0x20,
	MILTER_MAY_CHANGE_FROM = 0x40,
	MILTER_MAY_ADD_RCPT_PARAMS = 0x80,
	MILTER_MAY_LIST_MACROS = 0x100,
	MILTER_ACTIONS = 0x1ff,
};

/* What it does not want to be told, or does not answer: bits of its "protocol". */
enum milter_protocol {
	MILTER_NO_CONNECT = 0x1,
	MILTER_NO_HELO = 0x2,
	MILTER_NO_MAIL = 0x4,
	MILTER_NO_RCPT = 0x8,
	MILTER_NO_BODY = 0x10,
	MILTER_NO_HEADERS = 0x20,
	MILTER_NO_HEADER_END = 0x40,
	MILTER_MUTE_HEADER = 0x80, /* each MUTE: there is no answer to it */
	MILTER_NO_UNKNOWN = 0x100,
	MILTER_NO_DATA = 0x200,
	MILTER_CAN_SKIP = 0x400,
	MILTER_MUTE_CONNECT = 0x1000,
	MILTER_MUTE_HELO = 0x2000,
	MILTER_MUTE_MAIL = 0x4000,
	MILTER_MUTE_RCPT = 0x8000,
	MILTER_MUTE_DATA = 0x10000,
	MILTER_MUTE_UNKNOWN = 0x20000,
	MILTER_MUTE_HEADER_END = 0x40000,
	MILTER_MUTE_BODY = 0x80000,
	MILTER_LEADING_SPACE = 0x100000, /* values with the blank behind the colon */
	/* not 0x800: recipients that are refused already are not shown to filters */
	MILTER_PROTOCOL = 0x1ff7ff,
};

/* Moments at which macros are told, as libmilter numbers them. */
enum milter_stage {
	MILTER_AT_CONNECT,
	MILTER_AT_HELO,
	MILTER_AT_MAIL,
	MILTER_AT_RCPT,
	MILTER_AT_DATA,
	MILTER_AT_END,
	MILTER_AT_HEADER_END,
	MILTER_STAGES
};

/* What both sides agreed on. */
struct milter_options {
	uint32_t version, actions, protocol;
	struct span macros[MILTER_STAGES]; /* names it wants; p NULL: it does not say */
};

/* ---- sent ---- */

/* milter_put_options - what we offer */
void milter_put_options(struct buf *out);
/*
 * milter_put_connect - name: of the client, or its address in []; address: text; of neither IPv4
 * nor IPv6: unknown; port: 0 where it is not known
 */
void milter_put_connect(
    struct buf *out, struct span name, struct span address, uint16_t port);
/* milter_put_strings - a command with strings; in each, NULs are left out */
void milter_put_strings(
    struct buf *out, enum milter_command, const struct span *strings, size_t n);
/*
 * milter_put_address - MILTER_MAIL, MILTER_RCPT: <address>, then the parameters of the command,
 * which are parted by blanks
 */
void milter_put_address(
    struct buf *out, enum milter_command, struct span address, struct span params);
/*
 * milter_put_header - value: from behind the colon on, raw.  Line ends become LF, as filters know
 * it; the first blank goes unless has_space
 */
void milter_put_header(
    struct buf *out, struct span name, struct span value, bool has_space);
/* milter_put_bytes - a command with raw data, at most MILTER_CHUNK */
void milter_put_bytes(struct buf *out, enum milter_command, struct span data);

/* Everything that macros tell. */
/* clang-format off */
#define MILTER_MACROS(M)                                              \
	/*name                stages without a wish of the filter's */     \
	M(J,                  "j",                1 << MILTER_AT_CONNECT)  \
	M(UNDERSCORE,         "_",                1 << MILTER_AT_CONNECT)  \
	M(V,                  "v",                1 << MILTER_AT_CONNECT)  \
	M(DAEMON_NAME,        "{daemon_name}",    1 << MILTER_AT_CONNECT)  \
	M(CLIENT_ADDR,        "{client_addr}",    1 << MILTER_AT_CONNECT)  \
	M(CLIENT_NAME,        "{client_name}",    1 << MILTER_AT_CONNECT)  \
	M(CLIENT_PTR,         "{client_ptr}",     1 << MILTER_AT_CONNECT)  \
	M(TLS_VERSION,        "{tls_version}",    1 << MILTER_AT_HELO)     \
	M(CIPHER,             "{cipher}",         1 << MILTER_AT_HELO)     \
	M(I,                  "i",                1 << MILTER_AT_MAIL | 1 << MILTER_AT_RCPT | 1 << MILTER_AT_DATA | \
	                                          1 << MILTER_AT_HEADER_END | 1 << MILTER_AT_END) \
	M(AUTH_TYPE,          "{auth_type}",      1 << MILTER_AT_MAIL)     \
	M(AUTH_AUTHEN,        "{auth_authen}",    1 << MILTER_AT_MAIL)     \
	M(AUTH_AUTHOR,        "{auth_author}",    1 << MILTER_AT_MAIL)     \
	M(MAIL_HOST,          "{mail_host}",      1 << MILTER_AT_MAIL)     \
	M(MAIL_ADDR,          "{mail_addr}",      1 << MILTER_AT_MAIL)     \
	M(RCPT_HOST,          "{rcpt_host}",      1 << MILTER_AT_RCPT)     \
	M(RCPT_ADDR,          "{rcpt_addr}",      1 << MILTER_AT_RCPT)
/* clang-format on */

#define MILTER_MACRO_ENUM(name, text, stages) MILTER_M_##name,

enum milter_macro { MILTER_MACROS(MILTER_MACRO_ENUM) MILTER_MACRO_COUNT };

/*
 * milter_put_macros - those for a stage that have a value; nothing when there is none.
 *   wanted   names that the filter listed, parted by blanks or commas; p NULL: the usual ones
 *   values   [MILTER_MACRO_COUNT]; empty: none
 */
void milter_put_macros(
    struct buf *out, enum milter_stage, struct span wanted, const struct span *values);

/* ---- received ---- */

struct milter_packet {
	char kind;
	struct span data; /* borrow: in */
};

/*
 * milter_packet_next - E_OK (in is behind it), E_MORE, E_BAD (a length of 0), E_LIMIT (of more than
 * MILTER_PACKET_MAX)
 */
MUST_USE int milter_packet_next(struct span *in, struct milter_packet *out);
/*
 * milter_options_parse - the answer to milter_put_options.  macros borrow.  E_OK, E_BAD (malformed,
 * or it wants what we did not offer)
 */
MUST_USE int milter_options_parse(
    const struct milter_packet *, struct milter_options *out);

struct milter_answered {
	enum milter_answer kind;
	uint32_t index; /* INSERT_HEADER, CHANGE_HEADER */
	/* all borrow: of a field; an address; a reason; the text of MILTER_REPLY */
	struct span name;
	struct span value; /* of a field; parameters of an address; a piece of a body */
};

/* milter_answer_parse - E_OK, E_BAD (unknown, or not as its kind has it) */
MUST_USE int milter_answer_parse(
    const struct milter_packet *, struct milter_answered *out);
/* milter_action_of - the bit of enum milter_action that a change needs; 0: it is no change */
uint32_t milter_action_of(enum milter_answer);

/* A reply to the client, of MILTER_REPLY. */
struct milter_text {
	unsigned code;        /* 400 to 599 */
	struct span enhanced; /* borrow: the packet; may be empty */
	struct buf lines;     /* own: parted by LF, without code and enhanced code */
};

/*
 * milter_text_parse - "550 5.7.1 text", or several lines of it.  E_OK, E_BAD (no code, not one of
 * 4xx and 5xx, or another one in another line)
 */
MUST_USE int milter_text_parse(struct span text, struct milter_text *out);

#endif
