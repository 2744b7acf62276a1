/* SPDX-License-Identifier: ISC */
/*
 * session.h - IMAP after the login: one client after another, of one account.
 *
 * What of this sleeps (nap.h): a session that is silent has no process.  What it is then is
 * slept.h's struct slept: enabled, errors, the octets of io.in that were not taken, deflate,
 * the selected mailbox, whose it is, its rule of the list and the saved result ("$"), in IDLE its
 * tag and its deadline; what NOTIFY asks for, and the mailboxes as they were told; which changes of
 * METADATA were told.  The monitor
 * keeps what a login says: has_tls, is_loopback, quota_*.  All else is of one command, or from
 * the configuration.  Who adds a field that lives from one command to the next adds it there,
 * too (and to SLEPT_FORMAT 1), or keeps such a session awake in nap.c state_put.
 */
#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

#include "base/arena.h"
#include "imapd/selected.h"
#include "proc/io.h"
#include "store/store.h"

enum {
	/* octets of a command's text between literals; RFC 7162 4 asks for 8,192 */
	IMAP_LINE_MAX = 65536,
	/* octets of a command, literals in it too; a streamed message is not in it */
	IMAP_COMMAND_MAX = 1 << 20,
	IMAP_TAG_MAX = 128,
	IMAP_ERRORS_MOST = 50,     /* BADs in a row */
	IMAP_ARENA_MAX = 64 << 20, /* bytes that one command may allocate */
	IMAP_OUT_MAX = 1 << 20,    /* bytes of replies that wait to be sent */
	IMAP_OUT_FLUSH = 128 << 10,
	IMAP_IN_CHUNK = 65536, /* bytes of one read of a message */
	/* for so long a mailbox that was left can be selected again at no cost */
	IMAP_LEFT_MS = 1000,
	/* octets of a refused "{n+}" that are read away; past it BYE (RFC 7888 4) */
	LITERAL_FORGOTTEN_MAX = 128 << 20,
};

/* What of the selected mailbox is not told, as NOTIFY wants it. */
enum untold {
	UNTOLD_COUNT = 1, /* EXISTS, EXPUNGE */
	UNTOLD_FLAGS = 2,
};

struct fetch_atts;

/* ENABLEd, or implied by use. */
enum enabled {
	EN_CONDSTORE = 1,
	EN_QRESYNC = 2,
	EN_UTF8 = 4, /* RFC 6855 */
	EN_REV2 = 8, /* RFC 9051: ESEARCH instead of SEARCH, no RECENT, UTF-8 names */
	EN_METADATA = 16, /* RFC 5464: what others change is told */
	EN_UIDONLY = 32,  /* RFC 9586: no sequence numbers, either way */
	EN_ALL = 63,
};

/* A literal that was announced and not read: of a message (the row of the command says so). */
struct literal {
	bool is_there;
	bool is_plus;   /* the client does not wait for "+" */
	bool is_binary; /* ~{n}: RFC 3516 */
	uint64_t bytes;
};

struct deflate; /* net/deflate.h */

struct session {
	struct io io;
	struct deflate *deflate; /* own; NULL: bytes travel as they are */
	struct store
	    *store; /* borrow: of the selected mailbox; without one the account's */
	struct store *own;         /* borrow: the account's; NULL: store is */
	struct selected *selected; /* own; NULL: authenticated state */
	struct arena arena;        /* of the command: reset by the dispatcher */
	unsigned enabled;          /* enum enabled */
	struct span tag;           /* borrow: of the command that runs */
	/* a handler's response code, without brackets; reset by the dispatcher */
	struct buf code;
	struct literal literal; /* of a message: the command's text goes on behind it */
	bool has_rest;          /* the command's text was not read to its end yet */
	struct buf command;     /* its text so far */
	/* mailbox whose signatures are to be turned (search_slices.h); 0: none */
	uint32_t slices_wanted;
	/* borrow: what NOTIFY asks of new messages of the selected mailbox; NULL: nothing */
	const struct fetch_atts *notify_atts;
	struct notify *notify; /* own; NULL: NOTIFY was not used */
	unsigned untold;       /* enum untold */
	bool notify_metadata;  /* NOTIFY asks for what others change of METADATA */
	/* borrow: mailboxes whose names or subscriptions the command that runs changed */
	struct span own_names[2];
	/* UIDs of the selected mailbox that the command that runs gave to new messages */
	struct num_range own_uids;
	unsigned errors;
	bool is_over;
	bool is_broken; /* the client cannot be written to, or left: everything ends */
	bool has_tls, is_loopback;
	bool may_unauthenticate; /* unless it is compressed */
	/* messages one command works on, and copies or appends: RFC 9738; 0: any number */
	uint32_t messages_most, saves_most;

	struct {
		int64_t after_ms; /* 0: never */
		int64_t at;       /* the next try; DEADLINE_NONE: never */
		int64_t woke_ms;  /* it slept before; 0: it did not */
		bool is_waking;   /* the monitor was not told yet that it is awake */
		bool is_asleep;
		int64_t deadline; /* of the silence that it woke in; 0: none */
	} nap;

	uint64_t message_size_most; /* APPENDLIMIT */
	int64_t
	    progress_ms; /* a long command says how far it is that often: RFC 9585 */
	uint64_t quota_bytes, quota_messages;
	const char *server_admin; /* borrow: the setting */
	const char *account;      /* borrow: the address that logged in */
};

static inline struct store *
session_own(const struct session *s)
{
	return s->own ? s->own : s->store;
}

/* What is said in it stays between two: URLs that let whoever has them in, RFC 4467 10. */
static inline bool
session_is_private(const struct session *s)
{
	return s->has_tls || s->is_loopback;
}

int imap_session_run(void); /* the role */
/* imap_session_ahead - its ahead: the keeper of an account that wakes */
void imap_session_ahead(const char *account, const char *home, int first);
/*
 * session_end - the conversation ends for what a wait came to: E_DENY (stop) and E_MORE (idle) are
 * said
 */
void session_end(struct session *, int err);

#endif
