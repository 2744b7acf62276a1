/* SPDX-License-Identifier: ISC */
/*
 * charsets.c - what is a table of octets is known in any jail; what iconv has a module for, in one
 * that may read their folder, and in no other.  Prints "ok WHAT", "FAILED WHAT" or "skipped WHAT: why", a line each.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "mime/charset.h"
#include "mime/charset_row.h"
#include "proc/jail.h"

/* A text in some charsets of which each is a module of its own. */
static const struct sample {
	const char *charset;
	struct span in;
	const char *text;
	bool is_octets;
} samples[] = {
    {"iso-2022-jp", SPAN("\x1b$B$3$l\x1b(B"), "\xe3\x81\x93\xe3\x82\x8c", false},
    {"shift_jis", SPAN("\x82\xb1"), "\xe3\x81\x93", false},
    {"euc-kr", SPAN("\xb0\xa1"), "\xea\xb0\x80", false},
    {"big5", SPAN("\xa7\x41"), "\xe4\xbd\xa0", false},
    {"gb18030", SPAN("\xc4\xe3"), "\xe4\xbd\xa0", false},
    {"koi8-r", SPAN("\xf0"), "\xd0\x9f", true},
    {"utf-16le", SPAN("\xe9\0"), "\xc3\xa9", false},
};

static bool
converts(const struct sample *s)
{
	struct buf out = {0};
	bool is_same = charset_to_utf8(span_of(s->charset), s->in, &out) == E_OK &&
	               span_eqs(buf_as_span(&out), s->text);
	buf_free(&out);
	return is_same;
}

static int
all_known(void)
{
	const struct charset_row *row;
	int unknown = 0;
	for (size_t i = 0; (row = charset_row_at(i)); i++) {
		struct span names = span_trim(span_of(row->names));
		unknown += !charset_is_known(span_cut(&names, ' '));
	}
	return unknown == 0;
}

static int
all_convert(void)
{
	int bad = 0;
	for (size_t i = 0; i < COUNT(samples); i++)
		bad += !converts(&samples[i]);
	return bad == 0;
}

static int
all_convert_twice(void)
{
	int bad = 0;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct charset c;
		if (charset_begin(&c, span_of(samples[i].charset)) != E_OK)
			return 0;
		bad += !converts(&samples[i]);
		charset_end(&c, NULL);
	}
	return bad == 0;
}

static int
octets_alone(void)
{
	for (size_t i = 0; i < COUNT(samples); i++)
		if (samples[i].is_octets && !converts(&samples[i]))
			return 0;
	return 1;
}

static int
none_known(void)
{
	for (size_t i = 0; i < COUNT(samples); i++)
		if (charset_is_known(span_of(samples[i].charset)))
			return 0;
	return 1;
}

/* A folder that holds none, so that the jail has a file system. */
static void
try(const char *what, bool is_prepared, bool may_read, int (*inside)(void))
{
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct jail j = {.uid = geteuid() == 0 ? 61050 : geteuid(),
		    .gid = geteuid() == 0 ? 61050 : getegid(),
		    .group = (gid_t)-1,
		    .calls = JAIL_FILES_READ};
		if (is_prepared)
			charset_prepare();
		jail_allow(&j, "/proc/self/fdinfo", JAIL_READ);
		if (may_read)
			jail_allow(&j, charset_folder(), JAIL_READ);
		jail_enter(&j);
		_exit(inside() ? 0 : 1);
	}
	bool is_ok = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	             WEXITSTATUS(status) == 0;
	printf("%s %s\n", is_ok ? "ok" : "FAILED", what);
}

int
main(void)
{
	log_level(LOG_ERR);
	try("a charset of each row is known in a jail", true, true, all_known);
	try("text is converted in a jail", true, true, all_convert);
	try("two texts of one charset are converted in a jail at once", true, true,
	    all_convert_twice);
	if (strncmp(jail_missing(), "Landlock:", 9) == 0) {
		printf(
		    "skipped charsets whose modules may not be read: without Landlock "
		    "they may\n");
		return 0;
	}
	try("a table of octets needs no module", true, false, octets_alone);
	try("charsets whose modules may not be read are not known in a jail", false,
	    false, none_known);
	return 0;
}
