/* SPDX-License-Identifier: ISC */
/*
 * cmd_dkim.c - keys that sign mail.  Both kinds are made at once, each with a selector of its own
 * (RFC 8463 6): 202611a for RSA, 202611a-ed for Ed25519.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/dkim_files.h"
#include "ctl/table.h"
#include "mime/idn.h"

enum {
	SELECTORS_MAX = 100, /* on a command line */
	MONTH_CHARS = 6,     /* YYYYMM */
	TXT_STRING_MAX =
	    255, /* octets of one string of a TXT record, RFC 1035 3.3.14 */
};

static const char *const selector_tails[] = {
    [DKIM_KEY_RSA] = "", [DKIM_KEY_ED25519] = "-ed"};

static int
status_of(int err)
{
	return err == E_OK ? EX_OK : EX_CANTCREAT;
}

/* A domain as the keys know it: A-labels in lower case.  EX_OK, EX_DATAERR (said) */
static int
domain_read(const char *word, struct buf *out)
{
	int err = idn_ascii(span_of(word), out);
	for (size_t i = 0; i < out->len; i++)
		out->p[i] = ch_lower(out->p[i]);
	if (err == E_OK && dkim_is_domain(buf_as_span(out)))
		return EX_OK;
	ctl_say("\"%s\" is no domain", word);
	return EX_DATAERR;
}

static const struct dkim_file *
file_find(const struct dkim_files *files, const char *selector)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->all[i].selector, selector) == 0)
			return &files->all[i];
	ctl_say("there is no selector %s; merpati dkim list shows them", selector);
	return NULL;
}

/* ---- records of the DNS ---- */

static int
record_put(const struct conf *conf, const struct dkim_file *f, struct buf *out)
{
	struct dkim_key *key = NULL;
	struct buf public = {0};
	const char *why = "";
	int dir = dkim_folder_open(conf, span_of(f->domain), false);
	if (dir < 0)
		return EX_NOINPUT;
	int err = dkim_key_read(dir, span_of(f->selector), f->kind, &key, &why);
	close(dir);
	if (err != E_OK) {
		ctl_say("%s, selector %s: %s", f->domain, f->selector, why);
		return EX_NOINPUT;
	}
	dkim_key_public(key, &public);
	buf_putf(out, "v=DKIM1; h=sha256; k=%s; p=", dkim_key_kind_name(f->kind));
	buf_base64(out, buf_as_span(&public));
	dkim_key_free(&key);
	buf_free(&public);
	return EX_OK;
}

/* A line of a zone file; a string holds at most 255 octets. */
static void
zone_print(const struct dkim_file *f, struct span record)
{
	printf("%s._domainkey.%s. IN TXT (", f->selector, f->domain);
	while (record.n) {
		struct span part = span_head(record, TXT_STRING_MAX);
		printf("\n\t\"%.*s\"", SPAN_ARG(part));
		record = span_from(record, part.n);
	}
	printf(" )\n");
}

static void
row_put(struct table *t, const struct dkim_file *f, struct span record)
{
	struct buf name = {0};
	buf_putf(&name, "%s._domainkey.%s", f->selector, f->domain);
	table_text(t, span_of(f->domain));
	table_text(t, span_of(f->selector));
	table_text(t, span_of(dkim_key_kind_name(f->kind)));
	table_number(t, f->is_current);
	table_text(t, buf_as_span(&name));
	table_text(t, record);
	buf_free(&name);
}

/* The records of these selectors; of all where none is named. */
static int
records_print(
    struct merpati *c, const struct dkim_files *files, int n, char **selectors)
{
	static const struct column columns[] = {{"domain", "DOMAIN", CELL_TEXT},
	    {"selector", "SELECTOR", CELL_TEXT}, {"kind", "KIND", CELL_TEXT},
	    {"signs", "SIGNS", CELL_BOOL}, {"name", "NAME", CELL_TEXT},
	    {"record", "RECORD", CELL_TEXT}};
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	int status = EX_OK;
	for (size_t i = 0; i < files->n && status == EX_OK; i++) {
		const struct dkim_file *f = &files->all[i];
		struct buf record = {0};
		bool is_wanted = n == 0;
		for (int k = 0; k < n; k++)
			is_wanted = is_wanted || strcmp(selectors[k], f->selector) == 0;
		if (is_wanted)
			status = record_put(c->conf, f, &record);
		if (is_wanted && status == EX_OK && c->is_json)
			row_put(&t, f, buf_as_span(&record));
		else if (is_wanted && status == EX_OK)
			zone_print(f, buf_as_span(&record));
		buf_free(&record);
	}
	if (status == EX_OK && c->is_json)
		table_print(&t, true);
	table_free(&t);
	return status;
}

/* ---- new, rotate ---- */

/* This month, and the letter behind the last that is there.  EX_OK, EX_CANTCREAT (said) */
static int
selector_next(const struct dkim_files *files, char out[MONTH_CHARS + 2])
{
	char month[32];
	char letter = 'a';
	time_t now = (time_t)clock_wall_sec();
	struct tm tm;
	gmtime_r(&now, &tm);
	snprintf(month, sizeof month, "%04d%02d", tm.tm_year + 1900, tm.tm_mon + 1);
	for (size_t i = 0; i < files->n; i++) {
		const char *s = files->all[i].selector;
		if (strncmp(s, month, MONTH_CHARS) == 0 && s[MONTH_CHARS] >= letter &&
		    s[MONTH_CHARS] <= 'z')
			letter = (char)(s[MONTH_CHARS] + 1);
	}
	if (letter > 'z') {
		ctl_say("no letter is left for another selector of this month");
		return EX_CANTCREAT;
	}
	memcpy(out, month, MONTH_CHARS);
	out[MONTH_CHARS] = letter;
	out[MONTH_CHARS + 1] = '\0';
	return EX_OK;
}

static int
pair_make(struct merpati *c, int dir, const char *selector, bool is_used)
{
	int err = E_OK;
	for (unsigned k = 0; k < DKIM_KEY_KINDS && err == E_OK; k++) {
		struct buf name = {0};
		enum dkim_key_kind kind = k;
		buf_putf(&name, "%s%s", selector, selector_tails[kind]);
		err = dkim_file_make(c->conf, dir, buf_as_span(&name), kind);
		if (err == E_OK && is_used)
			err = dkim_file_use(dir, buf_as_span(&name), kind);
		buf_free(&name);
	}
	return status_of(err);
}

/* What signs now is named by links before there is another that would be the last by name. */
static int
current_pin(int dir, const struct dkim_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		if (files->all[i].is_current &&
		    dkim_file_use(dir, span_of(files->all[i].selector),
			files->all[i].kind) != E_OK)
			return EX_CANTCREAT;
	return EX_OK;
}

static int
pair_print(struct merpati *c, struct span domain, const char *selector)
{
	struct dkim_files files = {0};
	char ed[MONTH_CHARS + 8];
	char *names[] = {(char *)(uintptr_t)selector, ed};
	snprintf(ed, sizeof ed, "%s%s", selector, selector_tails[DKIM_KEY_ED25519]);
	int status = dkim_files_read(c->conf, domain, &files) == E_OK
	                 ? records_print(c, &files, COUNT(names), names)
	                 : EX_NOINPUT;
	dkim_files_free(&files);
	return status;
}

static int
pair_new(struct merpati *c, struct span domain, bool is_rotation)
{
	struct dkim_files files = {0};
	char selector[MONTH_CHARS + 2];
	if (dkim_files_read(c->conf, domain, &files) != E_OK)
		return EX_NOINPUT;
	int status = selector_next(&files, selector);
	if (status == EX_OK && (files.n > 0) != is_rotation) {
		ctl_say(is_rotation ? "%.*s has no keys; merpati dkim new makes some"
				    : "%.*s has keys; merpati dkim rotate makes others",
		    SPAN_ARG(domain));
		status = EX_DATAERR;
	}
	int dir =
	    status == EX_OK ? dkim_folder_open(c->conf, domain, !is_rotation) : -1;
	if (status == EX_OK && dir < 0)
		status = EX_CANTCREAT;
	if (status == EX_OK)
		status = current_pin(dir, &files);
	if (status == EX_OK)
		status = pair_make(c, dir, selector, !is_rotation);
	if (dir >= 0)
		close(dir);
	dkim_files_free(&files);
	if (status == EX_OK)
		status = pair_print(c, domain, selector);
	if (status == EX_OK && is_rotation && !c->is_json)
		fprintf(stderr,
		    "The old keys sign on.  When these records are in the DNS:\n"
		    "merpati dkim use %.*s %s %s%s\n",
		    SPAN_ARG(domain), selector, selector,
		    selector_tails[DKIM_KEY_ED25519]);
	return status;
}

int
cmd_dkim_new(struct merpati *c, int argc, char **argv)
{
	struct buf domain = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = domain_read(argv[0], &domain);
	if (status == EX_OK)
		status =
		    pair_new(c, buf_as_span(&domain), strcmp(c->verb, "rotate") == 0);
	buf_free(&domain);
	return status == EX_OK ? ctl_done() : status;
}

/* ---- use, remove ---- */

/* Another key of its kind would sign in its place, unasked. */
static bool
is_replaceable(const struct dkim_files *files, const struct dkim_file *f)
{
	for (size_t i = 0; i < files->n && f->is_current; i++)
		if (files->all[i].kind == f->kind && &files->all[i] != f)
			return true;
	return false;
}

static int
remove_one(int dir, const struct dkim_files *files, const struct dkim_file *f)
{
	if (!is_replaceable(files, f))
		return status_of(dkim_file_remove(dir, span_of(f->selector), f->kind));
	ctl_say("%s signs; merpati dkim use names another one first", f->selector);
	return EX_DATAERR;
}

static int
change(struct merpati *c, struct span domain, int n, char **selectors, bool is_removal)
{
	struct dkim_files files = {0};
	int status = EX_OK;
	int dir = dkim_folder_open(c->conf, domain, false);
	if (dir < 0)
		return EX_DATAERR;
	if (dkim_files_read(c->conf, domain, &files) != E_OK)
		status = EX_NOINPUT;
	for (int i = 0; i < n && status == EX_OK; i++) /* all, or none */
		status = file_find(&files, selectors[i]) ? EX_OK : EX_DATAERR;
	for (int i = 0; i < n && status == EX_OK; i++) {
		const struct dkim_file *f = file_find(&files, selectors[i]);
		status =
		    is_removal
			? remove_one(dir, &files, f)
			: status_of(dkim_file_use(dir, span_of(f->selector), f->kind));
	}
	close(dir);
	dkim_files_free(&files);
	return status;
}

int
cmd_dkim_change(struct merpati *c, int argc, char **argv)
{
	struct buf domain = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 2, SELECTORS_MAX);
	if (status == EX_OK)
		status = domain_read(argv[0], &domain);
	if (status == EX_OK)
		status = change(c, buf_as_span(&domain), argc - 1, argv + 1,
		    strcmp(c->verb, "remove") == 0);
	buf_free(&domain);
	return status;
}

/* ---- list, show ---- */

int
cmd_dkim_show(struct merpati *c, int argc, char **argv)
{
	struct dkim_files files = {0};
	struct buf domain = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 1, SELECTORS_MAX);
	if (status == EX_OK)
		status = domain_read(argv[0], &domain);
	if (status == EX_OK &&
	    dkim_files_read(c->conf, buf_as_span(&domain), &files) != E_OK)
		status = EX_NOINPUT;
	if (status == EX_OK && files.n == 0) {
		ctl_say("%s has no keys", buf_cstr(&domain));
		status = EX_DATAERR;
	}
	for (int i = 1; i < argc && status == EX_OK; i++)
		status = file_find(&files, argv[i]) ? EX_OK : EX_DATAERR;
	if (status == EX_OK)
		status = records_print(c, &files, argc - 1, argv + 1);
	dkim_files_free(&files);
	buf_free(&domain);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_dkim_list(struct merpati *c, int argc, char **argv)
{
	static const struct column columns[] = {{"domain", "DOMAIN", CELL_TEXT},
	    {"selector", "SELECTOR", CELL_TEXT}, {"kind", "KIND", CELL_TEXT},
	    {"signs", "SIGNS", CELL_BOOL}, {"made", "MADE", CELL_TIME}};
	struct table t = {.columns = columns, .n_columns = COUNT(columns)};
	struct dkim_files files = {0};
	struct buf domain = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 0, 1);
	if (status == EX_OK && argc)
		status = domain_read(argv[0], &domain);
	if (status == EX_OK &&
	    dkim_files_read(c->conf, buf_as_span(&domain), &files) != E_OK)
		status = EX_NOINPUT;
	for (size_t i = 0; i < files.n; i++) {
		const struct dkim_file *f = &files.all[i];
		table_text(&t, span_of(f->domain));
		table_text(&t, span_of(f->selector));
		table_text(&t, span_of(dkim_key_kind_name(f->kind)));
		table_number(&t, f->is_current);
		table_number(&t, f->made_sec);
	}
	if (status == EX_OK)
		table_print(&t, c->is_json);
	table_free(&t);
	dkim_files_free(&files);
	buf_free(&domain);
	return status == EX_OK ? ctl_done() : status;
}
