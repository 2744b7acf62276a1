/* SPDX-License-Identifier: ISC */
/* mailbox.c - the directory of an account: made, and taken away, as the uid of its owner. */
#include "ctl/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/domain.h"
#include "proc/daemon.h"
#include "store/store.h"

enum {
	LOCAL_BYTES_MAX = 64,
	DOMAIN_MODE = 0711,
	HOME_MODE = 0710,
	REMOVE_DEPTH_MAX = 32
};

/*
 * What may be the name of a directory and need no quotes in an address: dot-atoms, but for slashes.
 */
static const char *
local_wrong(struct span local)
{
	if (local.n == 0 || local.n > LOCAL_BYTES_MAX)
		return "the part before @ has 1 to 64 octets";
	if (local.p[0] == '.' || local.p[local.n - 1] == '.' ||
	    span_search(local, SPAN("..")) < local.n)
		return "the part before @ neither begins nor ends with a dot, nor has "
		       "two in a row";
	for (size_t i = 0; i < local.n; i++)
		if (!ch_alnum(local.p[i]) && !((unsigned char)local.p[i] & 0x80) &&
		    !strchr("!#$%&'*+-=?^_`{|}~.", local.p[i]))
			return "a character before @ that an account cannot have";
	return utf8_valid(local) ? NULL : "not UTF-8";
}

int
mailbox_address(const struct conf *conf, const char *text, struct buf *out)
{
	struct span domain = span_of(text), local;
	size_t at = span_rfind(domain, '@');
	const char *wrong = NULL;
	local = span_head(domain, at);
	domain = span_from(domain, at < domain.n ? at + 1 : at);
	buf_reset(out);
	domain_address_put(conf, span_of(text), out);
	if (domain.n == 0)
		wrong = "an address is user@domain";
	else if (!domain_of_ours(conf, domain).n)
		wrong = "its domain is not in the setting domains";
	else
		wrong = local_wrong(local);
	if (!wrong)
		return E_OK;
	ctl_say("%s: %s", text, wrong);
	return E_BAD;
}

void
mailbox_home(struct span address, struct buf *out)
{
	size_t at = span_rfind(address, '@');
	buf_span(out, span_from(address, at + 1));
	buf_ch(out, '/');
	buf_span(out, span_head(address, at));
}

/* ---- made ---- */

static int
make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? E_DENY : E_IO;
	return chmod(path, mode) == 0 ? E_OK : E_IO;
}

static bool
is_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	unsigned n = 0;
	if (!d)
		return false;
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n == 0;
}

/*
 * ext4 then gives each mailbox a block group of its own ("T" of chattr).  Else all of a domain
 * share one, and in it every new file walks over the inodes that anybody deleted in the last
 * minutes.  Other file systems refuse, and need it not.
 */
static void
spread(const char *domain)
{
	int flags, fd = open(domain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
	    !(flags & FS_TOPDIR_FL)) {
		flags |= FS_TOPDIR_FL;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
			flags = 0; /* slower, and as right */
	}
	if (fd >= 0)
		close(fd);
}

static int
make_home(const struct conf *conf, const struct account *a, const char *home, uid_t uid,
    gid_t group)
{
	const char *root = conf_str(conf, "common", "mail_dir");
	struct buf domain = {0};
	buf_putf(&domain, "%s/%.*s", root, (int)span_find(a->home, '/'), a->home.p);
	int err = make_dir(root, DOMAIN_MODE);
	if (err != E_IO)
		err = make_dir(buf_cstr(&domain), DOMAIN_MODE);
	if (err == E_OK)
		spread(buf_cstr(&domain));
	buf_free(&domain);
	if (err != E_IO)
		err = make_dir(home, HOME_MODE);
	if (err == E_DENY && !is_empty(home)) {
		ctl_say("%s is there already, and the mail of another account is in "
			"it; move it away",
		    home);
		return EX_CANTCREAT;
	}
	if (err == E_IO || (geteuid() == 0 && (chown(home, uid, group) != 0 ||
						  chmod(home, HOME_MODE) != 0))) {
		ctl_say("%s: %m", home);
		return EX_CANTCREAT;
	}
	return EX_OK;
}

/* A process of the account's uid that reaches nothing but its mailbox. */
static void
enter_jail(const struct account *a, const char *home)
{
	struct jail j = {.uid = a->uid, .gid = a->gid, .group = (gid_t)-1};
	j.calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK;
	jail_allow(&j, home, JAIL_READ | JAIL_WRITE);
	jail_enter(&j);
}

int
mailbox_begin(const struct conf *conf, const struct account *a, pid_t *worker)
{
	uid_t lookup_uid;
	gid_t group;
	struct buf home = {0};
	buf_putf(
	    &home, "%s/%.*s", conf_str(conf, "common", "mail_dir"), SPAN_ARG(a->home));
	int status = EX_OK;
	if (daemon_user(conf, USER_LOOKUP, &lookup_uid, &group) != E_OK) {
		ctl_say("user_lookup or group: there is no such user or group; merpati "
			"check says more");
		status = EX_CONFIG;
	}
	if (status == EX_OK)
		status = make_home(conf, a, buf_cstr(&home), a->uid, group);
	if (status == EX_OK) {
		fflush(NULL);
		*worker = fork();
		if (*worker == 0) {
			enter_jail(a, buf_cstr(&home));
			_exit(store_create(buf_cstr(&home)) == E_OK ? EX_OK
								    : EX_CANTCREAT);
		}
		if (*worker < 0) {
			ctl_say("cannot fork: %m");
			status = EX_OSERR;
		}
	}
	buf_free(&home);
	return status;
}

static int
wait_for(pid_t worker)
{
	int wait_status = 0;
	while (waitpid(worker, &wait_status, 0) != worker)
		if (errno != EINTR)
			return E_IO;
	return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EX_OK ? E_OK
	                                                                   : E_IO;
}

int
mailbox_end(const char *address, pid_t worker)
{
	if (wait_for(worker) == E_OK)
		return EX_OK;
	ctl_say("%s: its folders could not be made", address);
	return EX_CANTCREAT;
}

int
mailbox_sync(const struct conf *conf)
{
	const char *root = conf_str(conf, "common", "mail_dir");
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd >= 0 ? syncfs(fd) : -1;
	if (result != 0)
		ctl_say("%s: %m", root);
	if (fd >= 0)
		close(fd);
	return result == 0 ? EX_OK : EX_IOERR;
}

/* ---- taken away ---- */

/* All that is in a directory; takes fd.  Links are not followed. */
static int
empty_dir(int fd, unsigned depth)
{
	DIR *d = depth < REMOVE_DEPTH_MAX ? fdopendir(fd) : NULL;
	struct dirent *e;
	int err = d ? E_OK : E_IO;
	if (!d)
		close(fd);
	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		int sub = openat(dirfd(d), e->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0 && empty_dir(sub, depth + 1) != E_OK)
			err = E_IO;
		if (unlinkat(dirfd(d), e->d_name, sub >= 0 ? AT_REMOVEDIR : 0) != 0 &&
		    errno != ENOENT)
			err = E_IO;
	}
	if (d)
		closedir(d);
	return err;
}

int
mailbox_remove(const struct conf *conf, const struct account *a)
{
	struct buf home = {0};
	int status = EX_OK;
	buf_putf(
	    &home, "%s/%.*s", conf_str(conf, "common", "mail_dir"), SPAN_ARG(a->home));
	fflush(NULL);
	pid_t worker = fork();
	if (worker == 0) {
		enter_jail(a, buf_cstr(&home));
		int fd = open(
		    buf_cstr(&home), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		_exit((fd < 0 && errno == ENOENT) || empty_dir(fd, 0) == E_OK
			  ? EX_OK
			  : EX_IOERR);
	}
	int err = worker > 0 ? wait_for(worker) : E_IO;
	if (err != E_OK || (rmdir(buf_cstr(&home)) != 0 && errno != ENOENT)) {
		ctl_say("%s could not be removed; what is left there is nobody's now",
		    buf_cstr(&home));
		status = EX_IOERR;
	}
	buf_free(&home);
	return status;
}
