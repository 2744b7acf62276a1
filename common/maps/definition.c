/* SPDX-License-Identifier: ISC */
/* definition.c - what a map is: its file. */
#include "maps/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "maps/template.h"

/* What every kind takes. */
static const char everyone[] = "domain";

static int FMT(2, 3) wrong(char *why, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, MAP_WHY_MAX, fmt, ap);
	va_end(ap);
	return E_BAD;
}

static char *
text_of(struct span s)
{
	char *p = mem_new(s.n + 1);
	memcpy(p, s.p, s.n);
	return p;
}

static bool
is_blank(struct span s)
{
	return span_trim(s).n == 0;
}

static struct span
line_of(struct span *text)
{
	struct span line = span_cut(text, '\n');
	return line.n && line.p[line.n - 1] == '\r' ? span_head(line, line.n - 1)
	                                            : line;
}

/* A logical line: its continuations behind it, with a blank between; comments end none. */
static void
next_line(struct span *text, struct buf *out)
{
	buf_reset(out);
	buf_span(out, line_of(text));
	while (text->n && (ch_space(text->p[0]) || text->p[0] == '#')) {
		struct span more = span_trim(line_of(text));
		if (!more.n || more.p[0] == '#')
			continue;
		buf_ch(out, ' ');
		buf_span(out, more);
	}
}

static int
add_pair(struct map_definition *d, struct span line, char *why)
{
	struct span value = line, name = span_trim(span_cut(&value, '='));
	if (value.p == line.p + line.n && (!line.n || line.p[line.n - 1] != '='))
		return wrong(why, "\"%.*s\" is not \"name = value\"",
		    (int)(line.n < 100 ? line.n : 100), line.p);
	if (d->n == MAP_PAIRS_MAX)
		return wrong(why, "more than %d lines", MAP_PAIRS_MAX);
	value = span_trim(value);
	if (!name.n || memchr(value.p, '\0', value.n) || memchr(name.p, '\0', name.n))
		return wrong(why, "a line without a name, or with a NUL");
	d->pairs[d->n++] = (struct map_pair){text_of(name), text_of(value)};
	return E_OK;
}

int
definition_parse(struct span text, struct map_definition *out, char *why)
{
	struct buf line = {.max = DEFINITION_BYTES_MAX};
	int err = E_OK;
	*out = (struct map_definition){.n = 0};
	while (text.n && err == E_OK) {
		if (text.p[0] == '#' ||
		    is_blank(span_head(text, span_find(text, '\n')))) {
			line_of(&text);
			continue;
		}
		next_line(&text, &line);
		err = add_pair(out, buf_as_span(&line), why);
	}
	buf_wipe(&line);
	return err;
}

int
definition_read(const char *path, struct map_definition *out, char *why)
{
	struct buf text = {.max = DEFINITION_BYTES_MAX};
	struct stat st;
	*out = (struct map_definition){.n = 0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return wrong(why, "%s", strerror(errno));
	int err = E_OK;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = wrong(why, "it is no file");
	else if (st.st_mode & 07)
		err =
		    wrong(why, "others may read or write it: right would be mode 0640");
	else if (file_read(fd, &text) != E_OK)
		err = wrong(why, "it cannot be read, or is longer than 64 KB");
	close(fd);
	if (err == E_OK)
		err = definition_parse(buf_as_span(&text), out, why);
	buf_wipe(&text);
	return err;
}

void
definition_free(struct map_definition *d)
{
	for (size_t i = 0; i < d->n; i++) {
		char *value = (char *)(uintptr_t)d->pairs[i].value,
		     *name = (char *)(uintptr_t)d->pairs[i].name;
		mem_wipe(value, strlen(value));
		mem_free(&value);
		mem_free(&name);
	}
	d->n = 0;
}

static bool
is_word_of(const char *list, const char *word)
{
	struct span rest = span_of(list);
	while (rest.n)
		if (span_eqs(span_cut(&rest, ' '), word))
			return true;
	return false;
}

int
definition_check(
    const struct map_definition *d, const struct map_driver *driver, char *why)
{
	struct span needed = span_of(driver->needed);
	for (size_t i = 0; i < d->n; i++) {
		const char *name = d->pairs[i].name;
		if (strcmp(name, driver->query) &&
		    !is_word_of(driver->settings, name) && !is_word_of(everyone, name))
			return wrong(why,
			    "%.60s is nothing that %s has; there are %s %s %s", name,
			    driver->kind, driver->query, driver->settings, everyone);
	}
	while (needed.n) {
		struct span one = span_cut(&needed, ' ');
		char name[64];
		snprintf(name, sizeof name, "%.*s", SPAN_ARG(one));
		if (!map_setting(d, name, NULL))
			return wrong(why, "%s is missing", name);
	}
	const char *query = map_setting(d, driver->query, NULL);
	if (!query)
		return wrong(why, "%s is missing", driver->query);
	const char *said = template_check(span_of(query), driver->escape);
	return said ? wrong(why, "%s: %s", driver->query, said) : E_OK;
}

bool
definition_wants(const struct map_definition *d, struct span key)
{
	struct span list = span_of(map_setting(d, "domain", "")),
		    domain = span_from(key, span_rfind(key, '@') + 1);
	if (!list.n)
		return true;
	while (list.n) {
		size_t end = 0;
		while (end < list.n && list.p[end] != ',' && !ch_space(list.p[end]))
			end++;
		if (end && span_ieq(span_head(list, end), domain))
			return true;
		list = span_from(list, end + 1);
	}
	return false;
}
