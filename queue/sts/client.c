/* SPDX-License-Identifier: ISC */
/* client.c - the asking side of sts, of a process that has one destination. */
#include <unistd.h>

#include "base/log.h"
#include "proc/child.h"
#include "proc/io.h"
#include "queue/sts/sts.h"

enum { TELL_WAIT_MS = 1000 };

static struct {
	int chan; /* own; -1: none */
	struct buf in;
	struct buf domain; /* own: that was asked for and not answered */
} sts = {.chan = -1};

static int
send_ask(enum sts_ask type, struct span body, int64_t deadline)
{
	if (sts.chan < 0 && child_channel("sts", &sts.chan) != E_OK)
		return E_IO;
	int err = ask_send(sts.chan, (uint16_t)type, body, -1, deadline);
	if (err != E_OK)
		ask_hang_up(&sts.chan);
	return err;
}

static int
ask(int64_t deadline)
{
	struct buf body = {0};
	buf_bytes(&body, buf_as_span(&sts.domain));
	int err = send_ask(STS_POLICY, buf_as_span(&body), deadline);
	buf_free(&body);
	return err;
}

void
sts_begin(struct span domain)
{
	buf_reset(&sts.domain);
	buf_span(&sts.domain, domain);
	if (ask(deadline_in_ms(STS_WAIT_MS)) != E_OK)
		ask_hang_up(&sts.chan); /* sts_end asks again */
}

static int
receive(int64_t deadline, struct arena *arena, struct sts_answer *out)
{
	struct ask_msg m;
	if (sts.chan < 0)
		return E_IO;
	int err = io_recv(sts.chan, &sts.in, &m, deadline, IO_STAYS);
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK && m.type != (STS_POLICY | ASK_REPLY))
		err = E_IO;
	if (err == E_OK)
		err = sts_answer_get(&m.body, arena, out);
	if (err != E_OK)
		ask_hang_up(&sts.chan);
	return err;
}

int
sts_end(struct arena *arena, struct sts_answer *out)
{
	int64_t deadline = deadline_in_ms(STS_WAIT_MS);
	*out = (struct sts_answer){.failure = TLS_FINE};
	if (!sts.domain.len)
		return E_OK;
	int err = receive(deadline, arena, out);
	for (int i = 1; i < CHILD_ATTEMPTS && err == E_IO; i++) {
		err = ask(deadline);
		if (err == E_OK)
			err = receive(deadline, arena, out);
	}
	buf_reset(&sts.domain);
	return err == E_OK ? E_OK : E_IO;
}

void
sts_tell(const struct sts_note *note)
{
	struct buf body = {0};
	sts_note_put(&body, note);
	if (send_ask(STS_NOTE, buf_as_span(&body), deadline_in_ms(TELL_WAIT_MS)) !=
	    E_OK)
		log_event(
		    LOG_NOTICE, "result_not_counted", "domain=%s", log_q(note->domain));
	buf_free(&body);
}
