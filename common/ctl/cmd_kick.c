/* SPDX-License-Identifier: ISC */
/* cmd_kick.c - sessions of accounts, or from addresses, end now. */
#include <string.h>

#include "ctl/kick.h"
#include "login/nets.h"
#include "proc/daemon.h"

enum { KICK_ARGUMENTS_MAX = 1000 };

/* 1: an account; 0: an address; -1: neither */
static int
kind_of(const char *text)
{
	struct net net;
	if (strlen(text) > WHO_TEXT_MAX)
		return -1;
	if (strchr(text, '@'))
		return 1;
	return !strchr(text, '/') && net_parse(span_of(text), &net) == E_OK ? 0 : -1;
}

static int
kick_account(const struct merpati *c, const char *text, unsigned *n)
{
	return kick_sessions(c, text, NULL, n);
}

/* As the daemons write it: one address has many texts. */
static int
kick_address(const struct merpati *c, const char *text, unsigned *n)
{
	struct buf address = {0};
	struct net net;
	if (net_parse(span_of(text), &net) != E_OK)
		bug("no address");
	net_put(&net, &address);
	int err = kick_sessions(c, NULL, buf_cstr(&address), n);
	buf_free(&address);
	return err;
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
		int err = kind_of(argv[i]) == 1 ? kick_account(c, argv[i], &n)
		                                : kick_address(c, argv[i], &n);
		status = err == EX_OK ? status : err;
	}
	printf(c->is_json ? "{\"sessions\": %u}\n" : "%u sessions end\n", n);
	return status == EX_OK ? ctl_done() : status;
}
