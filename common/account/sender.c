/* SPDX-License-Identifier: ISC */
/* sender.c - senders: what an account may call itself, and how mail that is passed on comes from us. */
#include "account/srs.h"
#include "account/walk.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/domain.h"

struct span
recipient_forward_sender(struct recipients *r, struct span sender, struct arena *arena)
{
	struct buf out = {.max = ACCOUNT_ADDRESS_MAX};
	struct span domain = span_from(sender, span_rfind(sender, '@') + 1), value,
		    kept = sender;
	bool is_ours = domain_of_ours(r->conf, domain).n ||
	               domain_pair(r->conf, "domain_aliases", domain, &value);
	if (!sender.n || !r->srs_domain.n || is_ours)
		return sender;
	int err = srs_forward(
	    buf_as_span(&r->srs_secret), sender, r->srs_domain, clock_wall_sec(), &out);
	if (err == E_OK)
		kept = arena_span(arena, buf_as_span(&out));
	else
		log_event(LOG_NOTICE, "not_rewritten", "sender=%s why=%s",
		    log_q(sender), err_name(err));
	buf_free(&out);
	return kept;
}

/* "*@domain" is each address of it. */
static bool
is_identity(struct span identity, struct span sender)
{
	if (!span_starts(identity, SPAN("*@")))
		return span_ieq(identity, sender);
	size_t at = span_rfind(sender, '@');
	return at > 0 && at < sender.n &&
	       span_ieq(span_from(identity, 2), span_from(sender, at + 1));
}

/* E_OK, E_BAD, E_IO (the table cannot be read) */
static int
is_granted(
    struct recipients *r, struct span account, struct span sender, struct arena *arena)
{
	struct walk w = {.r = r, .arena = arena};
	struct account a;
	int err = walk_account(&w, walk_lower(&w, account), &a);
	if (err != E_OK || a.is_suspended)
		return err == E_IO ? E_IO : E_BAD;
	while (a.identities.n)
		if (is_identity(span_cut(&a.identities, '\n'), sender))
			return E_OK;
	return E_BAD;
}

int
recipient_may_send(struct recipients *r, struct span account, struct span sender)
{
	struct arena arena = {.max_bytes = 8 << 20};
	struct walk w = {.r = r, .arena = &arena, .ignores_quota = true};
	struct target *targets;
	size_t n;
	bool may = false;
	/* what reaches the account may also come from it; a full mailbox does not matter here */
	enum recipient_verdict v = walk_all(&w, sender, &targets, &n);
	for (size_t i = 0; v == RCPT_LOCAL && i < n && !may; i++)
		may = targets[i].is_local && span_ieq(targets[i].address, account);
	int granted = may ? E_OK : is_granted(r, account, sender, &arena);
	arena_reset(&arena);
	/* not to know who reaches it is not to know that nobody does */
	return granted == E_BAD && v == RCPT_TEMP ? E_IO : granted;
}
