/* SPDX-License-Identifier: ISC */
/* admin_why.h - "merpati queue why": which limit a message waits for, and when it goes back. */
#ifndef QUEUE_ADMIN_WHY_H
#define QUEUE_ADMIN_WHY_H

#include "proc/ask.h"

/* admin_ask_why - ADMIN_WHY (spool/admin.h); an ask_handler.  Reads memory and the index */
int admin_ask_why(
    struct asker *, struct rd *body, int *fd, struct buf *reply, int *fd_back);

#endif
