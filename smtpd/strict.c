/* SPDX-License-Identifier: ISC */
/* strict.c - what a client does wrong that not everybody refuses. */
#include "base/log.h"
#include "metrics/metric.h"
#include "smtpd/session.h"

static const char *const names[STRICT_COUNT] = {
    [STRICT_BARE] = "bare",
    [STRICT_PIPELINING] = "pipelining",
    [STRICT_LINES] = "lines",
};

bool
strict_takes(const struct session *s, enum strict_what what)
{
	return s->limits->is_counted[session_class(s)][what];
}

void
strict_note(struct session *s, enum strict_what what)
{
	metric_count(M_SMTP_LENIENT + what);
	if (!s->is_noted[what])
		log_event(LOG_INFO, "not_refused", "client=%s what=%s", s->client.text,
		    names[what]);
	s->is_noted[what] = true;
}
