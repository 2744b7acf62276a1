/* SPDX-License-Identifier: ISC */
/* conf.c - the configuration as the daemons see it; its grammar is libconfuse's, and this is the door. */
#include "conf/conf.h"

#include <confuse.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/value.h"

#define CONF_VERSION "1"

struct conf {
	char *path;                  /* own */
	struct conf_value **values;  /* own: [section][setting] */
};

/* ---- getters ---- */

static const struct conf_setting *
find(const char *section, const char *name, size_t *s_out, size_t *n_out)
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

static const struct conf_value *
get(const struct conf *c, const char *section, const char *name, unsigned types)
{
	size_t s, n;
	const struct conf_setting *setting = find(section, name, &s, &n);
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
	return get(c, section, name, 1u << CONF_INT | 1u << CONF_BYTES | 1u << CONF_SECONDS)->number;
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

/* ---- life ---- */

static struct conf *
conf_new(const char *path)
{
	struct conf *c = mem_new(sizeof *c);
	c->path = mem_dup(path);
	c->values = mem_new(conf_n_sections * sizeof *c->values);
	for (size_t s = 0; s < conf_n_sections; s++) {
		c->values[s] = mem_new((conf_sections[s].n_settings + 1) * sizeof **c->values);
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

/* ---- reading ---- */

/* libconfuse's callbacks carry no context of ours. */
static struct {
	struct buf *errors; /* borrow: of conf_load */
	struct conf *conf;  /* borrow */
} reading;

/* Edit distance of two names, for "did you mean"; names are short. */
static unsigned
distance(struct span a, struct span b)
{
	enum { NAME_MAX = 40 };
	unsigned row[NAME_MAX + 1];
	if (a.n > NAME_MAX || b.n > NAME_MAX)
		return UINT32_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned change = diagonal + (a.p[i - 1] != b.p[j - 1]);
			diagonal = row[j];
			unsigned least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			row[j] = change < least ? change : least;
		}
	}
	return row[b.n];
}

static void
nearer(struct span name, const char *candidate, const char **best, unsigned *least)
{
	unsigned d = distance(name, span_of(candidate));
	if (d < *least) {
		*least = d;
		*best = candidate;
	}
}

/* The setting of this section (or the section) whose name is nearest. */
static const char *
nearest(const char *section, struct span name)
{
	const char *best = conf_sections[0].name;
	unsigned least = UINT32_MAX;
	for (size_t s = 0; s < conf_n_sections; s++) {
		if (strcmp(section, "root") == 0)
			nearer(name, conf_sections[s].name, &best, &least);
		if (strcmp(section, conf_sections[s].name) != 0)
			continue;
		for (size_t n = 0; n < conf_sections[s].n_settings; n++)
			nearer(name, conf_sections[s].settings[n].name, &best, &least);
	}
	return best;
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct buf text = {0};
	buf_putf(reading.errors, "%s:%d: ", cfg->filename ? cfg->filename : reading.conf->path, cfg->line);
	buf_vputf(&text, fmt, ap);
	struct span t = buf_as_span(&text), head = SPAN("no such option '");
	if (span_starts(t, head)) {
		struct span name = span_from(t, head.n);
		name = span_head(name, span_find(name, '\''));
		buf_putf(reading.errors, "no setting \"%.*s\"; the nearest is \"%s\"", SPAN_ARG(name),
		    nearest(cfg->name, name));
	} else {
		buf_span(reading.errors, t);
	}
	buf_ch(reading.errors, '\n');
	buf_free(&text);
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *texts[1100];
	struct buf wrong = {0};
	size_t s, n, count = cfg_opt_size(opt);
	const struct conf_setting *setting = find(cfg_name(cfg), opt->name, &s, &n);
	if (!setting || count > COUNT(texts))
		bug("a setting that the table lacks");
	for (size_t i = 0; i < count; i++)
		texts[i] = cfg_opt_getnstr(opt, (unsigned)i);
	int err = value_set(setting, texts, count, &reading.conf->values[s][n], &wrong);
	if (err != E_OK)
		cfg_error(cfg, "%s = \"%s\" is wrong; right would be %s", opt->name,
		    count ? texts[count - 1] : "", buf_cstr(&wrong));
	buf_free(&wrong);
	return err == E_OK ? 0 : -1;
}

static int
on_version(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	if (!strcmp(text, CONF_VERSION))
		return 0;
	cfg_error(cfg, "version = \"%s\" is wrong; right would be " CONF_VERSION ", which this program reads",
	    text);
	return -1;
}

static cfg_opt_t *
section_options(const struct conf_section *section)
{
	cfg_opt_t *o = mem_new((section->n_settings + 1) * sizeof *o);
	for (size_t n = 0; n < section->n_settings; n++) {
		const struct conf_setting *s = &section->settings[n];
		if (s->type == CONF_LIST)
			o[n] = (cfg_opt_t)CFG_STR_LIST((char *)(uintptr_t)s->name, 0, CFGF_NODEFAULT);
		else
			o[n] = (cfg_opt_t)CFG_STR((char *)(uintptr_t)s->name, 0, CFGF_NODEFAULT);
		o[n].validcb = on_value;
	}
	o[section->n_settings] = (cfg_opt_t)CFG_END();
	return o;
}

static int
read_file(struct conf *c, struct buf *errors)
{
	cfg_opt_t *root = mem_new((conf_n_sections + 2) * sizeof *root), *subs[16];
	reading.errors = errors;
	reading.conf = c;
	root[0] = (cfg_opt_t)CFG_STR("version", 0, CFGF_NODEFAULT);
	root[0].validcb = on_version;
	for (size_t s = 0; s < conf_n_sections; s++) {
		subs[s] = section_options(&conf_sections[s]);
		root[s + 1] = (cfg_opt_t)CFG_SEC((char *)(uintptr_t)conf_sections[s].name, subs[s], CFGF_NONE);
	}
	root[conf_n_sections + 1] = (cfg_opt_t)CFG_END();
	cfg_t *cfg = cfg_init(root, CFGF_NONE);
	cfg_set_error_function(cfg, on_error);
	int result = cfg_parse(cfg, c->path);
	bool has_version = cfg_size(cfg, "version") > 0;
	cfg_free(cfg);
	for (size_t s = 0; s < conf_n_sections; s++)
		mem_free(&subs[s]);
	mem_free(&root);
	if (result == CFG_SUCCESS && !has_version) {
		buf_putf(errors, "%s:1: no version; right would be \"version = " CONF_VERSION "\" at the top\n", c->path);
		return E_BAD;
	}
	return result == CFG_SUCCESS ? E_OK : result == CFG_FILE_ERROR ? E_IO : E_BAD;
}

int
conf_load(const char *path, struct buf *errors, struct conf **out)
{
	if (access(path, R_OK) != 0) {
		buf_putf(errors, "%s: cannot be read: %m; name another file with -c\n", path);
		return E_IO;
	}
	struct conf *c = conf_new(path);
	int err = read_file(c, errors);
	if (err != E_OK) {
		conf_free(&c);
		return err;
	}
	*out = c;
	return E_OK;
}

void
conf_dump(const struct conf *c, bool all, struct buf *out)
{
	buf_str(out, "version = " CONF_VERSION "\n");
	for (size_t s = 0; s < conf_n_sections; s++) {
		bool is_open = false;
		for (size_t n = 0; n < conf_sections[s].n_settings; n++) {
			const struct conf_setting *setting = &conf_sections[s].settings[n];
			struct conf_value def;
			value_default(setting, &def);
			bool differs = !value_same(&def, &c->values[s][n]);
			value_free(&def);
			if (!differs && !all)
				continue;
			if (!is_open)
				buf_putf(out, "%s {\n", conf_sections[s].name);
			is_open = true;
			buf_putf(out, "\t%s = ", setting->name);
			value_dump(setting, &c->values[s][n], out);
			buf_ch(out, '\n');
		}
		if (is_open)
			buf_str(out, "}\n");
	}
}
