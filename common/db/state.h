/* SPDX-License-Identifier: ISC */
/* state.h - what db.c and file.c share: nothing outside common/db includes it. */
#ifndef DB_STATE_H
#define DB_STATE_H

#include <db.h>

#include "base/buf.h"

int db_err(int err, bool *is_damaged); /* the library's result as ours */
/* the library's result */
int db_read(DB *, DB_TXN *, struct span key, struct buf *out);

#endif
