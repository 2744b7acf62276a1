/* SPDX-License-Identifier: ISC */
/* reply.h - OK, NO and BYE with their codes and texts: RFC 5804 1.2, 1.3. */
#ifndef MANAGESIEVE_REPLY_H
#define MANAGESIEVE_REPLY_H

#include "base/buf.h"

/*
 * reply_put - "NO (CODE) text": code NULL: none; text empty: none.  A text of several lines, or a
 * long one, becomes a literal
 */
void reply_put(
    struct buf *out, const char *verdict, const char *code, struct span text);
/* reply_put_with - the code has a string: "OK (TAG "a") text" */
void reply_put_with(struct buf *out, const char *verdict, const char *code,
    struct span string, struct span text);

#endif
