/* SPDX-License-Identifier: ISC */
/*
 * bans_file.h - inside common/auth: the file STATE/auth_failures as it is mapped.  It never leaves the
 * host, so numbers are this machine's.  Fronts read no further than the bans.
 */
#ifndef AUTH_BANS_FILE_H
#define AUTH_BANS_FILE_H

#include <stdatomic.h>

#include "auth/bans.h"

enum {
	BANS_LAYOUT = 1,
	BANS_HEAD_BYTES = 4096,
	BANS_LENGTHS = 129,  /* 0 to 128: bits of a network */
	BAN_NAME_BITS = 255, /* in place of the bits of a network */
	PLACE_WAYS = 8,
	PLACE_SETS = 2048,
	TRACE_SETS = 4096,
};

struct bans_head {
	char magic[16];
	uint32_t layout, bytes;
	uint64_t seed; /* where everything stands; made with the file */
	/* bit n: there are bans of networks of n bits, or were */
	_Atomic uint64_t lengths[3];
};

struct ban_row {
	uint64_t check; /* of all that follows, and seed */
	unsigned char b[16];
	unsigned char bits, kind, zero[6];
	int64_t since_sec, until_sec;
	uint32_t count, times;
	char text[BAN_TEXT_MAX];
};

/* Wrong passwords of a network, or of a login name. */
struct place {
	uint64_t key;      /* 0: free */
	int64_t since_sec; /* when what is counted began */
	int64_t last_sec;
	/* a name: from networks that it came from before; and from all others */
	uint32_t count, strangers;
};

/* Something that was seen: a wrong password of a name, or a name's network. */
struct trace {
	uint64_t key; /* 0: free */
	int64_t last_sec;
};

struct bans_file {
	union {
		struct bans_head head;
		char page[BANS_HEAD_BYTES];
	};

	struct ban_row bans[BANS_SETS * BANS_WAYS];
	struct place networks[PLACE_SETS * PLACE_WAYS];
	struct place names[PLACE_SETS * PLACE_WAYS];
	struct trace wrong[TRACE_SETS * PLACE_WAYS];
	struct trace known[TRACE_SETS * PLACE_WAYS];
};

struct bans {
	struct bans_file *file; /* own mapping */
	int fd; /* own: for the lock, to read alone; -1: not for writing */
};

uint64_t bans_mix(uint64_t); /* splitmix64 */

#endif
