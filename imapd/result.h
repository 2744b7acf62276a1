/* SPDX-License-Identifier: ISC */
/*
 * result.h - results of SEARCH and SORT as RETURN asks for them (RFC 9051 7.3.4, RFC 4731, RFC 5267
 * 3, RFC 9394 3, RFC 7377 2.1, RFC 6203 4); "$", RFC 5182.
 */
#ifndef IMAPD_RESULT_H
#define IMAPD_RESULT_H

#include "imapd/command.h"
#include "imapd/search_run.h"

/* What was found, in the order in which it is told: ascending, or sorted. */
struct result {
	const uint32_t *seqs; /* borrow */
	size_t n;
	const uint32_t *ascending; /* borrow: the same messages; n of them */
	/* borrow: of seqs, in their order; NULL where none was fuzzy, or it found nothing */
	const uint8_t *scores;
	struct span mailbox; /* borrow: of ESEARCH, which says it; empty: not said */
	uint32_t uidvalidity;
};

/*
 * result_parse - what SEARCH and ESEARCH look for (search_parse), with what follows from it.  E_OK,
 * E_BAD, E_DENY
 */
MUST_USE int result_parse(struct session *, struct command *, struct search *out);

/* result_stop - what is enough to answer RETURN; borrows from it */
struct search_stop result_stop(const struct search *);
/* result_number - what the client calls message seq: its UID where the command says UID */
uint32_t result_number(const struct session *, const struct command *, uint32_t seq);
/*
 * result_put - "* SEARCH 2 84 882 (MODSEQ 917162500)", or "* SORT": RFC 3501 7.2.5, RFC 5256 4, RFC
 * 7162 3.1.6.  false: the client is gone
 */
bool result_put(struct session *, const struct command *, const char *name,
    const struct search *, const struct result *);
/* result_put_extended - the ESEARCH response, if any is asked for.  false: the client is gone */
bool result_put_extended(struct session *, const struct command *,
    const struct search *, const struct result *);
/*
 * result_save - RETURN (SAVE): "$" becomes it, or nothing when it cannot be kept.  R_DONE,
 * R_NOT_SAVED
 */
enum reply result_save(struct session *, const struct search *, const struct result *);
/*
 * result_failed - the reply of a SEARCH, SORT or THREAD that failed: [BADCHARSET] with the charsets
 * there are (err is E_DENY), what is missing (E_BAD).  After a NO to one with SAVE "$" is empty
 * (RFC 5182 2.1).
 */
enum reply result_failed(struct session *, const struct search *, int err);
/* result_said - the same for a reply that search_run or a later step gave; R_DONE stays */
enum reply result_said(struct session *, const struct search *, enum reply);

#endif
