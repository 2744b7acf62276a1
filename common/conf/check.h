/* SPDX-License-Identifier: ISC */
/* check.h - what a value must be beyond its type, and what settings must be together. */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/conf.h"

/* Each: NULL, or what would be right (static storage). */
const char *check_tls_minimum(const char *value);
const char *check_absolute(const char *value);
const char *check_access(const char *value); /* conf/access.h */
const char *check_log(const char *value);
const char *check_subaddress(const char *value);
const char *check_spam_kind(const char *value);
const char *check_dmarc(const char *value); /* "off", "note", "enforce" */
const char *check_noted(const char *value); /* "off", "note" */
const char *check_domain(const char *value);
const char *check_domain_or_none(const char *value);
const char *check_domain_pair(const char *value); /* "from=to" */
const char *check_sieve_list(const char *value);  /* "name=address", "name=/file" */
const char *check_program(const char *value);     /* "name=/path" */
const char *check_catch_all(const char *value);   /* "domain=address" */
const char *check_address_or_none(const char *value);
const char *check_absolute_or_none(const char *value);
const char *check_name(const char *value); /* of a user or a group, or a number */
const char *check_domain_quota(const char *value);   /* "domain=100G" */
const char *check_days_of(const char *value);        /* "domain=30", "address=30" */
const char *check_percent(const char *value);        /* "1" to "100" */
const char *check_folder_or_none(const char *value); /* of one level */
const char *check_retention(const char *value);      /* conf/retention.h */
const char *check_name_or_none(const char *value);
const char *check_listen(const char *value); /* "0.0.0.0:25", "[::]:25", "*:25" */
/* "192.0.2.53", "[2001:db8::1]:53", "system" */
const char *check_server(const char *value);
const char *check_network(const char *value);    /* "127.0.0.0/8", "::1" */
const char *check_route(const char *value);      /* conf/route.h */
const char *check_backoff(const char *value);    /* conf/rule.h */
const char *check_hold(const char *value);       /* the same */
const char *check_event_rule(const char *value); /* conf/event.h */
const char *check_mode(const char *value);       /* "off", "note", "refuse" */
const char *check_dnslist(const char *value);    /* conf/dnslist.h */
const char *check_budget(const char *value);     /* budget.h */
const char *check_budget_action(const char *value);
const char *check_source(const char *value);    /* an address of ours, or "" */
const char *check_sources(const char *value);   /* conf/source.h */
const char *check_milter(const char *value);    /* conf/service.h */
const char *check_alias_map(const char *value); /* "sqlite:/path" */
const char *check_policy_service(const char *value);
const char *check_service_default(const char *value);
const char *check_strict(const char *value); /* conf/strict.h */
/* as check_listen, or an absolute path of a UNIX socket */
const char *check_listen_or_path(const char *value);

/* check_whole - what one setting says against another.  E_OK, E_BAD with lines in errors */
MUST_USE int check_whole(const struct conf *, struct buf *errors);

#endif
