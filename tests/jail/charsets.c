/* SPDX-License-Identifier: ISC */
/*
 * charsets.c - charsets that were opened before the jail convert inside it; those that were not
 * stay unknown there.  Prints "ok WHAT", "FAILED WHAT" or "skipped WHAT: why", a line each.
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
} samples[] = {
    {"iso-2022-jp", SPAN("\x1b$B$3$l\x1b(B"), "\xe3\x81\x93\xe3\x82\x8c"},
    {"shift_jis", SPAN("\x82\xb1"), "\xe3\x81\x93"},
    {"euc-kr", SPAN("\xb0\xa1"), "\xea\xb0\x80"},
    {"big5", SPAN("\xa7\x41"), "\xe4\xbd\xa0"},
    {"gb18030", SPAN("\xc4\xe3"), "\xe4\xbd\xa0"},
    {"koi8-r", SPAN("\xf0"), "\xd0\x9f"},
    {"utf-16le", SPAN("\xe9\0"), "\xc3\xa9"},
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

/*
 * The second conversion of a charset at once opens a descriptor in the jail: its module is there
 * already.
 */
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
none_converts(void)
{
	for (size_t i = 0; i < COUNT(samples); i++)
		if (charset_is_known(span_of(samples[i].charset)))
			return 0;
	return 1;
}

static void
try(const char *what, bool is_preloaded, int (*inside)(void))
{
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct jail j = {.uid = geteuid() == 0 ? 61050 : geteuid(),
		    .gid = geteuid() == 0 ? 61050 : getegid(),
		    .group = (gid_t)-1,
		    .calls = JAIL_FILES_READ};
		if (is_preloaded)
			charset_preload();
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
	try("a charset of each row is known in a jail", true, all_known);
	try("text is converted in a jail", true, all_convert);
	try("two texts of one charset are converted in a jail at once", true,
	    all_convert_twice);
	if (strncmp(jail_missing(), "Landlock:", 9) == 0 && geteuid() != 0)
		printf("skipped charsets that were not opened ahead: without Landlock "
		       "and without root they can be loaded\n");
	else
		try("charsets that were not opened ahead are not known in a jail",
		    false, none_converts);
	return 0;
}
