/* SPDX-License-Identifier: ISC */
/*
 * cmd_etrn.c - ETRN, RFC 1985: a host that was not there asks for what waits for it.  It comes by
 * the usual way, so that whoever asks gets nothing.
 */
#include "conf/conf.h"
#include "conf/domain.h"
#include "net/dns.h"
#include "proc/child.h"
#include "smtpd/command.h"

/* As the settings spell it: one name, however it was asked for.  Empty: not allowed */
static struct span
allowed(struct span domain)
{
	const struct conf *c = the_child.conf;
	for (size_t i = 0; i < conf_list_count(c, "smtpd", "etrn_domains"); i++) {
		struct span known = span_of(conf_list(c, "smtpd", "etrn_domains", i));
		if (domain_same(domain, known))
			return known;
	}
	return SPAN("");
}

/* Of the options, "@" (subdomains) and "#" (a queue), there is none here. */
enum reply
cmd_etrn(struct session *s, struct span argument)
{
	enum spool_verdict v = SPOOL_FAILED;
	if (argument.n > SPOOL_DOMAIN_MAX || !dns_name_ok(argument)) {
		buf_str(&s->argument, "ETRN domain");
		return R_SYNTAX;
	}
	struct span domain =
	    s->limits->has_etrn ? allowed(argument) : (struct span){"", 0};
	if (!domain.n)
		return R_ETRN_NOT;
	if (spool_flush(&the_process.spool, domain, &v) != E_OK)
		return R_QUEUE_DOWN;
	if (v != SPOOL_OK)
		return R_ETRN_BUSY;
	buf_span(&s->argument, domain);
	return R_ETRN_OK;
}
