/* SPDX-License-Identifier: ISC */
/*
 * comments.c - what libconfuse must not see: comments; and what it does not say: what is never
 * closed.
 */
#include <string.h>

#include "conf/read.h"

enum { DEPTH_MAX = 8 };

struct scan {
	char *p, *end;
	unsigned line;
	unsigned open_lines[DEPTH_MAX]; /* of braces */
	unsigned depth;
};

static void
blank_to(struct scan *s, char *to)
{
	for (; s->p < to; s->p++) {
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
	}
}

static void
blank_line(struct scan *s)
{
	char *to = memchr(s->p, '\n', (size_t)(s->end - s->p));
	blank_to(s, to ? to : s->end);
}

static int
blank_block(struct scan *s)
{
	char *to = memmem(s->p + 2, (size_t)(s->end - s->p - 2), "*/", 2);
	if (!to)
		return E_BAD;
	blank_to(s, to + 2);
	return E_OK;
}

static int
skip_quoted(struct scan *s)
{
	char quote = *s->p++;
	for (; s->p < s->end && *s->p != quote; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		if (*s->p == '\n')
			s->line++;
	}
	if (s->p == s->end)
		return E_BAD;
	s->p++;
	return E_OK;
}

static void
count_brace(struct scan *s)
{
	if (*s->p == '{') {
		if (s->depth < DEPTH_MAX)
			s->open_lines[s->depth] = s->line;
		s->depth++;
	} else if (*s->p == '}' && s->depth) {
		s->depth--;
	} else if (*s->p == '\n') {
		s->line++;
	}
	s->p++;
}

/* A // or a slash and star inside a word is part of the word. */
static bool
starts_token(const struct scan *s, const char *text)
{
	return s->p == text || strchr(" \t\r\n={},", s->p[-1]);
}

int
comments_blank(char *text, size_t n, unsigned *line, const char **what)
{
	struct scan s = {.p = text, .end = text + n, .line = 1};
	while (s.p < s.end) {
		char next = s.p + 1 < s.end ? s.p[1] : '\0';
		*line = s.line;
		if (*s.p == '#' ||
		    (*s.p == '/' && next == '/' && starts_token(&s, text))) {
			blank_line(&s);
		} else if (*s.p == '/' && next == '*' && starts_token(&s, text)) {
			*what = "a comment begins here and never ends; right would be "
				"\"*/\" where it ends";
			if (blank_block(&s) != E_OK)
				return E_BAD;
		} else if (*s.p == '"' || *s.p == '\'') {
			*what = "a quote is opened here and never closed; right would "
				"be one more at the "
				"end of the value";
			if (skip_quoted(&s) != E_OK)
				return E_BAD;
		} else {
			count_brace(&s);
		}
	}
	*what = "a brace is opened here and never closed; right would be \"}\" where "
		"it ends";
	if (s.depth)
		*line = s.open_lines[(s.depth < DEPTH_MAX ? s.depth : DEPTH_MAX) - 1];
	return s.depth ? E_BAD : E_OK;
}
