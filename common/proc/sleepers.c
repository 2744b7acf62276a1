/* SPDX-License-Identifier: ISC */
/*
 * sleepers.c - sessions that have no process: whose they are, and which nest has their connection.
 * The monitor knows whose a sleeper is from the session that went to sleep; the nest has its id.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/monitor.h"

enum {
	BUCKETS = 4096, /* by account; two octets of the id say which */
	STATE_FACTS_MAX = 2048,
	FULL_SAID_MS = 60000, /* that there is no room for one more: at most so often */
	SLEEPER_HEAD_BYTES =
	    64, /* half of what its line of the state has beside its texts */
};

static struct {
	struct sleeper *buckets[BUCKETS]; /* own */
	unsigned n;
	size_t text_bytes;
	int64_t said_again; /* monotonic: that all nests are full */
} all;

static unsigned
bucket_of_account(const char *account)
{
	uint32_t hash = 2166136261u;
	for (const char *p = account; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return hash % BUCKETS;
}

static unsigned
bucket_of_id(struct id id)
{
	return (id.b[0] | (unsigned)id.b[1] << 8) % BUCKETS;
}

/* ---- one ---- */

static char *
put_text(char **at, struct span s)
{
	char *begin = *at;
	memcpy(begin, s.p, s.n);
	begin[s.n] = '\0';
	*at += s.n + 1;
	return begin;
}

static struct sleeper *
make(struct span account, struct span home, struct span address, struct span facts)
{
	struct sleeper *s =
	    mem_new(sizeof *s + account.n + home.n + address.n + facts.n + 4);
	char *at = s->text;
	s->account = put_text(&at, account);
	s->home = put_text(&at, home);
	s->address = put_text(&at, address);
	s->facts = span_make(put_text(&at, facts), facts.n);
	return s;
}

static size_t
text_bytes(const struct sleeper *s)
{
	return strlen(s->account) + strlen(s->home) + strlen(s->address) + s->facts.n +
	       SLEEPER_HEAD_BYTES;
}

static void
enter(struct sleeper *s)
{
	struct sleeper **bucket = &all.buckets[bucket_of_account(s->account)];
	s->next = *bucket;
	*bucket = s;
	if (s->nest)
		s->nest->n_sleepers++;
	all.n++;
	all.text_bytes += text_bytes(s);
}

/* ---- nests ---- */

static bool
is_nest(const struct process *p)
{
	return p && p->role && p->role->flags & ROLE_NEST;
}

/* How many fit into a nest, whose limit is ours. */
static rlim_t
nest_room(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur < SLEEPER_FDS_SPARE)
		return 0;
	return (r.rlim_cur - SLEEPER_FDS_SPARE) / SLEEPER_FDS;
}

/* Who would sleep keeps its process. */
static void
say_full(void)
{
	int64_t now = clock_mono_ms();
	if (now < all.said_again)
		return;
	all.said_again = now + FULL_SAID_MS;
	log_event(LOG_WARNING, "nests_full", "sleepers=%u", all.n);
}

/*
 * The fullest that has room, so that others become empty; where all are full, one more.  Where none
 * is there, one comes when it is time to try again.
 */
static struct process *
nest_for_one(void)
{
	const struct role *role = NULL;
	struct process *nest = NULL;
	rlim_t room = nest_room();
	unsigned n = 0;
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		if (!is_nest(p) || p->is_old)
			continue;
		role = p->role;
		n++;
		if (p->n_sleepers < room && (!nest || p->n_sleepers > nest->n_sleepers))
			nest = p;
	}
	if (nest || !role)
		return nest;
	if (room > 0 && n < process_most(role))
		return process_begin(role);
	say_full();
	return NULL;
}

/* One that nobody needs any more ends; the last one stays. */
static void
leave_nest(struct process *nest)
{
	if (nest && --nest->n_sleepers == 0 && !nest->is_old &&
	    process_count(nest->role, false) > 1)
		process_drain(nest);
}

/* ---- in and out ---- */

/* NULL: it is not known whose it is */
static struct sleeper *
make_of(const struct process *p, struct span facts)
{
	if (!p->owner || !p->home || !p->address || !p->has_client)
		return NULL;
	return make(span_of(p->owner), span_of(p->home), span_of(p->address), facts);
}

static struct sleeper *
add(struct sleeper *s, const struct process *p)
{
	unsigned bucket = bucket_of_account(s->account);
	s->id = id_new();
	s->id.b[0] = (unsigned char)bucket;
	s->id.b[1] = (unsigned char)(bucket >> 8);
	s->uid = p->owner_uid;
	s->gid = p->owner_gid;
	s->since_wall_sec = p->since_wall_sec;
	enter(s);
	return s;
}

struct sleeper *
sleeper_add(const struct process *p, struct span facts)
{
	struct sleeper *s = make_of(p, facts);
	if (s && all.text_bytes + text_bytes(s) <= SLEEPERS_TEXT_MAX)
		s->nest = nest_for_one();
	if (s && !s->nest)
		mem_free(&s);
	return s ? add(s, p) : NULL;
}

struct sleeper *
sleeper_add_awake(const struct process *p, struct span facts)
{
	struct sleeper *s = make_of(p, facts);
	return s ? add(s, p) : NULL;
}

struct sleeper *
sleeper_of(struct id id)
{
	struct sleeper *s = all.buckets[bucket_of_id(id)];
	while (s && !id_eq(s->id, id))
		s = s->next;
	return s;
}

void
sleeper_gone(struct sleeper *gone)
{
	struct sleeper **link = &all.buckets[bucket_of_id(gone->id)];
	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	all.n--;
	all.text_bytes -= text_bytes(gone);
	leave_nest(gone->nest);
	mem_free(&gone);
}

static void
tell_awake(struct process *nest, struct id id)
{
	struct buf body = {0};
	if (!is_nest(nest))
		return; /* it has ended, and its pid may be another's */
	struct buf *owed = &nest->wake.owed;
	if (owed->len + ID_BYTES > CHILD_ABOUT_MAX)
		buf_reset(owed); /* it does without by now: NEST_WAKING_MS */
	buf_put(owed, id.b, ID_BYTES);
	buf_u32(&body, NEST_AWAKE);
	buf_bytes(&body, buf_as_span(owed));
	if (process_say(nest, CTL_CLIENT, buf_as_span(&body), -1) == E_OK)
		buf_reset(owed);
	else
		log_event(LOG_DEBUG, "nest_not_told", "%s", "");
	buf_free(&body);
}

void
sleeper_awake(struct process *p)
{
	if (p->wake.by)
		tell_awake(process_of_pid(p->wake.by), p->wake.id);
	p->wake.by = 0;
}

void
sleeper_tell_awake(const struct sleeper *s)
{
	tell_awake(s->nest, s->id);
}

/* ---- all ---- */

void
sleepers_each(void (*fn)(void *ctx, struct sleeper *), void *ctx)
{
	for (unsigned i = 0; i < BUCKETS && all.n; i++)
		for (struct sleeper *s = all.buckets[i]; s; s = s->next)
			fn(ctx, s);
}

void
sleepers_lost(struct process *nest)
{
	unsigned n = all.n;
	nest->is_old = true; /* nothing is said to it any more */
	for (unsigned i = 0; i < BUCKETS && all.n; i++)
		for (struct sleeper *s = all.buckets[i], *next; s; s = next) {
			next = s->next;
			if (s->nest != nest)
				continue;
			if (s->is_behind) /* the monitor has its connection */
				s->nest = NULL;
			else
				sleeper_gone(s);
		}
	if (n != all.n)
		log_event(LOG_WARNING, "sleepers_lost", "sessions=%u", n - all.n);
}

void
sleepers_count(const char *account, uid_t uid, unsigned *in_all, unsigned *same)
{
	*in_all += all.n;
	for (const struct sleeper *s = all.buckets[bucket_of_account(account)]; s;
	     s = s->next)
		*same += s->uid == uid && strcmp(s->account, account) == 0;
}

/* ---- through a reload ---- */

void
sleeper_state_put(struct buf *b, const struct sleeper *s)
{
	if (s->is_behind)
		return; /* behind wake_all a process has taken it; a self-test does without */
	buf_putf(b, "sleeper %d %u %u %d %lld %s ", (int)s->nest->pid, s->uid, s->gid,
	    s->is_kicked, (long long)s->since_wall_sec, id_text(s->id));
	buf_hex(b, span_of(s->account));
	buf_ch(b, ' ');
	buf_hex(b, span_of(s->home));
	buf_ch(b, ' ');
	buf_hex(b, span_of(s->address));
	buf_ch(b, ' ');
	buf_hex(b, s->facts);
	buf_ch(b, '\n');
}

static struct span
cut_hex(struct span *rest, struct buf *out)
{
	struct span hex = span_cut(rest, ' ');
	size_t n = hex.n / 2, at = out->len;
	char *room = n <= STATE_FACTS_MAX && hex.n % 2 == 0 ? buf_room(out, n) : NULL;
	if (room && hex_decode(hex, room, n) == E_OK)
		buf_added(out, n);
	return span_from(buf_as_span(out), at);
}

void
sleeper_state_take(struct span line)
{
	uint64_t pid, uid, gid, is_kicked, since;
	struct id id;
	/* as much as four texts: it does not move while they are cut */
	struct buf space = {0};
	if (!span_eqs(span_cut(&line, ' '), "sleeper") ||
	    span_u64(span_cut(&line, ' '), INT32_MAX, &pid) != E_OK ||
	    span_u64(span_cut(&line, ' '), UINT32_MAX, &uid) != E_OK ||
	    span_u64(span_cut(&line, ' '), UINT32_MAX, &gid) != E_OK ||
	    span_u64(span_cut(&line, ' '), 1, &is_kicked) != E_OK ||
	    span_u64(span_cut(&line, ' '), INT64_MAX, &since) != E_OK ||
	    id_parse(span_cut(&line, ' '), &id) != E_OK)
		return;
	struct process *nest = process_of_pid((pid_t)pid);
	if (!is_nest(nest))
		return;
	buf_room(&space, 4 * STATE_FACTS_MAX);
	struct span account = cut_hex(&line, &space), home = cut_hex(&line, &space),
		    address = cut_hex(&line, &space), facts = cut_hex(&line, &space);
	struct sleeper *s = make(account, home, address, facts);
	s->id = id;
	s->nest = nest;
	s->uid = (uid_t)uid;
	s->gid = (gid_t)gid;
	s->is_kicked = is_kicked;
	s->since_wall_sec = (int64_t)since;
	buf_free(&space);
	if (bucket_of_id(id) == bucket_of_account(s->account))
		enter(s);
	else
		mem_free(&s);
}
