/* SPDX-License-Identifier: ISC */
/* serve.h - the session process of one account: a client, then for a while the next one. */
#ifndef LOGIN_SERVE_H
#define LOGIN_SERVE_H

#include "login/sleep.h"
#include "proc/io.h"

/*
 * serve_clients - calls serve with each client that the monitor passes, until none came for the
 * daemon's linger_time or the daemon stops.  serve takes fd and returns when the client is gone, or
 * asleep; log lines carry the client's sid meanwhile.
 */
void serve_no_more(void); /* in serve: the client that leaves is the last */
void serve_clients(void (*serve)(int fd, const struct login_client *));
/*
 * serve_sleepers - before serve_clients, where sessions sleep: who slept and woke comes to wake,
 * with the state that it had
 */
void serve_sleepers(
    void (*wake)(int fd, const struct login_client *, struct span state));
/*
 * serve_sleep - the client that is served now goes to sleep.  At E_OK its connection is the nest's:
 * close it, say nothing more, return.  E_OK, E_LIMIT (not now)
 */
MUST_USE int serve_sleep(const struct sleeping *);
/*
 * serve_io - the client's bytes with the daemon's idle_time; what it sent behind its login is read
 * before anything else.  Takes fd
 */
void serve_io(
    struct io *, int fd, const struct login_client *, size_t in_max, size_t out_max);

/*
 * serve_may_return - this connection can go back: in TLS a front has it, else it says itself who the
 * client is; one that a proxy made says who the proxy is
 */
bool serve_may_return(int fd, const struct login_client *);
/*
 * serve_return - the client is not logged in any more, RFC 8437: its connection, with what it sent
 * and was not read, goes back to a front.  After it was told, and before io_done.
 *   returns  E_OK; anything else: it cannot, and the connection is to be closed
 */
MUST_USE int serve_return(struct io *, bool has_tls);

#endif
