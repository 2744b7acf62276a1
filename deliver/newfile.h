/* SPDX-License-Identifier: ISC */
/*
 * newfile.h - a file of a mailbox's new/, made, or found as it was made before.  The folder is its
 * owner's, who puts there what he likes: nothing that is found is believed or followed.
 */
#ifndef DELIVER_NEWFILE_H
#define DELIVER_NEWFILE_H

#include "store/name.h"

/*
 * newfile_create - a message's file, to be written from its begin.
 *   path      borrow: its name, as text
 *   out       own: a descriptor, for writing
 *   is_fresh  it was not there
 *   returns   E_OK, E_IO (errno)
 */
MUST_USE int newfile_create(
    int folder, const char *path, const struct file_name *, int *out, bool *is_fresh);
/*
 * newfile_directions - those of a message (store/directions.h) are there, whole; before it is.
 *   out  own: a descriptor, to be synced
 *   returns  E_OK, E_IO (errno)
 */
MUST_USE int newfile_directions(
    int folder, const struct file_name *, struct span bytes, int *out);

#endif
