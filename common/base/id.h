/* SPDX-License-Identifier: ISC */
/* id.h - names that are unique in the world: of messages, files in mailboxes, sessions. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/buf.h"

enum {
	ID_BYTES = 12,      /* 96 random bits, never made from the clock */
	ID_TEXT = 24,       /* lower-case hex digits, without NUL */
	FILE_ID_BYTES = 16, /* message id, then 4 bytes of recipient tag */
	FILE_ID_TEXT = 32,
};

struct id {
	unsigned char b[ID_BYTES];
};

/* A message in one mailbox: the message's id and the tag of the recipient it came for. */
struct file_id {
	unsigned char b[FILE_ID_BYTES];
};

struct id id_new(void);                            /* from getrandom(2) */
void rd_id(struct rd *, struct id *out);           /* zero after any failure */
void rd_file_id(struct rd *, struct file_id *out); /* the same */
bool id_eq(struct id a, struct id b);
bool id_is_zero(struct id id);
/* id_text - hex in one of 8 rotating static buffers; borrow: until the 8th call after this one */
const char *id_text(struct id id);
MUST_USE int id_parse(struct span text, struct id *out); /* E_OK, E_BAD */
/* tag stored big-endian, so its hex is the tag's */
struct file_id file_id_of(struct id id, uint32_t tag);
const char *file_id_text(struct file_id id); /* as id_text */
MUST_USE int file_id_parse(struct span text, struct file_id *out);
bool file_id_eq(struct file_id a, struct file_id b);
/* random_fill - n bytes from getrandom(2); cannot fail */
void random_fill(void *p, size_t n);
uint32_t random_below(uint32_t bound); /* 0 .. bound-1; bound > 0 */

#endif
