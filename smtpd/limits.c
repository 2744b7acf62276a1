/* SPDX-License-Identifier: ISC */
/* limits.c - the settings of sessions in a struct. */
#include "smtpd/limits.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"

static uint64_t
number(const struct conf *conf, const char *name)
{
	return (uint64_t)conf_int(conf, "smtpd", name);
}

static enum submission_from
submission_from(const struct conf *conf)
{
	const char *value = conf_str(conf, "smtpd", "submission_from");
	return !strcmp(value, "off")    ? FROM_OFF
	       : !strcmp(value, "note") ? FROM_NOTE
	                                : FROM_REFUSE;
}

static void
load_strict(struct limits *l, const struct conf *conf)
{
	static const char *const settings[STRICT_COUNT] = {
	    [STRICT_BARE] = "strict_bare",
	    [STRICT_PIPELINING] = "strict_pipelining",
	    [STRICT_LINES] = "strict_lines",
	};
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		for (unsigned what = 0; what < STRICT_COUNT; what++)
			l->is_counted[i][what] =
			    strict_is_counted(conf, settings[what], i);
}

void
limits_load(struct limits *l, const struct conf *conf)
{
	*l = (struct limits){
	    .hostname = conf_str(conf, "common", "hostname"),
	    .message_bytes = number(conf, "message_size"),
	    .recipients = number(conf, "recipients_most"),
	    .errors = number(conf, "errors_most"),
	    .commands = number(conf, "commands_most"),
	    .hops = number(conf, "hops_most"),
	    .serves = number(conf, "serves_most"),
	    .idle_ms = conf_int(conf, "smtpd", "idle_time") * 1000,
	    .has_etrn = conf_list_count(conf, "smtpd", "etrn_domains") > 0,
	    .has_burl = conf_list_count(conf, "smtpd", "burl_hosts") > 0,
	    .future_sec = conf_int(conf, "smtpd", "future_release"),
	    .session_ms = conf_int(conf, "smtpd", "session_time") * 1000,
	    .transaction_ms = conf_int(conf, "smtpd", "transaction_time") * 1000,
	    .has_vrfy = conf_bool(conf, "smtpd", "vrfy"),
	    .has_plaintext_on_loopback =
		conf_bool(conf, "common", "plaintext_auth_on_loopback"),
	    .from = submission_from(conf),
	    .has_budgets = strcmp(conf_str(conf, "smtpd", "budget_action"), "off") != 0,
	    .has_hidden_client = conf_bool(conf, "smtpd", "submission_hide_client"),
	};
	l->default_domain = conf_list_count(conf, "common", "domains")
	                        ? conf_list(conf, "common", "domains", 0)
	                        : l->hostname;
	load_strict(l, conf);
	nets_load(&l->xclient, conf, "smtpd", "xclient_networks");
	nets_load(&l->xforward, conf, "smtpd", "xforward_networks");
	for (enum rate r = 0; r < RATES; r++)
		l->rates[r] = rate_most(conf, r);
	nets_load(&l->relay, conf, "smtpd", "relay_networks");
	snprintf(l->message_text, sizeof l->message_text, "%llu",
	    (unsigned long long)l->message_bytes);
}
