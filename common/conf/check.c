/* SPDX-License-Identifier: ISC */
/* check.c - values beyond their type, and settings against each other. */
#include "conf/check.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf/access.h"
#include "conf/budget.h"
#include "conf/dnslist.h"
#include "conf/domain.h"
#include "conf/event.h"
#include "conf/retention.h"
#include "conf/route.h"
#include "conf/rule.h"
#include "conf/service.h"
#include "conf/source.h"
#include "conf/strict.h"
#include "conf/value.h"

enum {
	DOMAIN_BYTES_MAX = 255,
	LABEL_BYTES_MAX = 63,
	NAME_BYTES_MAX = 64,
	HOST_BYTES_MAX = INET6_ADDRSTRLEN,
	SOCKET_PATH_MAX = 63 /* a line of struct listener */
};

const char *
check_tls_minimum(const char *value)
{
	return !strcmp(value, "1.2") || !strcmp(value, "1.3") ? NULL
	                                                      : "\"1.2\" or \"1.3\"";
}

const char *
check_absolute(const char *value)
{
	return value[0] == '/' ? NULL : "an absolute path, which begins with /";
}

const char *
check_log(const char *value)
{
	if (!strcmp(value, "syslog") || !strcmp(value, "stderr") || value[0] == '/')
		return NULL;
	return "\"syslog\", \"stderr\" or an absolute path";
}

const char *
check_spam_kind(const char *value)
{
	bool is_good = strcmp(value, "score") == 0 || strcmp(value, "length") == 0;
	return is_good ? NULL : "is \"score\" or \"length\"";
}

const char *
check_subaddress(const char *value)
{
	bool is_one = value[0] && !value[1] && !ch_alnum(value[0]) &&
	              !ch_space(value[0]) && value[0] != '@';
	return !value[0] || is_one
	           ? NULL
	           : "one character like \"+\" or \"-\", or \"\" for none";
}

const char *
check_dmarc(const char *value)
{
	return !strcmp(value, "off") || !strcmp(value, "note") ||
	               !strcmp(value, "enforce")
	           ? NULL
	           : "\"off\", \"note\" or \"enforce\"";
}

const char *
check_noted(const char *value)
{
	return !strcmp(value, "off") || !strcmp(value, "note") ? NULL
	                                                       : "\"off\" or \"note\"";
}

/*
 * Letters, digits, hyphens and what is not ASCII, in labels; RFC 5890 names may stand as U-labels.
 */
static bool
is_domain(struct span s)
{
	if (s.n == 0 || s.n > DOMAIN_BYTES_MAX || !utf8_valid(s))
		return false;
	do {
		struct span label = span_cut(&s, '.');
		if (label.n == 0 || label.n > LABEL_BYTES_MAX || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!ch_alnum(label.p[i]) && label.p[i] != '-' &&
			    label.p[i] != '_' && (unsigned char)label.p[i] < 0x80)
				return false;
		if (s.n == 0 && label.p[label.n] == '.')
			return false;
	} while (s.n);
	return true;
}

static bool
is_address(struct span s)
{
	size_t at = span_rfind(s, '@');
	if (at == 0 || at >= s.n || !is_domain(span_from(s, at + 1)))
		return false;
	for (size_t i = 0; i < at; i++)
		if (ch_ctl(s.p[i]) || ch_space(s.p[i]))
			return false;
	return true;
}

const char *
check_domain(const char *value)
{
	return is_domain(span_of(value)) ? NULL : "a domain like \"example.com\"";
}

const char *
check_domain_or_none(const char *value)
{
	return !value[0] || is_domain(span_of(value))
	           ? NULL
	           : "a domain like \"mail.example.com\", or \"\"";
}

const char *
check_domain_pair(const char *value)
{
	struct span to = span_of(value), from = span_cut(&to, '=');
	return is_domain(from) && is_domain(to) ? NULL
	                                        : "\"alias.example=example.com\"";
}

/* Of RFC 6134: a word, or a URI. */
static bool
is_list_name(struct span name)
{
	enum { LIST_NAME_BYTES = 128 };

	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return name.n > 0 && name.n <= LIST_NAME_BYTES;
}

const char *
check_sieve_list(const char *value)
{
	struct span to = span_of(value), name = span_cut(&to, '=');
	bool is_good = is_list_name(name) && to.n && (to.p[0] == '/' || is_address(to));
	return is_good ? NULL
	               : "\"name=somebody@example.com\" or \"name=/path/of/file\"";
}

const char *
check_program(const char *value)
{
	struct span path = span_of(value), name = span_cut(&path, '=');
	return is_list_name(name) && path.n > 1 && path.p[0] == '/'
	           ? NULL
	           : "\"name=/path/of/program\"";
}

const char *
check_catch_all(const char *value)
{
	struct span to = span_of(value), from = span_cut(&to, '=');
	return is_domain(from) && is_address(to)
	           ? NULL
	           : "\"example.com=somebody@example.com\"";
}

const char *
check_address_or_none(const char *value)
{
	return !value[0] || is_address(span_of(value))
	           ? NULL
	           : "an address like \"postmaster@example.com\"";
}

const char *
check_name(const char *value)
{
	size_t n = strlen(value);
	bool is_good = n > 0 && n <= NAME_BYTES_MAX;
	for (size_t i = 0; i < n; i++)
		is_good = is_good && (ch_alnum(value[i]) || strchr("-_.", value[i]));
	return is_good ? NULL : "a name, or a number";
}

const char *
check_name_or_none(const char *value)
{
	return value[0] && check_name(value) ? "a name, a number, or \"\"" : NULL;
}

const char *
check_domain_quota(const char *value)
{
	struct span size = span_of(value), domain = span_cut(&size, '=');
	int64_t bytes;
	return is_domain(span_trim(domain)) &&
	               value_parse_number(CONF_BYTES, span_trim(size), &bytes) ==
	                   E_OK &&
	               bytes > 0
	           ? NULL
	           : "\"example.com=100G\"";
}

const char *
check_days_of(const char *value)
{
	struct span days = span_of(value), who = span_trim(span_cut(&days, '='));
	size_t at = span_rfind(who, '@');
	uint64_t n;
	return (at == who.n ? is_domain(who)
			    : at && is_domain(span_from(who, at + 1))) &&
	               span_u64(span_trim(days), UNDELETE_DAYS_MOST, &n) == E_OK
	           ? NULL
	           : "\"example.com=30\" or \"anna@example.com=0\", 0 to 3650 days";
}

const char *
check_percent(const char *value)
{
	uint64_t n;
	return span_u64(span_of(value), 100, &n) == E_OK && n ? NULL : "1 to 100";
}

const char *
check_folder_or_none(const char *value)
{
	enum { FOLDER_BYTES_MAX = 255 };

	/* what every account has from its beginning */
	static const char *const taken[] = {
	    "INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"};

	struct span name = span_of(value);
	bool is_bad = name.n > FOLDER_BYTES_MAX || !utf8_valid(name) ||
	              span_find(name, '/') < name.n || span_eqs(name, ".") ||
	              span_eqs(name, "..");
	for (size_t i = 0; i < COUNT(taken); i++)
		is_bad |= span_ieqs(name, taken[i]);
	for (size_t i = 0; i < name.n; i++)
		is_bad |= ch_ctl(name.p[i]);
	return is_bad ? "a name without \"/\" that no account has from its beginning "
	                "(INBOX, Trash, ...), or \"\""
	              : NULL;
}

const char *
check_retention(const char *value)
{
	struct retention_rule rule;
	const char *wrong;
	return retention_rule_parse(span_of(value), &rule, &wrong) == E_OK ? NULL
	                                                                   : wrong;
}

/* An address as text, without brackets; *bits is how long one is. */
static bool
is_host(struct span host, unsigned *bits)
{
	char text[HOST_BYTES_MAX + 1], address[16];
	if (host.n > HOST_BYTES_MAX)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	bool is_v6 = memchr(text, ':', host.n) != NULL;
	*bits = is_v6 ? 128 : 32;
	return inet_pton(is_v6 ? AF_INET6 : AF_INET, text, address) == 1;
}

const char *
check_listen(const char *value)
{
	static const char right[] =
	    "an address and a port like \"0.0.0.0:25\", \"[::]:25\" or \"*:25\"";
	struct span v = span_of(value);
	size_t colon = span_rfind(v, ':');
	struct span host = span_head(v, colon),
		    port = span_from(v, colon < v.n ? colon + 1 : v.n);
	uint64_t number;
	unsigned bits;
	if (span_u64(port, 65535, &number) != E_OK || number == 0)
		return right;
	if (span_eqs(host, "*"))
		return NULL;
	bool is_v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (is_v6)
		host = span_make(host.p + 1, host.n - 2);
	return is_host(host, &bits) && is_v6 == (bits == 128) ? NULL : right;
}

const char *
check_absolute_or_none(const char *value)
{
	return *value ? check_absolute(value) : NULL;
}

const char *
check_listen_or_path(const char *value)
{
	if (value[0] == '/' && strlen(value) <= SOCKET_PATH_MAX)
		return NULL;
	return check_listen(value) ? "an address and a port like \"127.0.0.1:24\", or "
	                             "the path of a UNIX "
	                             "socket of at most 63 octets"
	                           : NULL;
}

const char *
check_network(const char *value)
{
	struct span length = span_of(value);
	bool has_length = strchr(value, '/') != NULL;
	struct span host = span_cut(&length, '/');
	uint64_t number;
	unsigned bits;
	if (is_host(host, &bits) &&
	    (!has_length || span_u64(length, bits, &number) == E_OK))
		return NULL;
	return "a network like \"192.0.2.0/24\" or \"2001:db8::/32\", or an address";
}

const char *
check_strict(const char *value)
{
	struct strict s;
	return strict_parse(span_of(value), &s) == E_OK
	           ? NULL
	           : "\"smtp=count\", \"submission=refuse\" or \"lmtp=count\"";
}

const char *
check_server(const char *value)
{
	unsigned bits;
	if (!strcmp(value, "system") || is_host(span_of(value), &bits))
		return NULL;
	return value[0] != '*' && !check_listen(value)
	           ? NULL
	           : "an address like \"192.0.2.53\", \"192.0.2.53:5353\" or "
	             "\"[2001:db8::1]:5353\", or \"system\"";
}

const char *
check_backoff(const char *value)
{
	struct backoff_rule r;
	return backoff_rule_parse(span_of(value), &r) == E_OK
	           ? NULL
	           : "\"rate=421 *\", \"greylist=450 4.7.1 *\" or \"alone=452 *\"";
}

const char *
check_event_rule(const char *value)
{
	struct event_rule r;
	return event_rule_parse(span_of(value), &r) == E_OK
	           ? NULL
	           : "\"COPY : * : Junk : /path\"; also APPEND, FLAG, and with commas "
	             "\"APPEND,COPY\"";
}

const char *
check_hold(const char *value)
{
	struct hold_rule r;
	return hold_rule_parse(span_of(value), &r) == E_OK
	           ? NULL
	           : "\"sender=*@example.org client=192.0.2.*\"; also recipient, "
	             "account";
}

const char *
check_mode(const char *value)
{
	static const char *const modes[] = {"off", "note", "refuse"};
	for (size_t i = 0; i < COUNT(modes); i++)
		if (strcmp(value, modes[i]) == 0)
			return NULL;
	return "\"off\", \"note\" or \"refuse\"";
}

const char *
check_access(const char *value)
{
	struct access_row r;
	bool is_good = access_parse(span_of(value), &r) == E_OK;
	if (is_good && r.what == ACCESS_CLIENT) {
		struct buf network = {0};
		buf_span(&network, r.pattern);
		is_good = check_network(buf_cstr(&network)) == NULL;
		buf_free(&network);
	}
	return is_good ? NULL
	               : "\"deny client=192.0.2.0/24 some text\", \"allow "
	                 "helo=*.example.org\" or \"deny sender=*@example.com\"";
}

const char *
check_dnslist(const char *value)
{
	struct dnslist l;
	return dnslist_parse(span_of(value), &l) == E_OK
	           ? NULL
	           : "\"zen.example.org=127.0.0.[2..11] 3\", see DNSBL in "
	             "merpati.conf(5)";
}

const char *
check_budget(const char *value)
{
	struct budget b;
	return budget_parse(span_of(value), &b) == E_OK
	           ? NULL
	           : "\"messages=200/hour\", \"recipients=2000/day\" or "
	             "\"new=none/day\"";
}

const char *
check_budget_action(const char *value)
{
	return !strcmp(value, "off") || !strcmp(value, "defer") ||
	               !strcmp(value, "trip")
	           ? NULL
	           : "\"off\", \"defer\" or \"trip\"";
}

const char *
check_route(const char *value)
{
	struct route r;
	return route_parse(span_of(value), &r) == E_OK
	           ? NULL
	           : "\"example.org=smtp://mail.example.net:587 tls=verify "
	             "user=name\", see merpati.conf(5)";
}

const char *
check_source(const char *value)
{
	unsigned bits;
	return !value[0] || is_host(span_of(value), &bits)
	           ? NULL
	           : "an address like \"192.0.2.1\" or \"2001:db8::1\", or \"\"";
}

const char *
check_sources(const char *value)
{
	struct source s;
	return source_parse(span_of(value), &s) == E_OK
	           ? NULL
	           : "\"example.org=192.0.2.1,2001:db8::1 name=mail.example.org\"";
}

const char *
check_milter(const char *value)
{
	struct service s;
	return service_parse(span_of(value), &s) == E_OK && !s.stages
	           ? NULL
	           : "\"inet:127.0.0.1:8891\", \"inet:[::1]:8891 default=accept\" or "
	             "\"unix:/run/milter.sock timeout=30s\", see merpati.conf(5)";
}

const char *
check_alias_map(const char *value)
{
	struct span file = span_of(value), kind = span_cut(&file, ':');
	bool is_kind = span_eqs(kind, "sqlite") || span_eqs(kind, "pgsql") ||
	               span_eqs(kind, "ldap");
	return is_kind && file.n && file.p[0] == '/'
	           ? NULL
	           : "\"sqlite:FILE\", \"pgsql:FILE\" or \"ldap:FILE\" with an "
	             "absolute path";
}

const char *
check_policy_service(const char *value)
{
	struct service s;
	return service_parse(span_of(value), &s) == E_OK && !s.name.n
	           ? NULL
	           : "\"unix:/run/policy.sock\" or \"inet:127.0.0.1:10040 "
	             "at=rcpt+end default=accept\", see merpati.conf(5)";
}

const char *
check_service_default(const char *value)
{
	uint8_t fallback;
	return service_default_parse(span_of(value), &fallback) == E_OK
	           ? NULL
	           : "\"accept\", \"tempfail\" or \"reject\"";
}

/* ---- settings against each other ---- */

/* clang-format off */
static const struct {
	const char *section, *low, *high;
} ordered[] = {
	{"common", "uid_first",       "uid_last"},
	{"queue",  "retry_first",     "retry_most"},
	{"queue",  "segments_live",   "segments_most"},
	{"queue",  "relay_down_first", "relay_down_most"},
	{"queue",  "relay_connections_first", "relay_connections_most"},
};

/* clang-format on */

static int
check_order(const struct conf *c, struct buf *errors)
{
	int err = E_OK;
	for (size_t i = 0; i < COUNT(ordered); i++) {
		const char *section = ordered[i].section, *low = ordered[i].low,
			   *high = ordered[i].high;
		if (conf_int(c, section, low) <= conf_int(c, section, high))
			continue;
		conf_where(c, section, conf_line(c, section, low) ? low : high, errors);
		buf_putf(errors,
		    "%s = %lld is more than %s = %lld; right would be at most that\n",
		    low, (long long)conf_int(c, section, low), high,
		    (long long)conf_int(c, section, high));
		err = E_BAD;
	}
	return err;
}

static int
check_certificates(const struct conf *c, struct buf *errors)
{
	size_t certs = conf_list_count(c, "common", "tls_certificates");
	size_t keys = conf_list_count(c, "common", "tls_keys");
	if (certs == keys)
		return E_OK;
	conf_where(c, "common", certs > keys ? "tls_certificates" : "tls_keys", errors);
	buf_putf(errors,
	    "%zu in tls_certificates, but %zu in tls_keys; right would be a key for "
	    "each "
	    "certificate, in the same order\n",
	    certs, keys);
	return E_BAD;
}

static int
check_domains(
    const struct conf *c, const char *setting, bool is_behind, struct buf *errors)
{
	int err = E_OK;
	for (size_t i = 0; i < conf_list_count(c, "common", setting); i++) {
		struct span to = span_of(conf_list(c, "common", setting, i)),
			    from = span_cut(&to, '=');
		if (domain_of_ours(c, is_behind ? to : from).n)
			continue;
		conf_where(c, "common", setting, errors);
		buf_putf(errors,
		    "%s: \"%.*s\" is no domain of this host; right would be one of "
		    "domains\n",
		    setting, SPAN_ARG(is_behind ? to : from));
		err = E_BAD;
	}
	return err;
}

/* What is in one list of addresses must not be in another of the same daemon, or twice in it. */
static int
check_listen_twice(
    const struct conf *c, const struct conf_section *section, struct buf *errors)
{
	struct {
		const char *setting, *address;
	} seen[256];

	size_t n_seen = 0;
	int err = E_OK;
	for (size_t n = 0; n < section->n_settings; n++) {
		const struct conf_setting *s = &section->settings[n];
		if (s->check != check_listen)
			continue;
		for (size_t i = 0; i < conf_list_count(c, section->name, s->name);
		     i++) {
			const char *address = conf_list(c, section->name, s->name, i);
			for (size_t k = 0; k < n_seen; k++) {
				if (strcmp(seen[k].address, address) != 0)
					continue;
				conf_where(c, section->name, s->name, errors);
				buf_putf(errors,
				    "%s: %s is in %s already; right would be another "
				    "port\n",
				    s->name, address, seen[k].setting);
				err = E_BAD;
			}
			if (n_seen < COUNT(seen)) {
				seen[n_seen].setting = s->name;
				seen[n_seen++].address = address;
			}
		}
	}
	return err;
}

static int
check_dnsbl(const struct conf *c, struct buf *errors)
{
	size_t n = conf_list_count(c, "smtpd", "dnsbl");
	if (n <= DNSLIST_MAX)
		return E_OK;
	conf_where(c, "smtpd", "dnsbl", errors);
	buf_putf(
	    errors, "%zu lists in dnsbl; right would be at most %d\n", n, DNSLIST_MAX);
	return E_BAD;
}

/* Each is a port that the process which connects to them may reach: jail.h says how many. */
static int
check_services(const struct conf *c, struct buf *errors)
{
	size_t n = service_count(c);
	if (n <= SERVICES_MAX)
		return E_OK;
	conf_where(c, "smtpd", "milters", errors);
	buf_putf(errors,
	    "%zu milters and policy services in all; right would be at most %d\n", n,
	    SERVICES_MAX);
	return E_BAD;
}

int
check_whole(const struct conf *c, struct buf *errors)
{
	int err = check_order(c, errors);
	if (check_certificates(c, errors) != E_OK ||
	    check_domains(c, "domain_aliases", true, errors) != E_OK ||
	    check_domains(c, "catch_all", false, errors) != E_OK ||
	    check_dnsbl(c, errors) != E_OK || check_services(c, errors) != E_OK)
		err = E_BAD;
	for (size_t s = 0; s < conf_n_sections; s++)
		if (check_listen_twice(c, &conf_sections[s], errors) != E_OK)
			err = E_BAD;
	return err;
}
