/* SPDX-License-Identifier: ISC */
/*
 * lookup.c - the verdict for processes without files: the role that answers, and the asking side.
 */
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "account/domain_usage.h"
#include "account/recipient.h"
#include "account/srs.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "proc/loop.h"

enum {
	PH_ANY = 1,
	LOOKUP_ARENA_BYTES = 16 << 20,
	REPLY_MAX = ASK_MSG_MAX - 2,
	RCPTS_MOST = 1000,
	/* past it a batch ends with what is answered, and senders are not known now: its asker waits no
	 * longer than LOOKUP_WAIT_MS, of which the last question may take MAPS_WAIT_MS */
	LOOKUP_BATCH_MS = 500,
	LIST_NAME_BYTES = 128,
	MEMBER_BYTES = 8 + LIST_NAME_BYTES + ACCOUNT_ADDRESS_MAX,
	MEMBERS_TIMES = 60000,
	SENDERS_BYTES = 2 + (1 + SENDERS_MOST) * (4 + ACCOUNT_ADDRESS_MAX),
};

enum { SENDER_MAY_NOT, SENDER_MAY, SENDER_LATER }; /* and of members the same */

/* ---- encoding, both directions ---- */

static void
target_put(struct buf *b, const struct target *t)
{
	buf_u8(b, t->is_local);
	buf_bytes(b, t->address);
	buf_bytes(b, t->detail);
	buf_u32(b, t->tag);
	buf_u32(b, t->uid);
	buf_u32(b, t->gid);
	buf_bytes(b, t->home);
}

static void
target_get(struct rd *r, struct arena *arena, struct target *t)
{
	t->is_local = rd_u8(r) == 1;
	t->address = rd_copy(r, ACCOUNT_ADDRESS_MAX, arena);
	t->detail = rd_copy(r, ACCOUNT_ADDRESS_MAX, arena);
	t->tag = rd_u32(r);
	t->uid = rd_u32(r);
	t->gid = rd_u32(r);
	t->home = rd_copy(r, ACCOUNT_ADDRESS_MAX, arena);
}

static bool
has_remote(const struct target *targets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!targets[i].is_local)
			return true;
	return false;
}

/* Only then it may be a list, whose owner matters: not of a mailbox, which most are. */
static bool
is_elsewhere(struct span address, const struct target *targets, size_t n)
{
	return n > 1 || (n == 1 && (!targets[0].is_local ||
				       !span_ieq(address, targets[0].address)));
}

static void
answer_put(struct buf *b, enum recipient_verdict v, const struct target *targets,
    size_t n, struct span owner)
{
	buf_u8(b, (uint8_t)v);
	buf_u8(b, has_remote(targets, n));
	buf_u16(b, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		target_put(b, &targets[i]);
	buf_bytes(b, owner);
}

static int
answer_get(struct rd *r, struct arena *arena, struct lookup_answer *out)
{
	uint8_t v = rd_u8(r);
	bool leads_away = rd_u8(r);
	uint16_t n = rd_u16(r);
	if (r->err != E_OK || v > RCPT_TEMP || n > RECIPIENT_TARGETS_MAX)
		return E_BAD;
	*out = (struct lookup_answer){.verdict = v,
	    .leads_away = leads_away,
	    .targets = arena_get(arena, n * sizeof *out->targets)};
	if (!out->targets)
		return E_LIMIT;
	for (; out->n_targets < n; out->n_targets++)
		target_get(r, arena, &out->targets[out->n_targets]);
	out->owner = rd_copy(r, ACCOUNT_ADDRESS_MAX, arena);
	return r->err;
}

/* ---- the role ---- */

static struct recipients *recipients;
static struct arena arena = {.max_bytes = LOOKUP_ARENA_BYTES};

static void
resolve_into(struct buf *reply, struct span address)
{
	struct target *targets;
	size_t n;
	struct span owner = SPAN("");
	enum recipient_verdict v =
	    recipient_resolve(recipients, address, &arena, &targets, &n);
	if (v == RCPT_LOCAL && is_elsewhere(address, targets, n) &&
	    recipient_owner(recipients, address, &arena, &owner) != E_OK)
		v = RCPT_TEMP;
	if (v != RCPT_LOCAL)
		n = 0;
	answer_put(reply, v, targets, n, owner);
	arena_reset(&arena);
}

static int
ask_rcpt(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span address = rd_str(body, ACCOUNT_ADDRESS_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct target *targets;
	size_t n;
	enum recipient_verdict v =
	    recipient_resolve(recipients, address, &arena, &targets, &n);
	buf_u8(reply, (uint8_t)v);
	buf_u8(reply, v == RCPT_LOCAL && has_remote(targets, n));
	arena_reset(&arena);
	return E_OK;
}

static int
ask_senders(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span account = rd_str(body, ACCOUNT_ADDRESS_MAX);
	uint16_t n = rd_u16(body);
	(void)a, (void)fd, (void)fd_back;
	if (n > SENDERS_MOST)
		return E_LIMIT;
	struct rd again = *body;
	for (uint16_t i = 0; i < n; i++)
		rd_str(body, ACCOUNT_ADDRESS_MAX);
	if (rd_end(body) != E_OK)
		return E_BAD; /* before anything is looked up */
	int64_t until = deadline_in_ms(LOOKUP_BATCH_MS);
	for (uint16_t i = 0; i < n; i++) {
		struct span sender = rd_str(&again, ACCOUNT_ADDRESS_MAX);
		int err = i && deadline_left_ms(until) == 0
		              ? E_IO
		              : recipient_may_send(recipients, account, sender);
		buf_u8(reply, err == E_OK    ? SENDER_MAY
			      : err == E_BAD ? SENDER_MAY_NOT
					     : SENDER_LATER);
	}
	return E_OK;
}

static int
ask_forward(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span sender = rd_str(body, ACCOUNT_ADDRESS_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_bytes(reply, recipient_forward_sender(recipients, sender, &arena));
	arena_reset(&arena);
	return E_OK;
}

/* The address of a list that scripts may ask about; empty: there is none. */
static struct span
list_address(struct span name)
{
	const struct conf *c = the_child.conf;
	for (size_t i = 0; i < conf_list_count(c, "deliver", "sieve_lists"); i++) {
		struct span rest = span_of(conf_list(c, "deliver", "sieve_lists", i));
		if (span_eq(span_cut(&rest, '='), name))
			return rest.p[0] == '/' ? SPAN("") : rest;
	}
	return SPAN("");
}

static int
ask_member(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span name = rd_str(body, LIST_NAME_BYTES),
		    value = rd_str(body, ACCOUNT_ADDRESS_MAX);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct span list = list_address(name);
	int err = list.n ? recipient_is_member(recipients, list, value) : E_BAD;
	buf_u8(reply, err == E_OK    ? SENDER_MAY
		      : err == E_BAD ? SENDER_MAY_NOT
				     : SENDER_LATER);
	return E_OK;
}

/* A batch: as many answers as fit; the asker asks again for the rest. */
static int
ask_rcpts(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint16_t n = rd_u16(body);
	(void)a, (void)fd, (void)fd_back;
	if (n > RCPTS_MOST)
		return E_LIMIT;
	struct rd again = *body;
	for (uint16_t i = 0; i < n; i++)
		rd_str(body, ACCOUNT_ADDRESS_MAX);
	if (rd_end(body) != E_OK)
		return E_BAD; /* before anything is looked up */
	struct buf one = {.max = 1 << 20};
	bool is_full = false;
	int64_t until = deadline_in_ms(LOOKUP_BATCH_MS);
	for (uint16_t i = 0; i < n; i++) {
		struct span address = rd_str(&again, ACCOUNT_ADDRESS_MAX);
		is_full |= reply->len > 0 && deadline_left_ms(until) == 0;
		buf_reset(&one);
		if (!is_full)
			resolve_into(&one, address);
		is_full |= reply->len + one.len > REPLY_MAX;
		/* one list alone is too long for a message */
		if (is_full && reply->len == 0) {
			buf_reset(&one);
			answer_put(&one, RCPT_TEMP, NULL, 0, SPAN(""));
			log_event(LOG_ERR, "list_too_long", "rcpt=%s", log_q(address));
		}
		if (!is_full || reply->len == 0)
			buf_span(reply, buf_as_span(&one));
	}
	buf_free(&one);
	return E_OK;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*                name      legal in  times    bytes                         fd back  answered by */
	[LOOKUP_RCPT]   = {"RCPT",   PH_ANY,  6000000, 4 + ACCOUNT_ADDRESS_MAX,      false,   ask_rcpt},
	[LOOKUP_SENDERS] = {"SENDERS", PH_ANY, 600000, SENDERS_BYTES,                false,   ask_senders},
	[LOOKUP_RCPTS]  = {"RCPTS",  PH_ANY,  6000000, ASK_MSG_MAX - 2,              false,   ask_rcpts},
	[LOOKUP_FORWARD] = {"FORWARD", PH_ANY, 6000000, 4 + ACCOUNT_ADDRESS_MAX,     false,   ask_forward},
	[LOOKUP_MEMBER] = {"MEMBER", PH_ANY,  MEMBERS_TIMES, MEMBER_BYTES,          false,   ask_member},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "lookup client"};

static const struct ask_row guest_rows[] = {
    [LOOKUP_MEMBER] = {"MEMBER", PH_ANY, MEMBERS_TIMES, MEMBER_BYTES, false,
	ask_member},
};

static const struct ask_table guest_table = {
    .rows = guest_rows, .n_rows = COUNT(guest_rows), .who = "lookup guest"};

unsigned lookup_guests;

const struct ask_table *
lookup_table(unsigned kind)
{
	return lookup_guests & 1u << kind ? &guest_table : &table;
}

/* When the jail was made; the first account makes it, and may come later. */
static bool had_mail_dir;

static bool
has_mail_dir(void)
{
	return access(conf_str(the_child.conf, "common", "mail_dir"), F_OK) == 0;
}

void
lookup_jail(struct jail *j)
{
	const struct conf *c = the_child.conf;
	static struct buf accounts;
	buf_reset(&accounts);
	buf_putf(&accounts, "%s/accounts", conf_str(c, "common", "state_dir"));
	/* logged; where there is none nobody is known */
	(void)accounts_dir_make(the_child.conf);
	if (conf_bool(c, "common", "srs"))
		srs_secret_make(c); /* without it nothing is rewritten */
	had_mail_dir = has_mail_dir();
	j->calls = JAIL_FILES_READ | JAIL_FLOCK;
	jail_allow(j, buf_cstr(&accounts), JAIL_READ);
	jail_allow(j, conf_str(c, "common", "mail_dir"), JAIL_READ);
	/*
	 * the folder, not the file: it is replaced by a new one when it is edited; included lists
	 * lie beside it
	 */
	static struct buf folder;
	struct span path = span_of(conf_str(c, "common", "alias_file"));
	buf_reset(&folder);
	buf_span(&folder, span_head(path, span_rfind(path, '/')));
	jail_allow(j, folder.len ? buf_cstr(&folder) : "/", JAIL_READ);
}

/* What our jail does not know the next one of us has in his. */
static void
on_tick(void)
{
	if (!had_mail_dir && has_mail_dir())
		loop_stop(child_loop());
	recipients_tick(recipients);
}

int
lookup_run(void)
{
	bool has_sums = conf_list_count(the_child.conf, "common", "domain_quotas") > 0;
	if (recipients_open(the_child.conf, true, &recipients) != E_OK)
		return EX_NOINPUT;
	return child_serve(
	    lookup_table, has_sums || !had_mail_dir ? on_tick : NULL, DOMAIN_TICK_MS);
}

/* ---- the asking side ---- */

enum { LOOKUP_ATTEMPTS = 5 };

static int
call(int *chan, uint16_t type, struct span body, struct buf *in, struct ask_msg *reply)
{
	int64_t deadline = deadline_in_ms(LOOKUP_WAIT_MS);
	/*
	 * a channel to one that has just died may be handed out before its death is known, even
	 * twice
	 */
	for (int attempt = 0; attempt < LOOKUP_ATTEMPTS; attempt++) {
		if (*chan < 0 && child_channel("lookup", chan) != E_OK)
			return E_IO;
		int err = ask_call(*chan, type, body, -1, in, reply, deadline);
		if (err == E_OK)
			return E_OK;
		ask_hang_up(chan);
		if (err == E_LIMIT)
			break;
	}
	return E_IO;
}

int
lookup_rcpt(
    int *chan, struct span address, enum recipient_verdict *verdict, bool *leads_away)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_bytes(&body, address);
	int err = call(chan, LOOKUP_RCPT, buf_as_span(&body), &in, &reply);
	*verdict = RCPT_TEMP;
	*leads_away = false;
	if (err == E_OK) {
		uint8_t v = rd_u8(&reply.body);
		*leads_away = rd_u8(&reply.body);
		err = rd_end(&reply.body) == E_OK && v <= RCPT_TEMP ? E_OK : E_IO;
		*verdict = err == E_OK ? v : RCPT_TEMP;
	}
	buf_free(&body);
	buf_free(&in);
	return err;
}

static int
some_rcpts(int *chan, const struct span *addresses, size_t n, struct arena *into,
    struct lookup_answer *out, size_t *got)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_u16(&body, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_bytes(&body, addresses[i]);
	int err = call(chan, LOOKUP_RCPTS, buf_as_span(&body), &in, &reply);
	for (*got = 0; err == E_OK && reply.body.in.n && *got < n; ++*got)
		err = answer_get(&reply.body, into, &out[*got]) == E_OK ? E_OK : E_IO;
	if (err == E_OK && (*got == 0 || rd_end(&reply.body) != E_OK))
		err = E_IO;
	buf_free(&body);
	buf_free(&in);
	return err;
}

enum { RCPTS_AT_ONCE = 128 };

int
lookup_rcpts(int *chan, const struct span *addresses, size_t n, struct arena *into,
    struct lookup_answer **out)
{
	struct lookup_answer *all = arena_get(into, n * sizeof *all);
	size_t done = 0, got;
	if (!all)
		return E_LIMIT;
	while (done < n) {
		size_t some = n - done < RCPTS_AT_ONCE ? n - done : RCPTS_AT_ONCE;
		int err =
		    some_rcpts(chan, addresses + done, some, into, all + done, &got);
		if (err != E_OK)
			return err;
		done += got;
	}
	*out = all;
	return E_OK;
}

int
lookup_senders(
    int *chan, struct span account, const struct span *senders, size_t n, bool *out)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	if (n > SENDERS_MOST)
		bug("more senders than an ask takes");
	buf_bytes(&body, account);
	buf_u16(&body, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_bytes(&body, senders[i]);
	int err = call(chan, LOOKUP_SENDERS, buf_as_span(&body), &in, &reply);
	bool is_later = false;
	for (size_t i = 0; i < n; i++) {
		uint8_t said = err == E_OK ? rd_u8(&reply.body) : SENDER_LATER;
		out[i] = said == SENDER_MAY;
		is_later |= said == SENDER_LATER;
	}
	if (err == E_OK && (is_later || rd_end(&reply.body) != E_OK))
		err = E_IO;
	buf_free(&body);
	buf_free(&in);
	return err;
}

int
lookup_member(int *chan, struct span name, struct span value, bool *out)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_bytes(&body, name);
	buf_bytes(&body, value);
	int err = call(chan, LOOKUP_MEMBER, buf_as_span(&body), &in, &reply);
	uint8_t said = err == E_OK ? rd_u8(&reply.body) : SENDER_LATER;
	if (err == E_OK && (said == SENDER_LATER || rd_end(&reply.body) != E_OK))
		err = E_IO;
	*out = err == E_OK && said == SENDER_MAY;
	buf_free(&body);
	buf_free(&in);
	return err;
}

int
lookup_forward_sender(
    int *chan, struct span sender, struct arena *into, struct span *out)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	buf_bytes(&body, sender);
	int err = call(chan, LOOKUP_FORWARD, buf_as_span(&body), &in, &reply);
	*out = err == E_OK ? rd_copy(&reply.body, ACCOUNT_ADDRESS_MAX, into) : sender;
	if (err == E_OK && rd_end(&reply.body) != E_OK)
		err = E_IO;
	buf_free(&body);
	buf_free(&in);
	return err;
}
