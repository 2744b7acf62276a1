/* SPDX-License-Identifier: ISC */
/* scripted.c - what an agent says of a message is done. */
#include "deliver/scripted.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/seal.h"
#include "deliver/agents.h"
#include "deliver/letter_sign.h"
#include "deliver/pipe.h"
#include "deliver/place.h"
#include "deliver/seal.h"
#include "deliver/source.h"
#include "proc/child.h"
#include "spool/put.h"
#include "tls/hash.h"

enum { ARENA_BYTES = 16 << 20 };

static struct {
	bool is_on, is_for_all; /* of all mailboxes: there are scripts of the site */
	bool has_seals;
	char separator[2];
	struct spool_client spool;
	struct arena arena; /* of one message into one mailbox */
	struct buf reason;  /* of a program */
} scripted = {.arena = {.max_bytes = ARENA_BYTES}};

static int
connect_spool(int *out)
{
	return child_daemon("queue", out);
}

void
scripted_open(const struct conf *c)
{
	scripted.is_on = conf_bool(c, "deliver", "sieve");
	scripted.is_for_all = conf_list_count(c, "deliver", "sieve_before") > 0 ||
	                      conf_list_count(c, "deliver", "sieve_after") > 0;
	scripted.has_seals = seal_domain(c)[0] != '\0';
	scripted.separator[0] = conf_str(c, "common", "subaddress")[0];
	spool_client_init(&scripted.spool, connect_spool);
	agents_open(c);
}

bool
scripted_is_for(const struct target *t)
{
	return scripted.is_on && (scripted.is_for_all || place_has_script(t));
}

/* Of the message that lies in the spool: its first line is our Return-Path. */
static uint64_t
head_of(const struct job_in *j)
{
	return j->head_bytes < j->size_bytes ? j->head_bytes : 0;
}

/* ---- what the agent is told ---- */

static int
send_piece(void *ctx, struct span bytes)
{
	struct order_sending *s = ctx;
	order_send_bytes(s, bytes);
	return s->err;
}

static int
send_message(void *ctx, struct order_sending *s)
{
	const struct job_in *j = ctx;
	return source_read(j, head_of(j), send_piece, s);
}

/* "user+detail@domain": whom it came for, when aliases were looked up. */
static struct span
address_with_detail(const struct target *t)
{
	struct buf text = {0};
	size_t at = span_rfind(t->address, '@');
	if (t->detail.n == 0 || at >= t->address.n || !scripted.separator[0])
		return t->address;
	buf_span(&text, span_head(t->address, at));
	buf_ch(&text, scripted.separator[0]);
	buf_span(&text, t->detail);
	buf_span(&text, span_from(t->address, at));
	struct span out = arena_span(
	    &scripted.arena, span_head(buf_as_span(&text), ORDER_ADDRESS_MAX));
	buf_free(&text);
	return out;
}

static int
run(const struct scripted *s, struct agent_answer *out)
{
	const struct job_in *j = s->job;
	struct agent_order o = {.id = file_id_of(j->id, s->target->tag),
	    .size_bytes = j->size_bytes,
	    .address = s->target->address,
	    .to = address_with_detail(s->target),
	    .orig_to = s->rcpt->address,
	    .is_own = s->is_own,
	    .sender = j->sender,
	    .account = j->account,
	    .envid = j->envid,
	    .orcpt = s->rcpt->orcpt,
	    .ret = j->ret,
	    .notify = s->rcpt->notify};
	if (j->size_bytes > ORDER_MESSAGE_MAX)
		return E_BAD;
	return agents_run(s->target, &o, send_message, (void *)(uintptr_t)j,
	    s->deadline, &scripted.arena, out);
}

/* ---- what is stored ---- */

static int
store_one(
    const struct scripted *s, const struct agent_store *store, const char **reason)
{
	const struct job_in *j = s->job;
	struct buf first = {0};
	struct place_made m = {.number = store->number,
	    .has_rest = !store->is_text && !store->has_body,
	    .directions = store->directions};
	/* what stands before the head is ours, and stays */
	if (store->is_text || store->has_head)
		buf_putf(&first, "Return-Path: <%.*s>\r\n",
		    SPAN_ARG(store->has_head ? j->sender : SPAN("")));
	buf_span(&first, store->text);
	buf_span(&first, store->body);
	if (store->has_head)
		m.rest_at = head_of(j) + store->body_at;
	m.first = buf_as_span(&first);
	int err = place_made(j, s->target, &m, reason);
	buf_free(&first);
	return err;
}

static int
store_all(const struct scripted *s, const struct agent_answer *a, int64_t until,
    const char **reason)
{
	int err = E_OK;
	for (size_t i = 0; i < a->n_stores && err == E_OK; i++) {
		*reason = "4.3.2 what a script stores takes too long now";
		err = deadline_left_ms(until) == 0
		          ? E_IO
		          : store_one(s, &a->stores[i], reason);
	}
	return err;
}

/* ---- what goes out ---- */

/* Its bytes: in memory, or past SPOOL_SMALL_MAX in a file of the spool. */
struct letter {
	struct buf bytes; /* own; what comes before the rest, or all of it */
	struct hash *sum; /* own */
	uint64_t size_bytes;
	int file; /* borrow: the client's; -1 */
	int err;
};

static int
letter_add(void *ctx, struct span bytes)
{
	struct letter *l = ctx;
	hash_add(l->sum, bytes);
	l->size_bytes += bytes.n;
	if (l->file < 0)
		buf_span(&l->bytes, bytes);
	else if (file_write(l->file, bytes) != E_OK)
		l->err = E_IO;
	return l->err;
}

/* E_OK, E_IO: not now */
static int
letter_begin(struct letter *l, uint64_t size)
{
	enum spool_verdict v;
	*l = (struct letter){.file = -1, .sum = hash_new()};
	if (spool_room(&scripted.spool, size, &v) != E_OK || v != SPOOL_OK)
		return E_IO;
	if (size <= SPOOL_SMALL_MAX)
		return E_OK;
	if (spool_file(&scripted.spool, &l->file, &v) != E_OK || v != SPOOL_OK)
		return E_IO;
	return E_OK;
}

static int
letter_fill(struct letter *l, const struct scripted *s, const struct agent_send *send)
{
	const struct job_in *j = s->job;
	int err = letter_add(l, send->fields);
	if (err == E_OK)
		err = letter_add(l, send->text);
	if (err == E_OK)
		err = letter_add(l, send->body);
	bool is_message = send->kind == SEND_REDIRECT;
	if (err == E_OK && is_message && !send->has_body)
		err = source_read(j, head_of(j) + (send->has_head ? send->body_at : 0),
		    letter_add, l);
	return err;
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static uint32_t
flags_of(const struct scripted *s, const struct agent_send *send)
{
	uint32_t kept = ENV_REQUIRETLS | ENV_TLS_OPTIONAL;
	uint32_t flags = ENV_DERIVED;
	if (send->kind == SEND_REDIRECT)
		kept |= ENV_SMTPUTF8 | ENV_8BITMIME | ENV_BINARYMIME | ENV_QUARANTINE;
	else if (!is_ascii(send->text))
		flags |= ENV_8BITMIME;
	for (uint16_t i = 0; i < send->n_rcpts; i++)
		if (!is_ascii(send->rcpts[i]))
			flags |= ENV_SMTPUTF8;
	return flags | (s->job->flags & kept);
}

/* Of message, recipient, kind and mailbox: placed again, it is the same, and is sent once. */
static struct id
id_of(const struct scripted *s, const struct agent_send *send)
{
	static const char *const kinds[] = {[SEND_REDIRECT] = "redirect",
	    [SEND_VACATION] = "vacation",
	    [SEND_REJECT] = "reject",
	    [SEND_NOTIFY] = "notify"};
	struct buf action = {0};
	buf_span(&action, s->target->address);
	if (send->kind == SEND_NOTIFY)
		buf_putf(&action, "/%u", send->number);
	struct id id = spool_derived_id(
	    s->job->id, send->rcpts[0], kinds[send->kind], buf_as_span(&action));
	buf_free(&action);
	return id;
}

/*
 * RFC 3461 5.2.7: what the sender asked for goes along, but not with what a list made of it.  Its
 * success is told by us: it is delivered (5.2.7.3).
 */
static void
set_asked(const struct scripted *s, const struct agent_send *send, struct envelope *e,
    struct rcpt *to)
{
	bool is_list = s->owner.n > 0;
	e->ret = send->ret ? send->ret : is_list ? RET_NONE : s->job->ret;
	to->notify = send->notify;
	if (is_list)
		return;
	e->envid = s->job->envid;
	to->orcpt = s->rcpt->orcpt;
	if (!send->notify)
		to->notify = notify_without_success(s->rcpt->notify);
}

static int
hand_over(const struct scripted *s, const struct agent_send *send, struct letter *l,
    struct span sender, size_t head_bytes)
{
	struct envelope e = {.id = id_of(s, send),
	    .flags = flags_of(s, send),
	    .size_bytes = l->size_bytes,
	    .head_bytes = (uint32_t)head_bytes,
	    .arrived_sec = clock_wall_sec(),
	    .sender = sender,
	    .account = s->target->address,
	    .n_rcpts = send->n_rcpts};
	enum spool_verdict v = SPOOL_FAILED;
	e.rcpts = arena_get(&scripted.arena, send->n_rcpts * sizeof *e.rcpts);
	if (!e.rcpts)
		return E_IO;
	for (uint16_t i = 0; i < send->n_rcpts; i++)
		e.rcpts[i] = (struct rcpt){.address = send->rcpts[i]};
	if (send->kind == SEND_REDIRECT)
		set_asked(s, send, &e, &e.rcpts[0]);
	hash_end(&l->sum, e.sha256);
	int err = spool_put(&scripted.spool, &e, buf_as_span(&l->bytes), &v);
	if (err != E_OK || v != SPOOL_OK)
		return E_IO;
	log_event(LOG_INFO, "sent_by_script", "mid=%s sent=%s account=%s to=%s",
	    id_text(s->job->id), id_text(e.id), log_q(s->target->address),
	    log_q(send->rcpts[0]));
	return E_OK;
}

static int
copy_piece(void *ctx, struct span bytes)
{
	return file_write(*(const int *)ctx, bytes);
}

/*
 * Only what goes on as it came: of what a script has changed its user would speak in our name.  What it
 * says of itself before it is no field that a seal covers.
 */
static bool
wants_seal(const struct scripted *s, const struct agent_send *send)
{
	return scripted.has_seals && send->kind == SEND_REDIRECT && !send->has_head &&
	       !send->has_body && !send->text.n && !send->body.n &&
	       (s->job->flags & ENV_JUDGED) &&
	       s->job->size_bytes + send->fields.n <= SEAL_MESSAGE_MAX;
}

/* Without one it goes on all the same. */
static void
seal(const struct scripted *s, const struct agent_send *send, struct buf *out)
{
	const struct job_in *j = s->job;
	int fd = wants_seal(s, send) && letter_may_seal(s->target->address)
	             ? memfd_create("redirect", MFD_CLOEXEC)
	             : -1;
	if (fd < 0)
		return;
	if (file_write(fd, send->fields) == E_OK &&
	    source_read(j, head_of(j), copy_piece, &fd) == E_OK)
		letter_seal(fd, (uint32_t)send->fields.n, s->target->address, out);
	close(fd);
}

/* As forwards have it: of a list its owner, else the sender, by us if that is how we do it. */
static int
redirect_sender(const struct scripted *s, struct span *out)
{
	*out = s->owner;
	return s->owner.n ? E_OK
	                  : lookup_forward_sender(
				s->lookup, s->job->sender, &scripted.arena, out);
}

static int
send_one(const struct scripted *s, const struct agent_send *send)
{
	const struct job_in *j = s->job;
	struct span sender = SPAN("");
	struct buf path = {0}, signatures = {0};
	struct letter l;
	if (send->kind == SEND_REDIRECT && redirect_sender(s, &sender) != E_OK)
		return E_IO;
	buf_putf(&path, "Return-Path: <%.*s>\r\n", SPAN_ARG(sender));
	if (send->kind != SEND_REDIRECT && !send->fields.n && !send->body.n)
		letter_sign(send->text, s->target->address, &signatures);
	seal(s, send, &signatures);
	uint64_t size = path.len + signatures.len + send->fields.n + send->text.n +
	                send->body.n +
	                (send->kind == SEND_REDIRECT ? j->size_bytes : 0);
	int err = letter_begin(&l, size);
	if (err == E_OK)
		err = letter_add(&l, buf_as_span(&path));
	if (err == E_OK)
		err = letter_add(&l, buf_as_span(&signatures));
	if (err == E_OK)
		err = letter_fill(&l, s, send);
	if (err == E_OK && l.file >= 0 && fdatasync(l.file) != 0)
		err = E_IO;
	if (err == E_OK)
		err = hand_over(s, send, &l, sender, path.len);
	else
		spool_drop(&scripted.spool);
	if (l.sum)
		hash_end(&l.sum, NULL);
	buf_free(&l.bytes);
	buf_free(&path);
	buf_free(&signatures);
	return err;
}

static int
send_all(const struct scripted *s, const struct agent_answer *a, int64_t until,
    const char **reason)
{
	int err = E_OK;
	*reason = "4.3.1 what a script sends finds no room in the queue";
	for (size_t i = 0; i < a->n_sends && err == E_OK; i++)
		if (a->sends[i].kind != SEND_PIPE)
			err = deadline_left_ms(until) == 0 ? E_IO
			                                   : send_one(s, &a->sends[i]);
	return err;
}

/* ---- what programs get ---- */

struct piped {
	const struct scripted *s;
	const struct agent_send *send;
};

static int
send_piped(void *ctx, struct order_sending *to)
{
	const struct piped *p = ctx;
	uint64_t at = head_of(p->s->job) + (p->send->has_head ? p->send->body_at : 0);
	order_send_bytes(to, p->send->text);
	order_send_bytes(to, p->send->body);
	return to->err != E_OK || p->send->has_body
	           ? to->err
	           : source_read(p->s->job, at, send_piece, to);
}

static enum pipe_outcome
pipe_one(const struct scripted *s, const struct agent_send *send)
{
	const struct job_in *j = s->job;
	struct piped p = {s, send};
	struct pipe_order o = {.id = file_id_of(j->id, s->target->tag),
	    .number = send->number,
	    .sender = j->sender,
	    .recipient = address_with_detail(s->target),
	    .orig_recipient = span_head(s->rcpt->address, ORDER_ADDRESS_MAX)};
	int64_t begun = clock_mono_ms();
	buf_reset(&scripted.reason);
	if (pipe_words(send->fields, &o) != E_OK)
		return PIPE_FAILED;
	enum pipe_outcome outcome =
	    pipe_run(s->target, &o, send_piped, &p, &scripted.reason);
	agents_took(s->target, clock_mono_ms() - begun);
	return outcome;
}

/* Of the stores one is the message; others are copies of letters. */
static bool
has_message(const struct agent_answer *a)
{
	for (size_t i = 0; i < a->n_stores; i++)
		if (!a->stores[i].is_text)
			return true;
	return false;
}

static bool
is_sent_on(const struct agent_answer *a)
{
	for (size_t i = 0; i < a->n_sends; i++)
		if (a->sends[i].kind == SEND_REDIRECT)
			return true;
	return false;
}

/*
 * When all else has happened.  What a program did not take and is nowhere else goes to INBOX, unless
 * its sender can be told; with :try or :copy it is no failure.
 */
static int
pipe_all(const struct scripted *s, const struct agent_answer *a, const char **reason)
{
	bool is_kept = has_message(a), is_refused = false;
	/* here, or by who it was or is sent on to; once all was done, nothing is refused */
	bool is_taken = is_kept || a->is_done || is_sent_on(a);
	int err = E_OK;
	for (size_t i = 0; i < a->n_sends && err == E_OK; i++) {
		const struct agent_send *send = &a->sends[i];
		enum pipe_outcome outcome =
		    send->kind == SEND_PIPE ? pipe_one(s, send) : PIPE_DONE;
		bool is_try = send->notify & PIPE_IS_TRY,
		     is_copy = send->notify & PIPE_IS_COPY;
		if (outcome == PIPE_DONE) {
			is_taken |= send->kind == SEND_PIPE;
		} else if (outcome == PIPE_LATER && !is_try) {
			err = E_IO;
		} else if (outcome == PIPE_REFUSED && !is_try && !is_copy &&
			   !is_taken && s->is_own) {
			is_refused = true;
			err = E_DENY;
		} else if (!is_copy && !is_kept) {
			err = place_message(s->job, s->target, reason);
			is_kept = true;
			if (err != E_OK)
				return err;
		}
	}
	if (err == E_IO || is_refused)
		*reason = buf_cstr(&scripted.reason);
	return err;
}

static int
place_as_said(const struct scripted *s, const char **reason)
{
	struct agent_answer a;
	int err = run(s, &a);
	*reason = "4.3.2 the scripts of the mailbox do not answer now";
	if (err == E_BAD) {
		log_event(LOG_WARNING, "placed_without_script", "mid=%s account=%s",
		    id_text(s->job->id), log_q(s->target->address));
		return place_message(s->job, s->target, reason);
	}
	if (err != E_OK)
		return E_IO;
	int64_t until = deadline_in_ms(SCRIPTED_DO_MS);
	err = store_all(s, &a, until, reason);
	if (err == E_OK && !s->is_sent)
		err = send_all(s, &a, until, reason);
	if (err == E_OK)
		err = pipe_all(s, &a, reason);
	if (err == E_OK && a.wants_done)
		agents_done(s->target);
	return err;
}

int
scripted_place(const struct scripted *s, const char **reason)
{
	int err = place_as_said(s, reason);
	arena_reset(&scripted.arena);
	return err;
}
