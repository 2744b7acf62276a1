/* SPDX-License-Identifier: ISC */
/* list.c - lists: whose what they pass on is, and who is in one. */
#include "account/alias.h"
#include "account/walk.h"
#include "base/clock.h"
#include "conf/domain.h"

enum { LIST_KEPT_MS = 1000 };

static int
has_alias(struct walk *w, struct span local, struct span domain)
{
	struct span list;
	int err = walk_alias(w, walk_join(w, local, domain), &list);
	return err == E_BAD ? walk_alias(w, local, &list) : err;
}

/* An alias, or a group that mail of this name goes to. */
static int
is_list(struct walk *w, struct span local, struct span domain)
{
	struct span members;
	struct account a;
	int err = has_alias(w, local, domain);
	if (err != E_BAD)
		return err;
	err = walk_account(w, walk_join(w, local, domain), &a);
	return err == E_BAD  ? walk_group(w, local, domain, &members)
	       : err == E_OK ? E_BAD
	                     : err;
}

int
recipient_owner(
    struct recipients *r, struct span address, struct arena *arena, struct span *out)
{
	struct walk w = {.r = r, .arena = arena};
	struct span text = walk_lower(&w, address), domain, value;
	size_t at = span_rfind(text, '@');
	struct span local = span_head(text, at);
	*out = SPAN("");
	domain = span_from(text, at + 1);
	if (domain_pair(r->conf, "domain_aliases", domain, &value))
		domain = value;
	domain = walk_lower(&w, domain_of_ours(r->conf, domain));
	if (at == text.n || span_starts(local, SPAN("owner-")) || !domain.n)
		return E_OK;
	struct buf name = {.max = ALIAS_NAME_MAX};
	buf_putf(&name, "owner-%.*s", SPAN_ARG(local));
	int err = is_list(&w, local, domain);
	if (err == E_OK)
		err = has_alias(&w, buf_as_span(&name), domain);
	if (err == E_OK)
		*out = walk_join(&w, buf_as_span(&name), domain);
	buf_free(&name);
	return err == E_BAD ? E_OK : err;
}

static bool
has_target(const struct target *targets, size_t n, struct span address, bool is_local)
{
	for (size_t i = 0; i < n; i++)
		if (targets[i].is_local == is_local &&
		    span_ieq(targets[i].address, address))
			return true;
	return false;
}

/* A message asks about many values at once: the list is expanded for all of them. */
static enum recipient_verdict
members_of(struct recipients *r, struct span list)
{
	int64_t now = clock_mono_ms();
	if (r->members.at_ms && now - r->members.at_ms < LIST_KEPT_MS &&
	    span_eq(buf_as_span(&r->members.name), list))
		return r->members.verdict;
	arena_reset(&r->members.arena);
	r->members.arena.max_bytes = 8 << 20;
	buf_reset(&r->members.name);
	buf_span(&r->members.name, list);
	r->members.at_ms = now;
	struct walk w = {.r = r, .arena = &r->members.arena, .ignores_quota = true};
	r->members.verdict = walk_all(
	    &w, buf_as_span(&r->members.name), &r->members.targets, &r->members.n);
	return r->members.verdict;
}

int
recipient_is_member(struct recipients *r, struct span list, struct span value)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct walk w = {
	    .r = r, .arena = &arena, .ignores_quota = true, .is_of_one = true};
	struct target *one = NULL;
	size_t n_one = 0, n;
	bool is_in = false;
	enum recipient_verdict all = members_of(r, list), v = RCPT_UNKNOWN;
	const struct target *members = r->members.targets;
	n = all == RCPT_LOCAL ? r->members.n : 0;
	if (n)
		v = walk_all(&w, value, &one, &n_one);
	if (v == RCPT_REMOTE)
		is_in = has_target(members, n, value, false);
	else if (v == RCPT_LOCAL && n_one == 1)
		is_in = has_target(members, n, one->address, one->is_local);
	arena_reset(&arena);
	return all == RCPT_TEMP || v == RCPT_TEMP ? E_IO : is_in ? E_OK : E_BAD;
}
