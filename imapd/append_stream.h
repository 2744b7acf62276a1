/* SPDX-License-Identifier: ISC */
/* append_stream.h - octets of a message on their way into its file: lines end in CRLF. */
#ifndef IMAPD_APPEND_STREAM_H
#define IMAPD_APPEND_STREAM_H

#include "store/incoming.h"
#include "store/store.h"

struct stream {
	struct incoming *to; /* borrow */
	bool is_binary;      /* a literal8 that is not said to be text */
	bool after_cr;       /* the last octet was a CR */
	bool has_nul, is_no_text;
	struct buf fixed; /* own: a piece with its line ends made whole */
};

/*
 * stream_piece - for command_literal; ctx is the stream.  E_OK, E_BAD (octets that are no text),
 * E_LIMIT (disk full), E_IO
 */
int stream_piece(void *ctx, struct span piece);

#endif
