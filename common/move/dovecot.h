/* SPDX-License-Identifier: ISC */
/*
 * dovecot.h - the files that Dovecot keeps beside messages in a Maildir: read, and written.  Pure.
 *   dovecot-uidlist   UIDs, UIDVALIDITY, UIDLs: versions 1 and 3
 *   dovecot-keywords  names of the letters a to z in names of files
 *   subscriptions     names without and with levels ("V\t2")
 * A line that is wrong is passed over and counted: a list that was torn is better than none.
 */
#ifndef MOVE_DOVECOT_H
#define MOVE_DOVECOT_H

#include "move/maildir_name.h"

struct uidlist {
	struct span rest; /* borrow: the text, not read yet */
	unsigned version;
	uint32_t uidvalidity, uidnext; /* uidnext 0: it does not say */
	unsigned n_wrong;              /* lines */
};

struct uidlist_row {
	uint32_t uid;
	struct span base; /* borrow: name of the file, without its flags */
	struct span uidl; /* borrow: 'P'; empty: none */
};

/* uidlist_open - the first line.  E_OK, E_BAD (no list of these versions) */
MUST_USE int uidlist_open(struct span text, struct uidlist *out);
bool uidlist_next(struct uidlist *, struct uidlist_row *out); /* false: it ends */
void uidlist_head_put(
    struct buf *, uint32_t uidvalidity, uint32_t uidnext, const unsigned char guid[16]);
void uidlist_row_put(struct buf *, const struct uidlist_row *);

/* keywords_next - *text moves on.  false: it ends */
bool keywords_next(struct span *text, unsigned *letter, struct span *name);
void keywords_put(struct buf *, unsigned letter, struct span name);

/*
 * subscriptions_next - a name as ours ("a/b") in out; *text moves on, at first with *version 0.
 * false: it ends
 */
bool subscriptions_next(struct span *text, unsigned *version, struct buf *out);
void subscriptions_head_put(struct buf *);
/* E_OK, E_BAD (not UTF-8) */
MUST_USE int subscriptions_put(struct buf *, struct span name);

/*
 * uidl_format - Dovecot's pop3_uidl_format: %u UID, %v UIDVALIDITY, %f name of the file; between %
 * and the letter: a width, with "0" before it to pad, and "X" for hex.  "%08Xu%08Xv" is its
 * default.
 *   out      added to
 *   returns  E_OK, E_BAD (a letter that is none of these, or neither %u nor %f in it), E_LIMIT
 *            (what comes of it is no UIDL: uidl_is_legal)
 */
MUST_USE int uidl_format(struct span format, uint32_t uid, uint32_t uidvalidity,
    struct span file, struct buf *out);
/* uidl_is_legal - RFC 1939 7: 1 to 70 characters from 0x21 to 0x7e */
bool uidl_is_legal(struct span);

#endif
