/* SPDX-License-Identifier: ISC */
/*
 * sendmail_drop.c - a message becomes files of spool/drop/, one for each ENVELOPE_RCPTS_MAX
 * recipients.  A file has no name while it is filled, so that what is ended half-way leaves
 * nothing; its owner, whom the queue believes, is who we run as.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/dropfile.h"
#include "queue/sendmail.h"
#include "tls/hash.h"

enum {
	FILES_MOST = (LETTER_RCPTS_MOST + ENVELOPE_RCPTS_MAX - 1) / ENVELOPE_RCPTS_MAX,
	DROP_FILE_MODE = 0640
};

/* Filled and synced, without a name. */
static int
make_file(const char *dir, const struct envelope *e, struct span message, int *out)
{
	struct buf head = {.max = DROP_LEAD_BYTES + ENVELOPE_BYTES_MAX};
	drop_head_put(&head, e);
	*out = buf_done(&head) == E_OK
	           ? open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, DROP_FILE_MODE)
	           : -1;
	int err = *out >= 0 ? E_OK : E_IO;
	/* whatever the umask is: the queue reads it by its group */
	if (err == E_OK && fchmod(*out, DROP_FILE_MODE) != 0)
		err = E_IO;
	if (err == E_OK)
		err = file_write(*out, buf_as_span(&head));
	if (err == E_OK)
		err = file_write(*out, message);
	if (err == E_OK && fsync(*out) != 0)
		err = E_IO;
	buf_free(&head);
	return err;
}

/*
 * The name, durably: a folder that we may not read cannot be synced, but a file with its new link
 * can.
 */
static int
name_file(const char *dir, int fd)
{
	struct buf to = {0};
	char from[32];
	buf_putf(&to, "%s/%s", dir, id_text(id_new()));
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	int err =
	    linkat(AT_FDCWD, from, AT_FDCWD, buf_cstr(&to), AT_SYMLINK_FOLLOW) == 0
		? E_OK
		: E_IO;
	if (err == E_OK && fsync(fd) != 0) {
		int why = errno;
		unlink(buf_cstr(&to)); /* who is told "later" sends it again */
		errno = why;
		err = E_IO;
	}
	buf_free(&to);
	return err;
}

static int
later(const struct sendmail *s, const char *dir)
{
	int err = errno;
	const char *why = err == EACCES   ? "the queue takes no mail now"
	                  : err == ENOENT ? "queue has never run here"
	                                  : strerror(err);
	return say(s, EX_TEMPFAIL,
	    "the message was not taken: %s (%s); try again later", why, dir);
}

int
sendmail_put(
    struct sendmail *s, struct span message, const struct rcpt *rcpts, size_t n)
{
	int files[FILES_MOST], err = E_OK;
	size_t n_files = 0;
	struct buf dir = {0};
	struct envelope e = {.flags = s->flags,
	    .size_bytes = message.n,
	    .sender = s->sender,
	    .envid = buf_as_span(&s->envid),
	    .ret = s->ret};
	if (letter_has_tls_optional(message))
		e.flags |= ENV_TLS_OPTIONAL;
	buf_putf(&dir, "%s/drop", conf_str(s->conf, "common", "spool_dir"));
	sha256(message, e.sha256);
	for (size_t at = 0; at < n && err == E_OK; at += e.n_rcpts) {
		e.rcpts = (struct rcpt *)(uintptr_t)(rcpts + at);
		e.n_rcpts =
		    (uint32_t)(n - at < ENVELOPE_RCPTS_MAX ? n - at
							   : ENVELOPE_RCPTS_MAX);
		err = make_file(buf_cstr(&dir), &e, message, &files[n_files]);
		n_files += files[n_files] >= 0;
	}
	for (size_t i = 0; i < n_files && err == E_OK; i++)
		err = name_file(buf_cstr(&dir), files[i]);
	int status = err == E_OK ? EX_OK : later(s, buf_cstr(&dir));
	for (size_t i = 0; i < n_files; i++)
		close(files[i]);
	buf_free(&dir);
	return status;
}
