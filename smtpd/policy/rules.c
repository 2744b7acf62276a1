/* SPDX-License-Identifier: ISC */
/* rules.c - the settings of policies in a struct. */
#include "smtpd/policy/rules.h"

#include <string.h>

#include "conf/conf.h"
#include "conf/seal.h"

static enum policy_mode
mode_of(const struct conf *conf, const char *setting)
{
	const char *value = conf_str(conf, "smtpd", setting);
	return !strcmp(value, "off")    ? POLICY_OFF
	       : !strcmp(value, "note") ? POLICY_NOTE
	                                : POLICY_REFUSE;
}

void
policy_rules_load(struct policy_rules *r, const struct conf *conf)
{
	*r = (struct policy_rules){.server = authserv_id(conf),
	    .rdns = mode_of(conf, "rdns"),
	    .spf = mode_of(conf, "spf"),
	    .dkim = mode_of(conf, "dkim"),
	    .dmarc = mode_of(conf, "dmarc"),
	    .arc = mode_of(conf, "arc"),
	    .has_greylist = conf_bool(conf, "smtpd", "greylist"),
	    .seal_domain = seal_domain(conf),
	    .conf = conf,
	    .has_signing = conf_bool(conf, "smtpd", "dkim_sign")};
	helo_rules_load(&r->helo, conf);
	dnsbl_rules_load(&r->dnsbl, conf);
}
