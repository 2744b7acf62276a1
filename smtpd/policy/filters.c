/* SPDX-License-Identifier: ISC */
/* filters.c - a conversation with a client, as milters and policy services are told of it. */
#include "smtpd/policy/filters.h"

#include <stdio.h>

#include "base/log.h"
#include "smtpd/session.h"
#include "tls/server.h"

static struct milters *
milters_of(const struct session *s)
{
	return &the_process.filters.milters[session_class(s)];
}

static struct delegates *
delegates_of(const struct session *s)
{
	return &the_process.filters.delegates[session_class(s)];
}

void
filters_load(struct filters *f, const struct conf *c)
{
	*f = (struct filters){.dialer = {.chan = -1}};
	milters_load(&f->milters[CLASS_SMTP], c, "milters", &f->dialer);
	milters_load(
	    &f->milters[CLASS_SUBMISSION], c, "submission_milters", &f->dialer);
	delegates_load(&f->delegates[CLASS_SMTP], c, "policy_services", &f->dialer);
	delegates_load(&f->delegates[CLASS_SUBMISSION], c, "submission_policy_services",
	    &f->dialer);
}

void
filters_free(struct filters *f)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		f->milters[i].deadline = deadline_in_ms(FILTERS_GOODBYE_MS);
		milters_free(&f->milters[i]);
		delegates_free(&f->delegates[i]);
	}
	dialer_done(&f->dialer);
	buf_free(&f->text);
	buf_free(&f->params);
}

static bool
asks_services(const struct session *s)
{
	return delegates_of(s)->n && (session_is_submission(s) || !s->may_relay);
}

bool
filters_want_message(const struct session *s)
{
	return milters_of(s)->n || asks_services(s);
}

/* ---- what they are told ---- */

static struct span
domain_of(struct span address)
{
	size_t at = span_rfind(address, '@');
	return at < address.n ? span_from(address, at + 1) : span_head(address, 0);
}

/* What the DNS says of the client: the name that it confirms, and the one that its address has. */
static struct span
confirmed_name(const struct session *s)
{
	const struct rdns *r = &s->policy.client.rdns;
	bool is_known =
	    chain_has(&s->policy.chain, CHAIN_RDNS) && r->result == RDNS_PASS;
	return is_known ? r->name : SPAN("");
}

static struct span
claimed_name(const struct session *s)
{
	const struct rdns *r = &s->policy.client.rdns;
	bool is_known = chain_has(&s->policy.chain, CHAIN_RDNS) && r->name.n;
	return is_known ? r->name : SPAN("unknown");
}

/* The name that the DNS confirms, else the address in []; in "NAME [ADDRESS]", which is text. */
static struct milter_client
client_of(struct session *s)
{
	struct buf *text = &the_process.filters.text;
	struct span name = confirmed_name(s);
	buf_reset(text);
	buf_span(text, name);
	buf_putf(text, "%s[%s]", name.n ? " " : "", s->client.text);
	name = name.n ? span_head(buf_as_span(text), name.n) : buf_as_span(text);
	return (struct milter_client){.name = name,
	    .address = span_of(s->client.text),
	    .helo = buf_as_span(&s->helo)};
}

static struct span
listener_of(const struct session *s)
{
	static const char *const names[] = {[KIND_SMTP] = "smtp",
	    [KIND_SUBMISSION] = "submission",
	    [KIND_SUBMISSIONS] = "submissions",
	    [KIND_LMTP] = "lmtp"};
	return span_of(names[s->client.kind]);
}

static struct milter_client
set_macros(struct session *s, struct milters *ms)
{
	const struct envelope *e = &s->txn.envelope;
	struct milter_client c = client_of(s);
	struct span *v = ms->values;
	ms->deadline = s->io.deadline;
	ms->body_max = (size_t)s->limits->message_bytes + 2;
	for (size_t i = 0; i < MILTER_MACRO_COUNT; i++)
		v[i] = SPAN("");
	v[MILTER_M_J] = span_of(s->limits->hostname);
	v[MILTER_M_V] = SPAN("merpati " MERPATI_VERSION);
	v[MILTER_M_UNDERSCORE] = buf_as_span(&the_process.filters.text);
	v[MILTER_M_DAEMON_NAME] = listener_of(s);
	v[MILTER_M_CLIENT_ADDR] = c.address;
	v[MILTER_M_CLIENT_NAME] = c.name;
	v[MILTER_M_CLIENT_PTR] = claimed_name(s);
	if (s->cover.is_tls) {
		v[MILTER_M_TLS_VERSION] = span_of(s->cover.version);
		v[MILTER_M_CIPHER] = span_of(s->cover.cipher);
	}
	v[MILTER_M_I] = span_of(id_text(e->id));
	v[MILTER_M_AUTH_TYPE] = buf_as_span(&s->mechanism);
	v[MILTER_M_AUTH_AUTHEN] = buf_as_span(&s->account);
	v[MILTER_M_MAIL_ADDR] = e->sender;
	v[MILTER_M_MAIL_HOST] = domain_of(e->sender);
	return c;
}

static void
set_values(const struct session *s, const char *state, struct span rcpt, uint64_t bytes,
    struct span *v)
{
	static char count[24], size[24];
	const struct envelope *e = &s->txn.envelope;
	bool is_rcpt = state[0] == 'R';
	for (size_t i = 0; i < DELEGATE_COUNT; i++)
		v[i] = SPAN("");
	snprintf(count, sizeof count, "%u", is_rcpt ? 0 : e->n_rcpts);
	snprintf(size, sizeof size, "%llu", (unsigned long long)bytes);
	v[DELEGATE_PROTOCOL_STATE] = span_of(state);
	v[DELEGATE_PROTOCOL_NAME] = s->is_esmtp ? SPAN("ESMTP") : SPAN("SMTP");
	v[DELEGATE_CLIENT_ADDRESS] = span_of(s->client.text);
	v[DELEGATE_CLIENT_NAME] = confirmed_name(s);
	if (!v[DELEGATE_CLIENT_NAME].n)
		v[DELEGATE_CLIENT_NAME] = SPAN("unknown");
	v[DELEGATE_REVERSE_CLIENT_NAME] = claimed_name(s);
	v[DELEGATE_HELO_NAME] = buf_as_span(&s->helo);
	v[DELEGATE_SENDER] = e->sender;
	v[DELEGATE_RECIPIENT] = rcpt;
	if (!is_rcpt && e->n_rcpts == 1)
		v[DELEGATE_RECIPIENT] = e->rcpts[0].address;
	v[DELEGATE_RECIPIENT_COUNT] = span_of(count);
	v[DELEGATE_QUEUE_ID] = v[DELEGATE_INSTANCE] = span_of(id_text(e->id));
	v[DELEGATE_SIZE] = span_of(size);
	v[DELEGATE_SASL_METHOD] = buf_as_span(&s->mechanism);
	v[DELEGATE_SASL_USERNAME] = buf_as_span(&s->account);
	if (s->cover.is_tls) {
		v[DELEGATE_ENCRYPTION_PROTOCOL] = span_of(s->cover.version);
		v[DELEGATE_ENCRYPTION_CIPHER] = span_of(s->cover.cipher);
	}
}

/* The parameters of MAIL, as they would be written. */
static struct span
mail_params(const struct session *s)
{
	struct buf *out = &the_process.filters.params;
	const struct envelope *e = &s->txn.envelope;
	buf_reset(out);
	if (s->txn.announced_bytes)
		buf_putf(out, "SIZE=%llu ", (unsigned long long)s->txn.announced_bytes);
	if (e->flags & ENV_BINARYMIME)
		buf_str(out, "BODY=BINARYMIME ");
	else if (e->flags & ENV_8BITMIME)
		buf_str(out, "BODY=8BITMIME ");
	if (e->flags & ENV_SMTPUTF8)
		buf_str(out, "SMTPUTF8 ");
	if (e->ret)
		buf_putf(out, "RET=%s ", ret_text(e->ret));
	if (e->envid.n) {
		buf_str(out, "ENVID=");
		buf_span(out, e->envid);
	}
	return buf_as_span(out);
}

static struct span
rcpt_params(const struct rcpt_params *asked)
{
	struct buf *out = &the_process.filters.params;
	buf_reset(out);
	if (asked->notify) {
		buf_str(out, "NOTIFY=");
		notify_put(out, asked->notify);
		buf_ch(out, ' ');
	}
	if (asked->orcpt.n) {
		buf_str(out, "ORCPT=");
		buf_span(out, asked->orcpt);
	}
	return buf_as_span(out);
}

/* ---- what comes of what they say ---- */

static enum reply
milters_reply(const struct milters *ms, enum milters_verdict v)
{
	const struct refusal *r = &ms->refusal;
	if (v == MILTERS_DISCARD)
		return R_QUEUED;
	return v == MILTERS_GO_ON
	           ? R_NONE
	           : reply_own(r->code, span_of(r->enhanced), buf_as_span(&r->text));
}

/* PREPEND: "Name: value" */
static int
prepend(struct session *s, struct span text)
{
	struct span value = text, name = span_cut(&value, ':');
	return name.n == text.n ? E_BAD
	                        : edits_field(&s->policy.filtering.edits, EDIT_INSERT,
				      0, span_trim(name), value);
}

/* What weighs most of what several say. */
static void
came_to(struct filter_said *said, enum filter_outcome outcome)
{
	if (outcome > said->outcome)
		said->outcome = outcome;
}

static void
on_answer(void *ctx, const struct service *service, const struct delegate_answer *a)
{
	struct session *s = ctx;
	struct filtering *f = &s->policy.filtering;
	int err = E_OK;
	if (a->action == DELEGATE_DISCARD) {
		f->is_discarded = true;
		came_to(&f->services, FILTER_DISCARD);
	} else if (a->action == DELEGATE_HOLD) {
		err = edits_other(&f->edits, EDIT_HOLD, a->text, SPAN(""));
		came_to(&f->services, FILTER_HOLD);
	} else
		err = prepend(s, a->text);
	if (err != E_OK)
		log_event(LOG_WARNING, "policy_service_ignored",
		    "service=%.*s action=%s err=%s", SPAN_ARG(service->where),
		    log_q(a->word), err_name(err));
}

static enum reply
ask_services(struct session *s, enum service_stage stage, const char *state,
    struct span rcpt, uint64_t bytes)
{
	struct span values[DELEGATE_COUNT];
	struct delegate_answer a;
	struct delegates *ds = delegates_of(s);
	struct filter_said *said = &s->policy.filtering.services;
	if (!asks_services(s) || !(delegates_at(ds) & stage))
		return R_NONE;
	set_values(s, state, rcpt, bytes, values);
	delegates_ask(ds, stage, values, s->io.deadline, on_answer, s, &a);
	if (a.action == DELEGATE_REFUSE)
		return reply_own(a.code, a.enhanced, a.text);
	said->n_away += ds->n_away; /* who is refused for it has no part in a message */
	came_to(said, FILTER_PASS);
	return R_NONE;
}

/* ---- the commands ---- */

/* What is refused before there is a message. */
static enum reply
noted(struct filter_said *said, enum reply r)
{
	said->n_refused += r != R_NONE;
	return r;
}

void
filters_helo(struct session *s)
{
	milters_helo(milters_of(s));
}

enum reply
filters_mail(struct session *s)
{
	struct milters *ms = milters_of(s);
	struct filtering *f = &s->policy.filtering;
	edits_begin(&f->edits, 0);
	if (!ms->n)
		return R_NONE;
	struct milter_client c = set_macros(s, ms);
	return noted(&f->milters,
	    milters_reply(
		ms, milters_mail(ms, &c, s->txn.envelope.sender, mail_params(s))));
}

enum reply
filters_rcpt(struct session *s, struct span address, const struct rcpt_params *asked)
{
	struct milters *ms = milters_of(s);
	struct filtering *f = &s->policy.filtering;
	enum reply r = noted(&f->services,
	    ask_services(s, SERVICE_AT_RCPT, "RCPT", address, s->txn.announced_bytes));
	if (r != R_NONE || !ms->n)
		return r;
	set_macros(s, ms);
	ms->values[MILTER_M_RCPT_ADDR] = address;
	ms->values[MILTER_M_RCPT_HOST] = domain_of(address);
	return noted(&f->milters,
	    milters_reply(ms, milters_rcpt(ms, address, rcpt_params(asked))));
}

enum reply
filters_data(struct session *s)
{
	struct milters *ms = milters_of(s);
	struct filtering *f = &s->policy.filtering;
	enum reply r =
	    ask_services(s, SERVICE_AT_DATA, "DATA", SPAN(""), s->txn.announced_bytes);
	if (r != R_NONE)
		came_to(&f->services, FILTER_REFUSE);
	if (r != R_NONE || !ms->n)
		return r;
	set_macros(s, ms);
	r = milters_reply(ms, milters_data(ms));
	if (r != R_NONE)
		came_to(&f->milters, FILTER_REFUSE);
	return r;
}

/* ---- changes ---- */

/* An address as a filter writes it: "<user@domain>", or without <>. */
static int
address_parse(const struct session *s, struct span text, struct buf *out)
{
	struct buf whole = {.max = ENVELOPE_PATH_MAX * 4};
	struct path p;
	bool has_brackets = text.n && text.p[0] == '<';
	buf_str(&whole, has_brackets ? "" : "<");
	buf_span(&whole, text);
	buf_str(&whole, has_brackets ? "" : ">");
	struct span in = buf_as_span(&whole);
	int err = buf_done(&whole) == E_OK ? path_parse(&in, &p) : E_LIMIT;
	if (err == E_OK &&
	    (in.n || (p.has_utf8 && !(s->txn.envelope.flags & ENV_SMTPUTF8))))
		err = E_BAD;
	out->max = ENVELOPE_PATH_MAX;
	if (err == E_OK) {
		path_put(out, &p);
		if (!p.domain.n && !p.is_null)
			buf_putf(out, "@%s", s->limits->default_domain);
		err = buf_done(out);
	}
	buf_free(&whole);
	return err;
}

static int
add_rcpt(struct session *s, struct span address, struct span params)
{
	struct rcpt_params asked = {.orcpt = {"", 0}};
	bool has_smtputf8 = (s->txn.envelope.flags & ENV_SMTPUTF8) != 0;
	int err = params.n ? rcpt_params_parse(params, has_smtputf8, &asked) : E_OK;
	if (err == E_OK && !address.n)
		err = E_BAD;
	return err == E_OK ? txn_add(s, address, &asked) : err;
}

static int
remove_rcpt(struct envelope *e, struct span address)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		if (!span_ieq(e->rcpts[i].address, address))
			e->rcpts[n++] = e->rcpts[i];
	int err = n < e->n_rcpts ? E_OK : E_BAD;
	e->n_rcpts = n;
	return err;
}

/* Its parameters are those that the sender gave. */
static int
change_sender(struct session *s, struct span address)
{
	s->txn.envelope.sender = arena_span(&s->txn.arena, address);
	return s->txn.envelope.sender.n == address.n ? E_OK : E_LIMIT;
}

static int
hold(struct envelope *e, struct span why)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		e->rcpts[i].state = RCPT_HELD;
	log_event(LOG_NOTICE, "held_by_filter", "reason=%s", log_q(why));
	return E_OK;
}

static int
change_envelope(struct session *s, const struct edit *e)
{
	struct buf address = {0};
	int err = address_parse(s, e->name, &address);
	if (err == E_OK && e->kind == EDIT_RCPT)
		err = add_rcpt(s, buf_as_span(&address), e->value);
	else if (err == E_OK && e->kind == EDIT_NO_RCPT)
		err = remove_rcpt(&s->txn.envelope, buf_as_span(&address));
	else if (err == E_OK)
		err = change_sender(s, buf_as_span(&address));
	buf_free(&address);
	return err;
}

/* All are carried out before any recipient is held: who is added is held, too. */
static void
carry_out(struct session *s, const struct edits *edits)
{
	const struct edit *held = NULL;
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *e = &edits->all[i];
		if (e->kind == EDIT_HOLD)
			held = e;
		if (e->kind < EDIT_RCPT || e->kind == EDIT_HOLD)
			continue;
		int err = change_envelope(s, e);
		if (err != E_OK)
			log_event(LOG_WARNING, "filter_ignored", "address=%s err=%s",
			    log_q(e->name), err_name(err));
		else
			log_event(LOG_INFO, "envelope_changed", "what=%s address=%s",
			    e->kind == EDIT_RCPT      ? "added"
			    : e->kind == EDIT_NO_RCPT ? "removed"
						      : "sender",
			    log_q(e->name));
	}
	if (held)
		(void)hold(&s->txn.envelope, held->name);
}

static enum reply
reshape(struct session *s, const struct edits *e, struct shape *shape)
{
	struct buf header = {.max = shape->header.n + EDITS_BYTES_MAX};
	if (e->has_body)
		shape->body = buf_as_span(&e->body);
	if (!edits_has_fields(e))
		return R_NONE;
	if (edits_header(e, shape->header, &s->policy.above, &header) != E_OK) {
		buf_free(&header);
		return reply_own(552, SPAN("5.3.4"),
		    SPAN("The header of the message is too large to be filtered"));
	}
	buf_free(&s->policy.header);
	header.max = s->policy.header.max;
	s->policy.header = header;
	shape->header = buf_as_span(&s->policy.header);
	return R_NONE;
}

static size_t
count_holds(const struct edits *edits)
{
	size_t n = 0;
	for (size_t i = 0; i < edits->n; i++)
		n += edits->all[i].kind == EDIT_HOLD;
	return n;
}

static enum reply
ask_milters(struct session *s, const struct shape *shape)
{
	static const enum filter_outcome outcomes[] = {[MILTERS_GO_ON] = FILTER_PASS,
	    [MILTERS_REFUSE] = FILTER_REFUSE,
	    [MILTERS_DISCARD] = FILTER_DISCARD};

	struct milters *ms = milters_of(s);
	struct filtering *f = &s->policy.filtering;
	size_t n_holds = count_holds(&f->edits);
	set_macros(s, ms);
	enum milters_verdict v =
	    milters_message(ms, shape->header, shape->body, &f->edits);
	f->milters.outcome = outcomes[v];
	f->milters.n_away = milters_away(ms);
	if (v == MILTERS_GO_ON && count_holds(&f->edits) > n_holds)
		f->milters.outcome = FILTER_HOLD;
	return milters_reply(ms, v);
}

enum reply
filters_message(struct session *s, struct shape *shape)
{
	struct filtering *f = &s->policy.filtering;
	enum reply r = ask_services(s, SERVICE_AT_END, "END-OF-MESSAGE", SPAN(""),
	    shape->header.n + shape->body.n);
	if (r != R_NONE)
		f->services.outcome = FILTER_REFUSE;
	else if (milters_of(s)->n)
		r = ask_milters(s, shape);
	if (r != R_NONE)
		return r;
	carry_out(s, &f->edits);
	if (f->is_discarded || s->txn.envelope.n_rcpts == 0) {
		log_event(LOG_NOTICE, "discarded_by_filter", "%s", "");
		return R_QUEUED;
	}
	if (!s->message.is_binary)
		edits_mend_body(&f->edits);
	return reshape(s, &f->edits, shape);
}

void
filters_reset(struct session *s)
{
	struct milters *ms = milters_of(s);
	ms->deadline = deadline_in_ms(FILTERS_GOODBYE_MS);
	milters_reset(ms);
	edits_done(&s->policy.filtering.edits);
	s->policy.filtering = (struct filtering){0};
}

void
filters_end(struct session *s)
{
	struct milters *ms = milters_of(s);
	filters_reset(s);
	milters_end(ms);
}
