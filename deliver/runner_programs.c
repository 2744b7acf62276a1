/* SPDX-License-Identifier: ISC */
/*
 * runner_programs.c - the programs of the site: found by name, and looked at.  They run as whoever has
 * the mailbox: so nobody but root, or who runs us, may change one.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "deliver/runner.h"
#include "proc/child.h"

struct named {
	struct span name;
	const char *path; /* borrow: the configuration */
};

static size_t
count(const struct conf *c)
{
	size_t n = conf_list_count(c, "deliver", "programs");
	return n < RUNNER_PROGRAMS_MOST ? n : RUNNER_PROGRAMS_MOST;
}

static struct named
nth(const struct conf *c, size_t i)
{
	struct span path = span_of(conf_list(c, "deliver", "programs", i));
	struct named n = {.name = span_cut(&path, '=')};
	n.path = path.p;
	return n;
}

/* ---- what is wrong with one ---- */

/* Of the monitor: a runner, who looks again, has its user's. */
static uid_t
site_uid(void)
{
	return the_child.has_root ? 0 : geteuid();
}

/* NULL: nobody but root and who runs us may write to it, or let others do.  Else static */
static const char *
fault_of_rights(const struct stat *st)
{
	bool is_folder = S_ISDIR(st->st_mode);
	bool is_shared = is_folder && (st->st_mode & S_ISVTX);
	if (st->st_uid != 0 && st->st_uid != site_uid())
		return is_folder ? "a folder on the way to it is neither root's nor "
		                   "the daemon's"
		                 : "it is neither root's nor the daemon's";
	if ((st->st_mode & S_IWOTH) && !is_shared)
		return is_folder ? "everybody may write to a folder on the way to it"
		                 : "everybody may write to it";
	if ((st->st_mode & S_IWGRP) && st->st_gid != 0 && !is_shared)
		return is_folder ? "a group may write to a folder on the way to it"
		                 : "a group may write to it";
	return NULL;
}

/* NULL: none of the folders on the way to it lets others put something else there.  Else static */
static const char *
fault_of_folders(const char *path)
{
	struct buf folder = {0};
	struct stat st;
	const char *fault = NULL;
	for (const char *at = strchr(path, '/'); at && !fault;
	     at = strchr(at + 1, '/')) {
		buf_reset(&folder);
		buf_span(&folder, span_make(path, (size_t)(at - path) + 1));
		if (stat(buf_cstr(&folder), &st) != 0)
			fault = strerror(errno);
		else
			fault = fault_of_rights(&st);
	}
	buf_free(&folder);
	return fault;
}

/* NULL: it can be run.  Else static, or until the next call */
static const char *
fault_of(const char *path)
{
	static char real[PATH_MAX];
	struct stat st;
	if (path[0] != '/')
		return "its path does not begin with /";
	if (stat(path, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no file";
	const char *fault = fault_of_rights(&st);
	if (fault)
		return fault;
	/* with root it runs as any user: as others than its owner, mostly */
	if (geteuid() == 0 ? !(st.st_mode & (S_IXGRP | S_IXOTH))
			   : access(path, X_OK) != 0)
		return "users of mailboxes may not execute it";
	/* a link, and what it leads to */
	fault = fault_of_folders(path);
	if (!fault)
		fault = realpath(path, real) ? fault_of_folders(real) : strerror(errno);
	return fault;
}

/* ---- all ---- */

const char *
runner_program(const struct conf *c, struct span name)
{
	for (size_t i = 0; i < count(c); i++) {
		struct named n = nth(c, i);
		if (span_eq(n.name, name))
			return fault_of(n.path) ? NULL : n.path;
	}
	return NULL;
}

void
runner_programs_jail(const struct conf *c, struct jail *j)
{
	for (size_t i = 0; i < count(c); i++) {
		struct named n = nth(c, i);
		if (!fault_of(n.path))
			jail_allow(j, n.path, JAIL_READ | JAIL_EXEC);
	}
}

void
runner_programs_test(const struct conf *c, struct buf *lines)
{
	for (size_t i = 0; i < count(c); i++) {
		struct named n = nth(c, i);
		const char *fault = fault_of(n.path);
		if (!fault)
			continue;
		conf_where(c, "deliver", "programs", lines);
		buf_putf(lines, "programs: %.*s=%s: %s; it is not run\n",
		    SPAN_ARG(n.name), n.path, fault);
	}
	if (conf_list_count(c, "deliver", "programs") > RUNNER_PROGRAMS_MOST) {
		conf_where(c, "deliver", "programs", lines);
		buf_putf(lines, "programs: %d are taken, what is more is not run\n",
		    RUNNER_PROGRAMS_MOST);
	}
}
