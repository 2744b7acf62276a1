/* SPDX-License-Identifier: ISC */
/* policy.c - which checks there are, in which order, and what comes of them. */
#include "smtpd/policy/policy.h"

#include "smtpd/identity.h"
#include "smtpd/session.h"

void
policy_begin(struct session *s)
{
	lookups_init(&s->policy.lookups);
	s->policy.above.max = POLICY_ABOVE_MAX;
	s->policy.header.max = (size_t)s->limits->message_bytes + POLICY_ABOVE_MAX;
}

void
policy_end(struct session *s)
{
	lookups_done(&s->policy.lookups);
	buf_free(&s->policy.above);
	buf_free(&s->policy.header);
}

void
policy_reset(struct session *s)
{
	lookups_done(&s->policy.lookups);
	lookups_init(&s->policy.lookups);
	buf_reset(&s->policy.above);
	buf_reset(&s->policy.header);
}

enum reply
policy_helo(struct session *s)
{
	(void)s;
	return R_NONE;
}

enum reply
policy_mail(struct session *s)
{
	(void)s;
	return R_NONE;
}

enum reply
policy_rcpt(struct session *s, struct span address)
{
	(void)s, (void)address;
	return R_NONE;
}

enum reply
policy_data(struct session *s)
{
	(void)s;
	return R_NONE;
}

bool
policy_wants_message(const struct session *s)
{
	return session_is_submission(s) || !s->may_relay;
}

enum reply
policy_message(void *ctx, struct span message, struct shape *shape)
{
	struct session *s = ctx;
	(void)message;
	return identity_check(s, shape->header);
}
