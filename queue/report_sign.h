/* SPDX-License-Identifier: ISC */
/* report_sign.h - DKIM signatures of the reports that we make: bounces, and those on TLS. */
#ifndef QUEUE_REPORT_SIGN_H
#define QUEUE_REPORT_SIGN_H

#include "base/buf.h"
#include "spool/envelope.h"

struct dkim_signer;

/*
 * report_sign - puts signatures behind the Return-Path: of the domain of From, or of the nearest
 * domain above it that has keys.  Without keys, or without the role "key", the report stays as it
 * is: it is sent in any case.
 *   report   the whole of it, its Return-Path first
 *   made     its envelope: size and checksum are said anew
 */
void report_sign(
    struct dkim_signer *, int64_t now_sec, struct buf *report, struct envelope *made);

#endif
