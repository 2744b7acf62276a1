/* SPDX-License-Identifier: ISC */
/* opts.c - words of the command line, and what is said on stderr. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

void
ctl_say(const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "merpati: %s\n", buf_cstr(&b));
	buf_free(&b);
}

int
ctl_usage(const struct merpati *c, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "merpati: %s\nusage: merpati %s\n", buf_cstr(&b), c->usage);
	buf_free(&b);
	return EX_USAGE;
}

void
ctl_put(FILE *to, const struct buf *b)
{
	if (b->len)
		fwrite(b->p, 1, b->len, to);
}

int
ctl_done(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EX_OK;
	ctl_say("what it printed could not be written: %m");
	return EX_IOERR;
}

static const struct opt *
find(const struct opt *opts, size_t n_opts, struct span name)
{
	for (size_t i = 0; i < n_opts; i++)
		if (span_eqs(name, opts[i].name))
			return &opts[i];
	return NULL;
}

/* One word that begins with --; *at moves over the value behind it. */
static int
read_opt(struct merpati *c, const struct opt *opts, size_t n_opts, int *at, int argc,
    char **argv)
{
	struct span value = span_of(argv[*at]);
	bool has_value = span_find(value, '=') < value.n;
	struct span name = span_cut(&value, '=');
	const struct opt *o = find(opts, n_opts, name);
	if (span_eqs(name, "--json") && !has_value) {
		c->is_json = true;
		return EX_OK;
	}
	if (!o)
		return ctl_usage(c, "there is no option %.*s here", SPAN_ARG(name));
	if (o->flag) {
		*o->flag = true;
		return has_value ? ctl_usage(c, "%s takes no value", o->name) : EX_OK;
	}
	if (!has_value && *at + 1 >= argc)
		return ctl_usage(c, "%s needs a value", o->name);
	*o->value = has_value ? value.p : argv[++*at];
	return EX_OK;
}

int
opts_read(struct merpati *c, const struct opt *opts, size_t n_opts, int *argc,
    char **argv, int least, int most)
{
	int kept = 0;
	bool is_over = false;
	for (int i = 0; i < *argc; i++) {
		if (!is_over && !strcmp(argv[i], "--")) {
			is_over = true;
			continue;
		}
		if (is_over || strncmp(argv[i], "--", 2) != 0) {
			argv[kept++] = argv[i];
			continue;
		}
		int status = read_opt(c, opts, n_opts, &i, *argc, argv);
		if (status != EX_OK)
			return status;
	}
	*argc = kept;
	if (kept < least)
		return ctl_usage(c, "an argument is missing");
	if (kept > most)
		return ctl_usage(c, "\"%s\" is too much", argv[most]);
	return EX_OK;
}
