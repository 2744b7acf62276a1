/* SPDX-License-Identifier: ISC */
/*
 * action.h - what a run decided: a bounded list, in the order in which it is to be done.  Whoever
 * does it owns the effects; here is nothing but what the script said, with variables filled in.
 */
#ifndef SIEVE_ACTION_H
#define SIEVE_ACTION_H

#include "base/arena.h"
#include "sieve/error.h"

enum sieve_action_kind {
	ACTION_KEEP,     /* into INBOX */
	ACTION_FILEINTO, /* into store.mailbox */
	ACTION_REDIRECT,
	ACTION_DISCARD, /* nothing to do; there for the log */
	ACTION_REJECT,  /* RFC 5429 2.2: a refusal, or a report to the sender */
	ACTION_EREJECT, /* RFC 5429 2.1: a refusal in the protocol where there still is one */
	ACTION_VACATION, /* maybe: vacation_refusal of vacation.h says whether a reply is due */
	ACTION_NOTIFY,    /* by mail */
	ACTION_PIPE,      /* to a program of the site, by its name there */
	ACTION_DUPLICATE, /* to be remembered when all else is done: RFC 7352 3 */
};

/* Flags as IMAP has them, "\\Seen" or "$Label1"; each once, in the order they were set. */
struct sieve_flags {
	const struct span *rows;
	size_t n;
};

/* Where a message goes. */
struct sieve_store {
	/* UTF-8, levels by the separator that the script wrote; empty: INBOX (of an fcc: no copy) */
	struct span mailbox;
	struct sieve_flags flags;
	bool has_flags; /* :flags was there, or flags were set: else none are meant */
	bool
	    can_create; /* :create; without it a mailbox that is not there is a failure */
	/*
	 * goes before mailbox where there is such a one: "\\Junk" (RFC 8579 4), an id (RFC 9042 3);
	 * empty: not asked for.  A mailbox that is created gets that use, but never that id.
	 */
	struct span special_use, mailboxid;
};

struct sieve_redirect {
	struct span address; /* local-part@domain; of a list its name */
	bool is_list;        /* RFC 6134 2.5: to each of its members */
	/* RFC 6009, as SMTP has them: "NEVER", or of "SUCCESS,FAILURE,DELAY"; "FULL", "HDRS"; empty:
	 * as it came */
	struct span notify, ret;
};

struct sieve_vacation {
	struct span
	    reason; /* text, or with is_mime a MIME entity: fields, empty line, body */
	bool is_mime;
	struct span subject; /* empty: none given */
	struct span from;    /* a mailbox as a header field has it; empty: none given */
	const struct span *addresses; /* of the user, besides the ones he has */
	size_t n_addresses;
	uint64_t period_sec; /* between two replies to one sender; 0: one each time */
	/*
	 * what tells this reply from others: that of :handle, or made of all it says (RFC 5230
	 * 4.2).  With the sender's address it is the key of who was answered when.
	 */
	struct span handle;
	struct sieve_store fcc; /* mailbox empty: none */
};

/* RFC 5436: the parts of a mailto URI, decoded. */
struct sieve_notify {
	const struct span *to, *cc; /* addresses, each once in both */
	const struct span *to_text,
	    *cc_text; /* the same with names, as fields have them */
	size_t n_to, n_cc;
	struct span
	    from; /* of :from: a mailbox as a header field has it; empty: none given */
	struct span subject; /* of the URI; else :message; else empty */
	struct span message; /* :message; empty: none given */
	struct span body;    /* of the URI */
	const struct span
	    *fields; /* other fields of the URI, "Name: value", in their order */
	size_t n_fields;
	unsigned importance; /* 1 to 3; 2 is normal */
	const struct span
	    *options; /* as they were given; none has a meaning for mail */
	size_t n_options;
	struct span method; /* the whole URI */
	struct sieve_store fcc;
};

/* Of "vnd.dovecot.pipe". */
struct sieve_pipe {
	struct span name;
	const struct span *args;
	size_t n_args;
	bool is_try; /* when the program cannot do it, that is no failure */
};

struct sieve_duplicate {
	struct span handle, id; /* to be remembered together, however long they are */
	uint64_t period_sec;
};

struct sieve_action {
	struct sieve_action *next;
	enum sieve_action_kind kind;
	unsigned line;
	bool is_implicit; /* a keep that nobody wrote */
	bool is_copy;     /* :copy, RFC 3894: it did not cancel the implicit keep */
	/*
	 * KEEP, FILEINTO, REDIRECT, PIPE: the head as editheader left it, with its empty line, and the
	 * body as replace and enclose (RFC 5703) left it.  p is NULL: as it came.  What is stored
	 * or sent is what sieve_action_message says.
	 */
	struct span head, body;

	union {
		struct sieve_store store; /* KEEP, FILEINTO */
		struct sieve_redirect redirect;
		struct span reason; /* REJECT, EREJECT: UTF-8 */
		struct sieve_vacation vacation;
		struct sieve_notify notify;
		struct sieve_pipe pipe;
		struct sieve_duplicate duplicate;
	};
};

/* A message as a script left it: p NULL is as it came. */
struct sieve_text {
	struct span head, body;
};

/* {0} is a valid empty one. */
struct sieve_result {
	struct arena arena; /* own: all of the actions */
	struct sieve_action *actions;
	size_t n_actions,
	    n_redirects; /* implicit keeps, duplicates and discards are not counted */
	/*
	 * a keep is among them, said or implicit: a further script may decide about it.  The next
	 * sieve_run over this result takes it out and ends with its own.
	 */
	bool has_keep;
	/* what redirect sends of a message that was enclosed: RFC 5703 6 */
	bool is_enclosed;
	struct sieve_text before_enclose;
	uint64_t steps, work; /* done so far, of all runs over it */
};

/* sieve_result_free - memory back; an empty one */
void sieve_result_free(struct sieve_result *);
/* sieve_action_message - the message that it stores or sends: one behind the other; borrow: both */
void sieve_action_message(const struct sieve_action *, struct span message,
    struct span *head, struct span *body);
/* sieve_action_name - "keep", "fileinto"; borrow: static */
const char *sieve_action_name(enum sieve_action_kind);
/* sieve_action_put - one line for people: "fileinto \"Lists\" flags \\Seen" */
void sieve_action_put(const struct sieve_action *, struct buf *out);

#endif
