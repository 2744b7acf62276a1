/* SPDX-License-Identifier: ISC */
/* event_letter.c - what a script sends because of an event goes into the queue. */
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/events.h"
#include "deliver/letter_sign.h"
#include "proc/child.h"
#include "spool/put.h"
#include "tls/hash.h"

enum { PARTS = 5 };

static struct spool_client spool;

static int
connect_spool(int *out)
{
	return child_daemon("queue", out);
}

void
event_letters_open(void)
{
	spool_client_init(&spool, connect_spool);
}

/* Of event, recipient, kind and account: sent again, it is the same, and is taken once. */
static struct id
id_of(struct span account, const struct turn_letter *l)
{
	struct buf action = {0};
	buf_span(&action, account);
	buf_putf(&action, "/%u", l->send.number);
	struct id id = spool_derived_id(l->id, l->send.rcpts[0],
	    l->send.kind == SEND_REDIRECT ? "event-redirect" : "event-notify",
	    buf_as_span(&action));
	buf_free(&action);
	return id;
}

static uint32_t
flags_of(const struct turn_letter *l, const struct span parts[PARTS])
{
	uint32_t flags = ENV_DERIVED;
	for (size_t i = 0; i < PARTS; i++)
		if (!span_is_ascii(parts[i]))
			flags |= ENV_8BITMIME;
	for (uint16_t i = 0; i < l->send.n_rcpts; i++)
		if (!span_is_ascii(l->send.rcpts[i]))
			flags |= ENV_SMTPUTF8;
	return flags;
}

/* What the spool would end us for, or not take again and again. */
static bool
is_sound(const struct envelope *e)
{
	struct buf b = {.max = ENVELOPE_BYTES_MAX};
	struct arena arena = {.max_bytes = ENVELOPE_BYTES_MAX};
	struct envelope back;
	envelope_put(&b, e);
	bool is = buf_done(&b) == E_OK &&
	          envelope_get(buf_as_span(&b), &arena, &back) == E_OK;
	arena_reset(&arena);
	buf_free(&b);
	return is && e->n_rcpts > 0;
}

/* In memory, or past SPOOL_SMALL_MAX in a file of the spool.  E_OK, E_IO */
static int
fill(const struct span parts[PARTS], struct envelope *e, struct buf *small)
{
	enum spool_verdict v;
	struct hash *h = hash_new();
	int file = -1, err = E_OK;
	for (size_t i = 0; i < PARTS; i++) {
		hash_add(h, parts[i]);
		e->size_bytes += parts[i].n;
	}
	hash_end(&h, e->sha256);
	if (spool_room(&spool, e->size_bytes, &v) != E_OK || v != SPOOL_OK)
		return E_IO;
	if (e->size_bytes > SPOOL_SMALL_MAX &&
	    (spool_file(&spool, &file, &v) != E_OK || v != SPOOL_OK))
		return E_IO;
	for (size_t i = 0; i < PARTS && err == E_OK; i++) {
		if (file < 0)
			buf_span(small, parts[i]);
		else
			err = file_write(file, parts[i]);
	}
	if (err == E_OK && file >= 0 && fdatasync(file) != 0)
		err = E_IO;
	return err == E_OK ? E_OK : E_IO;
}

static int
put(struct span account, const struct turn_letter *l, const struct span parts[PARTS],
    struct rcpt *rcpts, struct span sender)
{
	struct envelope e = {.id = id_of(account, l),
	    .flags = flags_of(l, parts),
	    .head_bytes = (uint32_t)parts[0].n,
	    .arrived_sec = clock_wall_sec(),
	    .sender = sender,
	    .account = account,
	    .ret = l->send.ret,
	    .rcpts = rcpts,
	    .n_rcpts = l->send.n_rcpts};
	struct buf small = {.max = SPOOL_SMALL_MAX};
	enum spool_verdict v = SPOOL_FAILED;
	for (uint16_t i = 0; i < l->send.n_rcpts; i++)
		rcpts[i] = (struct rcpt){
		    .address = l->send.rcpts[i], .notify = l->send.notify};
	int err = fill(parts, &e, &small);
	if (err == E_OK && !is_sound(&e)) {
		v = SPOOL_BAD;
		spool_drop(&spool);
	} else if (err == E_OK) {
		err = spool_put(&spool, &e, buf_as_span(&small), &v);
	} else {
		spool_drop(&spool);
	}
	buf_free(&small);
	if (err == E_OK && v == SPOOL_BAD)
		return E_BAD;
	if (err != E_OK || v != SPOOL_OK)
		return E_IO;
	log_event(LOG_INFO, "sent_by_script", "mid=%s sent=%s account=%s to=%s",
	    id_text(l->id), id_text(e.id), log_q(account), log_q(l->send.rcpts[0]));
	return E_OK;
}

/* RFC 6785 3.4: what is redirected is from the mailbox's owner. */
int
event_letter(struct span account, const struct turn_letter *l)
{
	bool is_redirect = l->send.kind == SEND_REDIRECT;
	struct span sender = is_redirect ? account : SPAN("");
	struct rcpt *rcpts = mem_new(l->send.n_rcpts * sizeof *rcpts);
	struct buf path = {0}, signatures = {0};
	if (!is_redirect)
		letter_sign(l->send.text, account, &signatures);
	buf_putf(&path, "Return-Path: <%.*s>\r\n", SPAN_ARG(sender));
	const struct span parts[PARTS] = {buf_as_span(&path), buf_as_span(&signatures),
	    l->send.fields, l->send.text, l->send.body};
	int err = put(account, l, parts, rcpts, sender);
	buf_free(&path);
	buf_free(&signatures);
	mem_free(&rcpts);
	return err;
}
