/* SPDX-License-Identifier: ISC */
/*
 * drop_look.c - what a name in drop/ is.  Anybody may have made it: what is no message of one
 * user's own goes, with a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/drop.h"

struct drop_dir the_drop = {-1, -1, 0, 0, 0};

/*
 * A folder that is not empty stays: it holds its maker's files, and nothing of ours is made to wait
 * by it.
 */
static void
junk(const char *text, uid_t uid, const char *why)
{
	bool is_gone = unlinkat(the_drop.drop, text, 0) == 0;
	if (!is_gone && (errno == EISDIR || errno == EPERM))
		is_gone = unlinkat(the_drop.drop, text, AT_REMOVEDIR) == 0;
	if (is_gone || errno != ENOENT)
		log_event(LOG_WARNING, is_gone ? "drop_removed" : "drop_stays",
		    "name=%s uid=%u why=\"%s\"", log_qs(text), (unsigned)uid, why);
}

void
drop_aside(const char *text, uid_t uid, const char *why)
{
	char to[ID_TEXT + 8];
	snprintf(to, sizeof to, "drop-%.*s", ID_TEXT, text);
	if (the_drop.n_aside == DROP_ASIDE_MOST) {
		junk(text, uid, why);
		return;
	}
	if (renameat(the_drop.drop, text, the_drop.corrupt, to) != 0) {
		if (errno != ENOENT)
			junk(text, uid, why);
		return;
	}
	the_drop.n_aside++;
	log_event(LOG_ERR, "drop_put_aside",
	    "name=%s uid=%u why=\"%s\" aside=corrupt/%s", log_qs(text), (unsigned)uid,
	    why, to);
}

/* NULL, or why it is no message: without a look inside. */
static const char *
fault_of(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "no file";
	if (st->st_nlink != 1)
		return "it has other names";
	if (st->st_gid != the_drop.gid)
		return "it was not made here";
	return (uint64_t)st->st_size > the_drop.most_bytes ? "too large" : NULL;
}

int
drop_look(const char *text, struct id *name, struct stat *out)
{
	if (fstatat(the_drop.drop, text, out, AT_SYMLINK_NOFOLLOW) != 0)
		return E_BAD;
	const char *why = fault_of(out);
	if (!why && id_parse(span_of(text), name) != E_OK)
		why = "its name is no id";
	if (!why)
		return E_OK;
	junk(text, out->st_uid, why);
	return E_BAD;
}

int
drop_open(struct id name, int *out, struct stat *st)
{
	const char *text = id_text(name), *why = NULL;
	*st = (struct stat){.st_uid = 0};
	/* not blocking: it may have become a fifo, or its owner may hold a lease */
	*out =
	    openat(the_drop.drop, text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*out < 0 && errno == ENOENT)
		return E_BAD;
	if (*out < 0 || fstat(*out, st) != 0)
		why = "it cannot be read";
	else
		why = fault_of(st);
	if (!why)
		return E_OK;
	if (*out >= 0)
		close(*out);
	junk(text, st->st_uid, why);
	return E_BAD;
}
