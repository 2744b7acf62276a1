/* SPDX-License-Identifier: ISC */
/*
 * front.h - what a dialect of a login front finds around it, under a fuzzer: nothing but what it
 * does to its client.
 */
#ifndef TESTS_FUZZ_FRONT_H
#define TESTS_FUZZ_FRONT_H

#include "login/front.h"

/* how a client came: bits of an input's first byte */
enum { FRONT_HAS_TLS = 2, FRONT_IS_LOOPBACK = 8 };

/* auth was asked, or TLS begins: by the piece that is looked at */
extern unsigned n_asked;
extern bool must_have_tag; /* of auth: its command has one */

void check(bool ok); /* else the fuzzer has found something */
struct front_conn front_client(uint8_t how);
void front_client_free(struct front_conn *);

#endif
