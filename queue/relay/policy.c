/* SPDX-License-Identifier: ISC */
/*
 * policy.c - what TLS with a host must be: of the route's word and the published ones that which
 * asks for more.
 */
#include "queue/relay/policy.h"

#include "base/log.h"
#include "conf/route.h"
#include "queue/relay/target.h"
#include "tls/dane.h"

static const struct policy levels[] = {
    [ROUTE_TLS_NONE] = {.is_off = true},
    [ROUTE_TLS_MAY] = {.is_must = false},
    [ROUTE_TLS_ENCRYPT] = {.is_must = true},
    [ROUTE_TLS_DANE] = {.is_must = true},
    [ROUTE_TLS_VERIFY] = {.is_must = true, .check = CHECK_NAMED},
};

static void
say_who(struct remote *r, const struct target_host *host)
{
	buf_reset(&r->who);
	buf_span(&r->who, host->name.n ? host->name : r->hop->host);
}

/* Noted, logged, and the reason why mail waits. */
static int
deny(struct remote *r, const struct target_host *host, enum tls_policy kind,
    enum tls_outcome outcome, const struct buf *why)
{
	r->is_denied = true;
	say_who(r, host);
	struct tls_result *noted = tls_results_note(&r->results, kind, outcome,
	    host->name.n ? host->name : r->hop->host, SPAN(""), buf_as_span(why));
	if (noted)
		noted->terms = &host->policy;
	log_event(LOG_WARNING, "host_denied", "host=%s policy=%s result=%s why=%s",
	    log_q(buf_as_span(&r->who)), tls_policy_text(kind),
	    tls_outcome_text(outcome), log_q(buf_as_span(why)));
	buf_reset(&r->why);
	buf_putf(&r->why, "%s %.*s is not connected to: %.*s",
	    r->hop->requires_tls && outcome != TLS_DNSSEC_INVALID ? "5.7.10" : "4.7.5",
	    SPAN_ARG(buf_as_span(&r->who)), SPAN_ARG(buf_as_span(why)));
	return E_DENY;
}

static bool
has_usable(const struct policy *p)
{
	for (size_t i = 0; i < p->n_tlsa; i++)
		if (tlsa_is_usable(&p->tlsa[i]))
			return true;
	return false;
}

/* Of tls=dane, which is not content without. */
static int
require_dane(struct remote *r, const struct target_host *host, struct buf *why)
{
	if (has_usable(&host->policy))
		return E_OK;
	buf_str(why, host->policy.n_tlsa ? "none of its TLSA records is usable"
					 : "it has no TLSA records that DNSSEC proves");
	return deny(r, host, TLS_POLICY_DANE, TLS_DANE_REQUIRED, why);
}

/* DNSSEC proves what DANE says: where it says something, nothing else is asked (RFC 8461 2). */
static int
decide_dane(struct remote *r, struct target_host *host, struct span domain)
{
	const struct hop *h = r->hop;
	bool is_must = h->tls == ROUTE_TLS_DANE,
	     is_may = h->tls == ROUTE_TLS_MAY || h->tls == ROUTE_TLS_ENCRYPT;
	struct buf why = {0};
	int err = E_OK;
	if (is_must ||
	    (is_may && r->limits->has_dane && !h->has_no_policies && !h->is_lmtp)) {
		if (dane_find(r, host, domain, &host->policy, &why) != E_OK)
			err = deny(r, host, TLS_POLICY_DANE, TLS_DNSSEC_INVALID, &why);
		else if (is_must)
			err = require_dane(r, host, &why);
	}
	buf_free(&why);
	return err;
}

/* Nobody could say is no result: it is our own failure. */
static int
decide_sts(struct remote *r, struct target_host *host)
{
	struct buf why = {0};
	int err = sts_find(host, &host->policy, &why);
	if (err == E_DENY) {
		err = deny(r, host, TLS_POLICY_STS, TLS_VALIDATION_FAILURE, &why);
	} else if (err != E_OK) {
		r->is_denied = true;
		say_who(r, host);
		buf_reset(&r->why);
		buf_putf(&r->why, "4.7.5 %.*s is not connected to: %.*s",
		    SPAN_ARG(buf_as_span(&r->who)), SPAN_ARG(buf_as_span(&why)));
		err = E_DENY;
	}
	buf_free(&why);
	return err;
}

bool
policy_knows_host(const struct policy *p)
{
	return p->is_name_proven ||
	       (p->kind == TLS_POLICY_STS && p->check == CHECK_NAMED);
}

/*
 * RFC 8689 4.2.1: a host that may be anybody's is not tried; with the others TLS is a must, and the
 * name or DANE counts.
 */
static int
require_tls(struct remote *r, struct target_host *host)
{
	struct policy *p = &host->policy;
	if (p->is_off || !policy_knows_host(p)) {
		say_who(r, host);
		buf_reset(&r->why);
		buf_putf(&r->why, "5.7.10 %.*s %s, and the message requires TLS",
		    SPAN_ARG(buf_as_span(&r->who)),
		    p->is_off ? "is not encrypted with"
			      : "is not known to be the right host: neither DNSSEC nor "
				"MTA-STS says so");
		return E_DENY;
	}
	p->is_must = true;
	p->is_only_counted = false;
	if (p->check == CHECK_NONE || (p->check == CHECK_DANE && !has_usable(p)))
		p->check = CHECK_NAMED;
	return E_OK;
}

int
policy_decide(struct remote *r, struct target_host *host, struct span domain)
{
	host->policy = levels[r->hop->tls];
	host->policy.is_name_proven = host->is_named_securely;
	int err = decide_dane(r, host, domain);
	if (err == E_OK && host->policy.kind == TLS_POLICY_NONE)
		err = decide_sts(r, host);
	return err == E_OK && r->hop->requires_tls ? require_tls(r, host) : err;
}
