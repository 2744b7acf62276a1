/* SPDX-License-Identifier: ISC */
/*
 * tls_certs.h - what a server of TLS is given: certificates of two hosts and their keys in files,
 * the configuration that names them, and a process that serves as the role "key".
 */
#ifndef TEST_TLS_CERTS_H
#define TEST_TLS_CERTS_H

#include <sys/types.h>

#include "conf/conf.h"

/* Of clients: this version alone. */
#define ONLY(version) "NORMAL:-VERS-ALL:+VERS-" version

/*
 * For a.example.test "ec", "rsa", and "old", which is over; for b.example.test "b".
 */
extern struct certs {
	struct conf *conf; /* own: ec, rsa, b */
	pid_t key_pid;     /* the latest process that serves as the role "key" */
	unsigned key_channels;
} certs;

/* of the whole group of tests */
int certs_setup(void **state);
int certs_teardown(void **state);
/* with these names of certificates and keys, blanks between, as above; the caller frees it */
struct conf *certs_conf(const char *certificates, const char *keys);
/* for tls_server_new: a new process each time, or none */
int certs_key_channel(int *out);
int certs_no_key_channel(int *out);

#endif
