/* SPDX-License-Identifier: ISC */
/* cmd_export.c - moving out: a mailbox as a Maildir. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/moving.h"
#include "move/export.h"
#include "move/files.h"

static int
run_in_jail(int chan, const char *home, void *ctx)
{
	close(((struct moving *)ctx)->root); /* that is the command's */
	return export_run(chan, home);
}

/* A directory of our own making: nothing is overwritten. */
static int
make_root(struct moving *m, const char *path)
{
	if (mkdir(path, 0700) == 0 && files_root(path, &m->root) == E_OK)
		return EX_OK;
	ctl_say(errno == EEXIST ? "%s is there already; name a directory that is not"
				: "%s: %m",
	    path);
	return EX_CANTCREAT;
}

int
cmd_export(struct merpati *c, int argc, char **argv)
{
	struct moving m;
	struct worker w;
	struct arena arena = {0};
	struct account a;
	moving_init(&m, c, true);
	int status = opts_read(c, NULL, 0, &argc, argv, 2, 2);
	if (status == EX_OK)
		status = moving_account(c, argv[0], &arena, &a);
	if (status == EX_OK)
		status = make_root(&m, argv[1]);
	if (status == EX_OK)
		status = worker_start(c->conf, &a, run_in_jail, &m, &w);
	if (status == EX_OK)
		status = moving_serve(&m, &w);
	if (status == EX_OK && syncfs(m.root) != 0) {
		ctl_say("%s: %m", argv[1]);
		status = EX_IOERR;
	}
	moving_done(&m);
	arena_reset(&arena);
	return status;
}
