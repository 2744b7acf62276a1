/* SPDX-License-Identifier: ISC */
/* configure.c - what the configuration says about mailboxes, for a process that opens one. */
#include <string.h>

#include "conf/conf.h"
#include "store/store.h"
#include "store/undelete.h"

/* What scripts there are to run is deliver's. */
static void
events_as(const struct conf *conf)
{
	const char *rules[EVENT_RULES_MOST];
	size_t n = conf_list_count(conf, "deliver", "imap_scripts");
	n = n < EVENT_RULES_MOST ? n : EVENT_RULES_MOST;
	for (size_t i = 0; i < n; i++)
		rules[i] = conf_list(conf, "deliver", "imap_scripts", i);
	store_events_as(conf_bool(conf, "deliver", "sieve") &&
			    conf_bool(conf, "deliver", "sieve_imap"),
	    rules, n);
}

void
store_configure(const struct conf *conf, const char *address)
{
	struct store_quota_rules rules = {
	    .grace_bytes = (uint64_t)conf_int(conf, "common", "quota_grace")};
	size_t n = conf_list_count(conf, "common", "quota_warnings");
	for (size_t i = 0; i < n && i < STORE_LEVELS_MOST; i++) {
		uint64_t level;
		if (span_u64(span_of(conf_list(conf, "common", "quota_warnings", i)),
			100, &level) == E_OK)
			rules.levels[rules.n_levels++] = (unsigned)level;
	}
	if (address && strlen(address) < sizeof rules.to)
		strcpy(rules.to, address);
	store_quota_rules(&rules);
	store_keep_as(conf, address);
	events_as(conf);
}
