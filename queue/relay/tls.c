/* SPDX-License-Identifier: ISC */
/* tls.c - STARTTLS, RFC 3207, as the policy for the host has it. */
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "conf/route.h"
#include "queue/relay/remote.h"
#include "tls/client.h"

static struct tls_client *client; /* own: one connection, one process */
static bool has_authorities;
static bool is_fresh; /* no session of an earlier connection is tried */

/* Authorities are read when somebody asks for them: it takes 30 ms. */
static int
client_open(const struct remote *r)
{
	struct stat st;
	int err = client ? E_OK : tls_client_new("", &client);
	if (err != E_OK || has_authorities || r->policy->check != CHECK_NAMED)
		return err;
	if (r->limits->ca < 0 || fstat(r->limits->ca, &st) != 0 || st.st_size == 0)
		return E_IO;
	void *p =
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, r->limits->ca, 0);
	if (p == MAP_FAILED)
		return E_IO;
	err = tls_client_add_pem(client, span_make(p, (size_t)st.st_size));
	munmap(p, (size_t)st.st_size);
	has_authorities = err == E_OK;
	return err;
}

/* Our end of the connection. */
static void
put_source(int fd, struct buf *out)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;

	socklen_t n = sizeof a;
	char text[INET6_ADDRSTRLEN];
	buf_reset(out);
	if (getsockname(fd, &a.any, &n) != 0)
		return;
	const void *bytes = a.any.sa_family == AF_INET6 ? (void *)&a.v6.sin6_addr
	                                                : (void *)&a.v4.sin_addr;
	if ((a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6) &&
	    inet_ntop(a.any.sa_family, bytes, text, sizeof text))
		buf_str(out, text);
}

static void
remote_tls_note(struct remote *r, enum tls_outcome outcome, struct span why)
{
	bool is_unnamed = outcome == TLS_FINE && r->policy->is_unnamed;
	if (is_unnamed) {
		outcome = TLS_VALIDATION_FAILURE;
		why = SPAN(POLICY_UNNAMED);
	}
	if (outcome != TLS_FINE && r->policy->kind != TLS_POLICY_NONE)
		log_event(LOG_NOTICE, "tls_failure",
		    "remote=%s policy=%s result=%s only_counted=%d why=%s",
		    log_q(buf_as_span(&r->who)), tls_policy_text(r->policy->kind),
		    tls_outcome_text(outcome), r->policy->is_only_counted, log_q(why));
	struct tls_result *x = tls_results_note(
	    &r->results, r->policy->kind, outcome, r->name, r->address, why);
	if (x)
		x->terms = r->policy;
	if (!x || outcome == TLS_FINE)
		return;
	put_source(r->io.fd, &x->source);
	buf_reset(&x->helo);
	buf_span(&x->helo, r->ehlo.name);
}

static const enum tls_outcome outcome_of[] = {
    [TLS_CERT_GOOD] = TLS_FINE,
    [TLS_CERT_BAD] = TLS_VALIDATION_FAILURE,
    [TLS_CERT_UNTRUSTED] = TLS_CERTIFICATE_NOT_TRUSTED,
    [TLS_CERT_EXPIRED] = TLS_CERTIFICATE_EXPIRED,
    [TLS_CERT_MISNAMED] = TLS_CERTIFICATE_HOST_MISMATCH,
};

static const enum tls_outcome outcome_of_dane[] = {
    [DANE_MATCH] = TLS_FINE,
    [DANE_MISNAMED] = TLS_CERTIFICATE_HOST_MISMATCH,
    [DANE_EXPIRED] = TLS_CERTIFICATE_EXPIRED,
    [DANE_UNTRUSTED] = TLS_CERTIFICATE_NOT_TRUSTED,
    [DANE_NO_MATCH] = TLS_VALIDATION_FAILURE,
    [DANE_UNUSABLE] = TLS_TLSA_INVALID,
};

/* It speaks TLS; is it who it should be? */
static enum tls_outcome
check(struct remote *r, const char *name, struct buf *why)
{
	const struct policy *p = r->policy;
	enum tls_outcome outcome = TLS_FINE;
	switch (p->check) {
	case CHECK_NONE:
		return TLS_FINE;
	case CHECK_NAMED:
		outcome = outcome_of[tls_peer_check(r->tls, name, why)];
		break;
	case CHECK_DANE:
		outcome = outcome_of_dane[tls_dane_check(
		    r->tls, p->tlsa, p->n_tlsa, p->names, p->n_names, why)];
		break;
	}
	r->is_verified = outcome == TLS_FINE;
	return outcome;
}

/* RFC 7672 2.2: records of which none is usable ask for encryption alone. */
static bool
is_enough(const struct remote *r, enum tls_outcome outcome)
{
	return outcome == TLS_FINE || r->policy->is_only_counted ||
	       (r->policy->check == CHECK_DANE && outcome == TLS_TLSA_INVALID);
}

/* RFC 8689 4.2.1: what must go over TLS and cannot goes back; else it is tried again. */
static const char *
status_of(const struct remote *r, const char *later)
{
	return r->hop->requires_tls ? "5.7.10" : later;
}

bool
remote_keeps_tls(const struct remote *r)
{
	return r->tls && r->is_verified && policy_knows_host(r->policy) &&
	       (r->ehlo.can & EHLO_REQUIRETLS);
}

int
remote_require_tls(struct remote *r)
{
	if (!r->hop->requires_tls || r->hop->kind == ROUTE_UNIX || remote_keeps_tls(r))
		return E_OK;
	remote_quit(r);
	if (r->ehlo.can & EHLO_REQUIRETLS)
		remote_lost(
		    r, "5.7.10", "is not encrypted with as the message requires");
	else
		remote_lost(r, "5.7.30",
		    "does not support REQUIRETLS, which the message requires");
	r->how = METRIC_ATTEMPT_TLS;
	return E_IO;
}

static void
fail(struct remote *r, const char *status, const char *how, struct buf *why)
{
	struct buf text = {0};
	buf_putf(&text, "%s: %s", how, buf_cstr(why));
	remote_lost(r, status, buf_cstr(&text));
	r->how = METRIC_ATTEMPT_TLS;
	buf_free(&text);
}

/* What it lacks a policy asks for: it is not down. */
static void
by_policy(struct remote *r)
{
	r->is_denied |= r->policy->is_must && r->policy->kind != TLS_POLICY_NONE;
}

/* A session may be older than the certificate that the server has now. */
static int
deny(struct remote *r, struct buf *why)
{
	by_policy(r);
	if (tls_is_resumed(r->tls)) {
		is_fresh = true;
		remote_connect_again();
	}
	log_event(LOG_WARNING, "peer_denied", "remote=%s policy=%s resumed=%d why=%s",
	    log_q(buf_as_span(&r->who)), tls_policy_text(r->policy->kind),
	    tls_is_resumed(r->tls), log_q(buf_as_span(why)));
	fail(r, status_of(r, "4.7.5"), "is not who it should be", why);
	return E_DENY;
}

static void
count(const struct remote *r, bool is_made)
{
	bool is_13 =
	    is_made && span_eq(span_of(tls_version_text(r->tls)), SPAN("TLS1.3"));
	metric_count(M_RELAY_TLS + (!is_made   ? METRIC_TLS_FAILED
				       : is_13 ? METRIC_TLS_13
					       : METRIC_TLS_12));
	if (is_made && tls_is_resumed(r->tls))
		metric_count(M_RELAY_TLS_RESUMED);
}

/* E_OK, E_IO (no TLS came to be), E_DENY (with somebody else) */
static int
handshake(struct remote *r)
{
	struct buf name = {0}, why = {0};
	buf_span(&name, r->policy->base.n ? r->policy->base : r->name);
	tls_client_resume(client, is_fresh ? SPAN("") : r->hop->tls_session);
	int64_t until = deadline_in_ms(r->limits->command_ms);
	r->io.deadline = until;
	int err = tls_connect(
	    client, &r->io, buf_cstr(&name), TLS_PEER_ANY, until, &r->tls, &why);
	count(r, err == E_OK);
	enum tls_outcome outcome =
	    err == E_OK ? check(r, buf_cstr(&name), &why) : TLS_VALIDATION_FAILURE;
	remote_tls_note(r, outcome, buf_as_span(&why));
	if (err != E_OK)
		fail(r, status_of(r, "4.7.4"), "cannot be encrypted with", &why);
	else if (!is_enough(r, outcome))
		err = deny(r, &why);
	buf_free(&name);
	buf_free(&why);
	return err == E_OK || err == E_DENY ? err : E_IO;
}

/*
 * Where encryption is only welcome, a server that cannot do what it offers gets its mail without.
 */
static int
no_tls(struct remote *r)
{
	by_policy(r);
	if (!r->policy->is_must) {
		log_event(LOG_INFO, "without_tls", "remote=%s why=%s",
		    log_q(buf_as_span(&r->who)), log_q(buf_as_span(&r->why)));
		r->is_mute = true;
		remote_connect_again();
	}
	return E_IO;
}

/* It does not offer what it may or must do. */
static int
no_starttls(struct remote *r)
{
	by_policy(r);
	remote_tls_note(r, TLS_STARTTLS_NOT_SUPPORTED, SPAN("it offers no STARTTLS"));
	if (!r->policy->is_must)
		return E_OK;
	remote_lost(
	    r, status_of(r, "4.7.4"), "offers no encryption, which is asked for");
	r->how = METRIC_ATTEMPT_TLS;
	return E_IO;
}

int
remote_starttls(struct remote *r)
{
	if (r->policy->is_off || r->is_mute)
		return E_OK;
	if (!(r->ehlo.can & EHLO_STARTTLS))
		return no_starttls(r);
	if (remote_ask(r, r->limits->command_ms, "STARTTLS\r\n") != E_OK)
		return no_tls(r);
	if (r->reply.code != 220) {
		by_policy(r);
		remote_tls_note(
		    r, TLS_STARTTLS_NOT_SUPPORTED, buf_as_span(&r->reply.text));
		int err = r->policy->is_must ? remote_refused(r, "4.7.4") : E_OK;
		r->how = METRIC_ATTEMPT_TLS;
		return err;
	}
	if (client_open(r) != E_OK) {
		by_policy(r);
		remote_lost(r, "4.7.5",
		    "cannot be verified: there are no authorities; do: see "
		    "tls_authorities");
		r->how = METRIC_ATTEMPT_TLS;
		return E_IO;
	}
	int err = handshake(r);
	return err == E_OK ? remote_hello(r) : err == E_DENY ? E_IO : no_tls(r);
}

void
remote_tls_session(struct remote *r, struct buf *out)
{
	if (r->tls && tls_client_session(r->tls, out) != E_OK)
		buf_reset(out);
}
