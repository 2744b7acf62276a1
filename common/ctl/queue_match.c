/* SPDX-License-Identifier: ISC */
/* queue_match.c - does a message of the queue fit what was asked for? */
#include "ctl/queue_match.h"

#include <fnmatch.h>
#include <string.h>

#include "conf/value.h"

const char *const queue_states[ADMIN_HELD + 1] = {
    [ADMIN_ACTIVE] = "active", [ADMIN_DEFERRED] = "deferred", [ADMIN_HELD] = "held"};

void
queue_match_opts(struct queue_match *m, struct opt out[QUEUE_MATCH_OPTS])
{
	const struct opt all[QUEUE_MATCH_OPTS] = {{"--all", &m->is_all, NULL},
	    {"--sender", NULL, &m->sender}, {"--recipient", NULL, &m->recipient},
	    {"--destination", NULL, &m->destination}, {"--reply", NULL, &m->reply},
	    {"--state", NULL, &m->state}, {"--older", NULL, &m->older},
	    {"--younger", NULL, &m->younger}, {"--larger", NULL, &m->larger},
	    {"--smaller", NULL, &m->smaller}, {"--account", NULL, &m->account}};
	memcpy(out, all, sizeof all);
}

static int
read_number(
    const struct merpati *c, enum conf_type type, const char *text, int64_t *out)
{
	if (!text || value_parse_number(type, span_of(text), out) == E_OK)
		return EX_OK;
	return ctl_usage(c, "\"%s\" is no %s", text,
	    type == CONF_BYTES ? "size; right would be one like 500K"
			       : "age; right would be one like 90m or 2d");
}

static bool
is_state(const char *text)
{
	for (size_t i = 0; i < COUNT(queue_states); i++)
		if (strcmp(text, queue_states[i]) == 0)
			return true;
	return false;
}

int
queue_match_read(const struct merpati *c, struct queue_match *m)
{
	int status = read_number(c, CONF_SECONDS, m->older, &m->older_sec);
	if (status == EX_OK)
		status = read_number(c, CONF_SECONDS, m->younger, &m->younger_sec);
	if (status == EX_OK)
		status = read_number(c, CONF_BYTES, m->larger, &m->larger_bytes);
	if (status == EX_OK)
		status = read_number(c, CONF_BYTES, m->smaller, &m->smaller_bytes);
	if (status == EX_OK && m->state && !is_state(m->state))
		status = ctl_usage(c,
		    "\"%s\" is no state; right would be active, deferred or held",
		    m->state);
	return status;
}

bool
queue_match_is_empty(const struct queue_match *m)
{
	return queue_match_is_all(m) && !m->is_all;
}

bool
queue_match_is_all(const struct queue_match *m)
{
	return !m->sender && !m->recipient && !m->destination && !m->reply &&
	       !m->state && !m->older && !m->younger && !m->larger && !m->smaller &&
	       !m->account;
}

/* A pattern against bytes that end in no NUL; one that has a NUL in it fits nothing. */
static bool
fits(const char *pattern, struct span text)
{
	struct buf b = {0};
	buf_span(&b, text);
	bool is_fit = memchr(text.n ? text.p : "", 0, text.n) == NULL &&
	              fnmatch(pattern, buf_cstr(&b), FNM_CASEFOLD | FNM_NOESCAPE) == 0;
	buf_free(&b);
	return is_fit;
}

static bool
has_text(struct span in, const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i + n <= in.n; i++)
		if (span_ieqs(span_head(span_from(in, i), n), text))
			return true;
	return false;
}

static bool
rcpt_fits(const struct queue_match *m, const struct admin_rcpt *r)
{
	struct span domain = span_from(r->address, span_rfind(r->address, '@'));
	if (r->state == RCPT_DONE)
		return false;
	if (m->recipient && !fits(m->recipient, r->address))
		return false;
	if (m->destination &&
	    !fits(m->destination, domain.n ? span_from(domain, 1) : domain))
		return false;
	return !m->reply || has_text(r->reason, m->reply);
}

/* One recipient must fit all that is asked of recipients. */
static bool
rcpts_fit(const struct queue_match *m, const struct admin_entry *e)
{
	if (!m->recipient && !m->destination && !m->reply)
		return true;
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		if (rcpt_fits(m, &e->rcpts[i]))
			return true;
	return false;
}

bool
queue_match_fits(
    const struct queue_match *m, const struct admin_entry *e, int64_t now_sec)
{
	int64_t age_sec = now_sec - e->arrived_sec;
	bool is_null_wanted = m->sender && (!m->sender[0] || !strcmp(m->sender, "<>"));
	if (m->sender &&
	    (is_null_wanted ? e->sender.n != 0 : !fits(m->sender, e->sender)))
		return false;
	if (m->account && !fits(m->account, e->account))
		return false;
	if ((m->older && age_sec < m->older_sec) ||
	    (m->younger && age_sec >= m->younger_sec))
		return false;
	if ((m->larger && e->size_bytes <= (uint64_t)m->larger_bytes) ||
	    (m->smaller && e->size_bytes >= (uint64_t)m->smaller_bytes))
		return false;
	if (m->state && (e->state >= COUNT(queue_states) ||
			    strcmp(m->state, queue_states[e->state]) != 0))
		return false;
	return rcpts_fit(m, e);
}
