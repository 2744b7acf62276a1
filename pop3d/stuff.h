/* SPDX-License-Identifier: ISC */
/* stuff.h - a message as RETR and TOP send it: lines that begin with a dot get one more.  Pure. */
#ifndef POP3D_STUFF_H
#define POP3D_STUFF_H

#include "base/buf.h"

/*
 * stuff_next - the longest piece at the beginning of *text that can be sent as it is, and whether a
 * dot is to be sent before it.  *text is at a line's beginning at first, and stays where the next
 * piece begins.
 *   returns  the piece; empty: all is sent
 */
struct span stuff_next(struct span *text, bool *needs_dot);
/*
 * top_end - how much of a message TOP sends: its head, the empty line, and n lines of the body (RFC
 * 1939 7)
 */
size_t top_end(struct span message, uint64_t n_lines);

#endif
