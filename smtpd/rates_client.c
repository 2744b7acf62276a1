/* SPDX-License-Identifier: ISC */
/* rates_client.c - the asking side of rates: one channel of the process. */
#include <unistd.h>

#include "base/log.h"
#include "proc/child.h"
#include "proc/io.h"
#include "smtpd/rates.h"

static struct {
	int chan; /* own; -1: none */
	struct buf in, body;
} the = {.chan = -1};

static int
ask(int64_t deadline, enum rate *out)
{
	struct ask_msg m;
	if (the.chan < 0 && child_channel("rates", &the.chan) != E_OK)
		return E_IO;
	int err = ask_send(the.chan, RATES_TAKE, buf_as_span(&the.body), -1, deadline);
	if (err == E_OK)
		err = io_recv(the.chan, &the.in, &m, deadline, IO_STAYS);
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK) {
		*out = rd_u8(&m.body);
		if (m.type != (RATES_TAKE | ASK_REPLY) || rd_end(&m.body) != E_OK ||
		    *out > RATE_NONE)
			err = E_BAD;
	}
	if (err != E_OK) /* a late answer must not meet the next question */
		ask_hang_up(&the.chan);
	return err;
}

enum rate
rates_ask(const char *address, const struct rates_count *c)
{
	enum rate over = RATE_NONE;
	int64_t deadline = deadline_in_ms(RATES_WAIT_MS);
	int err = E_IO;
	buf_reset(&the.body);
	buf_bytes(&the.body, span_head(span_of(address), RATE_ADDRESS_MAX));
	for (enum rate r = RATE_MESSAGES; r < RATES; r++)
		buf_u32(&the.body, c->n[r]);
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_IO; i++)
		err = ask(deadline, &over);
	if (err == E_OK)
		return over;
	log_event(LOG_WARNING, "rates_down", "why=%s do=\"nothing: all may meanwhile\"",
	    err_name(err));
	return RATE_UNKNOWN;
}
