/* SPDX-License-Identifier: ISC */
/* put.c - the asking side of the one way into the spool. */
#include "spool/put.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/ask.h"
#include "tls/hash.h"

void
spool_client_init(struct spool_client *c, int (*connect)(int *out))
{
	*c = (struct spool_client){.chan = -1, .file = -1, .connect = connect};
}

static void
forget_file(struct spool_client *c)
{
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}

void
spool_client_done(struct spool_client *c)
{
	ask_hang_up(&c->chan);
	forget_file(c);
	buf_free(&c->scratch);
}

static int
ensure(struct spool_client *c)
{
	if (c->chan >= 0)
		return E_OK;
	return c->connect(&c->chan) == E_OK ? E_OK : E_IO;
}

static int
take_verdict(struct ask_msg *reply, enum spool_verdict *out)
{
	uint8_t v = rd_u8(&reply->body);
	if (rd_end(&reply->body) != E_OK || v > SPOOL_BAD)
		return E_IO;
	*out = v;
	return E_OK;
}

/* A small ask, on a new channel when the old one broke meanwhile (the spool restarted). */
static int
call(struct spool_client *c, uint16_t type, struct span body, int *fd,
    enum spool_verdict *out)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		struct ask_msg reply;
		if (ensure(c) != E_OK)
			return E_IO;
		int err = ask_call(c->chan, type, body, -1, &c->scratch, &reply,
		    deadline_in_ms(SPOOL_WAIT_MS));
		if (err == E_OK) {
			if (fd)
				*fd = reply.fd;
			else if (reply.fd >= 0)
				close(reply.fd);
			return take_verdict(&reply, out);
		}
		/* a late answer must not be taken for the next one's */
		ask_hang_up(&c->chan);
		if (err == E_LIMIT)
			return E_IO;
	}
	return E_IO;
}

int
spool_room(struct spool_client *c, uint64_t bytes, enum spool_verdict *out)
{
	struct buf body = {0};
	buf_u64(&body, bytes);
	int err = call(c, SPOOL_ROOM, buf_as_span(&body), NULL, out);
	buf_free(&body);
	return err;
}

int
spool_file(struct spool_client *c, int *out, enum spool_verdict *verdict)
{
	forget_file(c);
	int err = call(c, SPOOL_FILE, SPAN(""), &c->file, verdict);
	if (err == E_OK && *verdict == SPOOL_OK && c->file < 0)
		return E_IO;
	*out = c->file;
	return err;
}

/* The record in as many packets as it needs; only the last one is answered. */
static int
send_record(struct spool_client *c, uint16_t type, struct span head,
    struct span message, uint8_t flags)
{
	struct buf packet = {.max = ASK_MSG_MAX};
	int fd = type == SPOOL_PUT_LARGE ? c->file : -1;
	int64_t deadline = deadline_in_ms(SPOOL_SYNC_WAIT_MS);
	int err = E_OK;
	do {
		struct span h = span_head(head, SPOOL_CHUNK);
		struct span m = span_head(message, SPOOL_CHUNK - h.n);
		head = span_from(head, h.n);
		message = span_from(message, m.n);
		buf_reset(&packet);
		buf_u8(&packet, flags | (head.n + message.n == 0 ? SPOOL_PUT_LAST : 0));
		buf_span(&packet, h);
		buf_span(&packet, m);
		err = ask_send(c->chan, type, buf_as_span(&packet), fd, deadline);
		fd = -1; /* once is enough */
	} while (err == E_OK && head.n + message.n > 0);
	buf_free(&packet);
	return err;
}

static int
put_once(struct spool_client *c, uint16_t type, struct span head, struct span message,
    uint8_t flags, enum spool_verdict *out)
{
	struct ask_msg reply;
	if (ensure(c) != E_OK)
		return E_IO;
	int err = send_record(c, type, head, message, flags);
	if (err == E_OK)
		err = ask_recv(
		    c->chan, &c->scratch, &reply, deadline_in_ms(SPOOL_SYNC_WAIT_MS));
	if (err == E_OK && reply.type != (type | ASK_REPLY))
		err = E_BAD;
	if (err == E_OK && reply.fd >= 0)
		close(reply.fd);
	if (err == E_OK)
		return take_verdict(&reply, out);
	ask_hang_up(&c->chan);
	return err;
}

int
spool_put(struct spool_client *c, const struct envelope *e, struct span message,
    enum spool_verdict *out)
{
	struct buf head = {.max = ENVELOPE_BYTES_MAX + 4};
	uint16_t type = c->file >= 0 ? SPOOL_PUT_LARGE : SPOOL_PUT;
	buf_u32(&head, 0);
	envelope_put(&head, e);
	buf_set_u32(&head, 0, (uint32_t)head.len - 4);
	int err = buf_done(&head);
	if (err == E_OK)
		err = put_once(c, type, buf_as_span(&head), message, 0, out);
	/* no answer: perhaps it was taken.  The same id again is never taken twice. */
	if (err == E_IO || err == E_BAD)
		err = put_once(
		    c, type, buf_as_span(&head), message, SPOOL_PUT_AGAIN, out);
	buf_free(&head);
	forget_file(c);
	return err == E_OK ? E_OK : E_IO;
}

int
spool_flush(struct spool_client *c, struct span domain, enum spool_verdict *out)
{
	struct buf body = {0};
	buf_bytes(&body, domain);
	int err = call(c, SPOOL_FLUSH, buf_as_span(&body), NULL, out);
	buf_free(&body);
	return err;
}

void
spool_drop(struct spool_client *c)
{
	forget_file(c);
	if (c->chan >= 0 && ask_send(c->chan, SPOOL_DROP, SPAN(""), -1, 0) != E_OK)
		ask_hang_up(&c->chan);
}

struct id
spool_derived_id(
    struct id parent, struct span recipient, const char *kind, struct span action)
{
	struct buf all = {0};
	unsigned char sum[32];
	struct id id;
	buf_put(&all, parent.b, ID_BYTES);
	buf_bytes(&all, recipient);
	buf_bytes(&all, span_of(kind));
	buf_bytes(&all, action);
	sha256(buf_as_span(&all), sum);
	buf_free(&all);
	for (size_t i = 0; i < ID_BYTES; i++)
		id.b[i] = sum[i];
	return id;
}
