/* SPDX-License-Identifier: ISC */
/* seal.c - whose keys seal, and who we are. */
#include "conf/seal.h"

#include "conf/conf.h"

const char *
seal_domain(const struct conf *conf)
{
	const char *srs = conf_str(conf, "common", "srs_domain");
	if (!conf_bool(conf, "smtpd", "arc_seal"))
		return "";
	if (srs[0] || !conf_list_count(conf, "common", "domains"))
		return srs;
	return conf_list(conf, "common", "domains", 0);
}

const char *
authserv_id(const struct conf *conf)
{
	const char *server = conf_str(conf, "smtpd", "authserv_id");
	return server[0] ? server : conf_str(conf, "common", "hostname");
}
