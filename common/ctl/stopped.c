/* SPDX-License-Identifier: ISC */
/* stopped.c - smtpd's role budget is asked. */
#include "ctl/stopped.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/connect.h"
#include "ctl/daemons.h"
#include "proc/ask.h"

enum { STOPPED_WAIT_MS = 5000 };

bool
stopped_counts(const struct conf *conf)
{
	return strcmp(conf_str(conf, "smtpd", "budget_action"), "off") != 0;
}

static int
open_budget(const struct conf *conf, int *out)
{
	return daemon_pid(conf, "smtpd") ? ctl_connect(conf, "smtpd", "budget", out)
	                                 : E_IO;
}

static int
ask(int fd, uint16_t type, struct span account, struct buf *in, struct rd *answer)
{
	struct buf body = {0};
	struct ask_msg reply;
	buf_bytes(&body, account);
	int err = ask_call(fd, type, buf_as_span(&body), -1, in, &reply,
	    deadline_in_ms(STOPPED_WAIT_MS));
	buf_free(&body);
	if (err != E_OK)
		return err;
	if (reply.fd >= 0)
		close(reply.fd);
	*answer = reply.body;
	return E_OK;
}

/* A packet of accounts.  *n: how many; last: the last of them, in out. */
static int
take_packet(struct rd *answer, struct buf *out, struct buf *last, uint16_t *n)
{
	struct trip t;
	int err = E_OK;
	*n = rd_u16(answer);
	for (uint16_t i = 0; i < *n && err == E_OK; i++) {
		struct span account = rd_str(answer, TRIP_ACCOUNT_MAX);
		err = trip_get(answer, &t);
		buf_span(out, account);
		buf_ch(out, '\n');
		buf_reset(last);
		buf_span(last, account);
	}
	return err == E_OK ? rd_end(answer) : err;
}

void
stopped_read(const struct conf *conf, struct stopped *out)
{
	struct buf in = {0}, last = {0};
	uint16_t n = 1;
	int fd;
	*out = (struct stopped){.is_known = !stopped_counts(conf)};
	if (out->is_known || open_budget(conf, &fd) != E_OK)
		return;
	int err = E_OK;
	while (err == E_OK && n) {
		struct rd answer;
		err = ask(fd, BUDGET_TRIPS, buf_as_span(&last), &in, &answer);
		if (err == E_OK)
			err = take_packet(&answer, &out->accounts, &last, &n);
	}
	out->is_known = err == E_OK;
	close(fd);
	buf_free(&in);
	buf_free(&last);
}

void
stopped_free(struct stopped *s)
{
	buf_free(&s->accounts);
}

struct span
stopped_word(const struct stopped *s, struct span account)
{
	struct span all = buf_as_span(&s->accounts);
	if (!s->is_known)
		return SPAN("unknown");
	while (all.n)
		if (span_ieq(span_cut(&all, '\n'), account))
			return SPAN("stopped");
	return SPAN("yes");
}

int
stopped_release(const struct merpati *c, struct span account, enum budget_release *out)
{
	struct buf in = {0};
	struct rd answer;
	int fd, err = open_budget(c->conf, &fd);
	if (err == E_OK) {
		err = ask(fd, BUDGET_RELEASE, account, &in, &answer);
		if (err == E_OK) {
			*out = rd_u8(&answer);
			err = rd_end(&answer);
		}
		close(fd);
	}
	buf_free(&in);
	if (err == E_OK && *out != RELEASE_FAILED)
		return EX_OK;
	ctl_say(err == E_DENY ? "smtpd, which knows who was stopped: not permitted"
			      : "smtpd, which knows who was stopped, does not answer; "
				"start it, or try again");
	return err == E_DENY ? EX_NOPERM : EX_TEMPFAIL;
}
