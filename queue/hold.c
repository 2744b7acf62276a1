/* SPDX-License-Identifier: ISC */
/* hold.c - which mail the setting hold means. */
#include "queue/hold.h"

#include "conf/conf.h"
#include "conf/rule.h"
#include "proc/child.h"

static bool
fits_recipient(struct span pattern, const struct envelope *e)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		if (rule_fits(pattern, e->rcpts[i].address))
			return true;
	return false;
}

static bool
fits(const struct hold_rule *r, const struct envelope *e)
{
	const struct span *p = r->patterns;
	return (!p[HOLD_SENDER].p || rule_fits(p[HOLD_SENDER], e->sender)) &&
	       (!p[HOLD_CLIENT].p || rule_fits(p[HOLD_CLIENT], e->client)) &&
	       (!p[HOLD_ACCOUNT].p || rule_fits(p[HOLD_ACCOUNT], e->account)) &&
	       (!p[HOLD_RECIPIENT].p || fits_recipient(p[HOLD_RECIPIENT], e));
}

const char *
hold_rule_for(const struct envelope *e)
{
	const struct conf *c = the_child.conf;
	struct hold_rule r;
	for (size_t i = 0; i < conf_list_count(c, "queue", "hold"); i++)
		if (hold_rule_parse(span_of(conf_list(c, "queue", "hold", i)), &r) ==
			E_OK &&
		    fits(&r, e))
			return conf_list(c, "queue", "hold", i);
	return NULL;
}
