/* SPDX-License-Identifier: ISC */
/* command.h - the table of commands after the login: the only dispatcher. */
#ifndef POP3D_COMMAND_H
#define POP3D_COMMAND_H

#include "pop3d/session.h"

/* One line of a client: runs it, replies. */
void command_run(struct session *, struct span line);
/* command_refuse - "-ERR why", and the end when there were too many */
void command_refuse(struct session *, const char *why);

/* A command's arguments, parsed by its row. */
struct arguments {
	uint64_t message; /* of ARG_MESSAGE, ARG_MAY_MESSAGE; 0: none was given */
	uint64_t lines;   /* of TOP */
	struct span text;
};

void cmd_stat(struct session *, const struct arguments *);
void cmd_list(struct session *, const struct arguments *);
void cmd_uidl(struct session *, const struct arguments *);
void cmd_retr(struct session *, const struct arguments *);
void cmd_top(struct session *, const struct arguments *);
void cmd_dele(struct session *, const struct arguments *);
void cmd_noop(struct session *, const struct arguments *);
void cmd_rset(struct session *, const struct arguments *);
void cmd_quit(struct session *, const struct arguments *);
void cmd_capa(struct session *, const struct arguments *);
void cmd_lang(struct session *, const struct arguments *);
void cmd_utf8(struct session *, const struct arguments *);

#endif
