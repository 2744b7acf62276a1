/* SPDX-License-Identifier: ISC */
/*
 * command.h - the commands after the login.  command.c has the table, the only dispatcher: state,
 * what sequence numbers a command uses and whether it may break them, streamed literals, one row
 * each.
 */
#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H

#include "imapd/parse.h"
#include "imapd/respond.h"
#include "imapd/session.h"

/* What a handler gets. */
struct command {
	/*
	 * behind the verb (and behind "UID ") and its SP; without the announcement of a streamed
	 * literal
	 */
	struct parse parse;
	bool is_uid;      /* "UID FETCH" and the like */
	const char *verb; /* borrow: static */
};
typedef enum reply command_handler(struct session *, struct command *);

/* cmd_state.c */
command_handler cmd_capability, cmd_noop, cmd_logout, cmd_id, cmd_enable, cmd_namespace;
/* cmd_select.c */
command_handler cmd_select, cmd_examine, cmd_close, cmd_unselect, cmd_check;
/* cmd_mailbox.c */
command_handler cmd_create, cmd_delete, cmd_rename, cmd_subscribe, cmd_unsubscribe;
/* cmd_list.c */
command_handler cmd_list, cmd_lsub;
/* cmd_status.c */
command_handler cmd_status;
/* cmd_quota.c */
command_handler cmd_getquota, cmd_getquotaroot, cmd_setquota;
/* cmd_unauthenticate.c */
command_handler cmd_unauthenticate;
/* cmd_language.c */
command_handler cmd_language, cmd_comparator;
/* cmd_acl.c */
command_handler cmd_setacl, cmd_deleteacl, cmd_getacl, cmd_listrights, cmd_myrights;
/* cmd_metadata.c */
command_handler cmd_getmetadata, cmd_setmetadata;
/* cmd_urlauth.c */
command_handler cmd_genurlauth, cmd_resetkey, cmd_urlfetch;
/* cmd_idle.c */
command_handler cmd_idle;
/* cmd_notify.c */
command_handler cmd_notify;
/* cmd_compress.c */
command_handler cmd_compress;
/* cmd_append.c */
command_handler cmd_append, cmd_replace;
/* cmd_fetch.c, cmd_store.c, cmd_copy.c, cmd_expunge.c */
command_handler cmd_fetch, cmd_store, cmd_copy, cmd_move, cmd_expunge;
/* cmd_search.c, cmd_esearch.c, cmd_sort.c, cmd_thread.c */
command_handler cmd_search, cmd_esearch, cmd_sort, cmd_thread;
/* cmd_cancelupdate.c */
command_handler cmd_cancelupdate;

/* command_read - one command and its reply.  E_OK; anything else: the conversation ends */
MUST_USE int command_read(struct session *);

/*
 * ---- streamed literals: APPEND, REPLACE ---- The handler gets the text before the literal ("INBOX
 * (\Seen) ", also "INBOX UTF8 (") and s->literal.  It reads or skips the literal, then command_more
 * gives what stands behind it (")", or " (\Seen) " before the next one), until s->literal.is_there
 * is false.  A handler may return at any point: what it did not read is skipped for it.
 */
/*
 * command_literal - reads s->literal to its end in pieces: fn gets each; answers "+" first where
 * the client waits.  fn's failure does not end the reading.  E_OK, what fn returned first, E_IO
 * (the client is gone)
 */
MUST_USE int command_literal(
    struct session *, int (*fn)(void *ctx, struct span), void *ctx);
/*
 * command_skip_literal - refuses it: a synchronising one is never sent; the octets of another are
 * read and forgotten
 */
MUST_USE int command_skip_literal(struct session *);
/*
 * command_more - the text behind a streamed literal, up to the end of the command or the next
 * streamed literal; into c->parse.  What was parsed before stays valid.  E_OK, E_BAD (no line: bare
 * LF, too long), E_IO (the client is gone)
 */
MUST_USE int command_more(struct session *, struct command *c);

/* ---- cmd_idle.c: waiting for a client and its mailboxes; NOTIFY does it between commands ---- */
/* nap_in_idle, or nap_in_wait */
typedef int nap_fn(struct session *, uint64_t looked, int64_t deadline);
/*
 * idle_pause - nothing is to be told past the mod-sequence seen: lies down, or waits until the client,
 * the selected mailbox, the feed of NOTIFY, or the monitor has something to say.  E_OK (look again, or
 * is_over: it sleeps), E_MORE (idle for too long), E_DENY (the daemon stops)
 */
MUST_USE int idle_pause(struct session *, nap_fn *, uint64_t seen, int64_t deadline);

/* command_settle - a mailbox that was left is given up after a moment (IMAP_LEFT_MS) without a word */
void command_settle(struct session *);
/* command_idle_again - an IDLE goes on in this process, to its tagged reply */
void command_idle_again(struct session *, struct span tag, int64_t deadline);
/* idle_go_on - cmd_idle.c: what follows "+ idling" */
enum reply idle_go_on(struct session *, struct command *, int64_t deadline);

/* ---- between command.c and read.c ---- */
/*
 * command_text - a command into s->command with its literals, and its tag into s->tag.  E_OK;
 * E_BAD, E_LIMIT: it is none, or too long, and was read to its end; E_IO, E_MORE (idle), E_DENY
 * (stop): the conversation ends
 */
MUST_USE int command_text(struct session *);
/*
 * command_streams - p stands behind the tag: behind so many arguments of this command a literal is
 * a message; 0: never.  Takes the verb
 */
unsigned command_streams(struct parse *);
struct parse command_parse(struct session *, struct span text);

/*
 * numbers.c: resolves a set against the mailbox; out: sequence numbers in ascending ranges; with
 * is_uid unknown UIDs are left out.  E_OK, E_BAD (a sequence number that is none: RFC 9051 says
 * BAD)
 */
MUST_USE int numbers_resolve(
    const struct session *, const struct seqset *, bool is_uid, struct numset *out);
/*
 * numbers_found - the same for the keys of a search: what the mailbox has of a set, as numbers past
 * its end are no mistake there (RFC 7377 2).  E_OK, E_LIMIT
 */
MUST_USE int numbers_found(
    const struct session *, const struct seqset *, bool is_uid, struct numset *out);
/* numbers_uids - the UIDs of sequence numbers */
void numbers_uids(
    const struct session *, const struct numset *seqs, struct numset *out);

#endif
