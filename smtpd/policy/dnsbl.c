/* SPDX-License-Identifier: ISC */
/* dnsbl.c - lists of addresses in the DNS. */
#include "smtpd/policy/dnsbl.h"

#include <string.h>

#include "conf/conf.h"

enum { TEXT_MAX = 300 }; /* octets of what a list says, in a refusal */

void
dnsbl_rules_load(struct dnsbl_rules *r, const struct conf *conf)
{
	*r = (struct dnsbl_rules){
	    .refuse_at = (int)conf_int(conf, "smtpd", "dnsbl_refuse"),
	    .trust_at = -(int)conf_int(conf, "smtpd", "dnsbl_trust")};
	for (size_t i = 0; i < conf_list_count(conf, "smtpd", "dnsbl"); i++)
		if (r->n < DNSLIST_MAX &&
		    dnslist_parse(span_of(conf_list(conf, "smtpd", "dnsbl", i)),
			&r->lists[r->n]) == E_OK)
			r->n++;
}

/* "1.2.0.192.zen.example", RFC 5782 2.1, 2.4 */
static void
name_put(const struct ip *client, struct span zone, struct buf *out)
{
	struct span suffix = client->n == 4 ? SPAN("in-addr.arpa") : SPAN("ip6.arpa");
	dns_reverse_name(ip_bytes(client), out);
	buf_cut(out, out->len - suffix.n);
	buf_span(out, zone);
}

static const struct dns_answer *
ask(const struct ip *client, const struct dnslist *list, enum dns_kind kind,
    struct lookups *l)
{
	struct buf name = {0};
	name_put(client, list->zone, &name);
	const struct dns_answer *a = lookups_get(l, kind, buf_as_span(&name));
	buf_free(&name);
	return a;
}

/* The answer that says that it is on this list, or NULL. */
static const unsigned char *
hit_of(const struct dnslist *list, const struct dns_answer *a)
{
	for (size_t i = 0; i < a->n_records; i++) {
		struct span octets = a->records[i].data;
		const unsigned char *p = (const unsigned char *)octets.p;
		if (octets.n == 4 && dnslist_fits(list, p))
			return p;
	}
	return NULL;
}

static void
count(const struct dnslist *list, const struct dns_answer *a, struct dnsbl *out)
{
	bool is_failed = a->status == DNS_TEMP || a->status == DNS_BOGUS;
	const unsigned char *answer = hit_of(list, a);
	out->n_failed += is_failed;
	out->n_good_failed += is_failed && list->weight < 0;
	if (!answer)
		return;
	memcpy(out->answers[out->n_hits], answer, 4);
	out->hits[out->n_hits++] = list;
	out->score += list->weight;
	if (list->weight > 0 && (!out->worst || list->weight > out->worst->weight))
		out->worst = list;
}

/* The TXT beside the A record says why, RFC 5782 2.1 */
static int
reason(const struct ip *client, struct lookups *l, struct dnsbl *out)
{
	const struct dns_answer *a = ask(client, out->worst, DNS_TXT, l);
	if (!a)
		return E_MORE;
	if (a->n_records)
		out->text = a->records[0].data;
	return E_OK;
}

int
dnsbl_check(const struct dnsbl_rules *r, const struct ip *client, struct lookups *l,
    struct dnsbl *out)
{
	bool is_more = false;
	*out = (struct dnsbl){0};
	for (size_t i = 0; i < r->n; i++) {
		const struct dns_answer *a = ask(client, &r->lists[i], DNS_A, l);
		if (a)
			count(&r->lists[i], a, out);
		else
			is_more = true;
	}
	if (is_more)
		return E_MORE;
	if (out->n_hits && out->score <= r->trust_at)
		out->verdict = DNSBL_TRUSTED;
	if (!out->worst || out->score < r->refuse_at)
		return E_OK;
	out->verdict = DNSBL_REFUSED;
	return reason(client, l, out);
}

void
dnsbl_refusal(const struct dnsbl *d, const struct ip *client, struct buf *out)
{
	struct span text = span_head(d->text, TEXT_MAX);
	ip_put(client, out);
	buf_putf(
	    out, " is listed by %.*s%s", SPAN_ARG(d->worst->zone), text.n ? ": " : "");
	for (size_t i = 0; i < text.n; i++)
		buf_ch(out, text.p[i] < ' ' || text.p[i] > '~' ? '?' : text.p[i]);
}

void
dnsbl_log(const struct dnsbl *d, struct buf *out)
{
	buf_putf(out, "dnsbl=%d", d->score);
	for (size_t i = 0; i < d->n_hits; i++)
		buf_putf(
		    out, " %.*s=%d", SPAN_ARG(d->hits[i]->zone), d->hits[i]->weight);
	if (d->n_failed)
		buf_putf(out, " dnsbl_failed=%zu", d->n_failed);
}

/* ---- in words ---- */

static size_t
count_good(const struct dnsbl_rules *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		n += r->lists[i].weight < 0;
	return n;
}

static void
say_good(const struct dnsbl *d, struct authres *out)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n_hits && n < DNSBL_SAID_MAX; i++) {
		const unsigned char *a = d->answers[i];
		struct buf text = {0};
		if (d->hits[i]->weight > 0)
			continue;
		n++;
		buf_putf(&text, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
		authres_result(out, "dnswl", "pass");
		authres_prop(out, "dns.zone", d->hits[i]->zone);
		authres_prop(out, "policy.ip", buf_as_span(&text));
		buf_free(&text);
	}
	if (!n)
		authres_result(out, "dnswl", d->n_good_failed ? "temperror" : "none");
}

static void
say_bad(const struct dnsbl *d, struct authres *out)
{
	bool has_failed = d->n_failed > d->n_good_failed;
	struct buf hits = {0}, score = {0};
	for (size_t i = 0; i < d->n_hits; i++)
		if (d->hits[i]->weight > 0)
			buf_putf(&hits, "%s%.*s=%d", hits.len ? " " : "",
			    SPAN_ARG(d->hits[i]->zone), d->hits[i]->weight);
	authres_result(out, "x-dnsbl",
	    d->verdict == DNSBL_REFUSED ? "fail"
	    : hits.len                  ? "neutral"
	    : has_failed                ? "temperror"
					: "none");
	authres_comment(out, buf_as_span(&hits));
	buf_putf(&score, "%d", d->score);
	authres_prop(out, "policy.score", buf_as_span(&score));
	buf_free(&hits);
	buf_free(&score);
}

void
dnsbl_say(const struct dnsbl_rules *r, const struct dnsbl *d, struct authres *out)
{
	size_t n_good = count_good(r);
	if (n_good)
		say_good(d, out);
	if (n_good < r->n)
		say_bad(d, out);
}
