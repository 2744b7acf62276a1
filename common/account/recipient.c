/* SPDX-License-Identifier: ISC */
/* recipient.c - from an address to mailboxes: the one verdict. */
#include "account/recipient.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "account/alias.h"
#include "account/srs.h"
#include "account/walk.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/domain.h"
#include "tls/hash.h"

/* Without a secret, and for a domain that is not ours, nothing is rewritten. */
static void
open_srs(struct recipients *r)
{
	const char *domain = domain_of_rewriting(r->conf);
	if (!conf_bool(r->conf, "common", "srs") ||
	    srs_secret_read(r->conf, &r->srs_secret) != E_OK)
		return;
	if (domain_of_ours(r->conf, span_of(domain)).n)
		r->srs_domain = span_of(domain);
	else
		log_event(LOG_ERR, "srs_domain_elsewhere",
		    "domain=%s do=\"name one of the domains\"", log_qs(domain));
}

int
recipients_open(const struct conf *conf, bool has_maps_role, struct recipients **out)
{
	struct recipients *r = mem_new(sizeof *r);
	r->conf = conf;
	r->names = names_new(conf, has_maps_role);
	r->mail_dir = open(
	    conf_str(conf, "common", "mail_dir"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	r->domains = domain_sums_new(conf, r->mail_dir);
	r->subaddress = conf_str(conf, "common", "subaddress")[0];
	open_srs(r);
	*out = r;
	return E_OK;
}

void
recipients_tick(struct recipients *r)
{
	if (r->accounts) /* before the first verdict nobody needs it */
		domain_sums_tick(r->domains, r->accounts);
}

void
recipients_close(struct recipients **rp)
{
	if (!*rp)
		return;
	accounts_close(&(*rp)->accounts);
	names_free(&(*rp)->names);
	domain_sums_free(&(*rp)->domains);
	buf_wipe(&(*rp)->srs_secret);
	buf_free(&(*rp)->members.name);
	arena_reset(&(*rp)->members.arena);
	if ((*rp)->mail_dir >= 0)
		close((*rp)->mail_dir);
	mem_free(rp);
}

/*
 * The table may come to be after we started.  E_OK, E_IO: without one nobody is known to be unknown,
 * so mail comes again later
 */
static int
open_accounts(struct recipients *r)
{
	if (!r->accounts && accounts_find(r->conf, &r->accounts) != E_OK)
		return E_IO;
	return E_OK;
}

int
walk_account(struct walk *w, struct span address, struct account *out)
{
	int err = open_accounts(w->r);
	return err == E_OK ? account_get(w->r->accounts, address, w->arena, out) : err;
}

int
walk_alias(struct walk *w, struct span name, struct span *out)
{
	if (open_accounts(w->r) != E_OK)
		return E_IO;
	return names_find(
	    w->r->names, w->r->accounts, name, w->arena, out, &w->found_in_file);
}

/* ---- pieces of addresses ---- */

static struct span
keep(struct walk *w, struct span s)
{
	struct span copy = arena_span(w->arena, s);
	w->is_short |= copy.n != s.n;
	return copy;
}

struct span
walk_lower(struct walk *w, struct span s)
{
	struct span copy = keep(w, s);
	for (size_t i = 0; i < copy.n; i++)
		((char *)(uintptr_t)copy.p)[i] = ch_lower(copy.p[i]);
	return copy;
}

struct span
walk_join(struct walk *w, struct span local, struct span domain)
{
	char *p = arena_get(w->arena, local.n + 1 + domain.n + 1);
	if (!p) {
		w->is_short = true;
		return SPAN("");
	}
	memcpy(p, local.p, local.n);
	p[local.n] = '@';
	memcpy(p + local.n + 1, domain.p, domain.n);
	return span_make(p, local.n + 1 + domain.n);
}

/* ---- targets ---- */

static uint32_t
tag_of(struct span address, struct span detail)
{
	unsigned char sum[SHA256_BYTES];
	struct buf b = {0};
	buf_bytes(&b, address);
	buf_bytes(&b, detail);
	sha256(buf_as_span(&b), sum);
	buf_free(&b);
	return (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 |
	       sum[3];
}

static enum recipient_verdict
add_target(struct walk *w, const struct target *t)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->targets[i].tag == t->tag &&
		    span_ieq(w->targets[i].address, t->address) &&
		    span_eq(w->targets[i].detail, t->detail))
			return RCPT_LOCAL; /* a member of two lists gets one copy */
	w->bytes += t->address.n + t->detail.n + t->home.n + TARGET_BYTES_BESIDE;
	if (w->is_of_one && w->n == 1)
		return RCPT_LOOP;
	if (w->n == RECIPIENT_TARGETS_MAX || w->bytes > RECIPIENT_BYTES_MAX) {
		log_event(LOG_ERR, "list_too_large",
		    "members=%zu at=%s do=\"split it\"", w->n, log_q(t->address));
		return RCPT_LOOP;
	}
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 4 : 4;
		struct target *more = arena_get(w->arena, cap * sizeof *more);
		if (!more)
			return RCPT_TEMP;
		if (w->n)
			memcpy(more, w->targets, w->n * sizeof *more);
		w->targets = more;
		w->cap = cap;
	}
	w->targets[w->n++] = *t;
	return RCPT_LOCAL;
}

/* The sums that the keeper wrote last, and what was placed since. */
static bool
is_over_quota(const struct recipients *r, const struct account *a)
{
	struct usage_noted known;
	struct usage now;
	if (a->quota_bytes == 0 && a->quota_messages == 0)
		return false;
	if (account_usage(r->mail_dir, a, &known, &now) != E_OK)
		return false; /* what of the placed is in the index is not known: the next keeper writes it */
	uint64_t bytes = limit_least(a->quota_bytes, known.own_limits.bytes);
	uint64_t messages = limit_least(a->quota_messages, known.own_limits.messages);
	return (bytes && now.bytes >= bytes) || (messages && now.messages >= messages);
}

static enum recipient_verdict
add_account(struct walk *w, const struct account *a, struct span detail)
{
	struct target t = {.is_local = true,
	    .address = a->address,
	    .detail = detail,
	    .tag = tag_of(a->address, detail),
	    .uid = a->uid,
	    .gid = a->gid,
	    .home = a->home};
	if (a->is_suspended)
		return RCPT_SUSPENDED;
	size_t n = w->n;
	bool is_full = !w->ignores_quota && w->n_full == w->n &&
	               (is_over_quota(w->r, a) ||
			   domain_is_full(w->r->domains, w->r->accounts, a->address));
	enum recipient_verdict v = add_target(w, &t);
	w->n_full += is_full && w->n > n;
	return v;
}

/* ---- the order of the verdict ---- */

static enum recipient_verdict resolve(struct walk *, struct span address);

/* A list is as good as its best member; what is wrong with others is said when none is left. */
static void
weigh(struct walk *w, enum recipient_verdict v)
{
	if (v == RCPT_TEMP || (v == RCPT_LOOP && w->worst != RCPT_TEMP) ||
	    (v != RCPT_LOCAL && w->worst == RCPT_LOCAL))
		w->worst = v;
}

/* RCPT_LOCAL, also where it is left out; RCPT_LOOP, RCPT_TEMP: the list's verdict */
static enum recipient_verdict
add_member(struct walk *w, struct span member, struct span domain)
{
	bool is_bare = span_rfind(member, '@') == member.n;
	enum recipient_verdict v =
	    resolve(w, is_bare ? walk_join(w, member, domain) : member);
	if (v == RCPT_LOOP || v == RCPT_TEMP)
		return v; /* to deliver to some and lose others would be worse than to wait */
	if (v != RCPT_LOCAL && !w->ignores_quota)
		log_event(LOG_WARNING, "member_left_out", "member=%s verdict=%d",
		    log_q(member), (int)v);
	weigh(w, v);
	return RCPT_LOCAL;
}

static enum recipient_verdict
expand(struct walk *w, struct span list, struct span domain)
{
	struct span target, text;
	while (alias_next_target(&list, &target) == E_OK) {
		if (w->may_include && span_istarts(target, SPAN(":include:"))) {
			if (w->depth == RECIPIENT_DEPTH_MAX)
				return RCPT_LOOP;
			if (alias_include(span_from(target, 9), w->arena, &text) !=
			    E_OK)
				return RCPT_TEMP;
			w->path[w->depth++] = target;
			enum recipient_verdict v = expand(w, text, domain);
			w->depth--;
			if (v == RCPT_LOOP || v == RCPT_TEMP)
				return v;
			continue;
		}
		enum recipient_verdict v = add_member(w, target, domain);
		if (v != RCPT_LOCAL)
			return v;
	}
	return RCPT_LOCAL;
}

/* Its members are accounts, one a line, whatever their addresses look like. */
static enum recipient_verdict
expand_group(struct walk *w, struct span members)
{
	enum recipient_verdict v = RCPT_LOCAL;
	while (members.n && v == RCPT_LOCAL)
		v = add_member(w, span_cut(&members, '\n'), SPAN(""));
	return v;
}

enum list_kind { LIST_PLAIN, LIST_OF_FILE, LIST_GROUP };

static enum recipient_verdict
follow(struct walk *w, struct span name, struct span list, struct span domain,
    enum list_kind kind)
{
	bool before = w->may_include;
	for (unsigned i = 0; i < w->depth; i++)
		if (span_eq(w->path[i], name))
			return RCPT_LOOP;
	if (w->depth == RECIPIENT_DEPTH_MAX)
		return RCPT_LOOP;
	w->path[w->depth++] = name;
	w->may_include = kind == LIST_OF_FILE;
	enum recipient_verdict v =
	    kind == LIST_GROUP ? expand_group(w, list) : expand(w, list, domain);
	w->may_include = before;
	w->depth--;
	return v;
}

/* An alias of this name?  RCPT_UNKNOWN: none */
static enum recipient_verdict
try_alias(struct walk *w, struct span local, struct span domain)
{
	struct span list, address = walk_join(w, local, domain);
	int err = walk_alias(w, address, &list);
	if (err == E_BAD && local.n)
		err = walk_alias(w, local, &list);
	if (err == E_BAD)
		return RCPT_UNKNOWN;
	if (err != E_OK)
		return RCPT_TEMP;
	/*
	 * "anna: anna@home" keeps a copy of her own only where it says so: a name that leads to
	 * itself is its mailbox
	 */
	if (w->depth && span_eq(w->path[w->depth - 1], address))
		return RCPT_UNKNOWN;
	return follow(
	    w, address, list, domain, w->found_in_file ? LIST_OF_FILE : LIST_PLAIN);
}

static enum recipient_verdict
try_account(struct walk *w, struct span local, struct span domain, struct span detail)
{
	struct account a;
	int err = walk_account(w, walk_join(w, local, domain), &a);
	if (err == E_OK)
		return add_account(w, &a, detail);
	return err == E_BAD ? RCPT_UNKNOWN : RCPT_TEMP;
}

int
walk_group(struct walk *w, struct span local, struct span domain, struct span *out)
{
	int err =
	    conf_bool(w->r->conf, "common", "group_mail") && account_group_check(local)
		? open_accounts(w->r)
		: E_BAD;
	return err == E_OK ? account_members(w->r->accounts,
				 walk_join(w, local, domain), w->arena, out)
	                   : err;
}

/* A group is a list of its members: each as if mail came for it alone. */
static enum recipient_verdict
try_group(struct walk *w, struct span local, struct span domain)
{
	struct span members;
	int err = walk_group(w, local, domain, &members);
	if (err != E_OK)
		return err == E_BAD ? RCPT_UNKNOWN : RCPT_TEMP;
	return follow(w, walk_join(w, local, domain), members, domain, LIST_GROUP);
}

static enum recipient_verdict
try_owner(struct walk *w, struct span local, struct span domain, struct span detail)
{
	enum recipient_verdict v = try_account(w, local, domain, detail);
	return v == RCPT_UNKNOWN ? try_group(w, local, domain) : v;
}

/* Who is nobody else: the alias "@domain", then the setting catch_all. */
static enum recipient_verdict
catch_all(struct walk *w, struct span local, struct span domain)
{
	struct span value;
	if (w->is_caught || w->is_of_one)
		return RCPT_UNKNOWN; /* once: the catch-all of an unknown catch-all is nobody */
	w->is_caught = true;
	enum recipient_verdict v = try_alias(w, SPAN(""), domain);
	if (v == RCPT_UNKNOWN && domain_pair(w->r->conf, "catch_all", domain, &value)) {
		struct span address = walk_lower(w, value);
		size_t at = span_rfind(address, '@');
		if (!span_eq(address, walk_join(w, local, domain)) && at < address.n)
			v = try_account(w, span_head(address, at),
			    span_from(address, at + 1), SPAN(""));
	}
	w->is_caught = false;
	return v;
}

static enum recipient_verdict
resolve_local(struct walk *w, struct span local, struct span domain)
{
	enum recipient_verdict v = try_alias(w, local, domain);
	if (v == RCPT_UNKNOWN)
		v = try_owner(w, local, domain, SPAN(""));
	size_t cut = w->r->subaddress ? span_find(local, w->r->subaddress) : local.n;
	if (v == RCPT_UNKNOWN && cut > 0 && cut < local.n) {
		v = try_alias(w, span_head(local, cut), domain);
		if (v == RCPT_UNKNOWN)
			v = try_owner(w, span_head(local, cut), domain,
			    span_from(local, cut + 1));
	}
	return v == RCPT_UNKNOWN ? catch_all(w, local, domain) : v;
}

/* What comes back to a reverse-path that we rewrote goes to whom it stands for. */
static enum recipient_verdict
try_srs(struct walk *w, struct span local)
{
	struct buf back = {.max = ACCOUNT_ADDRESS_MAX};
	enum recipient_verdict v = RCPT_UNKNOWN;
	if (w->depth < RECIPIENT_DEPTH_MAX &&
	    srs_reverse(buf_as_span(&w->r->srs_secret), local, clock_wall_sec(),
		&back) == E_OK) {
		w->path[w->depth++] = local;
		v = resolve(w, keep(w, buf_as_span(&back)));
		w->depth--;
	}
	buf_free(&back);
	return v;
}

static enum recipient_verdict
resolve(struct walk *w, struct span text)
{
	struct span address = walk_lower(w, text), value;
	size_t at = span_rfind(address, '@');
	struct span local = span_head(address, at), domain = span_from(address, at + 1);
	if (address.n == 0 || local.n == 0)
		return RCPT_UNKNOWN;
	if (at == address.n) /* <postmaster>, RFC 5321 4.1.1.3 */
		domain = walk_lower(
		    w, span_of(conf_list_count(w->r->conf, "common", "domains")
				   ? conf_list(w->r->conf, "common", "domains", 0)
				   : "localhost"));
	if (domain_pair(w->r->conf, "domain_aliases", domain, &value))
		domain = walk_lower(w, value);
	if (w->r->srs_domain.n && domain_same(domain, w->r->srs_domain) &&
	    srs_is(local))
		return try_srs(w, span_head(text, at));
	struct span ours = domain_of_ours(w->r->conf, domain);
	if (ours.n)
		return resolve_local(w, local, walk_lower(w, ours));
	if (w->depth == 0)
		return RCPT_REMOTE;
	struct target t = {.address = keep(w, text), .tag = tag_of(address, SPAN(""))};
	return add_target(w, &t);
}

enum recipient_verdict
walk_all(
    const struct walk *walk, struct span address, struct target **out, size_t *n_out)
{
	struct walk w = *walk;
	w.worst = RCPT_LOCAL;
	names_begin(w.r->names);
	enum recipient_verdict v = resolve(&w, address);
	*out = w.targets;
	*n_out = w.n;
	if (v == RCPT_LOCAL && w.n == 0)
		v = w.worst == RCPT_LOCAL ? RCPT_UNKNOWN : w.worst;
	/*
	 * a member of a list cannot be told to come back later: it gets its copy, as long as another
	 * one has room
	 */
	if (v == RCPT_LOCAL && w.n_full == w.n) {
		v = RCPT_OVER_QUOTA;
		*n_out = 0;
	}
	return w.is_short ? RCPT_TEMP : v;
}

enum recipient_verdict
recipient_resolve(struct recipients *r, struct span address, struct arena *arena,
    struct target **out, size_t *n_out)
{
	struct walk w = {.r = r, .arena = arena};
	return walk_all(&w, address, out, n_out);
}
