/* SPDX-License-Identifier: ISC */
/* client.c - the asking side of auth: a conversation carried to the role. */
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"

void
auth_put_start(struct buf *out, const struct auth_conn *c, struct span mech,
    const struct span *initial)
{
	buf_bytes(out, span_head(span_of(c->service), AUTH_TEXT_MAX));
	buf_u8(out, c->has_tls);
	buf_u8(out, c->is_loopback);
	buf_bytes(out, span_head(c->client, AUTH_TEXT_MAX));
	buf_bytes(out, span_head(c->binding_type, AUTH_TEXT_MAX));
	buf_bytes(out, span_head(c->binding, AUTH_TEXT_MAX));
	buf_bytes(out, span_head(c->certificate, AUTH_CERTIFICATE_MAX));
	buf_bytes(out, mech);
	buf_u8(out, initial != NULL);
	buf_bytes(out, initial ? *initial : (struct span){"", 0});
}

void
auth_put_step(struct buf *out, struct span response)
{
	buf_bytes(out, response);
}

int
auth_get_reply(struct rd *body, struct auth_reply *out)
{
	uint8_t status = rd_u8(body);
	*out = (struct auth_reply){.status = (enum auth_status)status};
	out->challenge = rd_str(body, AUTH_DATA_MAX);
	out->account = rd_str(body, AUTH_TEXT_MAX);
	struct span ticket = rd_bytes(body, ID_BYTES);
	out->delay_ms = rd_u32(body);
	if (rd_end(body) != E_OK || status > AUTH_NO_MECH ||
	    out->delay_ms > AUTH_DELAY_MOST_MS)
		return E_BAD;
	out->ticket = *(const struct id *)ticket.p;
	return E_OK;
}

static struct buf
    in; /* what replies borrow from: one per process, as the header says */

/* E_OK, E_IO (another channel may do), E_LIMIT (no answer in time: asked again it would count twice) */
static int
call(int *chan, uint16_t type, struct span body, struct auth_reply *out)
{
	struct ask_msg m;
	int err =
	    ask_call(*chan, type, body, -1, &in, &m, deadline_in_ms(AUTH_WAIT_MS));
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK)
		err = auth_get_reply(&m.body, out);
	if (err == E_OK)
		return E_OK;
	ask_hang_up(chan);
	return err == E_LIMIT ? E_LIMIT : E_IO;
}

int
auth_start(int *chan, const struct auth_conn *c, struct span mech,
    const struct span *initial, struct auth_reply *out)
{
	struct buf body = {.max = ASK_MSG_MAX - 2};
	int err = E_IO;
	if (initial && initial->n > AUTH_DATA_MAX)
		return E_LIMIT;
	if (mech.n > AUTH_MECH_MAX) {
		*out = (struct auth_reply){.status = AUTH_NO_MECH};
		return E_OK;
	}
	auth_put_start(&body, c, mech, initial);
	for (int tries = 0; tries < 2 && err == E_IO; tries++) {
		if (*chan < 0 && child_channel("auth", chan) != E_OK) {
			*chan = -1;
			break;
		}
		err = call(chan, AUTH_START, buf_as_span(&body), out);
	}
	if (err != E_OK)
		log_event(LOG_ERR, "no_auth_process", "%s", "");
	buf_wipe(&body);
	return err == E_OK ? E_OK : E_IO;
}

int
auth_step(int *chan, struct span response, struct auth_reply *out)
{
	struct buf body = {.max = ASK_MSG_MAX - 2};
	if (response.n > AUTH_DATA_MAX)
		return E_LIMIT;
	if (*chan < 0)
		return E_IO;
	auth_put_step(&body, response);
	int err = call(chan, AUTH_STEP, buf_as_span(&body), out);
	buf_wipe(&body);
	return err == E_OK ? E_OK : E_IO;
}

void
auth_cancel(int *chan)
{
	if (*chan >= 0 && ask_send(*chan, AUTH_CANCEL, (struct span){"", 0}, -1,
			      deadline_in_ms(AUTH_WAIT_MS)) != E_OK)
		ask_hang_up(chan);
}
