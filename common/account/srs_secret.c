/* SPDX-License-Identifier: ISC */
/*
 * srs_secret.c - the secret of rewritten reverse-paths: a file beside the account table, 64 digits
 * and a line end.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/srs.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/daemon.h"

enum { SECRET_TEXT = 2 * SRS_SECRET_BYTES + 1, SECRET_MODE = 0640 };

static void
path_put(struct buf *out, const struct conf *conf)
{
	buf_putf(out, "%s/accounts/srs", conf_str(conf, "common", "state_dir"));
}

/* Under a name of its own, whole and synced before it gets the one that counts. */
static int
make(const struct conf *conf, const char *path)
{
	unsigned char secret[SRS_SECRET_BYTES];
	struct buf temporary = {0}, text = {0};
	buf_putf(&temporary, "%s.%s", path, id_text(id_new()));
	random_fill(secret, sizeof secret);
	buf_hex(&text, span_make(secret, sizeof secret));
	buf_ch(&text, '\n');
	int fd = open(buf_cstr(&temporary),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SECRET_MODE);
	int err = fd >= 0 && fchmod(fd, SECRET_MODE) == 0 &&
	                  write(fd, text.p, text.len) == (ssize_t)text.len
	              ? E_OK
	              : E_IO;
	if (err == E_OK)
		err = daemon_give(conf, USER_AUTH, fd);
	if (err == E_OK && fsync(fd) != 0)
		err = E_IO;
	if (err == E_OK && link(buf_cstr(&temporary), path) != 0 && errno != EEXIST)
		err = E_IO;
	if (fd >= 0) {
		close(fd);
		unlink(buf_cstr(&temporary));
	}
	mem_wipe(secret, sizeof secret);
	buf_wipe(&text);
	buf_free(&temporary);
	return err;
}

void
srs_secret_make(const struct conf *conf)
{
	struct buf path = {0};
	path_put(&path, conf);
	int err =
	    access(buf_cstr(&path), F_OK) == 0 ? E_OK : make(conf, buf_cstr(&path));
	if (err != E_OK)
		log_event(LOG_ERR, "no_srs_secret", "file=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
}

int
srs_secret_read(const struct conf *conf, struct buf *out)
{
	char text[SECRET_TEXT];
	unsigned char secret[SRS_SECRET_BYTES];
	struct buf path = {0};
	path_put(&path, conf);
	int fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 && read(fd, text, sizeof text) == (ssize_t)sizeof text ? E_OK
	                                                                         : E_IO;
	if (err == E_OK)
		err = hex_decode(span_make(text, sizeof text - 1), secret,
			  sizeof secret) == E_OK
		          ? E_OK
		          : E_IO;
	if (err == E_OK)
		buf_put(out, secret, sizeof secret);
	else
		log_event(LOG_ERR, "no_srs_secret", "file=%s", log_qs(buf_cstr(&path)));
	if (fd >= 0)
		close(fd);
	mem_wipe(secret, sizeof secret);
	mem_wipe(text, sizeof text);
	buf_free(&path);
	return err;
}
