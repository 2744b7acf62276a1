/* SPDX-License-Identifier: ISC */
/* ext.h - what a script may require: the extensions, a row each. */
#ifndef SIEVE_EXT_H
#define SIEVE_EXT_H

#include "base/buf.h"

/* clang-format off */
#define SIEVE_EXTS(EXT)                                              \
	EXT(FILEINTO, "fileinto")               /* RFC 5228 4.1 */   \
	EXT(ENVELOPE, "envelope")               /* RFC 5228 5.4 */   \
	EXT(ENCODED, "encoded-character")       /* RFC 5228 2.4.2.4 */ \
	EXT(NUMERIC, "comparator-i;ascii-numeric")   /* RFC 4790 9.1 */ \
	EXT(UNICODE, "comparator-i;unicode-casemap") /* RFC 5051 */  \
	EXT(OCTET, "comparator-i;octet")        /* always there */   \
	EXT(CASEMAP, "comparator-i;ascii-casemap") /* always there */ \
	EXT(REJECT, "reject")                   /* RFC 5429 */       \
	EXT(EREJECT, "ereject")                 /* RFC 5429 */       \
	EXT(COPY, "copy")                       /* RFC 3894 */       \
	EXT(BODY, "body")                       /* RFC 5173 */       \
	EXT(ENVIRONMENT, "environment")         /* RFC 5183 */       \
	EXT(VARIABLES, "variables")             /* RFC 5229 */       \
	EXT(VACATION, "vacation")               /* RFC 5230 */       \
	EXT(VACATION_SECONDS, "vacation-seconds") /* RFC 6131 */     \
	EXT(RELATIONAL, "relational")           /* RFC 5231 */       \
	EXT(FLAGS, "imap4flags")                /* RFC 5232 */       \
	EXT(SUBADDRESS, "subaddress")           /* RFC 5233 */       \
	EXT(SPAMTEST, "spamtest")               /* RFC 5235 */       \
	EXT(SPAMTESTPLUS, "spamtestplus")       /* RFC 5235 */       \
	EXT(VIRUSTEST, "virustest")             /* RFC 5235 */       \
	EXT(DATE, "date")                       /* RFC 5260 */       \
	EXT(INDEX, "index")                     /* RFC 5260 */       \
	EXT(EDITHEADER, "editheader")           /* RFC 5293 */       \
	EXT(ENOTIFY, "enotify")                 /* RFC 5435, 5436 */ \
	EXT(IHAVE, "ihave")                     /* RFC 5463 */       \
	EXT(MAILBOX, "mailbox")                 /* RFC 5490 */       \
	EXT(MBOXMETADATA, "mboxmetadata")       /* RFC 5490 */       \
	EXT(SERVERMETADATA, "servermetadata")   /* RFC 5490 */       \
	EXT(FOREVERYPART, "foreverypart")       /* RFC 5703 */       \
	EXT(MIME, "mime")                       /* RFC 5703 */       \
	EXT(EXTRACTTEXT, "extracttext")         /* RFC 5703 */       \
	EXT(REPLACE, "replace")                 /* RFC 5703 */       \
	EXT(ENCLOSE, "enclose")                 /* RFC 5703 */       \
	EXT(REDIRECT_DSN, "redirect-dsn")       /* RFC 6009 */       \
	EXT(ENVELOPE_DSN, "envelope-dsn")       /* RFC 6009 */       \
	EXT(EXTLISTS, "extlists")               /* RFC 6134 */       \
	EXT(INCLUDE, "include")                 /* RFC 6609 */       \
	EXT(IMAPSIEVE, "imapsieve")             /* RFC 6785 */       \
	EXT(DUPLICATE, "duplicate")             /* RFC 7352 */       \
	EXT(SPECIAL_USE, "special-use")         /* RFC 8579 */       \
	EXT(FCC, "fcc")                         /* RFC 8580 */       \
	EXT(MAILBOXID, "mailboxid")             /* RFC 9042 */       \
	EXT(PIPE, "vnd.dovecot.pipe")           /* of Pigeonhole */  \
	EXT(REGEX, "regex")                     /* draft-ietf-sieve-regex */

/* clang-format on */

enum sieve_ext {

#define EXT(id, name) SIEVE_EXT_##id,
	SIEVE_EXTS(EXT)
#undef EXT
	    SIEVE_EXT_DIALECT, /* that of a program with words of its own */
	SIEVE_EXT_COUNT
};

#define EXT_BIT(id) (UINT64_C(1) << SIEVE_EXT_##id)
#define SIEVE_EXTS_ALL ((UINT64_C(1) << SIEVE_EXT_DIALECT) - 1)

/* sieve_ext_find - bit of a capability; 0 when there is none of that name */
uint64_t sieve_ext_find(struct span name);
/* sieve_ext_names_put - of a set, a blank between: what ManageSieve's SIEVE capability says */
void sieve_ext_names_put(uint64_t exts, struct buf *out);

#endif
