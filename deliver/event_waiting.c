/* SPDX-License-Identifier: ISC */
/* event_waiting.c - for whom was rung, past the death of who heard it. */
#include "deliver/events.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "account/account.h"
#include "base/file.h"
#include "base/log.h"

enum { WAITING_BYTES_MAX = EVENTS_ACCOUNTS_MOST * (ACCOUNT_ADDRESS_MAX + 1) };

static void
path_put(struct buf *out, const char *dir, const char *name)
{
	buf_reset(out);
	buf_putf(out, "%s/%s", dir, name);
}

void
event_waiting_each(
    const char *dir, void (*fn)(void *ctx, struct span address), void *ctx)
{
	struct buf path = {0}, text = {.max = WAITING_BYTES_MAX};
	path_put(&path, dir, "waiting");
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && file_read(fd, &text) != E_OK) {
		log_event(
		    LOG_WARNING, "events_not_read", "path=%s", log_qs(buf_cstr(&path)));
		buf_reset(&text);
	}
	if (fd >= 0)
		close(fd);
	for (struct span rest = buf_as_span(&text); rest.n;) {
		struct span line = span_cut(&rest, '\n');
		if (line.n && line.n <= ACCOUNT_ADDRESS_MAX)
			fn(ctx, line);
	}
	buf_free(&path);
	buf_free(&text);
}

int
event_waiting_write(const char *dir, struct span lines)
{
	struct buf path = {0}, part = {0};
	path_put(&path, dir, "waiting");
	path_put(&part, dir, "waiting.part");
	int fd = open(buf_cstr(&part),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd >= 0 ? file_write(fd, lines) : E_IO;
	if (fd >= 0)
		close(fd);
	if (err == E_OK && rename(buf_cstr(&part), buf_cstr(&path)) != 0)
		err = E_IO;
	if (err != E_OK)
		log_event(
		    LOG_ERR, "events_not_written", "path=%s", log_qs(buf_cstr(&path)));
	buf_free(&path);
	buf_free(&part);
	return err == E_OK ? E_OK : E_IO;
}
