/* SPDX-License-Identifier: ISC */
/* maildir_read.c - directories and files of a Maildir, asked of the command. */
#include "move/maildir_read.h"

#include <sysexits.h>
#include <unistd.h>

int
maildir_list_directory(struct source *s, struct span path, struct rd *out)
{
	struct buf body = {0};
	buf_bytes(&body, path);
	return move_ask(
	    s->chan, MOVE_LIST, &body, -1, &s->in, out, NULL, &s->failure.why);
}

int
maildir_open_file(struct source *s, struct span path, int *fd)
{
	struct buf body = {0};
	struct rd rest;
	buf_bytes(&body, path);
	return move_ask(
	    s->chan, MOVE_OPEN, &body, -1, &s->in, &rest, fd, &s->failure.why);
}

struct span
maildir_path_put(struct buf *out, struct span folder, const char *name)
{
	buf_reset(out);
	buf_span(out, folder);
	buf_putf(out, "%s%s", folder.n ? "/" : "", name);
	return buf_as_span(out);
}

int
maildir_read_file(
    struct source *s, struct span folder, const char *name, struct buf *out)
{
	struct buf path = {0};
	int fd = -1,
	    status = maildir_open_file(s, maildir_path_put(&path, folder, name), &fd);
	ssize_t n = 0;
	buf_reset(out);
	out->max = MAILDIR_LIST_MAX;
	buf_free(&path);
	if (status != EX_OK)
		return status == EX_NOINPUT ? E_OK
		                            : failed(&s->failure, status, "%s: %s",
						  name, "it cannot be read");
	for (char *room; (room = buf_room(out, MAILDIR_CHUNK_BYTES)) &&
			 (n = read(fd, room, MAILDIR_CHUNK_BYTES)) > 0;)
		buf_added(out, (size_t)n);
	close(fd);
	return n == 0 && buf_done(out) == E_OK
	           ? E_OK
	           : failed(&s->failure, EX_IOERR, "%s: it cannot be read", name);
}
