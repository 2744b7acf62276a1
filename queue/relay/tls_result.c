/* SPDX-License-Identifier: ISC */
/* tls_result.c - how TLS with the hosts of a destination came out. */
#include "queue/relay/tls_result.h"

static struct tls_result *
of_address(struct tls_results *r, struct span address)
{
	for (size_t i = 0; address.n && i < r->n; i++)
		if (span_eq(buf_as_span(&r->all[i].address), address))
			return &r->all[i];
	return r->n < TLS_RESULTS_MAX ? &r->all[r->n++] : NULL;
}

struct tls_result *
tls_results_note(struct tls_results *r, enum tls_policy policy,
    enum tls_outcome outcome, struct span host, struct span address, struct span why)
{
	struct tls_result *one = of_address(r, address);
	if (!one)
		return NULL;
	one->policy = policy;
	one->outcome = outcome;
	one->host = host;
	buf_reset(&one->address);
	buf_span(&one->address, address);
	buf_reset(&one->why);
	buf_span(&one->why, why);
	return one;
}

void
tls_results_free(struct tls_results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		buf_free(&r->all[i].address);
		buf_free(&r->all[i].why);
		buf_free(&r->all[i].source);
		buf_free(&r->all[i].helo);
	}
	r->n = 0;
}

const char *
tls_policy_text(enum tls_policy p)
{
	static const char *const words[] = {[TLS_POLICY_NONE] = "no-policy-found",
	    [TLS_POLICY_DANE] = "tlsa",
	    [TLS_POLICY_STS] = "sts"};
	return p < COUNT(words) ? words[p] : "?";
}

const char *
tls_outcome_text(enum tls_outcome o)
{
	static const char *const words[] = {
	    [TLS_FINE] = "",
	    [TLS_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
	    [TLS_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
	    [TLS_CERTIFICATE_EXPIRED] = "certificate-expired",
	    [TLS_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
	    [TLS_VALIDATION_FAILURE] = "validation-failure",
	    [TLS_TLSA_INVALID] = "tlsa-invalid",
	    [TLS_DNSSEC_INVALID] = "dnssec-invalid",
	    [TLS_DANE_REQUIRED] = "dane-required",
	    [TLS_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
	    [TLS_STS_POLICY_INVALID] = "sts-policy-invalid",
	    [TLS_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
	};
	return o < COUNT(words) ? words[o] : "?";
}
