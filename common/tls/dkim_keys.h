/* SPDX-License-Identifier: ISC */
/* dkim_keys.h - the part of the role "key" that signs mail: its two asks (key.h). */
#ifndef TLS_DKIM_KEYS_H
#define TLS_DKIM_KEYS_H

#include "proc/ask.h"

struct conf;

enum {
	DKIM_KEYS_DOMAINS = 64, /* whose keys are kept in memory */
	DKIM_KEYS_SETTLED_SEC =
	    2, /* a folder that changed later than so may still change */
};

/* dkim_keys_open - where they lie; conf: borrow, for ever */
void dkim_keys_open(const struct conf *);
ask_handler dkim_keys_list, dkim_keys_sign;

#endif
