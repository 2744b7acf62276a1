/* SPDX-License-Identifier: ISC */
/* turn_letter.c - letters on the wire between an agent and the role events.  Pure. */
#include "deliver/turn.h"

void
turn_letter_put(struct buf *out, const struct turn_letter *l)
{
	struct agent_send send = l->send;
	const struct agent_answer a = {.sends = &send, .n_sends = 1};
	buf_put(out, l->id.b, ID_BYTES);
	answer_put(out, &a);
}

int
turn_letter_get(struct span in, struct arena *arena, struct turn_letter *out)
{
	struct agent_answer a;
	struct rd r = rd_of(in);
	rd_id(&r, &out->id);
	if (r.err != E_OK)
		return E_BAD;
	int err = answer_get(r.in, arena, &a);
	if (err != E_OK)
		return err;
	if (a.n_stores || a.n_sends != 1)
		return E_BAD;
	out->send = a.sends[0];
	bool is_redirect = out->send.kind == SEND_REDIRECT;
	/* what answers new mail is not of an event; of a redirect all of it is there */
	if (is_redirect ? !out->send.has_body : out->send.kind != SEND_NOTIFY)
		return E_BAD;
	return E_OK;
}
