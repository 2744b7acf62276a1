/* SPDX-License-Identifier: ISC */
/* limits.c - what is set when nobody did. */
#include "sieve/limits.h"

const struct sieve_limits sieve_limits_default = {
    .actions = 32,
    .redirects = 4,
    .notify_recipients = 8,
    .variable_bytes = 16000, /* 4,000 characters, RFC 5229 6 */
    .includes = 255,
    .include_depth = 10,
    .header_bytes = 2048,
    .steps = 1000000,
    .work = UINT64_C(1) << 30,
    .vacation_min_sec = 86400,
    .vacation_max_sec = 0,
    .vacation_default_sec = 7 * 86400,
    .duplicate_default_sec = 7 * 86400,
    .duplicate_max_sec = 90 * 86400,
};
