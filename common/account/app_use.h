/* SPDX-License-Identifier: ISC */
/*
 * app_use.h - when app passwords were used last, by which protocol, from where.  STATE/app_uses has a
 * file for each daemon, which its role "auth" alone writes; the command reads them all.  A file is a
 * table of places of one size, found by the id of the app password; where a place is wanted by too
 * many the one that was used longest ago is forgotten.  Nothing is synced: a power cut may take the
 * last uses back.
 */
#ifndef ACCOUNT_APP_USE_H
#define ACCOUNT_APP_USE_H

#include "account/app.h"

struct app_uses;

enum {
	APP_USES_SETS = 8192, /* places for 65,536 app passwords a daemon */
	APP_USES_WAYS = 8,
	APP_USE_BYTES =
	    40, /* of a place: id, protocol, 3 zeros, seconds, IPv6 address */
	APP_USE_NOTE_SEC = 60, /* one that was noted is not noted again so soon */
};

struct app_use {
	int64_t when_sec;         /* wall clock; 0: never */
	unsigned protocol;        /* enum app_protocol */
	unsigned char client[16]; /* an IPv4 address is mapped; zero: unknown */
};

/*
 * app_uses_open - the file of a daemon, made if it is not there; before a jail: what follows reads
 * and writes at the descriptor alone.  own; NULL: there is none (logged), nothing is noted
 */
struct app_uses *app_uses_open(const struct conf *, const char *daemon);
void app_uses_close(struct app_uses **);
/* app_uses_note - it was used now; what cannot be written is not noted.  client: text */
void app_uses_note(struct app_uses *, struct id, unsigned protocol, const char *client);
/* app_use_last - the latest of all daemons; zero: never, or it was forgotten */
void app_use_last(const struct conf *, struct id, struct app_use *out);
/* app_use_client_put - its address as text, or nothing */
void app_use_client_put(const struct app_use *, struct buf *out);

#endif
