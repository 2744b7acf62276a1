/* SPDX-License-Identifier: ISC */
/*
 * reply.h - the whole voice of smtpd: every reply with its code (RFC 5321), enhanced code (RFC
 * 3463) and text.
 */
#ifndef SMTPD_REPLY_H
#define SMTPD_REPLY_H

#include "base/buf.h"

/*
 * One %s in a text is filled with the argument.  421, 221 and R_PIPELINING end the conversation.
 * Greeting, EHLO, 354 and 334 carry no enhanced code (RFC 2034 4).
 */
/* clang-format off */
#define REPLIES(R)                                                                                     \
/*	  name                  code enhanced  text */                                                 \
	R(R_HELP,               214, "2.0.0",  "%s")                                                   \
	R(R_GREETING,           220, "",       "%s ESMTP merpati")                                     \
	R(R_GREETING_LMTP,      220, "",       "%s LMTP merpati")                                      \
	R(R_TLS_READY,          220, "2.0.0",  "Ready to start TLS")                                   \
	R(R_BYE,                221, "2.0.0",  "Bye")                                                  \
	R(R_AUTH_OK,            235, "2.7.0",  "Authentication successful")                            \
	R(R_HELO,               250, "",       "%s")                                                   \
	R(R_EHLO_LAST,          250, "",       "HELP")                                                 \
	R(R_DONE,               250, "2.0.0",  "Ok")                                                   \
	R(R_SENDER_OK,          250, "2.1.0",  "Ok")                                                   \
	R(R_RCPT_OK,            250, "2.1.5",  "Ok")                                                   \
	R(R_CHUNK_OK,           250, "2.0.0",  "Ok: %s octets")                                        \
	R(R_VRFY_OK,            250, "2.1.5",  "%s")                                                   \
	R(R_ETRN_OK,            250, "2.0.0",  "Ok: what waits for %s is tried")                       \
	R(R_QUEUED,             250, "2.0.0",  "Ok: queued as %s")                                     \
	R(R_VRFY_MAYBE,         252, "2.5.0",  "Send mail, and it will be tried")                      \
	R(R_AUTH_CHALLENGE,     334, "",       "%s")                                                   \
	R(R_GO_AHEAD,           354, "",       "End data with <CR><LF>.<CR><LF>")                      \
	R(R_STOPPING,           421, "4.3.2",  "The service stops or starts again; try again later")   \
	R(R_KICKED,             421, "4.7.0",  "An administrator ends this session")                   \
	R(R_CROWD,              421, "4.3.2",  "Too many connections; try again later")                \
	R(R_CROWD_EACH,         421, "4.7.0",  "Too many connections from your network")               \
	R(R_RATE_CONNECTIONS,   421, "4.7.1",  "Too many connections from your network in a minute; try again later") \
	R(R_RATE_COMMANDS,      421, "4.7.1",  "Too many commands from your network in a minute; try again later") \
	R(R_RATE_ERRORS,        421, "4.7.1",  "Too many errors from your network in a minute; try again later") \
	R(R_BANNED,             421, "4.7.0",  "Your network is banned for a time")                    \
	R(R_IDLE,               421, "4.4.2",  "Nothing came for too long")                            \
	R(R_SESSION_TIME,       421, "4.4.2",  "This took too long")                                   \
	R(R_ERRORS,             421, "4.7.0",  "Too many errors")                                      \
	R(R_COMMANDS,           421, "4.7.0",  "Too many commands without a message")                  \
	R(R_RATE_MESSAGES,      450, "4.7.1",  "Too many messages from your network in a minute; try again later") \
	R(R_RATE_RECIPIENTS,    450, "4.7.1",  "Too many recipients from your network in a minute; try again later") \
	R(R_QUEUE_DOWN,         451, "4.3.0",  "The queue does not answer; try again later")           \
	R(R_QUEUE_FAILED,       451, "4.3.0",  "The message could not be stored; try again later")     \
	R(R_URL_LATER,          451, "4.4.1",  "The mailbox cannot be read now; try again later")      \
	R(R_BUDGET_DOWN,        451, "4.3.0",  "Budgets cannot be looked up now; try again later")     \
	R(R_LOOKUP_DOWN,        451, "4.3.0",  "Recipients cannot be looked up now; try again later")  \
	R(R_MAILBOX_FULL,       452, "4.2.2",  "The mailbox is full")                                  \
	R(R_NO_ROOM,            452, "4.3.1",  "No room for more mail now; try again later")           \
	R(R_OVER_BUDGET,        452, "4.7.1",  "Your account may send %s, and has; try again later")   \
	R(R_OVER_DOMAIN,        452, "4.7.1",  "All accounts of your domain may send %s, and have; try again later") \
	R(R_RCPTS_MOST,         452, "4.5.3",  "Too many recipients")                                  \
	R(R_TLS_DOWN,           454, "4.7.0",  "TLS is not available now")                             \
	R(R_AUTH_DOWN,          454, "4.7.0",  "Authentication is not available now")                  \
	R(R_ETRN_BUSY,          458, "4.5.0",  "That was asked a moment ago")                           \
	R(R_ETRN_NOT,           459, "4.7.1",  "Not for that domain")                                  \
	R(R_UNKNOWN,            500, "5.5.1",  "Not a command")                                        \
	R(R_LINE_LONG,          500, "5.5.2",  "Line too long")                                        \
	R(R_BARE_COMMAND,       500, "5.5.2",  "A bare CR or LF is refused")                           \
	R(R_AUTH_LINE_LONG,     500, "5.5.6",  "Authentication line too long")                         \
	R(R_SENDER_SYNTAX,      501, "5.1.7",  "Syntax of the sender address: MAIL FROM:<user@domain>") \
	R(R_RCPT_SYNTAX,        501, "5.1.3",  "Syntax of the recipient address: RCPT TO:<user@domain>") \
	R(R_SENDER_LONG,        501, "5.1.7",  "The sender address is too long")                       \
	R(R_RCPT_LONG,          501, "5.1.3",  "The recipient address is too long")                    \
	R(R_BASE64,             501, "5.5.2",  "Not base64")                                           \
	R(R_SYNTAX,             501, "5.5.4",  "Syntax: %s")                                           \
	R(R_FUTURE,             501, "5.5.4",  "That is too far in the future")                         \
	R(R_AUTH_CANCELLED,     501, "5.7.0",  "Authentication cancelled")                             \
	R(R_NOT_HERE,           502, "5.5.1",  "Not offered here")                                     \
	R(R_SEQUENCE,           503, "5.5.1",  "Not now: %s")                                          \
	R(R_MECHANISM,          504, "5.5.4",  "Not a mechanism that is offered")                      \
	R(R_NEEDS_TLS,          530, "5.7.0",  "Must issue a STARTTLS command first")                  \
	R(R_NEEDS_AUTH,         530, "5.7.0",  "Authentication required")                              \
	R(R_AUTH_FAILED,        535, "5.7.8",  "Authentication credentials invalid")                   \
	R(R_AUTH_SUSPENDED,     535, "5.7.13", "The account is suspended")                             \
	R(R_AUTH_STOPPED,       535, "5.7.13", "Your account sent too much and was stopped; ask your postmaster") \
	R(R_AUTH_NEEDS_TLS,     538, "5.7.11", "Encryption required: use STARTTLS first")              \
	R(R_FROM_NOT_YOURS,     550, "5.7.1",  "%s in From or Sender does not belong to your login")   \
	R(R_FROM_NO_SENDER,     550, "5.7.1",  "Several addresses in From need a Sender (RFC 5322 3.6.2)") \
	R(R_STOPPED,            550, "5.7.1",  "Your account sent more than %s and was stopped; ask your postmaster") \
	R(R_RCPT_UNKNOWN,       550, "5.1.1",  "No such user here")                                    \
	R(R_RCPT_SUSPENDED,     550, "5.2.1",  "The mailbox is suspended")                             \
	R(R_RCPT_LOOP,          550, "5.4.6",  "The aliases of this address lead in a circle")         \
	R(R_NOT_TRUSTED,        550, "5.7.0",  "You may not speak for others")                          \
	R(R_RELAY_DENIED,       550, "5.7.1",  "Relaying denied")                                      \
	R(R_TOO_BIG,            552, "5.3.4",  "Larger than %s octets")                                \
	R(R_NEEDS_UTF8,         553, "5.6.7",  "A non-ASCII address needs SMTPUTF8")                   \
	R(R_SENDER_NOT_YOURS,   553, "5.7.1",  "The sender address does not belong to your login")     \
	R(R_URL_DENIED,         554, "5.7.0",  "IMAP URL authorization failed")                        \
	R(R_URL_HOST,           554, "5.7.8",  "No trust relationship with the IMAP server of this URL") \
	R(R_URL_NONE,           554, "5.6.6",  "IMAP URL resolution failed")                           \
	R(R_URLS_MOST,          554, "5.5.3",  "Too many URLs in a message")                           \
	R(R_HOPS,               554, "5.4.6",  "Too many hops: a mail loop")                           \
	R(R_PIPELINING,         554, "5.5.0",  "You sent this before the reply that it must wait for")  \
	R(R_NOT_YOURS,          554, "5.7.1",  "Not for your network")                                 \
	R(R_LONG_DATA,          554, "5.6.0",  "A line is longer than 998 octets")                      \
	R(R_PREGREET,           554, "5.5.1",  "You speak before you are greeted")                     \
	R(R_BARE_DATA,          554, "5.6.0",  "A bare CR or LF is refused: only CRLF ends a line")    \
	R(R_FROM_MISSING,       554, "5.6.0",  "There is no address in From")                          \
	R(R_FROM_TWICE,         554, "5.6.0",  "More than one From or Sender (RFC 5322 3.6)")          \
	R(R_FROM_UNCLEAR,       554, "5.6.0",  "From or Sender cannot be read for certain (RFC 5322 3.4)") \
	R(R_PARAMETER,          555, "5.5.4",  "Not a parameter or value that is offered")
/* clang-format on */

#define REPLY_ENUM(name, code, enhanced, text) name,

enum reply {
	R_NONE,   /* the handler has said all */
	R_HANGUP, /* close without a word */
	R_OWN,    /* what reply_own was told last */
	REPLIES(REPLY_ENUM)
};

enum { REPLY_LINE_MAX = 512 }; /* octets with CRLF, RFC 5321 4.5.3.1.5 */

enum { REPLY_OWN_LINES_MAX = 20, REPLY_ENHANCED_MAX = 12 };

/*
 * reply_own - a reply that is no row of the table: of a check with a text of its own, or of a
 * milter.  One at a time, as there is one conversation.
 *   code      400 to 599; another one becomes 451
 *   enhanced  "" where there is none; else of the class of code, or it is made "X.7.1"
 *   text      its lines, parted by LF; at most REPLY_OWN_LINES_MAX; bytes that are not printable
 *             ASCII become "?", lines are cut to fit
 *   returns   R_OWN
 */
enum reply reply_own(unsigned code, struct span enhanced, struct span text);
/* reply_put - one line with CRLF, of R_OWN several.  argument: for %s; NULL is empty */
void reply_put(struct buf *out, enum reply, const char *argument);
unsigned reply_code(enum reply);        /* 0 for R_NONE and R_HANGUP */
const char *reply_enhanced(enum reply); /* "" where there is none */
bool reply_ends(enum reply);            /* it ends the conversation */

#endif
