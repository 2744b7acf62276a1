/* SPDX-License-Identifier: ISC */
/* seal.c - whose keys seal, and who we are. */
#include "conf/seal.h"

#include <string.h>

#include "conf/conf.h"
#include "conf/domain.h"

const char *
seal_domain(const struct conf *conf)
{
	const char *domain = domain_of_rewriting(conf);
	/* a seal says what was found of the chain before it */
	if (!conf_bool(conf, "smtpd", "arc_seal") ||
	    !strcmp(conf_str(conf, "smtpd", "arc"), "off"))
		return "";
	return domain_of_ours(conf, span_of(domain)).n ? domain : "";
}

const char *
authserv_id(const struct conf *conf)
{
	const char *server = conf_str(conf, "smtpd", "authserv_id");
	return server[0] ? server : conf_str(conf, "common", "hostname");
}
