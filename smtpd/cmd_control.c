/* SPDX-License-Identifier: ISC */
/* cmd_control.c - RSET, NOOP, QUIT, HELP. */
#include "smtpd/command.h"

enum reply
cmd_rset(struct session *s, struct span argument)
{
	(void)argument;
	txn_reset(s);
	return R_DONE;
}

enum reply
cmd_noop(struct session *s, struct span argument)
{
	(void)s, (void)argument;
	return R_DONE;
}

enum reply
cmd_quit(struct session *s, struct span argument)
{
	(void)s, (void)argument;
	return R_BYE;
}

enum reply
cmd_help(struct session *s, struct span argument)
{
	(void)argument;
	command_verbs(s->client.kind, &s->argument);
	return R_HELP;
}
