/* SPDX-License-Identifier: ISC */
/* cmd_compress.c - COMPRESS DEFLATE: RFC 4978 3. */
#include "imapd/command.h"
#include "net/deflate.h"

/*
 * All behind the tagged OK is compressed.  A client must wait for it; what one sent ahead is taken
 * for compressed, as it can be nothing else.
 */
enum reply
cmd_compress(struct session *s, struct command *c)
{
	struct span algorithm;
	if (parse_atom(&c->parse, &algorithm) != E_OK || parse_end(&c->parse) != E_OK ||
	    !span_ieqs(algorithm, "DEFLATE")) {
		c->parse.expected = "DEFLATE";
		return R_SYNTAX;
	}
	if (s->deflate)
		return R_COMPRESSED;
	s->deflate = deflate_new(s->io.fd);
	if (deflate_feed(s->deflate, io_unread(&s->io)) != E_OK) {
		c->parse.expected = "no command before the reply to COMPRESS";
		deflate_free(&s->deflate);
		return R_SYNTAX;
	}
	io_discard(&s->io);
	respond_tagged(s, R_DONE, c->verb, NULL);
	if (io_flush(&s->io) != E_OK)
		s->is_broken = true;
	s->io.way = &deflate_way;
	s->io.way_ctx = s->deflate;
	return R_NONE;
}
