/* SPDX-License-Identifier: ISC */
/*
 * closed.c - the mark of an environment that was closed as it should.  Its file is made once and
 * has another name while the environment is open: to make and remove one costs a start and an end
 * more than all else of the mark.
 */
#include "db/closed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "db/db.h"

enum {
	LOG_NAME_MAX = sizeof "log.4294967295",
	/* a line; behind it may be what is left of a longer one */
	MARK_MAX = sizeof "4294967295 4294967295 \n" + CLOSED_NOTE_MAX,
	CHUNK_BYTES = 8 << 10,
};

static const char mark_name[] = "closed", mark_new[] = "closed.new";

static void
log_name(char out[LOG_NAME_MAX], uint32_t log)
{
	snprintf(out, LOG_NAME_MAX, "log.%010u", log);
}

static int
open_log(int dir, uint32_t log)
{
	char name[LOG_NAME_MAX];
	log_name(name, log);
	return openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Behind the last octet of those that is not zero; 0: they all are. */
static size_t
used_of(const char *p, size_t n)
{
	if (n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0))
		return 0;
	while (p[n - 1] == 0)
		n--;
	return n;
}

/* The first octet from there on that may be other than zero; past the end: there is none. */
static uint64_t
next_data(int fd, uint64_t from, uint64_t size)
{
	off_t at = lseek(fd, (off_t)from, SEEK_DATA);
	if (at >= 0)
		return (uint64_t)at;
	return errno == ENXIO ? size : from;
}

/*
 * Where the zeros begin that are all there is up to the end of a log file.
 *   from  no octet before it counts
 */
static int
log_used(int fd, uint64_t from, uint64_t *out)
{
	char chunk[CHUNK_BYTES];
	struct stat st;
	*out = 0;
	if (fstat(fd, &st) != 0 || st.st_size > DB_LOG_FILE_BYTES)
		return E_IO; /* longer: of another version */
	uint64_t size = (uint64_t)st.st_size;
	for (bool is_first = true; from < size; is_first = false) {
		ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)from);
		if (n <= 0)
			return E_IO;
		size_t used = used_of(chunk, (size_t)n);
		*out = used ? from + used : *out;
		from += (uint64_t)n;
		if (is_first && from < size) /* a hole, mostly, in a long one */
			from = next_data(fd, from, size);
	}
	return E_OK;
}

static int
write_mark(int dir, struct span text)
{
	int fd =
	    openat(dir, mark_new, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return E_IO;
	bool is_whole = write(fd, text.p, text.n) == (ssize_t)text.n;
	close(fd);
	return is_whole && renameat(dir, mark_new, dir, mark_name) == 0 ? E_OK : E_IO;
}

static int
sync_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 && fdatasync(fd) == 0 ? E_OK : E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

static int
sync_log(int dir, uint32_t log)
{
	char name[LOG_NAME_MAX];
	log_name(name, log);
	return sync_file(dir, name);
}

int
closed_not(int dir)
{
	struct dirent *e;
	bool has_logs = false;
	int err = E_OK;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = fd >= 0 ? fdopendir(fd) : NULL;
	if (!all && fd >= 0)
		close(fd);
	if (!all)
		return E_IO;
	for (errno = 0; err == E_OK && (e = readdir(all)); errno = 0)
		if (span_starts(span_of(e->d_name), SPAN("log."))) {
			has_logs = true;
			err = sync_file(dir, e->d_name);
		}
	if (errno != 0)
		err = E_IO;
	closedir(all);
	/* it is there yet where it could not be renamed */
	if (err == E_OK && unlinkat(dir, mark_name, 0) != 0 && errno != ENOENT)
		err = E_IO;
	return err == E_OK && has_logs && fsync(dir) != 0 ? E_IO : err;
}

/* The last one is synced, and how far it is used found out. */
static int
end_of_log(int dir, const struct closed_log *log, uint64_t *used)
{
	int fd = open_log(dir, log->last);
	int err = fd >= 0 && fdatasync(fd) == 0 ? E_OK : E_IO;
	/* a record may end in zeros: not in so many */
	if (err == E_OK && log->end > CHUNK_BYTES)
		err = log_used(fd, log->end - CHUNK_BYTES, used);
	if (err == E_OK && *used == 0)
		err = log_used(fd, 0, used);
	if (fd >= 0)
		close(fd);
	return err;
}

int
closed_put(int dir, const struct closed_log *log, bool has_names, struct span note)
{
	struct buf text = {.max = MARK_MAX};
	uint64_t used = 0;
	int err = E_OK;
	for (uint32_t i = log->first; i < log->last && err == E_OK; i++)
		err = sync_log(dir, i);
	if (err == E_OK)
		err = end_of_log(dir, log, &used);
	/* the files that are new have to be found, too */
	if (err == E_OK && has_names && fsync(dir) != 0)
		err = E_IO;
	buf_putf(&text, "%u %llu ", log->last, (unsigned long long)used);
	buf_span(&text, note);
	buf_str(&text, "\n");
	if (err == E_OK && buf_done(&text) == E_OK)
		err = write_mark(dir, buf_as_span(&text));
	buf_free(&text);
	return err;
}

static int
read_mark(int dir, uint64_t *log, uint64_t *used, struct buf *note)
{
	char text[MARK_MAX];
	int fd = openat(dir, mark_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
	struct span s = span_make(text, n > 0 ? (size_t)n : 0);
	if (fd >= 0)
		close(fd);
	const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
	if (!end)
		return E_BAD; /* none, or a power cut left less of it */
	s.n = (size_t)(end - s.p);
	struct span first = span_cut(&s, ' '), second = span_cut(&s, ' ');
	int err = span_u64(first, UINT32_MAX - 1, log);
	if (err == E_OK)
		err = span_u64(second, DB_LOG_FILE_BYTES, used);
	buf_span(note, s);
	return err;
}

static bool
is_log(int dir, uint32_t log)
{
	int fd = open_log(dir, log);
	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ENOENT;
}

bool
closed_take(int dir, uint32_t *log, struct buf *note)
{
	uint64_t number = 0, was_used = 0, used = 0;
	buf_reset(note);
	int err = read_mark(dir, &number, &was_used, note);
	*log = err == E_OK ? (uint32_t)number : 0;
	if (renameat(dir, mark_name, dir, mark_new) != 0 && errno != ENOENT)
		return false; /* the next one must not believe it: closed_not */
	int fd = err == E_OK && was_used ? open_log(dir, *log) : -1;
	bool is_same =
	    fd >= 0 && log_used(fd, was_used - 1, &used) == E_OK && used == was_used;
	if (fd >= 0)
		close(fd);
	return is_same && !is_log(dir, *log + 1);
}
