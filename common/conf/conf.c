/* SPDX-License-Identifier: ISC */
/* conf.c - the configuration as the daemons see it, and how it is printed. */
#include "conf/conf.h"

#include <string.h>

#include "conf/check.h"
#include "conf/read.h"

const struct conf_setting *
conf_find(const char *section, const char *name, size_t *s_out, size_t *n_out)
{
	for (size_t s = 0; s < conf_n_sections; s++) {
		if (strcmp(conf_sections[s].name, section) != 0)
			continue;
		for (size_t n = 0; n < conf_sections[s].n_settings; n++)
			if (!strcmp(conf_sections[s].settings[n].name, name)) {
				*s_out = s;
				*n_out = n;
				return &conf_sections[s].settings[n];
			}
	}
	return NULL;
}

/* ---- getters ---- */

static const struct conf_value *
get(const struct conf *c, const char *section, const char *name, unsigned types)
{
	size_t s, n;
	const struct conf_setting *setting = conf_find(section, name, &s, &n);
	if (!setting || !(types & (1u << setting->type)))
		bug(name);
	return &c->values[s][n];
}

const char *
conf_str(const struct conf *c, const char *section, const char *name)
{
	return get(c, section, name, 1u << CONF_STR)->items[0];
}

bool
conf_bool(const struct conf *c, const char *section, const char *name)
{
	return get(c, section, name, 1u << CONF_BOOL)->number != 0;
}

int64_t
conf_int(const struct conf *c, const char *section, const char *name)
{
	return get(
	    c, section, name, 1u << CONF_INT | 1u << CONF_BYTES | 1u << CONF_SECONDS)
	    ->number;
}

size_t
conf_list_count(const struct conf *c, const char *section, const char *name)
{
	return get(c, section, name, 1u << CONF_LIST)->n_items;
}

const char *
conf_list(const struct conf *c, const char *section, const char *name, size_t i)
{
	const struct conf_value *v = get(c, section, name, 1u << CONF_LIST);
	if (i >= v->n_items)
		bug(name);
	return v->items[i];
}

const char *
conf_path(const struct conf *c)
{
	return c->path;
}

unsigned
conf_line(const struct conf *c, const char *section, const char *name)
{
	return get(c, section, name, ~0u)->line;
}

void
conf_where(const struct conf *c, const char *section, const char *name, struct buf *out)
{
	unsigned line = conf_line(c, section, name);
	if (line)
		buf_putf(out, "%s:%u: ", c->path, line);
	else
		buf_putf(out, "%s: ", c->path);
}

/* ---- life ---- */

static struct conf *
conf_new(const char *path)
{
	struct conf *c = mem_new(sizeof *c);
	c->path = mem_dup(path);
	c->values = mem_new(conf_n_sections * sizeof *c->values);
	for (size_t s = 0; s < conf_n_sections; s++) {
		c->values[s] =
		    mem_new((conf_sections[s].n_settings + 1) * sizeof **c->values);
		for (size_t n = 0; n < conf_sections[s].n_settings; n++)
			value_default(&conf_sections[s].settings[n], &c->values[s][n]);
	}
	return c;
}

void
conf_free(struct conf **cp)
{
	if (!*cp)
		return;
	for (size_t s = 0; s < conf_n_sections; s++) {
		for (size_t n = 0; n < conf_sections[s].n_settings; n++)
			value_free(&(*cp)->values[s][n]);
		mem_free(&(*cp)->values[s]);
	}
	mem_free(&(*cp)->values);
	mem_free(&(*cp)->path);
	mem_free(cp);
}

int
conf_load(const char *path, struct buf *errors, struct conf **out)
{
	struct conf *c = conf_new(path);
	int err = conf_read(c, errors);
	if (err == E_OK)
		err = check_whole(c, errors);
	if (err == E_OK)
		*out = c;
	else
		conf_free(&c);
	return err;
}

/* ---- printing ---- */

static bool
is_default(const struct conf_setting *setting, const struct conf_value *v)
{
	struct conf_value def;
	value_default(setting, &def);
	bool is_same = value_same(&def, v);
	value_free(&def);
	return is_same;
}

void
conf_dump(const struct conf *c, bool all, struct buf *out)
{
	buf_str(out, "version = " CONF_VERSION "\n");
	for (size_t s = 0; s < conf_n_sections; s++) {
		bool is_open = false;
		for (size_t n = 0; n < conf_sections[s].n_settings; n++) {
			const struct conf_setting *setting =
			    &conf_sections[s].settings[n];
			const struct conf_value *v = &c->values[s][n];
			if (!all && is_default(setting, v))
				continue;
			if (!is_open)
				buf_putf(out, "\n%s {\n", conf_sections[s].name);
			is_open = true;
			buf_putf(out, "\t%s = ", setting->name);
			value_dump(setting, v, out);
			buf_ch(out, '\n');
		}
		if (is_open)
			buf_str(out, "}\n");
	}
}

void
conf_dump_json(const struct conf *c, bool all, struct buf *out)
{
	buf_str(out, "{\"version\": " CONF_VERSION);
	for (size_t s = 0; s < conf_n_sections; s++) {
		unsigned n_said = 0;
		for (size_t n = 0; n < conf_sections[s].n_settings; n++) {
			const struct conf_setting *setting =
			    &conf_sections[s].settings[n];
			const struct conf_value *v = &c->values[s][n];
			if (!all && is_default(setting, v))
				continue;
			if (n_said++ == 0)
				buf_putf(out, ",\n \"%s\": {", conf_sections[s].name);
			buf_putf(
			    out, "%s\"%s\": ", n_said == 1 ? "" : ", ", setting->name);
			value_dump_json(setting, v, out);
		}
		if (n_said)
			buf_ch(out, '}');
	}
	buf_str(out, "}\n");
}
