/* SPDX-License-Identifier: ISC */
/* cmd_user_release.c - accounts that sent too much: released, or their held mail removed. */
#include <string.h>

#include "ctl/queue_talk.h"
#include "ctl/stopped.h"
#include "ctl/user.h"

static void
put_lower(struct buf *out, const char *address)
{
	buf_reset(out);
	for (const char *p = address; *p; p++)
		buf_ch(out, ch_lower(*p));
}

/* What the queue did to the held mail of an account. */
static int
ask_queue(const struct merpati *c, uint16_t type, struct span account, uint32_t *n)
{
	struct queue_talk q;
	struct buf body = {0};
	struct rd answer;
	int status = queue_open(c, &q);
	if (status != EX_OK)
		return status;
	buf_bytes(&body, account);
	int err = queue_ask(&q, type, buf_as_span(&body), &answer);
	if (err == E_OK) {
		*n = rd_u32(&answer);
		err = rd_end(&answer);
	}
	buf_free(&body);
	queue_close(&q);
	return queue_said(err);
}

/* It may send again first: else what is released could be held again. */
static int
release(const struct merpati *c, struct span account)
{
	enum budget_release said = RELEASE_NOT_TRIPPED;
	uint32_t n = 0;
	int status =
	    stopped_counts(c->conf) ? stopped_release(c, account, &said) : EX_OK;
	if (status == EX_OK && said == RELEASE_LATER) {
		ctl_say("mail of %.*s is being held at this moment; try again",
		    SPAN_ARG(account));
		status = EX_TEMPFAIL;
	}
	if (status == EX_OK)
		status = ask_queue(c, ADMIN_RELEASE_ACCOUNT, account, &n);
	if (status == EX_OK)
		printf("%.*s %s; %u held messages go on\n", SPAN_ARG(account),
		    said == RELEASE_DONE ? "may send again" : "was not stopped", n);
	return status;
}

static int
purge(const struct merpati *c, struct span account)
{
	uint32_t n = 0;
	int status = ask_queue(c, ADMIN_PURGE_ACCOUNT, account, &n);
	if (status == EX_OK)
		printf("%u held messages of %.*s are removed\n", n, SPAN_ARG(account));
	return status;
}

static int
each(struct merpati *c, int argc, char **argv,
    int fn(const struct merpati *, struct span account))
{
	struct buf account = {0};
	int status = opts_read(c, NULL, 0, &argc, argv, 1, USER_ARGUMENTS_MAX);
	if (status != EX_OK)
		return status;
	for (int i = 0; i < argc; i++) {
		put_lower(&account, argv[i]);
		if (account.len == 0 || account.len > TRIP_ACCOUNT_MAX)
			status =
			    ctl_usage(c, "\"%s\": right would be an account", argv[i]);
		else {
			int one = fn(c, buf_as_span(&account));
			status = status == EX_OK ? one : status;
		}
	}
	buf_free(&account);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_user_release(struct merpati *c, int argc, char **argv)
{
	return each(c, argc, argv, release);
}

int
cmd_user_purge(struct merpati *c, int argc, char **argv)
{
	return each(c, argc, argv, purge);
}
