/* SPDX-License-Identifier: ISC */
/* policy.c - what TLS with a host must be: of the route's word and the published ones that which asks for more. */
#include "queue/relay/policy.h"

#include "conf/route.h"
#include "queue/relay/target.h"

static const struct policy levels[] = {
    [ROUTE_TLS_NONE] = {.is_off = true},
    [ROUTE_TLS_MAY] = {.is_must = false},
    [ROUTE_TLS_ENCRYPT] = {.is_must = true},
    [ROUTE_TLS_VERIFY] = {.is_must = true, .check = CHECK_NAMED},
};

int
policy_decide(struct remote *r, struct target_host *host)
{
	host->policy = levels[r->hop->tls];
	return E_OK;
}
