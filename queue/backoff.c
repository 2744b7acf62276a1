/* SPDX-License-Identifier: ISC */
/* backoff.c - replies and their classes. */
#include "queue/backoff.h"

#include "conf/conf.h"
#include "proc/child.h"

/* clang-format off */
static const struct {
	enum backoff class;
	const char *pattern;
} rules[] = {
	{BACKOFF_ALONE,    "452 4.5.3 *"},         /* recipients of one transaction (RFC 5321 4.5.3.1.10) */
	{BACKOFF_ALONE,    "* mailbox *"},         /* somebody gets too much */
	{BACKOFF_GREYLIST, "*greylist*"},
	{BACKOFF_GREYLIST, "*graylist*"},
	{BACKOFF_GREYLIST, "*grey list*"},
	{BACKOFF_GREYLIST, "450 4.2.0 *"},         /* what postgrey's users see */
	{BACKOFF_GREYLIST, "451 4.7.1 *"},         /* what milter-greylist says */
	{BACKOFF_RATE,     "421 4.7.*"},
	{BACKOFF_RATE,     "4?? * rate *"},
	{BACKOFF_RATE,     "4?? *rate limit*"},
	{BACKOFF_RATE,     "4?? *ratelimit*"},
	{BACKOFF_RATE,     "4?? *rate-limit*"},
	{BACKOFF_RATE,     "4?? *too many *"},
	{BACKOFF_RATE,     "4?? *too much mail*"},
	{BACKOFF_RATE,     "4?? *throttl*"},
	{BACKOFF_RATE,     "421 *try *later*"},
};

/* clang-format on */

/* What stands behind "said: ". */
static struct span
reply_of(struct span reason)
{
	static const char mark[] = " said: ";
	for (size_t i = 0; i + sizeof mark - 1 < reason.n; i++)
		if (span_starts(span_from(reason, i), span_of(mark)))
			return span_from(reason, i + sizeof mark - 1);
	return SPAN("");
}

enum backoff
backoff_class(struct span reason)
{
	struct span said = reply_of(reason);
	struct backoff_rule r;
	if (!said.n || said.p[0] != '4')
		return BACKOFF_ALONE;
	for (size_t i = 0; i < conf_list_count(the_child.conf, "queue", "backoff"); i++)
		if (backoff_rule_parse(
			span_of(conf_list(the_child.conf, "queue", "backoff", i)),
			&r) == E_OK &&
		    rule_fits(r.pattern, said))
			return r.class;
	for (size_t i = 0; i < COUNT(rules); i++)
		if (rule_fits(span_of(rules[i].pattern), said))
			return rules[i].class;
	return BACKOFF_ALONE;
}
