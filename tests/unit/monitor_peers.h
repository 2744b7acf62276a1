/* SPDX-License-Identifier: ISC */
/* monitor_peers.h - the monitor of a daemon without processes: a test has their ends of the channels. */
#ifndef TEST_MONITOR_PEERS_H
#define TEST_MONITOR_PEERS_H

#include <sys/resource.h>

#include "proc/monitor.h"

enum { PEER_WAIT_MS = 20000 };

struct peer {
	struct process *process; /* the monitor's */
	int chan;                /* own: its end */
	struct buf in;           /* own: what it heard last */
};

/* peers_begin - the_monitor is that of d (borrow), and nobody is there */
void peers_begin(const struct daemon *d);
void peers_end(void); /* whoever is still there is gone */

struct peer peer_new(const char *role);
void peer_free(struct peer *);

/* peer_says - frees body; fd: borrow, or -1.  peer_tells: the monitor has read it; peer_says: it did not yet */
void peer_says(struct peer *, uint16_t type, struct buf *body, int fd);
void peer_tells(struct peer *, uint16_t type, struct buf *body, int fd);
/* peer_hears - what the monitor said; m.fd is the caller's.  peer_heard: it is closed */
struct ask_msg peer_hears(struct peer *);
struct ask_msg peer_heard(struct peer *);
void peer_hears_nothing(struct peer *);

/* descriptors_most - RLIMIT_NOFILE of this process from now on; what it was */
rlim_t descriptors_most(rlim_t n);

#endif
