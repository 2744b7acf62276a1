/* SPDX-License-Identifier: ISC */
/*
 * drop_take.c - one file of drop/ into the spool: read once, checked as it is copied, put as any
 * client puts.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/drop.h"
#include "queue/dropfile.h"
#include "spool/put.h"
#include "tls/hash.h"

static int
connect_spool(int *out)
{
	return child_daemon("queue", out);
}

static struct spool_client spool = {.chan = -1, .file = -1, .connect = connect_spool};

/* One file on its way. */
struct taking {
	int fd; /* own */
	struct id name;
	struct stat st;
	struct arena arena; /* own */
	struct buf head;    /* own: lead and envelope, as read */
	struct envelope e;
	uint64_t offset;  /* of the message in the file */
	struct buf bytes; /* own: what is stored; of a large one only its beginning */
	/* own: of the user's bytes, which must be what the envelope says */
	struct hash *hash;
	struct drop_scan scan;
	bool is_full; /* why it waits: there is no room for it */
};

static int
read_at(int fd, uint64_t at, size_t n, struct buf *out)
{
	char *room = buf_room(out, n);
	if (!room || pread(fd, room, n, (off_t)at) != (ssize_t)n)
		return E_BAD; /* shorter than it was, or than it says */
	buf_added(out, n);
	return E_OK;
}

static int
read_head(struct taking *t)
{
	uint32_t n = 0;
	t->head.max = DROP_LEAD_BYTES + ENVELOPE_BYTES_MAX;
	int err = read_at(t->fd, 0, DROP_LEAD_BYTES, &t->head);
	if (err == E_OK)
		err = drop_lead_get(buf_as_span(&t->head), &n);
	if (err == E_OK)
		err = read_at(t->fd, DROP_LEAD_BYTES, n, &t->head);
	if (err == E_OK) {
		struct span all = buf_as_span(&t->head);
		err = drop_envelope_get(span_head(all, DROP_LEAD_BYTES),
		    span_from(all, DROP_LEAD_BYTES), &t->arena, &t->e);
	}
	t->offset = DROP_LEAD_BYTES + n;
	if (err == E_OK && t->offset + t->e.size_bytes != (uint64_t)t->st.st_size)
		err = E_BAD;
	return err;
}

/* What is true of it because we say so: who sent it is the owner of the file.  RFC 5321 4.4. */
static void
put_head(struct taking *t, struct buf *out)
{
	struct envelope *e = &t->e;
	buf_putf(out, "Return-Path: <%.*s>\r\n", SPAN_ARG(e->sender));
	e->head_bytes = (uint32_t)out->len;
	buf_putf(out, "Received: by %s (merpati, from userid %u)\r\n\tid %s",
	    conf_str(the_child.conf, "common", "hostname"), (unsigned)t->st.st_uid,
	    id_text(e->id));
	if (e->n_rcpts == 1)
		buf_putf(out, "\r\n\tfor <%.*s>", SPAN_ARG(e->rcpts[0].address));
	buf_str(out, ";\r\n\t");
	date_put(out, clock_wall_sec());
	buf_str(out, "\r\n");
}

/* The user's bytes in pieces, each read once: what is stored is what was checked. */
static int
copy(struct taking *t, struct hash *stored, int (*put)(struct taking *, struct span))
{
	struct buf chunk = {.max = DROP_CHUNK};
	uint64_t left = t->e.size_bytes, at = t->offset;
	int err = E_OK;
	while (err == E_OK && left) {
		size_t n = left < DROP_CHUNK ? (size_t)left : DROP_CHUNK;
		buf_reset(&chunk);
		err = read_at(t->fd, at, n, &chunk);
		struct span s = buf_as_span(&chunk);
		hash_add(t->hash, s);
		hash_add(stored, s);
		drop_scan_feed(&t->scan, s);
		if (err == E_OK)
			err = put(t, s);
		left -= n;
		at += n;
	}
	buf_free(&chunk);
	return err;
}

static int
put_memory(struct taking *t, struct span s)
{
	buf_span(&t->bytes, s);
	return buf_done(&t->bytes);
}

static int
put_file(struct taking *t, struct span s)
{
	(void)t;
	return file_write(spool.file, s) == E_OK ? E_OK : E_IO;
}

static int
said(struct taking *t, int err, enum spool_verdict v)
{
	t->is_full = err == E_OK && v == SPOOL_FULL;
	return err == E_OK && v == SPOOL_OK ? E_OK : E_IO;
}

/*
 * E_OK: all of it is where the spool takes it from.  E_BAD, E_LIMIT: it is no message.  E_IO:
 * later.
 */
static int
store(struct taking *t)
{
	enum spool_verdict v = SPOOL_FAILED;
	struct hash *stored = hash_new();
	unsigned char sum[SHA256_BYTES];
	bool is_small;
	int file;
	t->bytes.max = SPOOL_SMALL_MAX;
	put_head(t, &t->bytes);
	uint64_t all = t->bytes.len + t->e.size_bytes;
	is_small = all <= SPOOL_SMALL_MAX;
	hash_add(stored, buf_as_span(&t->bytes));
	int err = spool_room(&spool, all, &v);
	err = said(t, err, v);
	if (err == E_OK && !is_small) {
		err = spool_file(&spool, &file, &v);
		err = said(t, err, v);
	}
	if (err == E_OK && !is_small)
		err = put_file(t, buf_as_span(&t->bytes));
	if (err == E_OK)
		err = copy(t, stored, is_small ? put_memory : put_file);
	hash_out(t->hash, sum);
	if (err == E_OK && memcmp(sum, t->e.sha256, sizeof sum) != 0)
		err = E_BAD;
	if (err == E_OK)
		err = drop_scan_end(&t->scan);
	if (err == E_OK && !is_small && fdatasync(spool.file) != 0)
		err = E_IO;
	hash_end(&stored, t->e.sha256);
	t->e.size_bytes = all;
	return err;
}

/*
 * What the spool is told of where it came from: it removes the file when it has the message, and
 * never takes it twice.
 */
static int
hand_over(struct taking *t)
{
	enum spool_verdict v = SPOOL_FAILED;
	struct buf from = {0};
	struct envelope e = t->e;
	bool is_small = e.size_bytes <= SPOOL_SMALL_MAX;
	buf_putf(&from, "%s%s", DROPPED_CLIENT, id_text(t->name));
	e.client = buf_as_span(&from);
	e.flags |= ENV_DROPPED | (t->scan.has_high ? ENV_8BITMIME : 0);
	e.arrived_sec = clock_wall_sec();
	int err =
	    spool_put(&spool, &e, is_small ? buf_as_span(&t->bytes) : SPAN(""), &v);
	buf_free(&from);
	return said(t, err, v);
}

static void
log_taken(const struct taking *t)
{
	log_event(LOG_INFO, "accepted",
	    "mid=%s uid=%u from=%s to=%s rcpts=%u bytes=%llu dropped=%s",
	    id_text(t->e.id), (unsigned)t->st.st_uid, log_q(t->e.sender),
	    log_q(t->e.rcpts[0].address), t->e.n_rcpts,
	    (unsigned long long)t->e.size_bytes, id_text(t->name));
}

/*
 * The same file has the same id whenever it is looked at; who chooses its name cannot choose that
 * of another's message.
 */
static struct id
id_of(const struct taking *t)
{
	char uid[16];
	snprintf(uid, sizeof uid, "%u", (unsigned)t->st.st_uid);
	return spool_derived_id(t->name, span_of(uid), "drop", SPAN(""));
}

static void
taking_done(struct taking *t)
{
	close(t->fd);
	arena_reset(&t->arena);
	buf_free(&t->head);
	buf_free(&t->bytes);
	hash_end(&t->hash, NULL);
}

enum drop_outcome
drop_take(struct id name)
{
	struct taking t = {.fd = -1, .name = name, .arena = {.max_bytes = 1 << 20}};
	if (drop_open(name, &t.fd, &t.st) != E_OK)
		return DROP_GONE;
	t.hash = hash_new();
	int err = read_head(&t);
	if (err == E_OK) {
		t.e.id = id_of(&t);
		err = store(&t);
	}
	if (err == E_OK)
		err = hand_over(&t);
	else
		spool_drop(&spool);
	if (err == E_OK)
		log_taken(&t);
	taking_done(&t);
	if (err == E_OK)
		return DROP_TAKEN;
	if (err == E_IO)
		return t.is_full ? DROP_FULL : DROP_WAITS;
	drop_aside(id_text(name), t.st.st_uid,
	    err == E_LIMIT ? "it has passed too many hops, or is too long"
			   : "it is damaged, or no message");
	return DROP_GONE;
}
