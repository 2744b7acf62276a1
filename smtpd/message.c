/* SPDX-License-Identifier: ISC */
/* message.c - from pieces of a conversation to one spooled message. */
#include "smtpd/message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "smtpd/limits.h"
#include "tls/hash.h"

/*
 * When the spool took a message last: as long as that is fresh, it is up and has room for a small
 * one.
 */
static int64_t last_taken_ms;

static bool
is_spool_trusted(void)
{
	return last_taken_ms && clock_mono_ms() - last_taken_ms < SPOOL_TRUST_MS;
}

static enum reply
verdict_reply(int err, enum spool_verdict v)
{
	if (err != E_OK)
		return R_QUEUE_DOWN;
	switch (v) {
	case SPOOL_OK:
		return R_NONE;
	case SPOOL_FULL:
	case SPOOL_BUSY:
		return R_NO_ROOM;
	case SPOOL_FAILED:
	case SPOOL_BAD:
		break;
	}
	return R_QUEUE_FAILED;
}

static enum reply
ask_room(struct message *m, uint64_t bytes)
{
	enum spool_verdict v = SPOOL_FAILED;
	int err = spool_room(m->spool, bytes, &v);
	enum reply r = verdict_reply(err, v);
	m->has_room = r == R_NONE;
	if (r != R_NONE)
		last_taken_ms = 0;
	return r;
}

enum reply
message_begin(struct message *m, uint64_t bytes)
{
	char *head;
	m->mem.max = SPOOL_SMALL_MAX + 2 * DATA_CHUNK;
	buf_reset(&m->mem);
	head = buf_room(&m->mem, MESSAGE_ROOM);
	if (!head)
		bug("room for the head");
	buf_added(&m->mem, MESSAGE_ROOM);
	m->scan = (struct data_scan){0};
	m->head = (struct head_scan){0};
	m->size_bytes = 0;
	m->head_bytes = 0;
	m->last = '\n';
	m->has_room = false;
	m->has_cr = false;
	m->file = -1;
	m->fault = R_NONE;
	m->begun_us = clock_mono_us();
	if (bytes <= SPOOL_SMALL_MAX && is_spool_trusted())
		return R_NONE;
	return ask_room(m, bytes ? bytes : m->most_bytes);
}

static void
write_out(struct message *m, struct span s)
{
	if (!m->judge) /* else it is not final yet */
		hash_add(m->hash, s);
	int err = m->fault == R_NONE ? file_write(m->file, s) : E_OK;
	if (err == E_OK)
		return;
	log_event(LOG_ERR, "spool_write_failed", "err=%s", log_errno(errno));
	m->fault = err == E_LIMIT ? R_NO_ROOM : R_QUEUE_FAILED;
}

static void
make_head(struct message *m, struct buf *out)
{
	out->max = MESSAGE_HEAD_MAX;
	m->return_path_bytes = m->put_head(m->ctx, &m->head, out);
	if (buf_done(out) != E_OK)
		bug("a message head past its room");
	m->head_bytes = out->len;
}

/* What the client sent so far, in memory. */
static struct span
raw_of(const struct message *m)
{
	return m->file < 0 ? span_from(buf_as_span(&m->mem), MESSAGE_ROOM)
	                   : buf_as_span(&m->mem);
}

/* The head goes right before the first byte, into the room kept for it.  All of it together. */
static struct span
join_head(struct message *m, struct span raw)
{
	struct buf head = {0};
	struct span all;
	make_head(m, &head);
	struct shape s = {.head = buf_as_span(&head), .header = raw};
	s.body = span_from(s.header, s.header.n);
	shape_in_memory(&s, &m->mem, &all);
	buf_free(&head);
	return all;
}

static void
new_file(struct message *m)
{
	enum spool_verdict v = SPOOL_FAILED;
	if (!m->has_room)
		m->fault = ask_room(m, m->most_bytes);
	if (m->fault != R_NONE)
		return;
	int err = spool_file(m->spool, &m->file, &v);
	m->fault = verdict_reply(err, v);
	if (m->fault != R_NONE) {
		m->file = -1;
		return;
	}
	if (!m->hash)
		m->hash = hash_new();
	hash_reset(m->hash);
}

/* It does not stay small: into a file. */
static void
open_file(struct message *m)
{
	struct span raw = raw_of(m);
	new_file(m);
	if (m->fault != R_NONE)
		return;
	write_out(m, m->judge ? raw : join_head(m, raw));
	buf_reset(&m->mem);
}

static void
make_place(struct message *m, size_t n)
{
	size_t most = SPOOL_SMALL_MAX - (m->judge ? MESSAGE_HEAD_MAX : 0);
	if (m->mem.len + n <= most)
		return;
	if (m->file < 0) {
		open_file(m);
	} else {
		write_out(m, buf_as_span(&m->mem));
		buf_reset(&m->mem);
	}
}

static void
add(struct message *m, struct span piece)
{
	if (piece.n == 0)
		return;
	m->size_bytes += piece.n;
	m->last = piece.p[piece.n - 1];
	if (m->fault == R_NONE && m->size_bytes > m->most_bytes)
		m->fault = R_TOO_BIG;
	if (m->fault != R_NONE)
		return;
	if (!m->head.is_over)
		head_feed(&m->head, piece);
	while (piece.n && m->fault == R_NONE) {
		struct span part = span_head(piece, DATA_CHUNK);
		make_place(m, part.n);
		if (m->fault == R_NONE)
			buf_span(&m->mem, part);
		piece = span_from(piece, part.n);
	}
}

void
message_add(struct message *m, struct span piece)
{
	struct span part;
	if (!m->takes_bare || m->is_binary)
		add(m, piece);
	else
		while (blank_next(&m->has_cr, &piece, &part))
			add(m, part);
}

/* BDAT may end without a line end: a file ends in a line, but for bytes that are to be kept. */
static void
end_line(struct message *m)
{
	if (m->has_cr)
		add(m, SPAN(" "));
	m->has_cr = false;
	if (m->fault == R_NONE && m->last != '\n' && !m->is_binary)
		add(m, SPAN("\r\n"));
}

/* R_NONE, or why these bytes are no message for us. */
static enum reply
fault_of(const struct message *m)
{
	if (m->fault == R_TOO_BIG)
		return m->fault;
	if (data_has_bare(&m->scan) && (!m->takes_bare || m->is_binary))
		return R_BARE_DATA;
	if (data_has_long(&m->scan) && !m->takes_long && !m->is_binary)
		return R_LONG_DATA;
	if (m->fault != R_NONE)
		return m->fault;
	return m->head.n_received > m->hops_most ? R_HOPS : R_NONE;
}

static enum reply
sync_file(struct message *m)
{
	if (m->fault == R_NONE && fdatasync(m->file) != 0) {
		log_event(LOG_ERR, "spool_sync_failed", "err=%s", log_errno(errno));
		m->fault = R_QUEUE_FAILED;
	}
	return m->fault;
}

static enum reply
finish_file(struct message *m, struct envelope *e)
{
	write_out(m, buf_as_span(&m->mem));
	hash_out(m->hash, e->sha256);
	e->size_bytes = m->head_bytes + m->size_bytes;
	return sync_file(m);
}

static enum reply
finish_memory(struct message *m, struct envelope *e, struct span *bytes)
{
	*bytes = join_head(m, raw_of(m));
	sha256(*bytes, e->sha256);
	e->size_bytes = bytes->n;
	return R_NONE;
}

/* It was small until somebody made more of it. */
static enum reply
finish_grown(struct message *m, const struct shape *s, struct envelope *e)
{
	struct span parts[] = {s->head, s->header, s->body};
	message_judge_fn *judge = m->judge;
	new_file(m);
	m->judge = NULL; /* what is written now is final */
	for (size_t i = 0; i < COUNT(parts) && m->fault == R_NONE; i++)
		write_out(m, parts[i]);
	m->judge = judge;
	if (m->fault == R_NONE)
		hash_out(m->hash, e->sha256);
	return sync_file(m);
}

static enum reply
shape_small(
    struct message *m, const struct shape *s, struct envelope *e, struct span *bytes)
{
	if (shape_bytes(s) > SPOOL_SMALL_MAX)
		return finish_grown(m, s, e);
	shape_in_memory(s, &m->mem, bytes);
	sha256(*bytes, e->sha256);
	return R_NONE;
}

static enum reply
shape_large(
    struct message *m, const struct shape *s, struct mapping *map, struct envelope *e)
{
	int err = shape_in_file(s, m->file, map);
	if (err != E_OK)
		m->fault = err == E_LIMIT ? R_NO_ROOM : R_QUEUE_FAILED;
	else
		sha256(span_make(map->p, map->n), e->sha256);
	return sync_file(m);
}

/* The whole of what the client sent; a file is mapped. */
static enum reply
open_raw(struct message *m, struct mapping *map, struct span *out)
{
	*out = raw_of(m);
	if (m->file < 0)
		return R_NONE;
	write_out(m, buf_as_span(&m->mem));
	if (m->fault == R_NONE && mapping_open(map, m->file, m->size_bytes) != E_OK)
		m->fault = R_QUEUE_FAILED;
	*out = span_make(map->p, map->n);
	return m->fault;
}

/* What the judge leaves of it.  size_bytes stays 0 where that is nothing. */
static enum reply
finish_judged(struct message *m, struct envelope *e, struct span *bytes)
{
	struct mapping map = {0};
	struct buf head = {0};
	struct span raw;
	enum reply r = open_raw(m, &map, &raw);
	struct shape s = shape_split(raw);
	if (r == R_NONE)
		r = m->judge(m->ctx, raw, &s);
	if (r == R_NONE) {
		make_head(m, &head);
		s.head = buf_as_span(&head);
		e->size_bytes = shape_bytes(&s);
		r = m->file < 0 ? shape_small(m, &s, e, bytes)
		                : shape_large(m, &s, &map, e);
	}
	mapping_close(&map);
	buf_free(&head);
	return r;
}

static enum reply
finish(struct message *m, struct envelope *e, struct span *bytes)
{
	if (m->judge)
		return finish_judged(m, e, bytes);
	return m->file < 0 ? finish_memory(m, e, bytes) : finish_file(m, e);
}

enum reply
message_end(struct message *m, struct envelope *e)
{
	struct span bytes = SPAN("");
	enum spool_verdict v = SPOOL_FAILED;
	end_line(m);
	e->size_bytes = 0;
	enum reply r = fault_of(m);
	if (r == R_NONE)
		r = finish(m, e, &bytes);
	if (r != R_NONE)
		return r;
	e->head_bytes = m->return_path_bytes;
	/* RFC 8689 4.1 */
	if (!(e->flags & ENV_REQUIRETLS) && head_has_tls_optional(&m->head))
		e->flags |= ENV_TLS_OPTIONAL;
	int err = spool_put(m->spool, e, bytes, &v);
	r = verdict_reply(err, v);
	last_taken_ms = r == R_NONE ? clock_mono_ms() : 0;
	m->has_room = false; /* used, or gone with the refusal */
	m->file = -1;
	return r == R_NONE ? R_QUEUED : r;
}

void
message_drop(struct message *m)
{
	if (m->has_room || m->file >= 0)
		spool_drop(m->spool);
	m->has_room = false;
	m->file = -1;
	if (m->mem.cap > MESSAGE_MEM_KEPT)
		buf_free(&m->mem);
}

void
message_shrink(struct message *m)
{
	buf_free(&m->mem);
	if (m->hash)
		hash_end(&m->hash, NULL);
}
