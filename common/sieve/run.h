/* SPDX-License-Identifier: ISC */
/*
 * run.h - runs a program (sieve/check.h) over a message, and says what is to be done with it.  Pure:
 * no file, no clock, no network, no process; all that it has to know comes in struct sieve_input,
 * and what it cannot know it asks by callbacks, which may do what they like.  Nothing takes effect
 * before the caller does the actions (sieve/action.h).
 *
 * How an agent uses it, for each recipient:
 *
 *	struct sieve_result result = {0};
 *	struct sieve_errors errors = {0};
 *	for each script (the domain's first one, the user's, the domain's last one)
 *		if (sieve_compile(text, &checking, &errors, &program) != E_OK) or
 *		if (sieve_run(program, &input, &result, &errors) != E_OK)
 *			log the errors, break     (the result is a plain keep then)
 *		if (!result.has_keep)
 *			break                     (nothing is left to decide)
 *	for (a = result.actions; a; a = a->next)
 *		do it
 *	sieve_result_free(&result); sieve_errors_reset(&errors);
 *
 * Memory: what input points to stays where it is until the result was used; actions are in the
 * result's arena and borrow nothing from program or input.
 */
#ifndef SIEVE_RUN_H
#define SIEVE_RUN_H

#include "mime/tree.h"
#include "sieve/action.h"
#include "sieve/check.h"

/* Of a span p is NULL: the envelope has it not. */
struct sieve_envelope {
	struct span from;    /* reverse-path without brackets; n is 0: "<>" */
	struct span to;      /* the recipient, as aliases made it */
	struct span orig_to; /* as it was in RCPT; p NULL: the same */
	struct span auth;    /* who submitted it */
	struct span notify, orcpt, ret,
	    envid; /* RFC 3461, as SMTP had them, xtext in it */
};

struct sieve_item {
	struct span name, value;
};

/* How smtpd's filters say how bad it is: RFC 5235. */
struct sieve_spam {
	/* "X-Spam-Score" or "X-Spam-Score: REGEX", whose first group is the value; empty: not known */
	struct span status_header;
	/* the best there is, in a field of its own as above, or as max_value; both empty: not known */
	struct span max_header, max_value;

	enum sieve_spam_type {
		SPAM_SCORE,  /* a number; max is the worst */
		SPAM_STRLEN, /* as many characters as it is bad */
		SPAM_TEXT,   /* one of texts */
	} type;
	struct span texts
	    [11]; /* by verdict: 1 to 10 of spam, 1 to 5 of viruses; 0 is "not tested" */
};

struct sieve_input {
	struct span message; /* borrow; as it will be stored; lines end in CRLF or LF */
	const struct tree
	    *tree; /* borrow: of that message; NULL: made when a test needs it */
	/* octets of the message on disk when they are others, as with a Return-Path; 0: message.n */
	uint64_t size_bytes;
	struct sieve_envelope envelope;
	/*
	 * what test environment finds (RFC 5183; RFC 6785 4: "imap.user", ...).  "version" and
	 * "name" need not be there; what is not there is unknown, and its test is false.
	 */
	const struct sieve_item *items;
	size_t n_items;
	struct span address;        /* of whose script it is: "user@domain" */
	const struct span *aliases; /* other addresses of the user */
	size_t n_aliases;
	/* of a subaddress (RFC 5233): "+"; any of these; empty: "+" */
	struct span detail_separators;
	/*
	 * RFC 6785: an event of IMAP, about a message that is in a mailbox.  What answers new mail
	 * (reject, ereject, vacation) and test envelope end the script (3.11, 4.6)
	 */
	bool is_event;
	struct span
	    flags; /* that it has, a blank between: the first script begins with them */
	int64_t now_sec; /* UNIX time */
	int zone_min;    /* minutes that local time is ahead of UTC */
	struct sieve_spam spam, virus;
	/* fields that editheader may not add or delete, besides Received and Auto-Submitted */
	const struct span *protected_add, *protected_delete;
	size_t n_protected_add, n_protected_delete;

	/* ---- asked when a test gets there; each may be NULL: no, none, not there ---- */
	void *ctx;
	/* a mailbox of that name that this user may store in (RFC 5490 3.1) */
	bool (*mailbox_exists)(void *ctx, struct span mailbox);
	/* RFC 8579 3: mailbox p NULL: in any mailbox of the user */
	bool (*special_use_exists)(void *ctx, struct span mailbox, struct span flag);
	bool (*mailboxid_exists)(void *ctx, struct span id); /* RFC 9042 4 */
	/*
	 * RFC 5490: value of an annotation put into out; mailbox p NULL: of the server.  E_OK,
	 * E_MORE (there is none), E_BAD (no name of one)
	 */
	int (*metadata)(
	    void *ctx, struct span mailbox, struct span name, struct buf *out);
	/*
	 * RFC 7352: was that id remembered under that handle, and not longer ago than period?  With
	 * is_last the time begins anew when it was.  What is to be remembered comes as an action.
	 */
	bool (*is_duplicate)(void *ctx, struct span handle, struct span id,
	    uint64_t period_sec, bool is_last);
	/* RFC 6134 2.6: a list of that name is there */
	bool (*list_exists)(void *ctx, struct span list);
	bool (*list_has)(
	    void *ctx, struct span list, struct span value); /* RFC 6134 2.2 */
	/* each test and action, what it looked at and what came out; script: "" is the main one */
	void (*trace)(void *ctx, struct span script, unsigned line, struct span text);
};

/*
 * sieve_run - never blocks (but in callbacks); ends after limits.steps and limits.work at most.
 *   result   {0}, or that of the script before, if it has a keep: its keeps leave, its flags are
 *            there from the beginning, the other actions stay and count
 *   errors   a line and a text when it fails
 *   returns  E_OK (a warning may be in errors, its total unchanged); E_BAD (the script did what may not be: actions that exclude each other, an
 *            address made of variables that is none, a missing include, error of RFC 5463); E_LIMIT
 *            (too many actions, too much work).  Then what this run decided is gone, and the result
 *            has an implicit keep at its end: RFC 5228 2.10.6.
 */
MUST_USE int sieve_run(const struct sieve_program *, const struct sieve_input *,
    struct sieve_result *, struct sieve_errors *);

#endif
