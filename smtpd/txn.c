/* SPDX-License-Identifier: ISC */
/* txn.c - one mail transaction: from MAIL to the spool, or away. */
#include <string.h>

#include "base/log.h"
#include "metrics/metric.h"
#include "smtpd/session.h"

enum { TXN_RCPTS_FIRST = 8 };

void
txn_begin(struct session *s, struct span sender, uint64_t announced_bytes)
{
	struct txn *t = &s->txn;
	int64_t deadline = deadline_in_ms(s->limits->transaction_ms);
	t->envelope = (struct envelope){.id = id_new(), .envid = {"", 0}};
	t->envelope.sender = arena_span(&t->arena, sender);
	t->announced_bytes = announced_bytes;
	t->has_forward = false;
	t->rcpts_room = 0;
	s->io.deadline = deadline < s->deadline ? deadline : s->deadline;
	t->n_accepted = t->n_urls = 0;
	s->message.takes_bare = strict_takes(s, STRICT_BARE);
	s->message.takes_long = strict_takes(s, STRICT_LINES);
	s->message.is_binary = false;
	s->phase = PH_MAIL;
	log_message(&t->envelope.id);
}

static struct rcpt *
find_recipient(const struct envelope *e, struct span address)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		if (span_eq(e->rcpts[i].address, address))
			return &e->rcpts[i];
	return NULL;
}

static void
make_room(struct txn *t)
{
	struct envelope *e = &t->envelope;
	if (e->n_rcpts < t->rcpts_room)
		return;
	t->rcpts_room = t->rcpts_room ? t->rcpts_room * 2 : TXN_RCPTS_FIRST;
	struct rcpt *more = arena_get(&t->arena, t->rcpts_room * sizeof *more);
	if (!more)
		bug("an arena smaller than its recipients");
	if (e->n_rcpts)
		memcpy(more, e->rcpts, e->n_rcpts * sizeof *more);
	e->rcpts = more;
}

int
txn_add(struct session *s, struct span address, const struct rcpt_params *asked)
{
	struct txn *t = &s->txn;
	struct envelope *e = &t->envelope;
	struct rcpt *known = find_recipient(e, address);
	if (known) {
		known->notify = notify_join(known->notify, asked->notify);
		t->n_accepted++;
		return E_OK;
	}
	if (e->n_rcpts >= s->limits->recipients || e->n_rcpts >= ENVELOPE_RCPTS_MAX)
		return E_LIMIT;
	make_room(t);
	e->rcpts[e->n_rcpts++] =
	    (struct rcpt){.address = arena_span(&t->arena, address),
		.orcpt = arena_span(&t->arena, asked->orcpt),
		.notify = asked->notify,
		.state = RCPT_WAITING};
	t->n_accepted++;
	s->phase = PH_RCPT;
	return E_OK;
}

enum reply
txn_data(struct session *s, uint64_t announced_bytes)
{
	enum reply r = policy_data(s);
	s->message.judge = policy_wants_message(s) ? policy_message : NULL;
	return r == R_NONE ? message_begin(&s->message, announced_bytes) : r;
}

void
txn_reset(struct session *s)
{
	message_drop(&s->message);
	policy_reset(s);
	arena_reset(&s->txn.arena);
	s->txn.envelope = (struct envelope){0};
	xattrs_reset(&s->forwarded);
	s->io.deadline = s->deadline;
	s->io.chunk = IO_IN_CHUNK;
	if (s->phase != PH_GREETED)
		s->phase = PH_READY;
	log_message(NULL);
}

static void
log_accepted(const struct session *s)
{
	const struct envelope *e = &s->txn.envelope;
	log_event(LOG_INFO, "accepted",
	    "client=%s%s%s from=%s to=%s rcpts=%u bytes=%llu", s->client.text,
	    s->account.len ? " login=" : "",
	    s->account.len ? log_q(buf_as_span(&s->account)) : "", log_q(e->sender),
	    log_q(e->rcpts[0].address), e->n_rcpts, (unsigned long long)e->size_bytes);
}

static void
log_forwarded(const struct session *s)
{
	const struct xattrs *x = &s->forwarded;
	if (xattrs_any(x))
		log_event(LOG_INFO, "accepted_for",
		    "client=%s name=%s addr=%s helo=%s ident=%s", s->client.text,
		    log_q(xattr_text(x, XATTR_NAME)), log_q(xattr_text(x, XATTR_ADDR)),
		    log_q(xattr_text(x, XATTR_HELO)),
		    log_q(xattr_text(x, XATTR_IDENT)));
}

static void
count_accepted(const struct session *s)
{
	metric_count(M_SMTP_MESSAGES);
	metric_add(M_SMTP_RECIPIENTS, s->txn.envelope.n_rcpts);
	metric_add(M_SMTP_BYTES, s->txn.envelope.size_bytes);
	metric_took(M_SMTP_DATA, s->message.begun_us);
}

void
txn_say_others(struct session *s, enum reply r)
{
	for (uint32_t i = 1; s->client.kind == KIND_LMTP && i < s->txn.n_accepted; i++)
		session_say(s, r);
}

/* What was taken though it could have been refused. */
static void
note_lenience(struct session *s)
{
	if (s->message.is_binary)
		return;
	if (data_has_bare(&s->message.scan))
		strict_note(s, STRICT_BARE);
	if (data_has_long(&s->message.scan))
		strict_note(s, STRICT_LINES);
}

enum reply
txn_finish(struct session *s)
{
	struct envelope *e = &s->txn.envelope;
	e->arrived_sec = clock_wall_sec();
	e->account = buf_as_span(&s->account);
	e->client = span_of(s->client.text);
	buf_reset(&s->argument);
	enum reply r = message_end(&s->message, e);
	if (r == R_QUEUED) {
		buf_str(&s->argument, id_text(e->id));
		log_accepted(s);
		count_accepted(s);
		note_lenience(s);
		log_forwarded(s);
	} else if (r == R_TOO_BIG) {
		buf_str(&s->argument, s->limits->message_text);
	}
	s->has_logged = true; /* here, where its mid is known */
	if (r != R_QUEUED)
		log_event(LOG_INFO, "message_refused",
		    "client=%s code=%u status=%s from=%s rcpts=%u bytes=%llu",
		    s->client.text, reply_code(r), reply_enhanced(r), log_q(e->sender),
		    e->n_rcpts, (unsigned long long)s->message.size_bytes);
	txn_say_others(s, r);
	txn_reset(s);
	return r;
}
