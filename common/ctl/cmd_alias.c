/* SPDX-License-Identifier: ISC */
/*
 * cmd_alias.c - the alias file, which people edit too: all that a change does not concern stays as
 * it is.  What an entry and a target are is said in account/alias.h, for daemons and for us.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/alias.h"
#include "base/file.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

enum { ALIAS_ARGUMENTS_MAX = 1001 };

struct entry {
	struct span name;    /* borrow: the text of the file, as all here */
	struct span targets; /* what stands behind the colon, up to the next entry */
};

/* ---- reading ---- */

struct search {
	struct span name;
	struct entry *out;
};

static int
on_entry(void *ctx, struct span name, struct span targets)
{
	struct search *s = ctx;
	if (!span_ieq(name, s->name))
		return E_OK;
	*s->out = (struct entry){name, targets};
	return E_MORE; /* of several with the name, the first is in force */
}

static bool
entry_find(struct span text, struct span name, struct entry *out)
{
	struct search s = {name, out};
	return alias_each(text, on_entry, &s) == E_MORE;
}

static bool
has_target(struct span targets, struct span target)
{
	struct span have;
	while (alias_next_target(&targets, &have) == E_OK)
		if (span_ieq(have, target))
			return true;
	return false;
}

/* Behind the last target; where there is none, behind the colon. */
static const char *
last_end(const struct entry *e)
{
	struct span rest = e->targets, target;
	const char *end = e->targets.p;
	while (alias_next_target(&rest, &target) == E_OK)
		end = target.p + target.n;
	return end;
}

static int
read_aliases(const char *path, int fd, struct buf *out)
{
	out->max = ALIAS_FILE_BYTES_MAX;
	if (file_read(fd, out) == E_OK)
		return EX_OK;
	ctl_say("%s: %s", path, buf_done(out) == E_OK ? strerror(errno) : "too long");
	return EX_NOINPUT;
}

struct listing {
	struct table table;
	const char *only; /* borrow: a name; NULL: all */
};

static int
list_entry(void *ctx, struct span name, struct span targets)
{
	struct listing *l = ctx;
	struct span target;
	while ((!l->only || span_ieqs(name, l->only)) &&
	       alias_next_target(&targets, &target) == E_OK) {
		table_text(&l->table, name);
		table_text(&l->table, target);
	}
	return E_OK;
}

int
cmd_alias_list(struct merpati *c, int argc, char **argv)
{
	static const struct column columns[] = {
	    {"name", "NAME", CELL_TEXT}, {"target", "TARGET", CELL_TEXT}};
	struct listing l = {.table = {.columns = columns, .n_columns = COUNT(columns)}};
	const char *path = conf_str(c->conf, "common", "alias_file");
	struct buf text = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 1);
	if (status != EX_OK)
		return status;
	l.only = argc ? argv[0] : NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		status = read_aliases(path, fd, &text);
	else if (errno != ENOENT)
		ctl_say("%s: %m", path), status = EX_NOINPUT;
	if (status == EX_OK && alias_each(buf_as_span(&text), list_entry, &l) == E_OK)
		table_print(&l.table, c->is_json);
	if (fd >= 0)
		close(fd);
	table_free(&l.table);
	buf_free(&text);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- changing ---- */

/* The file, locked: nobody else of us changes it.  Made when it is not there. */
static int
open_locked(const char *path, struct stat *st)
{
	for (;;) {
		struct stat now;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || flock(fd, LOCK_EX) != 0 || fstat(fd, st) != 0) {
			ctl_say("%s: %m", path);
			if (fd >= 0)
				close(fd);
			return -1;
		}
		if (stat(path, &now) == 0 && now.st_ino == st->st_ino &&
		    now.st_dev == st->st_dev)
			return fd;
		close(fd); /* it was replaced while we waited */
	}
}

/* Takes the place of the file at once, or not at all. */
static int
replace(const char *path, const struct stat *like, struct span text)
{
	struct buf temp = {0}, folder = {0};
	buf_putf(&temp, "%s.new", path);
	buf_span(&folder, span_head(span_of(path), span_rfind(span_of(path), '/') + 1));
	int fd = open(buf_cstr(&temp),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd >= 0 ? file_write(fd, text) : E_IO;
	if (err == E_OK &&
	    (fsync(fd) != 0 || fchmod(fd, like->st_mode & 07777) != 0 ||
		(geteuid() == 0 && fchown(fd, like->st_uid, like->st_gid) != 0) ||
		rename(buf_cstr(&temp), path) != 0))
		err = E_IO;
	int dir = err == E_OK
	              ? open(buf_cstr(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	              : -1;
	if (err == E_OK && (dir < 0 || fsync(dir) != 0))
		err = E_IO;
	if (err != E_OK)
		ctl_say("%s: %m", path);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	buf_free(&temp);
	buf_free(&folder);
	return err == E_OK ? EX_OK : EX_CANTCREAT;
}

typedef int edit_fn(
    struct span text, struct span name, int n_targets, char **targets, struct buf *out);

static int
edit(struct merpati *c, int n, char **words, edit_fn *fn)
{
	const char *path = conf_str(c->conf, "common", "alias_file");
	struct buf text = {0}, changed = {.max = ALIAS_FILE_BYTES_MAX};
	struct stat st;
	int fd = open_locked(path, &st);
	if (fd < 0)
		return EX_CANTCREAT;
	int status = read_aliases(path, fd, &text);
	if (status == EX_OK)
		status = fn(text.len ? buf_as_span(&text) : SPAN(""), span_of(words[0]),
		    n - 1, words + 1, &changed);
	if (status == EX_OK)
		status = replace(path, &st, buf_as_span(&changed));
	close(fd);
	buf_free(&text);
	buf_free(&changed);
	return status;
}

static bool
is_word(const char *word, const char *but)
{
	for (const char *p = word; *p; p++)
		if (ch_ctl(*p) || ch_space(*p) || strchr(but, *p)) {
			ctl_say("\"%s\" cannot stand in the alias file", word);
			return false;
		}
	return *word != '\0';
}

static struct span
between(const char *from, const char *to)
{
	return span_make(from, (size_t)(to - from));
}

static int
add_targets(struct span text, struct span name, int n, char **targets, struct buf *out)
{
	struct entry e = {.targets = {"", 0}};
	const char *end = text.p + text.n, *at = end;
	bool is_there = entry_find(text, name, &e);
	if (is_there)
		at = last_end(&e);
	buf_span(out, between(text.p, at));
	if (!is_there) {
		if (text.n && text.p[text.n - 1] != '\n')
			buf_ch(out, '\n');
		buf_putf(out, "%.*s:", SPAN_ARG(name));
	}
	bool is_first = !is_there || at == e.targets.p;
	for (int i = 0; i < n; i++) {
		if (has_target(e.targets, span_of(targets[i])))
			continue;
		buf_putf(out, "%s %s", is_first ? "" : ",", targets[i]);
		is_first = false;
	}
	if (!is_there)
		buf_ch(out, '\n');
	buf_span(out, between(at, end));
	return EX_OK;
}

/*
 * The entry goes, up to the end of the line of its last target: comments behind it are of what
 * follows.
 */
static void
remove_entry(struct span text, const struct entry *e, struct buf *out)
{
	const char *end = text.p + text.n, *at = last_end(e);
	struct span rest = between(at, end);
	buf_span(out, between(text.p, e->name.p));
	buf_span(out, span_from(rest, span_find(rest, '\n') + 1));
}

static bool
is_one_of(struct span have, int n, char **targets)
{
	for (int i = 0; i < n; i++)
		if (span_ieqs(have, targets[i]))
			return true;
	return false;
}

/* Each with the comma behind it. */
static unsigned
remove_some(
    struct span text, const struct entry *e, int n, char **targets, struct buf *out)
{
	const char *from = text.p, *end = text.p + text.n;
	struct span rest = e->targets, have;
	unsigned left = 0;
	while (alias_next_target(&rest, &have) == E_OK) {
		if (!is_one_of(have, n, targets)) {
			left++;
			continue;
		}
		buf_span(out, between(from, have.p));
		from = have.p + have.n;
		struct span behind = span_trim(between(from, end));
		if (behind.n && behind.p[0] == ',')
			from = behind.p + 1;
		while (from < end && ch_space(*from))
			from++;
	}
	buf_span(out, between(from, end));
	return left;
}

static int
remove_targets(
    struct span text, struct span name, int n, char **targets, struct buf *out)
{
	struct entry e;
	if (!entry_find(text, name, &e)) {
		ctl_say("there is no alias %.*s", SPAN_ARG(name));
		return EX_DATAERR;
	}
	if (n && remove_some(text, &e, n, targets, out))
		return EX_OK;
	buf_reset(out);
	remove_entry(text, &e, out);
	return EX_OK;
}

int
cmd_alias_add(struct merpati *c, int argc, char **argv)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 2, ALIAS_ARGUMENTS_MAX);
	if (status == EX_OK && !is_word(argv[0], ":,#\"<>"))
		status = EX_DATAERR;
	for (int i = 1; i < argc && status == EX_OK; i++)
		if (!is_word(argv[i], ",\"<>"))
			status = EX_DATAERR;
	return status == EX_OK ? edit(c, argc, argv, add_targets) : status;
}

int
cmd_alias_remove(struct merpati *c, int argc, char **argv)
{
	int status = opts_read(c, NULL, 0, &argc, argv, 1, ALIAS_ARGUMENTS_MAX);
	return status == EX_OK ? edit(c, argc, argv, remove_targets) : status;
}
