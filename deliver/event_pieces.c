/* SPDX-License-Identifier: ISC */
/*
 * event_pieces.c - letters of agents while they come: so many accounts may send at once that each alone
 * would be within its limit, and all of them more than a process should have.
 */
#include "deliver/events.h"

static size_t in_use; /* bytes of memory, of all of them */

static void
give_back(struct event_pieces *p)
{
	in_use -= p->bytes.cap;
	buf_free(&p->bytes);
}

int
event_pieces_take(struct event_pieces *p, struct rd *body)
{
	size_t had = p->bytes.cap;
	p->bytes.max = TURN_LETTER_BYTES_MAX;
	int err = order_piece(body, &p->bytes);
	in_use += p->bytes.cap - had;
	if (err == E_LIMIT) /* more than an agent may say */
		return E_BAD;
	if (err == E_BAD)
		return err;
	if (in_use > EVENTS_LETTERS_BYTES_MOST)
		p->is_left_out = true;
	if (p->is_left_out)
		give_back(p);
	return err == E_OK && p->is_left_out ? E_LIMIT : err;
}

void
event_pieces_reset(struct event_pieces *p)
{
	p->is_left_out = false;
	give_back(p);
}

void
event_pieces_free(struct event_pieces *p)
{
	give_back(p);
}
