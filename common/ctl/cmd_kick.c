/* SPDX-License-Identifier: ISC */
/* cmd_kick.c - sessions of accounts, or from addresses, end now. */
#include <arpa/inet.h>
#include <string.h>

#include "ctl/kick.h"
#include "proc/daemon.h"

enum { KICK_ARGUMENTS_MAX = 1000 };

/* 1: an account; 0: an address; -1: neither */
static int
kind_of(const char *text)
{
	unsigned char bits[sizeof(struct in6_addr)];
	if (strlen(text) > WHO_TEXT_MAX)
		return -1;
	if (strchr(text, '@'))
		return 1;
	return inet_pton(AF_INET, text, bits) == 1 ||
	               inet_pton(AF_INET6, text, bits) == 1
	           ? 0
	           : -1;
}

int
cmd_kick(struct merpati *c, int argc, char **argv)
{
	unsigned n = 0;
	int status = opts_read(c, NULL, 0, &argc, argv, 1, KICK_ARGUMENTS_MAX);
	for (int i = 0; i < argc && status == EX_OK; i++)
		if (kind_of(argv[i]) < 0)
			status = ctl_usage(c,
			    "\"%s\": right would be an account like u@example.com, or "
			    "an "
			    "address like 192.0.2.1",
			    argv[i]);
	if (status != EX_OK)
		return status;
	for (int i = 0; i < argc; i++) {
		bool is_account = kind_of(argv[i]) == 1;
		int err = kick_sessions(
		    c, is_account ? argv[i] : NULL, is_account ? NULL : argv[i], &n);
		status = err == EX_OK ? status : err;
	}
	printf(c->is_json ? "{\"sessions\": %u}\n" : "%u sessions end\n", n);
	return status == EX_OK ? ctl_done() : status;
}
