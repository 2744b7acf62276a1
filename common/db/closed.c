/* SPDX-License-Identifier: ISC */
/* closed.c - the mark of an environment that was closed as it should. */
#include "db/closed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "db/db.h"

enum {
	LOG_NAME_MAX = sizeof "log.4294967295",
	MARK_MAX = 64, /* bytes */
	CHUNK_BYTES = 16 << 10,
};

static const char mark_name[] = "closed", mark_new[] = "closed.new";

static const char *
log_name(uint32_t log, char out[LOG_NAME_MAX])
{
	snprintf(out, LOG_NAME_MAX, "log.%010u", log);
	return out;
}

/* Behind the last octet of those that is not zero; 0: they all are. */
static size_t
used_of(const char *p, size_t n)
{
	static const char zeros[CHUNK_BYTES];
	if (memcmp(p, zeros, n) == 0)
		return 0;
	while (p[n - 1] == 0)
		n--;
	return n;
}

/*
 * Where the zeros begin that are all there is up to the end of a log file.
 *   from  no octet before it counts
 */
static int
log_used(int dir, uint32_t log, uint64_t from, uint64_t *out)
{
	char name[LOG_NAME_MAX], chunk[CHUNK_BYTES];
	int fd = openat(dir, log_name(log, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? 1 : -1;
	*out = 0;
	while (n > 0 && from <= DB_LOG_FILE_BYTES) {
		n = pread(fd, chunk, sizeof chunk, (off_t)from);
		size_t used = n > 0 ? used_of(chunk, (size_t)n) : 0;
		*out = used ? from + used : *out;
		from += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	/* longer: of another version */
	return n == 0 ? E_OK : E_IO;
}

static int
write_mark(int dir, struct span text)
{
	int fd = openat(
	    dir, mark_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return E_IO;
	bool is_whole = write(fd, text.p, text.n) == (ssize_t)text.n;
	close(fd);
	return is_whole && renameat(dir, mark_new, dir, mark_name) == 0 ? E_OK : E_IO;
}

int
closed_put(int dir, uint32_t log)
{
	struct buf text = {0};
	uint64_t used = 0;
	/* the files that are new have to be found, too */
	int err = fsync(dir) == 0 ? log_used(dir, log, 0, &used) : E_IO;
	buf_putf(&text, "%u %llu\n", log, (unsigned long long)used);
	if (err == E_OK)
		err = write_mark(dir, buf_as_span(&text));
	buf_free(&text);
	return err;
}

static int
read_mark(int dir, uint64_t *log, uint64_t *used)
{
	char text[MARK_MAX];
	int fd = openat(dir, mark_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
	struct span s = span_make(text, n > 0 ? (size_t)n : 0);
	if (fd >= 0)
		close(fd);
	if (!span_ends(s, SPAN("\n")))
		return E_BAD; /* none, or a power cut left less of it */
	s.n--;
	struct span first = span_cut(&s, ' ');
	int err = span_u64(first, UINT32_MAX - 1, log);
	return err == E_OK ? span_u64(s, DB_LOG_FILE_BYTES, used) : err;
}

bool
closed_take(int dir)
{
	char next[LOG_NAME_MAX];
	uint64_t log, was_used, used;
	int err = read_mark(dir, &log, &was_used);
	if (unlinkat(dir, mark_name, 0) != 0 && errno != ENOENT)
		return false; /* the next one must not believe it */
	return err == E_OK && was_used &&
	       log_used(dir, (uint32_t)log, was_used - 1, &used) == E_OK &&
	       used == was_used &&
	       faccessat(dir, log_name((uint32_t)log + 1, next), F_OK, 0) != 0;
}
