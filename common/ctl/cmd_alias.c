/* SPDX-License-Identifier: ISC */
/*
 * cmd_alias.c - the alias file, which people edit too: all that a change does not concern stays as it is.
 * An entry is "name: target, target"; lines that begin with a blank go on with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

enum { ALIAS_FILE_BYTES_MAX = 64 << 20, ALIAS_ARGUMENTS_MAX = 1001 };

struct entry {
	struct span
	    whole; /* with its line ends; borrow: the text of the file, as all here */
	struct span name;
	struct span targets; /* what stands behind the colon, lines and all */
};

/* ---- reading ---- */

static bool
is_blank(char c)
{
	return ch_space(c) || c == '\r' || c == '\n';
}

static struct span
trim(struct span s)
{
	while (s.n && is_blank(s.p[0]))
		s = span_from(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The next entry of *text; false at its end.  Comments and what has no colon are passed over. */
static bool
entry_next(struct span *text, struct entry *out)
{
	while (text->n) {
		struct span start = *text, line = span_cut(text, '\n');
		struct span rest = line, name = trim(span_cut(&rest, ':'));
		if (name.n == 0 || name.p[0] == '#' || ch_space(line.p[0]) ||
		    span_find(line, ':') == line.n)
			continue;
		while (text->n && ch_space(text->p[0]))
			span_cut(text, '\n');
		*out = (struct entry){
		    .whole = span_head(start, (size_t)(text->p - start.p)),
		    .name = name};
		out->targets = span_from(out->whole, (size_t)(rest.p - start.p));
		return true;
	}
	return false;
}

static bool
entry_find(struct span text, struct span name, struct entry *out)
{
	while (entry_next(&text, out))
		if (span_ieq(out->name, name))
			return true;
	return false;
}

/* The next target of *targets: up to a comma that is not in quotes, or the end of a line. */
static bool
target_next(struct span *targets, struct span *out)
{
	while (targets->n) {
		bool is_quoted = false;
		size_t i = 0;
		for (; i < targets->n &&
		       (is_quoted || (targets->p[i] != ',' && targets->p[i] != '\n'));
		     i++)
			if (targets->p[i] == '"')
				is_quoted = !is_quoted;
		*out = trim(span_head(*targets, i));
		*targets = span_from(*targets, i < targets->n ? i + 1 : i);
		if (out->n && out->p[0] != '#')
			return true;
	}
	return false;
}

static bool
has_target(struct span targets, struct span target)
{
	struct span have;
	while (target_next(&targets, &have))
		if (span_ieq(have, target))
			return true;
	return false;
}

static int
read_aliases(const char *path, int fd, struct buf *out)
{
	ssize_t n;
	out->max = ALIAS_FILE_BYTES_MAX;
	do {
		char *room = buf_room(out, 65536);
		n = room ? read(fd, room, 65536) : -1;
		if (n > 0)
			buf_added(out, (size_t)n);
	} while (n > 0);
	if (n == 0)
		return EX_OK;
	ctl_say("%s: %s", path, buf_done(out) == E_OK ? strerror(errno) : "too long");
	return EX_NOINPUT;
}

int
cmd_alias_list(struct merpati *c, int argc, char **argv)
{
	static const struct column columns[] = {
	    {"name", "NAME", CELL_TEXT}, {"target", "TARGET", CELL_TEXT}};
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	const char *path = conf_str(c->conf, "common", "alias_file");
	struct buf text = {0};
	struct entry e;
	struct span target;
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 1);
	if (status != EX_OK)
		return status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		status = read_aliases(path, fd, &text);
	else if (errno != ENOENT)
		ctl_say("%s: %m", path), status = EX_NOINPUT;
	struct span rest = buf_as_span(&text);
	while (status == EX_OK && entry_next(&rest, &e))
		while ((argc == 0 || span_ieqs(e.name, argv[0])) &&
		       target_next(&e.targets, &target)) {
			table_text(&t, e.name);
			table_text(&t, target);
		}
	if (status == EX_OK)
		table_print(&t, c->is_json);
	if (fd >= 0)
		close(fd);
	table_free(&t);
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

static int
write_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0)
			return E_IO;
		s = span_from(s, (size_t)n);
	}
	return fsync(fd) == 0 ? E_OK : E_IO;
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
	int err = fd >= 0 ? write_all(fd, text) : E_IO;
	if (err == E_OK &&
	    (fchmod(fd, like->st_mode & 07777) != 0 ||
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
		status = fn(
		    buf_as_span(&text), span_of(words[0]), n - 1, words + 1, &changed);
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

static void
put_around(
    struct span text, const struct entry *e, struct span instead, struct buf *out)
{
	size_t at = (size_t)(e->whole.p - text.p);
	buf_span(out, span_head(text, at));
	buf_span(out, instead);
	buf_span(out, span_from(text, at + e->whole.n));
}

static int
add_targets(struct span text, struct span name, int n, char **targets, struct buf *out)
{
	struct entry e;
	struct buf now = {0};
	bool is_there = entry_find(text, name, &e);
	if (is_there) {
		buf_span(&now, trim(e.whole));
	} else {
		e = (struct entry){.whole = span_from(text, text.n)};
		if (text.n && text.p[text.n - 1] != '\n')
			buf_ch(&now, '\n');
		buf_span(&now, name);
		buf_ch(&now, ':');
	}
	bool is_first = trim(e.targets).n == 0;
	for (int i = 0; i < n; i++) {
		if (has_target(e.targets, span_of(targets[i])))
			continue;
		buf_putf(&now, "%s %s", is_first ? "" : ",", targets[i]);
		is_first = false;
	}
	buf_ch(&now, '\n');
	put_around(text, &e, buf_as_span(&now), out);
	buf_free(&now);
	return EX_OK;
}

static int
remove_targets(
    struct span text, struct span name, int n, char **targets, struct buf *out)
{
	struct entry e;
	struct buf now = {0};
	struct span have;
	unsigned left = 0;
	if (!entry_find(text, name, &e)) {
		ctl_say("there is no alias %.*s", SPAN_ARG(name));
		return EX_DATAERR;
	}
	buf_span(&now, e.name);
	buf_ch(&now, ':');
	while (n && target_next(&e.targets, &have)) {
		bool is_removed = false;
		for (int i = 0; i < n; i++)
			is_removed |= span_ieqs(have, targets[i]);
		if (!is_removed)
			buf_putf(&now, "%s %.*s", left++ ? "," : "", SPAN_ARG(have));
	}
	buf_ch(&now, '\n');
	put_around(text, &e, left ? buf_as_span(&now) : SPAN(""), out);
	buf_free(&now);
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
