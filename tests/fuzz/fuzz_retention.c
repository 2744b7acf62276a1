/* SPDX-License-Identifier: ISC */
/*
 * fuzz_retention.c - a rule of retention, whom it is for, and the names of its archive.
 * fuzz: common/conf/*.c common/mime/idn.c common/store/retention_rules.c common/store/pattern.c
 * libs: -lconfuse -lidn2 -lunistring
 */
#include <stdlib.h>

#include "conf/retention.h"
#include "store/pattern.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
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
