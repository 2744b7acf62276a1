/* SPDX-License-Identifier: ISC */
/* target.c - from a hop to addresses: literals, hosts, exchangers. */
#include "queue/relay/target.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf/route.h"
#include "net/mx.h"

static struct arena names; /* as long as the process */
static struct resolver resolver = {.chan = -1};

void
target_ask(struct resolver_query *q, size_t n)
{
	resolver_ask(&resolver, q, n, &names, deadline_in_ms(LOOK_UP_MS));
}

/* The number of one more host. */
static unsigned
add_name(struct targets *out, struct span name)
{
	if (out->n_hosts == TARGET_HOSTS_MAX)
		bug("too many hosts");
	out->hosts[out->n_hosts] = (struct target_host){
	    .name = name, .canonical = name, .is_named_securely = !name.n};
	return (unsigned)out->n_hosts++;
}

/* 4 bytes are an address of IPv4, 16 one of IPv6. */
static void
add(struct targets *out, struct span bytes, uint16_t port, unsigned host)
{
	struct target t = {.fd = -1, .host = host};
	if (bytes.n == sizeof t.a.v4.sin_addr) {
		t.a.v4 = (struct sockaddr_in){
		    .sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&t.a.v4.sin_addr, bytes.p, bytes.n);
		t.bytes = sizeof t.a.v4;
	} else if (bytes.n == sizeof t.a.v6.sin6_addr) {
		t.a.v6 = (struct sockaddr_in6){
		    .sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&t.a.v6.sin6_addr, bytes.p, bytes.n);
		t.bytes = sizeof t.a.v6;
	}
	if (t.bytes && out->n < TARGETS_MAX)
		out->all[out->n++] = t;
}

static bool
add_literal(struct targets *out, struct span text, uint16_t port)
{
	char copy[INET6_ADDRSTRLEN + 1] = {0}, bytes[16];
	if (text.n >= sizeof copy)
		return false;
	memcpy(copy, text.p, text.n);
	if (inet_pton(AF_INET, copy, bytes) == 1)
		add(out, span_make(bytes, 4), port, add_name(out, SPAN("")));
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		add(out, span_make(bytes, 16), port, add_name(out, SPAN("")));
	else
		return false;
	return true;
}

/* IPv6 first, one of each in turn (RFC 8305 4). */
static void
add_host(struct targets *out, const struct dns_answer *a, const struct dns_answer *aaaa,
    uint16_t port, unsigned host)
{
	size_t n4 = a->status == DNS_FOUND ? a->n_records : 0,
	       n6 = aaaa->status == DNS_FOUND ? aaaa->n_records : 0;
	for (size_t i = 0; i < n4 || i < n6; i++) {
		if (i < n6)
			add(out, aaaa->records[i].data, port, host);
		if (i < n4)
			add(out, a->records[i].data, port, host);
	}
}

/* An answer without addresses, secure or not, leads nowhere. */
static void
add_security(
    struct target_host *h, const struct dns_answer *a, const struct dns_answer *aaaa)
{
	const struct dns_answer *found = a->status == DNS_FOUND ? a : aaaa;
	h->canonical = found->has_alias && found->name.n ? found->name : h->name;
	h->is_secure = found->status == DNS_FOUND && found->is_secure &&
	               (aaaa->status != DNS_FOUND || aaaa->is_secure);
}

/* No address at all: is it so, or was it not said? */
static int
none(struct remote *r, const struct resolver_query *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (q[i].answer.status == DNS_TEMP || q[i].answer.status == DNS_BOGUS) {
			remote_lost(
			    r, "4.4.3", "has no address that the DNS would tell now");
			return E_IO;
		}
	remote_lost(r, "5.4.4", "has no address");
	return E_IO;
}

/* The addresses of these hosts, all asked for at once. */
static int
find_hosts(struct remote *r, const struct span *hosts, size_t n, bool is_secure,
    struct targets *out)
{
	struct resolver_query q[2 * TARGET_HOSTS_MAX];
	for (size_t i = 0; i < n; i++) {
		q[2 * i] = (struct resolver_query){.kind = DNS_A, .name = hosts[i]};
		q[2 * i + 1] =
		    (struct resolver_query){.kind = DNS_AAAA, .name = hosts[i]};
	}
	target_ask(q, 2 * n);
	for (size_t i = 0; i < n; i++) {
		const struct dns_answer *a = &q[2 * i].answer,
					*aaaa = &q[2 * i + 1].answer;
		unsigned host = add_name(out, hosts[i]);
		add_security(&out->hosts[host], a, aaaa);
		out->hosts[host].is_named_securely = is_secure;
		add_host(out, a, aaaa, r->hop->port, host);
	}
	return out->n ? E_OK : none(r, q, 2 * n);
}

static const struct {
	const char *status, *why;
} verdicts[] = {
    [MX_NULL] = {"5.1.10", "takes no mail"},
    [MX_NO_NAME] = {"5.1.2", "does not exist"},
    [MX_BAD] = {"5.4.4", "names no mail host that there can be"},
    [MX_TEMP] = {"4.4.3", "has mail hosts that the DNS would not tell now"},
    [MX_LOOP] = {"5.4.6",
	"names this host, which does not know it: mail would go round"},
};

static int
find_exchangers(struct remote *r, struct targets *out)
{
	struct span domain = r->hop->host, hosts[TARGET_HOSTS_MAX];
	struct mx_list list;
	struct resolver_query q = {.kind = DNS_MX, .name = domain};
	sts_look_up(r, domain);
	target_ask(&q, 1);
	const struct dns_answer mx = q.answer;
	enum mx_verdict v = mx_order(&mx, domain, &list);
	if (v == MX_HOSTS)
		v = mx_drop_self(&list, span_of(r->limits->name));
	if (v != MX_HOSTS) {
		remote_lost(r, verdicts[v].status, verdicts[v].why);
		return E_IO;
	}
	size_t n = list.n < TARGET_HOSTS_MAX ? list.n : TARGET_HOSTS_MAX;
	for (size_t i = 0; i < n; i++)
		hosts[i] = list.hosts[i].name;
	size_t n_best = 1;
	while (n_best < n && list.hosts[n_best].preference == list.hosts[0].preference)
		n_best++;
	if (r->limits->may_connect && r->limits->may_connect(r, hosts, n_best) != E_OK)
		return E_IO;
	if (mx.has_alias && mx.is_secure)
		out->domain = mx.name;
	return find_hosts(r, hosts, n, list.is_secure, out);
}

/* RFC 5321 4.1.3: [192.0.2.1], [IPv6:2001:db8::1] */
static bool
add_domain_literal(struct targets *out, struct span domain)
{
	struct span text =
	    domain.n > 2 ? span_make(domain.p + 1, domain.n - 2) : domain;
	if (domain.n < 3 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
		return false;
	if (span_istarts(text, SPAN("IPv6:")))
		text = span_from(text, 5);
	return add_literal(out, text, ROUTE_PORT_SMTP);
}

int
targets_find(struct remote *r, struct targets *out)
{
	const struct hop *h = r->hop;
	buf_reset(&r->who);
	buf_span(&r->who, h->host);
	if (h->kind == ROUTE_MX)
		return add_domain_literal(out, h->host) ? E_OK
		                                        : find_exchangers(r, out);
	return add_literal(out, h->host, h->port)
	           ? E_OK
	           : find_hosts(r, &h->host, 1, true, out);
}
