/* SPDX-License-Identifier: ISC */
/* items.h - cache items of messages that came without one, made before anybody asks for them. */
#ifndef IMAPD_ITEMS_H
#define IMAPD_ITEMS_H

#include "store/store.h"

/* items_make - of a mailbox; a store_items_fn.  What cannot be made is left out */
void items_make(struct store *, struct span mailbox);

#endif
