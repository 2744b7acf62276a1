/* SPDX-License-Identifier: ISC */
/* secrets.c - plaintext passwords for CRAM-MD5; owners of certificates. */
#include "auth/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "conf/conf.h"

static struct buf passwords, owners; /* own: the files, as they are */

static int
wrong(struct buf *errors, const char *path, const char *why)
{
	buf_putf(errors, "%s: %s\n", path, why);
	return E_BAD;
}

/* The file that a setting names; "": nothing. */
static int
load(const struct conf *conf, const char *setting, bool is_secret, struct buf *errors,
    struct buf *out)
{
	const char *path = conf_str(conf, "common", setting);
	struct stat st;
	buf_wipe(out);
	out->max = SECRETS_BYTES_MAX;
	if (!*path)
		return E_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return wrong(errors, path, strerror(errno));
	int err = E_OK;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = wrong(errors, path, "it is no file");
	else if (is_secret && st.st_mode & 077)
		err =
		    wrong(errors, path, "others may read it: right would be mode 0600");
	else if (file_read(fd, out) != E_OK)
		err = wrong(errors, path, "it cannot be read");
	close(fd);
	return err;
}

int
secrets_open(const struct conf *conf, struct buf *errors)
{
	int store = load(conf, "auth_plaintext_store", true, errors, &passwords),
	    map = load(conf, "client_certificate_map", false, errors, &owners);
	return store == E_OK ? map : store;
}

void
secrets_close(void)
{
	buf_wipe(&passwords);
	buf_wipe(&owners);
}

/* What stands behind the key in a line; comments and others are passed over.  E_OK, E_BAD */
static int
find(const struct buf *file, struct span key, char between, struct span *out)
{
	struct span rest = buf_as_span(file);
	while (rest.n) {
		struct span line = span_cut(&rest, '\n'),
			    name = span_cut(&line, between);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (name.n && name.p[0] != '#' && span_ieq(span_trim(name), key)) {
			*out = line;
			return line.n ? E_OK : E_BAD;
		}
	}
	return E_BAD;
}

int
secrets_password(struct span address, struct span *out)
{
	return address.n ? find(&passwords, address, ':', out) : E_BAD;
}

int
secrets_owner(struct span certificate, struct buf *out)
{
	struct span rest = certificate, print = span_cut(&rest, '\n'),
		    address = span_cut(&rest, '\n'), owner;
	if (print.n == 0)
		return E_BAD;
	if (find(&owners, print, ' ', &owner) == E_OK)
		address = span_trim(owner);
	buf_span(out, address);
	return address.n ? buf_done(out) : E_BAD;
}
