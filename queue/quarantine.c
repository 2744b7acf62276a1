/* SPDX-License-Identifier: ISC */
/* quarantine.c - corrupt/: what could not be read, or is not what was accepted. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "queue/files.h"

void
corrupt_put(const struct files *f, const char *name, struct span bytes)
{
	int fd = openat(f->corrupt, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0 || file_write(fd, bytes) != E_OK || fsync(fd) != 0)
		log_event(
		    LOG_ERR, "not_put_aside", "name=%s err=%s", name, log_errno(errno));
	if (fd >= 0)
		close(fd);
}

static void
move(const struct files *f, int from, struct id id, const char *suffix)
{
	struct buf to = {0};
	char name[FILE_NAME_BYTES];
	file_name(id, name);
	buf_putf(&to, "%s%s", id_text(id), suffix);
	if (renameat(from, name, f->corrupt, buf_cstr(&to)) != 0 && errno != ENOENT)
		log_event(
		    LOG_ERR, "not_put_aside", "name=%s err=%s", name, log_errno(errno));
	buf_free(&to);
}

void
corrupt_move(const struct files *f, struct id id)
{
	move(f, f->deferred, id, "");
	move(f, f->large, id, ".large");
}
