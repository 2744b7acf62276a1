/* SPDX-License-Identifier: ISC */
/* account_same.h - two accounts that must be the same: of a row, of the table. */
#ifndef TEST_ACCOUNT_SAME_H
#define TEST_ACCOUNT_SAME_H

#include "account/files.h"

void assert_same(const struct account *, const struct account *);

#endif
