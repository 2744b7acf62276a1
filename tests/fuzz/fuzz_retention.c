/* SPDX-License-Identifier: ISC */
/*
 * fuzz_retention.c - a rule of retention, whom it is for, and the names of its archive; what the table of
 * accounts may say of an account or a domain.
 * fuzz: common/conf/*.c common/mime/idn.c common/store/retention_rules.c common/store/pattern.c
 * libs: -lconfuse -lidn2 -lunistring
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/retention.h"
#include "store/pattern.h"
#include "store/retention.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_within(struct span s, struct span text)
{
	return s.n == 0 || (s.p >= text.p && s.p + s.n <= text.p + text.n);
}

static void
check_names(const struct retention_rule *r)
{
	struct buf name = {0};
	retention_archive_put(r, 2026, 11, &name);
	struct span s = buf_as_span(&name);
	if (s.n == 0 || s.n > 2 * RETENTION_ARCHIVE_MAX || s.p[0] == '/' ||
	    s.p[s.n - 1] == '/' || !utf8_valid(s))
		abort();
	buf_free(&name);
}

static void
check(const struct retention_rule *r, struct span text)
{
	int64_t age = r->older_sec > r->saved_sec ? r->older_sec : r->saved_sec;
	if (!is_within(r->who, text) || !is_within(r->folder, text) ||
	    !is_within(r->archive, text) || r->folder.n > RETENTION_FOLDER_MAX)
		abort();
	if (r->action != RETENTION_KEEP && age < RETENTION_AGE_LEAST_SEC)
		abort();
	if ((r->action == RETENTION_ARCHIVE) != (r->archive.n > 0))
		abort();
	if (retention_rule_has_all(r) && r->action != RETENTION_KEEP)
		abort();
	if (r->action == RETENTION_ARCHIVE)
		check_names(r);
}

/* What is kept for somebody is for him alone, and a line. */
static void
check_own(struct span text)
{
	struct retention_rule r;
	const char *wrong = NULL;
	if (retention_own_parse(text, &r, &wrong) != E_OK) {
		if (!wrong)
			abort();
		return;
	}
	if (r.who.n || span_find(text, '\n') < text.n)
		abort();
	check(&r, text);
}

/* A site that has a rule, too. */
static const struct conf *
site(void)
{
	static struct conf *conf;
	char path[] = "/tmp/merpati-fuzz-retention.XXXXXX";
	struct buf errors = {0};
	if (conf)
		return conf;
	int fd = mkstemp(path);
	if (dprintf(
		fd, "version = 1\ncommon {\n\tretention = {\"older=9d remove\"}\n}\n") <
		0 ||
	    conf_load(path, &errors, &conf) != E_OK)
		abort();
	close(fd);
	unlink(path);
	return conf;
}

/* Rows of any octets: the rules in them, in their order, and the account's first. */
static void
check_rows(struct span of_account, struct span of_domain)
{
	const struct retention_own own = {SPAN("a@b.test"), of_account, of_domain};
	struct retention *rules = retention_new(site(), &own);
	enum retention_from from = RETENTION_OF_ACCOUNT;
	unsigned number = 0;
	for (size_t i = 0; i < retention_count(rules); i++) {
		if (retention_from(rules, i) > from)
			number = 0;
		if (retention_from(rules, i) < from ||
		    retention_number(rules, i) <= number)
			abort();
		from = retention_from(rules, i);
		number = retention_number(rules, i);
		check_own(retention_rule(rules, i)->text);
		if (retention_is_unknown(rules, i) &&
		    (from == RETENTION_OF_SITE ||
			!retention_rule_has_all(retention_rule(rules, i)) ||
			!retention_folder(rules, i, SPAN("a"), SPAN(""))))
			abort();
	}
	if (from != RETENTION_OF_SITE || number != 1 ||
	    retention_digest(rules) == RETENTION_REBUILT)
		abort();
	(void)retention_expire_days(rules);
	retention_free(&rules);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span rows = span_make(data, n), first = span_cut(&rows, '\0');
	check_rows(first, rows);
	for (struct span lines = first; lines.n;)
		check_own(span_cut(&lines, '\n'));
	struct span text = span_make(data, n), address = text;
	struct retention_rule r;
	struct pattern folders;
	const char *wrong = NULL;
	text = span_cut(&address, '\n');
	if (retention_rule_parse(text, &r, &wrong) != E_OK) {
		if (!wrong)
			abort();
		return 0;
	}
	check(&r, text);
	if (!retention_rule_is_for(&r, address) && r.who.n == 0)
		abort();
	pattern_make(&folders, SPAN(""), r.folder);
	(void)pattern_matches(&folders, address);
	return 0;
}
