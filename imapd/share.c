/* SPDX-License-Identifier: ISC */
/* share.c - stores of others: found by name, opened, kept for a while. */
#include "imapd/share.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "imapd/shares.h"

struct share {
	struct share *next;      /* own: used last first */
	struct store *store;     /* own */
	struct session *session; /* borrow */
	char local[];
};

static struct {
	struct share *all; /* own */
	int chan;          /* own: to the role shares; -1 */
	struct buf in;
} the = {.chan = -1};

/* ---- names ---- */

bool
share_is_name(struct span mailbox)
{
	struct span root = SPAN(SHARE_ROOT);
	return span_starts(mailbox, root) &&
	       (mailbox.n == root.n || mailbox.p[root.n] == '/');
}

/* "NAME", and what is behind it; false: there is none. */
static bool
split(struct span mailbox, struct span *local, struct span *rest)
{
	*rest = span_from(mailbox, sizeof SHARE_ROOT);
	*local = span_cut(rest, '/');
	return mailbox.n > sizeof SHARE_ROOT && local->n && rest->n &&
	       local->n <= ACCOUNT_ADDRESS_MAX;
}

static struct span
domain_of(const struct session *s)
{
	struct span own = span_of(s->account);
	return span_from(own, span_rfind(own, '@'));
}

void
share_owner_put(struct buf *b, const struct session *s, const struct place *p)
{
	buf_str(b, p->owner_local ? p->owner_local : s->account);
	if (p->owner_local)
		buf_span(b, domain_of(s));
}

int
share_name(const struct place *p, struct store_mailbox *m)
{
	struct buf b = {.max = STORE_NAME_MAX};
	if (!p->owner_local)
		return E_OK;
	buf_putf(&b, SHARE_ROOT "/%s/%s", p->owner_local, m->name);
	int err = buf_done(&b);
	if (err == E_OK)
		strcpy(m->name, buf_cstr(&b));
	buf_free(&b);
	return err == E_OK ? E_OK : E_LIMIT;
}

/* ---- the role shares ---- */

static int
channel(void)
{
	static struct buf in;
	struct ask_msg reply = {.fd = -1};
	if (the.chan >= 0)
		return E_OK;
	if (the_child.control < 0)
		return E_IO;
	int err = child_call(SHARE_CHANNEL, SPAN(""), -1, &in, &reply);
	if (err == E_OK && (int8_t)rd_u8(&reply.body) == E_OK && reply.fd >= 0)
		the.chan = reply.fd;
	else if (err == E_OK && reply.fd >= 0)
		close(reply.fd);
	return the.chan >= 0 ? E_OK : E_IO;
}

/* One that has just died is noticed by its channel, and the next one asked. */
static int
ask(uint16_t type, const struct buf *body, struct ask_msg *reply)
{
	int err = E_IO;
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_IO; i++) {
		err = channel();
		if (err != E_OK)
			return err;
		err = ask_call(the.chan, type, buf_as_span(body), -1, &the.in, reply,
		    deadline_in_ms(STORE_WAIT_MS));
		if (err != E_OK)
			ask_hang_up(&the.chan);
	}
	return err == E_OK ? E_OK : E_IO;
}

/* E_OK, E_BAD, E_IO */
static int
ask_open(struct span local, bool is_deposit, int *out)
{
	struct buf body = {0};
	struct ask_msg reply = {.fd = -1};
	buf_bytes(&body, local);
	buf_u8(&body, is_deposit);
	int err = ask(SHARES_OPEN, &body, &reply);
	uint8_t said = err == E_OK ? rd_u8(&reply.body) : SHARE_LATER;
	buf_free(&body);
	*out = err == E_OK ? reply.fd : -1;
	if (err == E_OK && said == SHARE_DONE && rd_end(&reply.body) == E_OK)
		return E_OK;
	ask_hang_up(out);
	return said == SHARE_NONE ? E_BAD : E_IO;
}

/* ---- stores ---- */

static int
connect_to(void *ctx, int *out)
{
	struct share *share = ctx;
	int err = ask_open(span_of(share->local), false, out);
	/* of one's own nothing is handed out */
	return err == E_OK && *out < 0 ? E_BAD : err;
}

static void
share_free(struct share **link)
{
	struct share *gone = *link;
	*link = gone->next;
	store_close(&gone->store);
	mem_free(&gone);
}

/* Those that were used longest ago; the selected one stays. */
static void
keep_few(const struct session *s)
{
	unsigned n = 0;
	for (struct share **link = &the.all; *link;) {
		if (++n > SHARES_KEPT && (*link)->store != s->store)
			share_free(link);
		else
			link = &(*link)->next;
	}
}

static struct share *
share_of(struct session *s, struct span local)
{
	struct share **link = &the.all, *share;
	while (*link && !span_eqs(local, (*link)->local))
		link = &(*link)->next;
	share = *link;
	if (share) {
		*link = share->next;
	} else {
		share = mem_new(sizeof *share + local.n + 1);
		memcpy(share->local, local.p, local.n);
		share->store = store_guest(connect_to, share);
	}
	share->session = s;
	share->next = the.all;
	the.all = share;
	keep_few(s);
	return share;
}

/* E_OK, E_BAD (nothing is to be had there), E_IO */
static int
reach(struct session *s, struct span local, struct span name, struct place *out)
{
	struct share *share = share_of(s, local);
	*out = (struct place){
	    .store = share->store, .name = name, .owner_local = share->local};
	return store_reach(share->store);
}

enum reply
share_find(struct session *s, struct span mailbox, struct place *out)
{
	struct span local, rest;
	*out = (struct place){.store = session_own(s), .name = mailbox};
	if (!share_is_name(mailbox))
		return R_DONE;
	if (!split(mailbox, &local, &rest))
		return R_NO_MAILBOX;
	int err = reach(s, local, rest, out);
	return err == E_OK ? R_DONE : err == E_BAD ? R_NO_MAILBOX : R_LATER;
}

struct span
share_selected(const struct session *s)
{
	const struct share *share = the.all;
	while (share && share->store != s->store)
		share = share->next;
	return share ? span_of(share->local) : SPAN("");
}

int
share_again(struct session *s, struct span local)
{
	struct place place;
	int err = reach(s, local, SPAN(""), &place);
	if (err == E_OK)
		s->store = place.store;
	return err;
}

void
share_close(struct session *s)
{
	s->store = session_own(s);
	while (the.all)
		share_free(&the.all);
	ask_hang_up(&the.chan);
}

/* ---- who shares ---- */

struct listing {
	const struct place *place;
	int (*fn)(void *ctx, const struct store_mailbox *);
	void *ctx;
};

static int
tell_mailbox(void *ctx, const struct store_mailbox *m)
{
	struct listing *l = ctx;
	struct store_mailbox named = *m;
	return share_name(l->place, &named) == E_OK ? l->fn(l->ctx, &named) : E_OK;
}

static void
list_one(struct session *s, struct span local,
    int (*fn)(void *ctx, const struct store_mailbox *), void *ctx)
{
	struct place place;
	struct listing l = {.place = &place, .fn = fn, .ctx = ctx};
	if (local.n == 0 || span_find(local, '/') < local.n)
		return; /* no name would find it */
	if (reach(s, local, SPAN(""), &place) != E_OK ||
	    store_mailboxes(place.store, tell_mailbox, &l) != E_OK)
		log_event(LOG_INFO, "share_left_out", "owner=%s", log_q(local));
}

void
share_mailboxes(
    struct session *s, int (*fn)(void *ctx, const struct store_mailbox *), void *ctx)
{
	struct buf none = {0}, all = {0};
	struct ask_msg reply = {.fd = -1};
	if (ask(SHARES_LIST, &none, &reply) != E_OK)
		return;
	buf_span(&all, reply.body.in); /* others are asked meanwhile */
	for (struct rd r = rd_of(buf_as_span(&all)); r.in.n;) {
		struct span local = rd_str(&r, ACCOUNT_ADDRESS_MAX);
		if (r.err != E_OK)
			break;
		list_one(s, local, fn, ctx);
	}
	buf_free(&all);
}

void
share_granted(struct session *s, const struct place *p)
{
	struct span own = span_of(s->account ? s->account : "");
	struct span local = p->owner_local ? span_of(p->owner_local)
	                                   : span_head(own, span_rfind(own, '@'));
	int fd = -1;
	if (ask_open(local, false, &fd) != E_OK)
		log_event(LOG_WARNING, "grant_not_noted", "%s", "");
	ask_hang_up(&fd);
}

void
share_events(void (*fn)(void *ctx, struct span local), void *ctx)
{
	for (struct share *share = the.all; share; share = share->next)
		if (store_take_events(share->store))
			fn(ctx, span_of(share->local));
}

int
share_uids(struct session *s, const struct span *identifiers, size_t n, uint32_t *out)
{
	struct buf body = {0};
	struct ask_msg reply = {.fd = -1};
	(void)s;
	if (n == 0)
		return E_OK;
	for (size_t i = 0; i < n; i++)
		buf_bytes(
		    &body, span_head(identifiers[i], span_rfind(identifiers[i], '@')));
	int err = ask(SHARES_UIDS, &body, &reply);
	for (size_t i = 0; i < n && err == E_OK; i++)
		out[i] = rd_u32(&reply.body);
	buf_free(&body);
	return err == E_OK && rd_end(&reply.body) == E_OK ? E_OK : E_IO;
}

int
share_deposit(const struct place *p, int *out)
{
	int err = ask_open(span_of(p->owner_local), true, out);
	return err == E_OK && *out < 0 ? E_IO : err;
}
