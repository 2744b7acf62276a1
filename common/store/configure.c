/* SPDX-License-Identifier: ISC */
/* configure.c - what the configuration says about mailboxes, for a process that opens one. */
#include <string.h>

#include "conf/conf.h"
#include "store/store.h"

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
}
