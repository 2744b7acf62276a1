/* SPDX-License-Identifier: ISC */
/* greylist_client.c - the asking side of greylisting: one channel of the process. */
#include <unistd.h>

#include "base/log.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/io.h"
#include "smtpd/policy/greylist.h"
#include "smtpd/policy/psl.h"

enum { NET4_BITS = 24, NET6_BITS = 64 };

static struct {
	int chan; /* own; -1: none */
	struct buf in, body;
} the = {.chan = -1};

void
greylist_key_put(struct span spf_domain, const struct ip *ip, struct buf *out)
{
	struct ip net = *ip;
	size_t bits = net.n == 16 ? NET6_BITS : NET4_BITS;
	if (spf_domain.n) {
		buf_str(out, "spf:");
		buf_span(out, psl_organisation(spf_domain));
		return;
	}
	for (size_t i = bits / 8; i < net.n; i++)
		net.b[i] = 0;
	buf_str(out, "net:");
	ip_put(&net, out);
	buf_putf(out, "/%zu", bits);
}

static int
ask(int64_t deadline, enum greylist_verdict *verdict, uint32_t *left_sec)
{
	struct ask_msg m;
	if (the.chan < 0 && child_channel("greylist", &the.chan) != E_OK)
		return E_IO;
	int err =
	    ask_send(the.chan, GREYLIST_JUDGE, buf_as_span(&the.body), -1, deadline);
	if (err == E_OK)
		err = io_recv(the.chan, &the.in, &m, deadline, IO_STAYS);
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK) {
		*verdict = rd_u8(&m.body);
		*left_sec = rd_u32(&m.body);
		if (m.type != (GREYLIST_JUDGE | ASK_REPLY) || rd_end(&m.body) != E_OK ||
		    *verdict >= GREYLIST_VERDICTS)
			err = E_BAD;
	}
	if (err != E_OK) /* a late answer must not meet the next question */
		ask_hang_up(&the.chan);
	return err;
}

enum greylist_verdict
greylist_ask(struct span key, struct span sender, struct span rcpt, uint32_t *left_sec)
{
	enum greylist_verdict verdict = GREYLIST_DOWN;
	int64_t deadline = deadline_in_ms(GREYLIST_WAIT_MS);
	buf_reset(&the.body);
	buf_bytes(&the.body, span_head(key, GREYLIST_KEY_MAX));
	buf_bytes(&the.body, span_head(sender, GREYLIST_PATH_MAX));
	buf_bytes(&the.body, span_head(rcpt, GREYLIST_PATH_MAX));
	int err = E_IO;
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_IO; i++)
		err = ask(deadline, &verdict, left_sec);
	if (err != E_OK)
		verdict = GREYLIST_DOWN;
	if (verdict != GREYLIST_WAIT)
		*left_sec = 0;
	if (verdict == GREYLIST_DOWN)
		log_event(LOG_WARNING, "greylist_down",
		    "why=%s do=\"nothing: mail passes meanwhile\"",
		    err_name(err == E_OK ? E_IO : err));
	metric_count(M_GREYLIST + (unsigned)verdict);
	return verdict;
}

/* ---- in words ---- */

/* What counts of several: who came again; who is known; else that nobody could tell. */
static enum greylist_verdict
sum_of(const struct greylisted *g)
{
	enum greylist_verdict v = GREYLIST_PASS;
	while (v < GREYLIST_VERDICTS && !g->n[v])
		v++;
	return v < GREYLIST_VERDICTS ? v : GREYLIST_WAIT;
}

void
greylist_say(const struct greylisted *g, struct authres *out)
{
	enum greylist_verdict v = sum_of(g);
	if (v == GREYLIST_WAIT)
		return;
	authres_result(out, "x-greylist", v == GREYLIST_DOWN ? "temperror" : "pass");
	authres_comment(out, v == GREYLIST_PASS    ? SPAN("came again")
			     : v == GREYLIST_KNOWN ? SPAN("known")
						   : SPAN("nobody could tell"));
}

void
greylist_log(const struct greylisted *g, struct buf *out)
{
	static const char *const names[GREYLIST_VERDICTS] = {
	    [GREYLIST_WAIT] = "delayed",
	    [GREYLIST_PASS] = "passed",
	    [GREYLIST_KNOWN] = "known",
	    [GREYLIST_DOWN] = "down"};

	enum greylist_verdict v = sum_of(g);
	if (g->n[v])
		buf_putf(out, " greylist=%s", names[v]);
	if (v != GREYLIST_WAIT && g->n[GREYLIST_WAIT])
		buf_putf(out, " greylist_delayed=%u", g->n[GREYLIST_WAIT]);
}
