/* SPDX-License-Identifier: ISC */
/* deflate.c - raw DEFLATE between a conversation and its socket. */
#include "net/deflate.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <zlib.h>

#include "base/log.h"

enum {
	AT_BLOCK = 128,  /* zlib's data_type: between two blocks */
	IN_LAST = 64,    /* in the one that ends the stream */
	BITS_MASK = 63,  /* that were not used of the last octet */
	MEMORY_LEVEL = 8 /* of deflate: 256 KB with its window */
};

struct deflate {
	int fd; /* borrow */
	z_stream in, out;
	unsigned char raw[DEFLATE_RAW_MAX]; /* read, not inflated from raw_at on */
	size_t raw_at, raw_n;
	unsigned char last; /* the last octet that was inflated */
	bool has_begun;     /* data_type says something */
	bool has_more;      /* the last read was filled: zlib may hold some yet */
	struct buf ready;   /* compressed, not sent from ready_at on */
	size_t ready_at;
	size_t taken; /* bytes of the write that is under way */
};

struct deflate *
deflate_new(int fd)
{
	struct deflate *d = mem_new(sizeof *d);
	d->fd = fd;
	if (inflateInit2(&d->in, -MAX_WBITS) != Z_OK ||
	    deflateInit2(&d->out, DEFLATE_LEVEL, Z_DEFLATED, -MAX_WBITS, MEMORY_LEVEL,
		Z_DEFAULT_STRATEGY) != Z_OK)
		bug("no memory for a stream");
	return d;
}

void
deflate_free(struct deflate **dp)
{
	struct deflate *d = *dp;
	if (!d)
		return;
	inflateEnd(&d->in);
	deflateEnd(&d->out);
	buf_wipe(&d->ready);
	mem_free(dp);
}

int
deflate_feed(struct deflate *d, struct span raw)
{
	if (raw.n > sizeof d->raw || d->raw_n)
		return E_LIMIT;
	memcpy(d->raw, raw.p, raw.n);
	d->raw_n = raw.n;
	return E_OK;
}

/* ---- from the client ---- */

/* E_OK: there is some; E_MORE, E_IO (the end too) */
static int
fill_raw(struct deflate *d)
{
	ssize_t k = recv(d->fd, d->raw, sizeof d->raw, MSG_DONTWAIT);
	if (k < 0)
		return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
	d->raw_at = 0;
	d->raw_n = (size_t)k;
	return k ? E_OK : E_IO;
}

/*
 * What is here into p, as far as it has room.  Z_BLOCK stops between blocks, where a stream can be
 * saved: so often that the end of what came is such a place.
 */
static int
inflate_some(struct deflate *d, char *p, size_t n, size_t *got)
{
	int err = E_OK;
	d->in.next_out = (unsigned char *)p;
	d->in.avail_out = (uInt)n;
	do {
		size_t had = d->raw_n - d->raw_at;
		d->in.next_in = &d->raw[d->raw_at];
		d->in.avail_in = (uInt)had;
		int z = inflate(&d->in, Z_BLOCK);
		d->raw_at = d->raw_n - d->in.avail_in;
		if (d->in.avail_in < had)
			d->last = d->raw[d->raw_at - 1];
		d->has_begun = true;
		if (z == Z_BUF_ERROR)
			break;
		if (z != Z_OK)
			err = E_IO; /* no stream, or its end: nothing can follow */
	} while (err == E_OK && d->in.avail_out && d->raw_at < d->raw_n);
	*got = n - d->in.avail_out;
	d->has_more = err == E_OK && d->in.avail_out == 0;
	if (err != E_OK)
		log_event(LOG_INFO, "not_compressed", "%s", "");
	return *got ? E_OK : err;
}

static int
way_read(void *ctx, char *p, size_t n, size_t *got, bool *wants_write)
{
	struct deflate *d = ctx;
	int err = E_OK;
	*wants_write = false;
	*got = 0;
	while (err == E_OK && *got == 0) {
		if (d->raw_at == d->raw_n && !d->has_more)
			err = fill_raw(d);
		if (err == E_OK)
			err = inflate_some(d, p, n, got);
	}
	return err;
}

static size_t
way_pending(void *ctx)
{
	const struct deflate *d = ctx;
	return d->raw_n - d->raw_at + d->has_more;
}

/* ---- to the client ---- */

static void
compress_piece(struct deflate *d, const char *p, size_t n, bool is_last)
{
	d->out.next_in = (unsigned char *)(uintptr_t)p;
	d->out.avail_in = (uInt)n;
	do {
		char *room = buf_room(&d->ready, DEFLATE_RAW_MAX);
		d->out.next_out = (unsigned char *)room;
		d->out.avail_out = DEFLATE_RAW_MAX;
		if (deflate(&d->out, is_last ? Z_SYNC_FLUSH : Z_NO_FLUSH) ==
		    Z_STREAM_ERROR)
			bug("deflate");
		buf_added(&d->ready, DEFLATE_RAW_MAX - d->out.avail_out);
	} while (d->out.avail_out == 0);
	d->taken = n;
}

static int
way_write(void *ctx, const char *p, size_t n, size_t *put, bool *wants_write)
{
	struct deflate *d = ctx;
	*wants_write = true;
	if (!d->taken) {
		size_t piece = n < DEFLATE_PIECE ? n : DEFLATE_PIECE;
		compress_piece(d, p, piece, piece == n);
	}
	while (d->ready_at < d->ready.len) {
		ssize_t k = send(d->fd, d->ready.p + d->ready_at,
		    d->ready.len - d->ready_at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0)
			return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
		d->ready_at += (size_t)k;
	}
	buf_reset(&d->ready);
	d->ready_at = 0;
	*put = d->taken;
	d->taken = 0;
	return E_OK;
}

const struct io_way deflate_way = {
    .read = way_read, .write = way_write, .pending = way_pending};

/* ---- from one process to another ---- */

int
deflate_save(struct deflate *d, struct buf *out)
{
	unsigned char window[DEFLATE_WINDOW_MAX];
	uInt n = 0;
	unsigned bits = d->has_begun ? (unsigned)d->in.data_type & BITS_MASK : 0;
	bool is_between = !d->has_begun ||
	                  (d->in.data_type & AT_BLOCK && !(d->in.data_type & IN_LAST));
	if (way_pending(d) || d->taken || !is_between || bits > 7)
		return E_MORE;
	if (inflateGetDictionary(&d->in, window, &n) != Z_OK)
		return E_MORE;
	buf_u8(out, (uint8_t)bits);
	buf_u8(out, (uint8_t)(bits ? d->last >> (8 - bits) : 0));
	buf_bytes(out, span_make((const char *)window, n));
	mem_wipe(window, sizeof window);
	return E_OK;
}

int
deflate_load(struct rd *r, int fd, struct deflate **out)
{
	unsigned bits = rd_u8(r), value = rd_u8(r);
	struct span window = rd_str(r, DEFLATE_WINDOW_MAX);
	*out = NULL;
	if (r->err != E_OK || bits > 7 || value >> bits)
		return E_BAD;
	struct deflate *d = deflate_new(fd);
	if ((window.n && inflateSetDictionary(&d->in, (const unsigned char *)window.p,
			     (uInt)window.n) != Z_OK) ||
	    (bits && inflatePrime(&d->in, (int)bits, (int)value) != Z_OK)) {
		deflate_free(&d);
		return E_BAD;
	}
	/* as inflate would leave it: it may be saved again before a byte comes */
	d->has_begun = true;
	d->in.data_type = (int)(bits | AT_BLOCK);
	d->last = (unsigned char)(value << (8 - bits));
	*out = d;
	return E_OK;
}
