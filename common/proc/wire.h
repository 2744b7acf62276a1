/* SPDX-License-Identifier: ISC */
/*
 * wire.h - the version of what processes say to each other: the asks and what goes with them, between
 * the processes of a daemon, between daemons, and through a reload (reload.c).
 */
#ifndef PROC_WIRE_H
#define PROC_WIRE_H

/*
 * Is raised with a release in which any of that is said otherwise than in the one before: a reload, after
 * which processes of both live side by side, is refused then.
 */
enum { WIRE_VERSION = 1 };

#endif
