/* SPDX-License-Identifier: ISC */
/*
 * buf.h - owned bytes with a maximum (buf) and a reader of bytes (rd).
 * The first failure sticks: a run of calls is checked once, at its end, by buf_done or rd_end.
 * Integers on the wire are little-endian.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/span.h"

struct buf {
	char *p; /* own; not NUL-terminated */
	size_t len, cap;
	size_t max;     /* most bytes it may hold; 0 means BUF_MAX_DEFAULT */
	bool is_secret; /* it leaves no copy behind where it grows; then buf_wipe */
	int err;        /* first failure, or E_OK */
};

#define BUF_MAX_DEFAULT ((size_t)64 << 20)

/* past max: E_LIMIT, stores nothing */
void buf_put(struct buf *, const void *p, size_t n);
void buf_span(struct buf *, struct span);
void buf_str(struct buf *, const char *s);
void buf_ch(struct buf *, char c);
void buf_putf(struct buf *, const char *fmt, ...) FMT(2, 3);
void buf_vputf(struct buf *, const char *fmt, va_list ap) FMT(2, 0);
void buf_u8(struct buf *, uint8_t);
void buf_u16(struct buf *, uint16_t);
void buf_u32(struct buf *, uint32_t);
void buf_u64(struct buf *, uint64_t);
/* u32 length, then the bytes: read by rd_str */
void buf_bytes(struct buf *, struct span);
void buf_hex(struct buf *, struct span); /* lower case */
void buf_base64(struct buf *, struct span);
/* "..." as a JSON string (bad UTF-8 becomes U+FFFD) */
void buf_quoted(struct buf *, struct span);
/* n writable bytes past len, or NULL (sticks E_LIMIT) */
char *buf_room(struct buf *, size_t n);
void buf_added(struct buf *, size_t n); /* n bytes of the room were filled */
void buf_set_u32(struct buf *, size_t at, uint32_t); /* overwrites 4 bytes inside len */
void buf_drop(struct buf *, size_t n);               /* the first n bytes leave */
void buf_cut(struct buf *, size_t len);              /* shortens to len */
void buf_reset(struct buf *); /* empty, no error; keeps the memory */
void buf_free(struct buf *);  /* memory back; max stays */
void buf_wipe(struct buf *);  /* as buf_free, for secrets: overwritten first */
struct span buf_as_span(const struct buf *); /* borrow: until the next change */
/* adds a NUL past len; borrow; "" after a failure */
const char *buf_cstr(struct buf *);
/* E_OK, or the first thing that went wrong */
MUST_USE int buf_done(const struct buf *);

struct rd {
	struct span in; /* borrow: what is not read yet */
	int err;
};

struct arena;

struct rd rd_of(struct span);
uint8_t rd_u8(struct rd *);
uint16_t rd_u16(struct rd *);
uint32_t rd_u32(struct rd *);
uint64_t rd_u64(struct rd *);
/* u32 length; borrows; empty after any earlier failure */
struct span rd_str(struct rd *, size_t max);
/* as rd_str, but in the arena; E_LIMIT when that is full */
struct span rd_copy(struct rd *, size_t max, struct arena *);
struct span rd_bytes(struct rd *, size_t n); /* exactly n bytes; borrows */
/* E_BAD if short, over a max, or bytes left; E_LIMIT of rd_copy */
MUST_USE int rd_end(const struct rd *);

/*
 * base64_decode - RFC 4648 section 4, padding required, nothing else in it.  E_OK, E_BAD, E_LIMIT
 * (out full)
 */
MUST_USE int base64_decode(struct span in, struct buf *out);
/* hex_decode - exactly n bytes from 2n digits of either case.  E_OK, E_BAD */
MUST_USE int hex_decode(struct span in, void *out, size_t n);
void mem_wipe(void *p, size_t n);
/* mem_same - constant-time comparison of n bytes */
bool mem_same(const void *a, const void *b, size_t n);

#endif
