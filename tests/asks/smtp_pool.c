/* SPDX-License-Identifier: ISC */
/* smtp_pool.c - what a session of smtpd says to its front; the front itself is not here. */
#include "smtpd/pool.c"

#include "gates.h"

static const struct ask_table table = {
    .rows = front_rows, .n_rows = COUNT(front_rows), .who = "session"};

const struct ask_table *
pool_table(unsigned kind)
{
	(void)kind;
	return &table;
}

void
front_conn_served(struct conn *c)
{
	(void)c;
}

void
front_conn_end(struct conn **c)
{
	(void)c;
}

struct conn *
front_next_ready(void)
{
	return NULL;
}

bool
front_has_silent(void)
{
	return false;
}

void
front_stop_if_done(void)
{
}

void
front_refuse_ready(void)
{
}
