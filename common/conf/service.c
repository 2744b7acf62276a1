/* SPDX-License-Identifier: ISC */
/* service.c - who is asked about mail: one item of the settings. */
#include "conf/service.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf/value.h"

static bool
is_address(struct span s, int family, unsigned char *out)
{
	char text[INET6_ADDRSTRLEN] = {0};
	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	return inet_pton(family, text, out) == 1;
}

static int
inet_parse(struct span s, struct service *out)
{
	size_t colon = span_rfind(s, ':');
	struct span host = span_head(s, colon);
	uint64_t port;
	if (colon == s.n ||
	    span_u64(span_from(s, colon + 1), UINT16_MAX, &port) != E_OK || port == 0)
		return E_BAD;
	out->port = (uint16_t)port;
	bool is_v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (is_v6)
		host = span_make(host.p + 1, host.n - 2);
	out->kind = is_v6 ? SERVICE_INET6 : SERVICE_INET4;
	return is_address(host, is_v6 ? AF_INET6 : AF_INET, out->address) ? E_OK
	                                                                  : E_BAD;
}

static int
where_parse(struct span s, struct service *out)
{
	out->where = s;
	if (span_starts(s, SPAN("inet:")))
		return inet_parse(span_from(s, 5), out);
	if (!span_starts(s, SPAN("unix:")))
		return E_BAD;
	out->kind = SERVICE_UNIX;
	out->path = span_from(s, 5);
	return out->path.n > 1 && out->path.n <= SERVICE_PATH_MAX &&
	               out->path.p[0] == '/'
	           ? E_OK
	           : E_BAD;
}

int
service_default_parse(struct span text, uint8_t *out)
{
	static const char *const names[] = {[SERVICE_ACCEPT] = "accept",
	    [SERVICE_TEMPFAIL] = "tempfail",
	    [SERVICE_REJECT] = "reject"};
	for (uint8_t i = SERVICE_ACCEPT; i < COUNT(names); i++)
		if (span_eqs(text, names[i])) {
			*out = i;
			return E_OK;
		}
	return E_BAD;
}

static int
stages_parse(struct span s, uint8_t *out)
{
	static const char *const names[] = {"rcpt", "data", "end"};
	while (s.n) {
		struct span one = span_cut(&s, '+');
		uint8_t bit = 0;
		for (unsigned i = 0; i < COUNT(names); i++)
			if (span_eqs(one, names[i]))
				bit = (uint8_t)(1u << i);
		if (!bit)
			return E_BAD;
		*out |= bit;
	}
	return *out ? E_OK : E_BAD;
}

static int
time_parse(struct span s, uint32_t *out)
{
	int64_t sec;
	if (value_parse_number(CONF_SECONDS, s, &sec) != E_OK || sec < 1 ||
	    sec > SERVICE_TIME_MAX_SEC)
		return E_BAD;
	*out = (uint32_t)sec;
	return E_OK;
}

static int
name_parse(struct span s, struct span *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' &&
		    s.p[i] != '_')
			return E_BAD;
	*out = s;
	return s.n && s.n <= SERVICE_NAME_MAX ? E_OK : E_BAD;
}

static int
option_parse(struct span s, struct service *out)
{
	struct span value = s, name = span_cut(&value, '=');
	if (span_eqs(name, "default"))
		return service_default_parse(value, &out->fallback);
	if (span_eqs(name, "timeout"))
		return time_parse(value, &out->timeout_sec);
	if (span_eqs(name, "at"))
		return stages_parse(value, &out->stages);
	return span_eqs(name, "name") ? name_parse(value, &out->name) : E_BAD;
}

int
service_parse(struct span text, struct service *out)
{
	struct span rest = text;
	*out = (struct service){.path = SPAN("")};
	int err = where_parse(span_cut(&rest, ' '), out);
	while (err == E_OK && (rest = span_trim(rest)).n)
		err = option_parse(span_cut(&rest, ' '), out);
	return err;
}

static const char *const lists[] = {
    "milters", "submission_milters", "policy_services", "submission_policy_services"};

size_t
service_count(const struct conf *c)
{
	size_t n = 0;
	for (size_t l = 0; l < COUNT(lists); l++)
		n += conf_list_count(c, "smtpd", lists[l]);
	return n;
}

int
service_at(const struct conf *c, size_t i, struct service *out)
{
	size_t l = 0;
	while (i >= conf_list_count(c, "smtpd", lists[l])) {
		i -= conf_list_count(c, "smtpd", lists[l]);
		if (++l == COUNT(lists))
			bug("no such service");
	}
	return service_parse(span_of(conf_list(c, "smtpd", lists[l], i)), out);
}

int
service_find(const struct conf *c, struct span where, struct service *out)
{
	size_t n = service_count(c);
	for (size_t i = 0; i < n; i++)
		if (service_at(c, i, out) == E_OK && span_eq(out->where, where))
			return E_OK;
	return E_DENY;
}
