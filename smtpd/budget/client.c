/* SPDX-License-Identifier: ISC */
/* client.c - what a session asks of the role budget. */
#include "base/clock.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "smtpd/budget/budget.h"
#include "tls/hash.h"

#include <unistd.h>

static int chan = -1; /* own */

static int
call(uint16_t type, struct span body, struct budget_answer *out)
{
	struct buf in = {0};
	struct ask_msg m;
	int64_t deadline = deadline_in_ms(BUDGET_WAIT_MS);
	int err = E_IO;
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_IO; i++) {
		if (chan < 0 && child_channel("budget", &chan) != E_OK)
			break;
		err = ask_call(chan, type, body, -1, &in, &m, deadline);
		if (err != E_OK)
			ask_hang_up(&chan);
	}
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK &&
	    (budget_answer_get(&m.body, out) != E_OK || rd_end(&m.body) != E_OK))
		err = E_BAD;
	buf_free(&in);
	return err;
}

uint64_t
budget_hash(struct span address)
{
	unsigned char sum[SHA256_BYTES];
	struct buf lower = {0};
	uint64_t n = 0;
	for (size_t i = 0; i < address.n; i++)
		buf_ch(&lower, ch_lower(address.p[i]));
	sha256(buf_as_span(&lower), sum);
	buf_free(&lower);
	for (size_t i = 0; i < sizeof n; i++)
		n = n << 8 | sum[i];
	return n;
}

struct budget_answer
budget_ask_take(struct span account, const struct span *rcpts, size_t n)
{
	struct budget_answer a = {.said = BUDGET_DOWN};
	struct buf body = {0};
	buf_bytes(&body, account);
	buf_u16(&body, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_u64(&body, budget_hash(rcpts[i]));
	if (call(BUDGET_TAKE, buf_as_span(&body), &a) != E_OK)
		a.said = BUDGET_DOWN;
	buf_free(&body);
	metric_count(M_BUDGET + (unsigned)a.said);
	return a;
}

enum budget_said
budget_ask_look(struct span account)
{
	struct budget_answer a = {.said = BUDGET_DOWN};
	struct buf body = {0};
	buf_bytes(&body, account);
	if (call(BUDGET_LOOK, buf_as_span(&body), &a) != E_OK)
		a.said = BUDGET_DOWN;
	buf_free(&body);
	return a.said;
}
