/* SPDX-License-Identifier: ISC */
/* read.c - the file's grammar is libconfuse's, and this is the door to it. */
#include "conf/read.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "conf/nearest.h"

enum { SECTIONS_MAX = 16 };

/* libconfuse's callbacks carry no context of ours. */
static struct {
	struct buf *errors; /* borrow: of conf_read */
	struct conf *conf;  /* borrow */
	bool is_defaults;   /* libconfuse is filling in what the table says */
	bool has_version;
	int result; /* E_BAD once a value was wrong; the rest is read nevertheless */
} reading;

static void
say_where(const cfg_t *cfg)
{
	buf_putf(reading.errors, "%s:%d: ", reading.conf->path, cfg->line);
	reading.result = E_BAD;
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct buf text = {0};
	buf_vputf(&text, fmt, ap);
	struct span t = buf_as_span(&text), head = SPAN("no such option '");
	say_where(cfg);
	if (span_starts(t, head)) {
		struct span name = span_from(t, head.n);
		nearest_say(
		    cfg->name, span_head(name, span_find(name, '\'')), reading.errors);
	} else {
		buf_span(reading.errors, t);
		buf_str(reading.errors,
		    "; right would be name = value, name = {\"item\", \"item\"}, or "
		    "section { ... }");
	}
	buf_ch(reading.errors, '\n');
	buf_free(&text);
}

static bool
is_set_again(const cfg_t *cfg, const cfg_opt_t *opt, const struct conf_value *v)
{
	if (v->line == 0 || opt->nvalues > 1)
		return false;
	say_where(cfg);
	buf_putf(reading.errors,
	    "%s is set again; right would be once: line %u sets it already\n",
	    opt->name, v->line);
	return true;
}

/*
 * Called for each value and each item of a list.  It never fails, so that all mistakes are said at
 * once.
 */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct buf wrong = {0};
	size_t s, n;
	int64_t number;
	*(const char **)result = text;
	if (reading.is_defaults)
		return 0;
	const struct conf_setting *setting = conf_find(cfg->name, opt->name, &s, &n);
	if (!setting)
		bug("a setting that the table lacks");
	struct conf_value *v = &reading.conf->values[s][n];
	bool is_again = is_set_again(cfg, opt, v);
	int err = value_check(setting, text, &number, &wrong);
	if (opt->nvalues > LIST_ITEMS_MAX) {
		buf_putf(&wrong, "at most %d items", LIST_ITEMS_MAX);
		err = E_BAD;
	}
	if (err != E_OK) {
		say_where(cfg);
		buf_putf(reading.errors,
		    "%s = \"%.200s\" is wrong; right would be %s\n", opt->name, text,
		    buf_cstr(&wrong));
	}
	if (!is_again && !v->line)
		v->line = (unsigned)cfg->line;
	buf_free(&wrong);
	return 0;
}

static int
on_version(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	(void)opt;
	*(const char **)result = text;
	reading.has_version = true;
	if (!strcmp(text, CONF_VERSION))
		return 0;
	say_where(cfg);
	buf_putf(reading.errors,
	    "version = %.40s is not for this program (" MERPATI_VERSION
	    "); right would be version = " CONF_VERSION "\n",
	    text);
	return -1;
}

/* The default of a list in the grammar; own. */
static char *
list_default(const struct conf_setting *s)
{
	struct buf b = {0};
	struct conf_value v;
	value_default(s, &v);
	value_dump(s, &v, &b);
	char *text = mem_dup(buf_cstr(&b));
	value_free(&v);
	buf_free(&b);
	return text;
}

static cfg_opt_t *
section_options(const struct conf_section *section)
{
	cfg_opt_t *o = mem_new((section->n_settings + 1) * sizeof *o);
	for (size_t n = 0; n < section->n_settings; n++) {
		const struct conf_setting *s = &section->settings[n];
		if (s->type == CONF_LIST)
			o[n] = (cfg_opt_t)CFG_STR_LIST_CB(
			    s->name, list_default(s), CFGF_NONE, on_value);
		else
			o[n] =
			    (cfg_opt_t)CFG_STR_CB(s->name, s->def, CFGF_NONE, on_value);
	}
	o[section->n_settings] = (cfg_opt_t)CFG_END();
	return o;
}

static void
options_free(cfg_opt_t **op)
{
	for (cfg_opt_t *o = *op; o->name; o++)
		mem_free(&o->def.parsed);
	mem_free(op);
}

static void
take_values(struct conf *c, cfg_t *cfg)
{
	const char *texts[LIST_ITEMS_MAX];
	for (size_t s = 0; s < conf_n_sections; s++) {
		cfg_t *sec = cfg_getsec(cfg, conf_sections[s].name);
		for (size_t n = 0; n < conf_sections[s].n_settings; n++) {
			const struct conf_setting *setting =
			    &conf_sections[s].settings[n];
			unsigned count = cfg_size(sec, setting->name);
			for (unsigned i = 0; i < count; i++)
				texts[i] = cfg_getnstr(sec, setting->name, i);
			value_set(setting, texts, count, &c->values[s][n]);
		}
	}
}

static int
parse(struct conf *c, FILE *text)
{
	cfg_opt_t root[SECTIONS_MAX + 2], *subs[SECTIONS_MAX];
	if (conf_n_sections > SECTIONS_MAX)
		bug("too many sections");
	root[0] = (cfg_opt_t)CFG_STR_CB("version", NULL, CFGF_NODEFAULT, on_version);
	for (size_t s = 0; s < conf_n_sections; s++) {
		subs[s] = section_options(&conf_sections[s]);
		root[s + 1] =
		    (cfg_opt_t)CFG_SEC(conf_sections[s].name, subs[s], CFGF_NONE);
	}
	root[conf_n_sections + 1] = (cfg_opt_t)CFG_END();
	reading.is_defaults = true;
	cfg_t *cfg = cfg_init(root, CFGF_NONE);
	reading.is_defaults = false;
	cfg_set_error_function(cfg, on_error);
	if (cfg_parse_fp(cfg, text) != CFG_SUCCESS)
		reading.result = E_BAD;
	if (reading.result == E_OK && !reading.has_version) {
		buf_putf(reading.errors,
		    "%s:1: there is no version; right would be version = " CONF_VERSION
		    " at the top\n",
		    c->path);
		reading.result = E_BAD;
	}
	if (reading.result == E_OK)
		take_values(c, cfg);
	cfg_free(cfg);
	for (size_t s = 0; s < conf_n_sections; s++)
		options_free(&subs[s]);
	return reading.result;
}

/* The whole file.  E_OK, E_IO (errno), E_LIMIT */
static int
read_whole(const char *path, struct buf *out)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err = E_OK;
	if (fd < 0)
		return E_IO;
	if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		err = E_IO;
	}
	if (err == E_OK)
		err = file_read(fd, out);
	close(fd);
	return err;
}

int
conf_read(struct conf *c, struct buf *errors)
{
	struct buf text = {.max = CONF_FILE_BYTES_MAX};
	unsigned line;
	const char *what;
	int err = read_whole(c->path, &text);
	reading.errors = errors;
	reading.conf = c;
	reading.has_version = false;
	reading.result = E_OK;
	if (err == E_IO)
		buf_putf(errors,
		    "%s: cannot be read: %s; right would be a file that can, named by "
		    "-c\n",
		    c->path, strerror(errno));
	else if (err != E_OK)
		buf_putf(errors,
		    "%s: longer than %d bytes; right would be a shorter file\n",
		    c->path, CONF_FILE_BYTES_MAX);
	else if ((err = comments_blank(text.p, text.len, &line, &what)) != E_OK)
		buf_putf(errors, "%s:%u: %s\n", c->path, line, what);
	if (err == E_OK) {
		buf_ch(&text, '\n');
		FILE *f = fmemopen(text.p, text.len, "r");
		if (!f)
			bug("fmemopen");
		err = parse(c, f);
		fclose(f);
	}
	buf_free(&text);
	return err == E_LIMIT ? E_BAD : err;
}
