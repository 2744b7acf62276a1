/* SPDX-License-Identifier: ISC */
/*
 * asks.h - every message between the processes of deliver.
 *   queue's sched -> placer   common/spool/job.h (another daemon, on RUN/deliver/jobs)
 *   placer -> lookup          common/account/recipient.h: LOOKUP_RCPTS
 *   placer -> monitor         proc/daemon.h: a channel to lookup, a connection to queue's spool;
 *                             deliver/agents.h: DELIVER_AGENT, a channel to an agent of a mailbox
 *   placer -> agent           deliver/order.h: a message, and what its scripts decide
 *   placer -> signer          deliver/letter_sign.h: SIGNER_SIGN, fields for a letter of a script;
 *                             SIGNER_SEAL, a set of ARC for what one redirects; SIGNER_SEALER,
 *                             whose keys there are for that
 *   signer -> dkim            common/tls/key.h: KEY_DKIM_LIST, KEY_DKIM_SIGN
 *   signer -> lookup          LOOKUP_SENDERS: whether the account may be its author
 *   placer -> queue's spool   common/spool/put.h (another daemon): what scripts send
 *   placer -> runner          deliver/pipe.h: a message, and the program of the site that gets it;
 *                             DELIVER_RUNNER of the monitor, as DELIVER_AGENT
 *   imapd -> events           store/ring.h (another daemon, on RUN/deliver/events)
 *   events -> lookup, monitor, queue's spool   as a placer: an account, an agent of it, what scripts send
 *   events -> agent           deliver/turn.h: scripts run over what happened over IMAP; the agent gets a
 *                             channel to a runner for what they pipe: deliver/pipe.h, as a placer has it
 *   agent -> keeper           common/store/asks.h: where a script tests mailboxes
 *   agent -> lookup           common/account/recipient.h: LOOKUP_MEMBER, where a script tests a list
 *   retention -> monitor      deliver/agents.h: DELIVER_RETAINER, a channel to a retainer of a mailbox
 *   retention -> retainer     deliver/retention.h: RETAIN, the rules of retention in its mailbox
 *   retainer -> keeper        common/store/asks.h: what a session asks for an EXPUNGE or a MOVE
 *   lookup -> maps            maps/maps.h: MAPS_FIND, where alias_maps names some
 *   lookup -> monitor         proc/daemon.h: a channel to maps
 * Of ManageSieve, where listen_sieve has an address:
 *   front -> key              common/tls/key.h (signatures of handshakes)
 *   front -> auth             common/auth/auth.h (SASL steps)
 *   auth -> monitor           common/login/ticket.h: LOGIN_TICKET, who a ticket stands for
 *   front -> monitor          LOGIN_REDEEM, a ticket with its client's connection; one more front;
 *                             channels
 *   auth -> resolver, fetch   with oauth_introspection: common/auth/introspect.h
 *   session -> monitor        LOGIN_IDLE, LOGIN_LEAVE; who is served; LOGIN_RETURN, a connection that
 *                             is not logged in any more
 * The role metrics asks nobody and is asked nothing here: it answers scrapers (metrics/role.h).  A
 * placer that was taken over may write as any uid below the mail root (CAP_SETUID, CAP_SETGID;
 * Landlock holds it there) and read the spool; it has no socket, no other file, and cannot become
 * root in the file system's eyes elsewhere.  That is why it parses nothing but jobs and the answers
 * of agents, which are of a fixed format, too.  An agent that was taken over may do in its user's
 * mailbox what he may, learn of addresses whether they are in lists of the site, and send 32
 * messages for one that came, with the envelope sender that the placer gives them, and have the
 * programs of the site run; because of what happens over IMAP EVENTS_LETTERS_MOST in
 * EVENTS_WINDOW_MS, as its user, and EVENTS_RUNNERS_MOST programs; and ask the role events
 * EVENTS_ASKS_MOST times in a turn.  The role events that was taken over may have agents of all
 * mailboxes run their scripts, and send in anybody's name.  A front that was taken over sees the
 * plaintext of its connections in TLS; it has no file and cannot become anybody.  A session that was
 * taken over has one mailbox, no network, no socket.  A signer that was taken over can have mail of
 * any domain of ours signed, and hands the signatures to placers and events alone.
 */
#ifndef DELIVER_ASKS_H
#define DELIVER_ASKS_H

enum deliver_role {
	DELIVER_PLACER,
	DELIVER_LOOKUP,
	DELIVER_MAPS,
	DELIVER_AGENT_ROLE,
	DELIVER_EVENTS,
	DELIVER_FRONT,
	DELIVER_SESSION,
	DELIVER_KEY,
	DELIVER_AUTH,
	DELIVER_RESOLVER,
	DELIVER_FETCH,
	DELIVER_RETENTION,
	DELIVER_RETAINER_ROLE,
	DELIVER_SIGNER,
	DELIVER_DKIM,
	DELIVER_RUNNER_ROLE
};

#endif
