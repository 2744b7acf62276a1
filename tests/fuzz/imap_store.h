/* SPDX-License-Identifier: ISC */
/*
 * imap_store.h - the store that commands of IMAP find under a fuzzer, which looks at what it is asked:
 * names are UTF-8, limits hold.
 */
#ifndef TESTS_FUZZ_IMAP_STORE_H
#define TESTS_FUZZ_IMAP_STORE_H

#include "store/store.h"

enum { MESSAGES = 5 }; /* of each mailbox */

extern unsigned n_incoming; /* begun, and not given up */

void check(bool ok); /* else the fuzzer has found something */

#endif
