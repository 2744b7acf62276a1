/* SPDX-License-Identifier: ISC */
/*
 * filter.h - the system call filter of a jail: what is killed, what is allowed, ENOSYS for the
 * rest.
 */
#ifndef PROC_FILTER_H
#define PROC_FILTER_H

#include "base/base.h"

/* filter_enter - for ever, and for all children.  calls: enum jail_calls.  E_OK, E_IO (errno) */
MUST_USE int filter_enter(unsigned calls);

#endif
