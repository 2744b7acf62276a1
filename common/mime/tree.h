/* SPDX-License-Identifier: ISC */
/*
 * tree.h - the parts of a message with their offsets, made in one pass.  RFC 2045 5, RFC 2046 5.
 * Lines end in CRLF or LF.  There is no message without a tree; of what is broken it says this:
 *   first line is no field                  the head is empty, all of it is body
 *   a Content-Type that is none             text/plain (RFC 2045 5.2)
 *   of several fields of one name           the first
 *   multipart without (a known) boundary    one child: the whole body, with an empty head
 *   a delimiter inside a head               ends the head and the part
 *   no closing delimiter                    the part ends where what it is in ends
 *   a boundary that begins another          the longest that fits; of the same twice, the innermost
 *   message/rfc822 in base64 and the like   an opaque leaf (forbidden by RFC 2046 5.2.1)
 *   past a limit                            an opaque leaf; past TREE_PARTS_MAX the last part is
 *                                           the rest of the message
 */
#ifndef MIME_TREE_H
#define MIME_TREE_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	TREE_DEPTH_MAX = 64, /* multiparts and messages in each other */
	TREE_PARTS_MAX = 10000,
	TREE_BOUNDARY_MAX = 1000, /* octets; RFC 2046 5.1.1 says 70 */
};

enum part_kind {
	PART_LEAF,
	PART_MULTIPART, /* has one child or more */
	/* message/rfc822, message/global: its one child is the root of that message */
	PART_MESSAGE,
	PART_OPAQUE, /* a multipart or message that is not looked into: a leaf */
};

/*
 * Values as they stand in the head: folds, comments and quotes in it, blanks at both ends off; n is
 * 0 when absent.
 */
struct part_fields {
	/* two tokens; never absent: "text" "plain" or what stands for it */
	struct span type, subtype;
	struct span content_type; /* the whole value, for param_type_parse */
	/* no usable Content-Type: type and subtype are static, content_type is empty */
	bool is_type_implied;
	struct span encoding, disposition, id, description, md5, language, location;
};

struct part {
	/* borrow: the tree's arena; NULL for none */
	struct part *parent, *child, *next;
	/* offsets in the message; the head includes its empty line */
	size_t head_at, body_at, end_at;
	size_t body_lines; /* line ends in the body */
	uint32_t number;   /* among its siblings, from 1; of a message's root 0 */
	uint32_t depth;    /* of the root 0 */
	enum part_kind kind;
	/* of the message, or of a nested one: its head is a message's head */
	bool is_root;
	struct part_fields fields; /* borrow: the message */
};

struct tree {
	struct span message; /* borrow */
	/* the parts below point here: a tree stays where it was made */
	struct part root;
	size_t n_parts; /* with the root */
};

/*
 * tree_make - never fails.  The parts below the root live in the arena; where it is full, a leaf is
 * opaque.
 */
void tree_make(struct span message, struct arena *, struct tree *out);

/* borrow: the message */
struct span part_head(const struct tree *, const struct part *);
struct span part_body(const struct tree *, const struct part *);
/* part_next - the part behind this one, in the order they stand; NULL behind the last */
const struct part *part_next(const struct part *);
/* the same, without those inside this one */
const struct part *part_next_over(const struct part *);
/* any case; subtype NULL: every one */
bool part_is(const struct part *, const char *type, const char *subtype);

/*
 * part_find - the part of an IMAP part number, RFC 3501 6.4.5.  Of a message that is no multipart
 * its part 1 is its root, that is the body as a part.
 *   path, n  the numbers; n = 0 is the root
 *   returns  NULL when there is no such part
 */
const struct part *part_find(const struct tree *, const uint32_t *path, size_t n);
/*
 * part_path - the other way round, "1.2.3".  Of a multipart that is a root: the number of its
 * message, or ""
 */
void part_path(struct buf *out, const struct part *);

#endif
