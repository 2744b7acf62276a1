/* SPDX-License-Identifier: ISC */
/* shape.c - a message from its parts. */
#include "smtpd/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

struct shape
shape_split(struct span message)
{
	size_t at = span_starts(message, SPAN("\r\n"))
	                ? 0
	                : span_search(message, SPAN("\r\n\r\n")) + 2;
	if (at > message.n)
		at = message.n;
	return (struct shape){.head = {"", 0},
	    .header = span_head(message, at),
	    .body = span_from(message, at)};
}

uint64_t
shape_bytes(const struct shape *s)
{
	return (uint64_t)s->head.n + s->header.n + s->body.n;
}

static bool
is_behind(struct span first, struct span then)
{
	return first.p + first.n == then.p;
}

static bool
is_within(struct span part, const char *p, size_t n)
{
	return part.p >= p && part.p + part.n <= p + n;
}

/* A message that became another one, or a head that is larger than the room before it. */
static void
build(const struct shape *s, struct buf *mem)
{
	struct buf all = {.max = (size_t)shape_bytes(s) + 1};
	buf_span(&all, s->head);
	buf_span(&all, s->header);
	buf_span(&all, s->body);
	if (buf_done(&all) != E_OK)
		bug("a message past its room");
	size_t max = mem->max;
	buf_free(mem);
	*mem = all;
	mem->max = max;
}

void
shape_in_memory(const struct shape *s, struct buf *mem, struct span *out)
{
	bool is_there = is_within(s->header, mem->p, mem->len) &&
	                is_within(s->body, mem->p, mem->len) &&
	                is_behind(s->header, s->body);
	size_t room = is_there ? (size_t)(s->header.p - mem->p) : 0;
	if (!is_there || s->head.n > room) {
		build(s, mem);
		*out = buf_as_span(mem);
		return;
	}
	memcpy(mem->p + room - s->head.n, s->head.p, s->head.n);
	*out = span_make(mem->p + room - s->head.n, (size_t)shape_bytes(s));
}

static int
failed(const char *what)
{
	int err = errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
	log_event(
	    LOG_ERR, "spool_write_failed", "call=%s err=%s", what, log_errno(errno));
	return err;
}

int
mapping_open(struct mapping *m, int fd, uint64_t bytes)
{
	void *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return failed("mmap");
	*m = (struct mapping){.p = p, .n = (size_t)bytes};
	return E_OK;
}

void
mapping_close(struct mapping *m)
{
	if (m->p)
		munmap(m->p, m->n);
	*m = (struct mapping){0};
}

/* A hole would be a signal when the disk is full and somebody writes into it: blocks are had first. */
static int
grow(int fd, struct mapping *m, size_t bytes)
{
	errno = posix_fallocate(fd, 0, (off_t)bytes);
	if (errno != 0)
		return failed("fallocate");
	void *p = mremap(m->p, m->n, bytes, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return failed("mremap");
	*m = (struct mapping){.p = p, .n = bytes};
	return E_OK;
}

static int
shrink(int fd, struct mapping *m, size_t bytes)
{
	void *p = mremap(m->p, m->n, bytes, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		return failed("mremap");
	*m = (struct mapping){.p = p, .n = bytes};
	return ftruncate(fd, (off_t)bytes) == 0 ? E_OK : failed("ftruncate");
}

int
shape_in_file(const struct shape *s, int fd, struct mapping *m)
{
	size_t bytes = (size_t)shape_bytes(s), front_bytes = s->head.n + s->header.n;
	bool is_there = is_within(s->body, m->p, m->n);
	size_t at = is_there ? (size_t)(s->body.p - m->p) : 0;
	/* a copy: the header may stand where it goes */
	struct buf front = {.max = front_bytes + 1};
	int err = E_OK;
	buf_span(&front, s->head);
	buf_span(&front, s->header);
	if (bytes > m->n)
		err = grow(fd, m, bytes);
	if (err == E_OK && is_there)
		memmove(m->p + front_bytes, m->p + at, s->body.n);
	else if (err == E_OK && s->body.n)
		memcpy(m->p + front_bytes, s->body.p, s->body.n);
	if (err == E_OK && front_bytes)
		memcpy(m->p, front.p, front_bytes);
	if (err == E_OK && bytes < m->n)
		err = shrink(fd, m, bytes);
	buf_free(&front);
	return err;
}
