/* SPDX-License-Identifier: ISC */
/*
 * limits.c - the file limits of a home: what its user set below the admin's quota, "bytes
 * messages\n".
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/jobs.h"

static const char limits_name[] = "limits";

enum { LIMITS_TEXT_MAX = 64 };

struct usage
limits_read(void)
{
	char text[LIMITS_TEXT_MAX];
	unsigned long long bytes = 0, messages = 0;
	int fd = open(limits_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return (struct usage){0};
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %llu", &bytes, &messages) != 2)
		return (struct usage){0};
	return (struct usage){bytes, messages};
}

static enum store_said
limits_write(struct usage limits)
{
	char text[LIMITS_TEXT_MAX];
	int n = snprintf(text, sizeof text, "%llu %llu\n",
	    (unsigned long long)limits.bytes, (unsigned long long)limits.messages);
	int err = file_replace(limits_name, span_make(text, (size_t)n), 0600, true);
	return err == E_OK      ? STORE_DONE
	       : err == E_LIMIT ? STORE_DISK_FULL
	                        : STORE_LATER;
}

/* Seldom, and so it syncs by itself. */
int
ask_limits(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {0};
	struct usage limits = {.bytes = rd_u64(body)};
	(void)fd, (void)reply, (void)fd_back;
	limits.messages = rd_u64(body);
	if (rd_end(body) != E_OK)
		return E_BAD;
	enum store_said said = limits_write(limits);
	if (said == STORE_DONE) {
		the_keeper.own_limits = limits;
		the_keeper.is_usage_old = true;
	}
	buf_u8(&b, said);
	session_answer(a->ctx, KEEPER_LIMITS, &b, -1);
	buf_free(&b);
	return E_MORE;
}
