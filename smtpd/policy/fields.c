/* SPDX-License-Identifier: ISC */
/* fields.c - fields that are taken out, and those that are put above a message. */
#include "smtpd/policy/fields.h"

#include "base/clock.h"
#include "base/log.h"
#include "dkim/arc_seal.h"
#include "smtpd/pace.h"
#include "smtpd/session.h"

void
fields_take_claims(struct session *s, struct shape *shape)
{
	struct span server = span_of(the_process.rules.server);
	struct span rest = shape->header, whole;
	const char *kept = rest.p;
	while (authres_claim_next(&rest, server, &whole) == E_OK) {
		buf_span(&s->policy.header, span_make(kept, (size_t)(whole.p - kept)));
		kept = whole.p + whole.n;
	}
	if (kept == shape->header.p)
		return;
	buf_span(&s->policy.header,
	    span_from(shape->header, (size_t)(kept - shape->header.p)));
	shape->header = buf_as_span(&s->policy.header);
}

void
fields_complete(struct session *s, struct shape *shape)
{
	struct buf missing = {0};
	missing_put(s, &missing);
	if (missing.len) {
		buf_span(&missing, shape->header);
		buf_reset(&s->policy.header);
		buf_span(&s->policy.header, buf_as_span(&missing));
		shape->header = buf_as_span(&s->policy.header);
	}
	buf_free(&missing);
}

/* Whether they stand there. */
static bool
put_above(struct session *s, const struct buf *fields, const char *what)
{
	struct buf *above = &s->policy.above;
	bool is_room =
	    buf_done(fields) == E_OK && above->len + fields->len <= above->max;
	if (is_room)
		buf_span(above, buf_as_span(fields));
	else
		log_event(LOG_WARNING, "no_room_above", "what=%s bytes=%zu room=%zu",
		    what, fields->len, above->max - above->len);
	return is_room;
}

/* What all who were asked say of a message that is taken. */
static struct authres
results_of(const struct session *s)
{
	const struct policy *p = &s->policy;
	struct authres a = {.has_utf8 = s->txn.envelope.flags & ENV_SMTPUTF8};
	chain_say(&p->chain, buf_as_span(&s->helo), &a);
	pace_say(s, &a);
	lists_say(&p->lists, &a);
	greylist_say(&p->greylisted, &a);
	filters_say(&p->filtering, &a);
	return a;
}

void
fields_put_results(struct session *s)
{
	struct buf field = {0};
	struct authres a = results_of(s);
	authres_put(&a, SPAN(AUTHRES_FIELD_NAME ":"), span_of(the_process.rules.server),
	    &field);
	if ((a.text.len || chain_has(&s->policy.chain, CHAIN_ANY)) &&
	    put_above(s, &field, "results"))
		s->txn.envelope.flags |= ENV_JUDGED;
	authres_done(&a);
	buf_free(&field);
}

static struct span
body_of(const struct shape *shape)
{
	return span_starts(shape->body, SPAN("\r\n")) ? span_from(shape->body, 2)
	                                              : shape->body;
}

/*
 * The header as whoever gets it reads it: with what filters put above our Received, as a signature
 * says that there is no more of a name.  mem: may get it
 */
static struct span
whole_header(const struct session *s, const struct shape *shape, struct buf *mem)
{
	if (!s->policy.above.len)
		return shape->header;
	buf_span(mem, buf_as_span(&s->policy.above));
	buf_span(mem, shape->header);
	return buf_as_span(mem);
}

void
fields_seal(struct session *s, const struct shape *shape)
{
	struct chain *c = &s->policy.chain;
	struct buf head = {0}, results = {0}, header = {0}, set = {0};
	if (!s->txn.has_forward || !c->rules->seal_domain[0] ||
	    !chain_has(c, CHAIN_ARC))
		return;
	buf_putf(&head, "ARC-Authentication-Results: i=%u;", arc_next(c->arc));
	struct authres a = {.has_utf8 = s->txn.envelope.flags & ENV_SMTPUTF8};
	chain_say(
	    c, buf_as_span(&s->helo), &a); /* what others go by: the rest is for us */
	authres_put(&a, buf_as_span(&head), span_of(c->rules->server), &results);
	const struct arc_seal_how how = {.now_sec = clock_wall_sec(),
	    .domain = span_of(c->rules->seal_domain),
	    .results = buf_as_span(&results)};
	int err = arc_seal_put(&the_process.signer, c->arc,
	    whole_header(s, shape, &header), body_of(shape), &how, &set);
	if (err == E_OK)
		put_above(s, &set, "seal");
	else if (err != E_DENY)
		log_event(LOG_INFO, "not_sealed", "why=%s", err_name(err));
	authres_done(&a);
	buf_free(&head);
	buf_free(&results);
	buf_free(&header);
	buf_free(&set);
}

void
fields_sign(struct session *s, const struct shape *shape)
{
	struct arena arena = {0};
	struct buf mem = {0}, signatures = {0};
	struct span domain, header = whole_header(s, shape, &mem);
	const struct dkim_sign_how how = {.now_sec = clock_wall_sec()};
	int err = dkim_author_domain(header, &arena, &domain);
	if (err == E_OK)
		err = dkim_sign_parts(&the_process.signer, header, body_of(shape),
		    domain, &how, &signatures);
	if (err == E_OK)
		put_above(s, &signatures, "signature");
	else if (err != E_DENY)
		log_event(LOG_INFO, "not_signed", "why=%s", err_name(err));
	arena_reset(&arena);
	buf_free(&mem);
	buf_free(&signatures);
}
