/* SPDX-License-Identifier: ISC */
/* milter.c - conversations with mail filters. */
#include "smtpd/policy/milter.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/log.h"
#include "conf/conf.h"
#include "smtpd/dial.h"
#include "smtpd/policy/milter_run.h"

/* ---- a connection ---- */

/* The names live as long as the connection. */
static void
keep_names(struct milter *m)
{
	size_t at[MILTER_STAGES] = {0};
	struct span *names = m->options.macros;
	buf_reset(&m->names);
	buf_ch(&m->names, ' '); /* so that there are bytes, whatever they want */
	for (size_t i = 0; i < MILTER_STAGES; i++) {
		at[i] = m->names.len;
		buf_span(&m->names, names[i]);
	}
	for (size_t i = 0; i < MILTER_STAGES; i++)
		if (names[i].p)
			names[i].p = m->names.p + at[i];
}

static int
read_options(struct milters *ms, struct milter *m)
{
	struct milter_packet p;
	milter_put_options(&ms->scratch);
	milter_send(ms, m);
	int err = milter_read_packet(m, &p);
	if (err == E_OK)
		err = milter_options_parse(&p, &m->options);
	if (err != E_OK)
		return err;
	keep_names(m);
	if (m->options.version < MILTER_VERSION_DATA)
		m->options.protocol |= MILTER_NO_DATA;
	return E_OK;
}

/* What was kept is worth nothing when it was closed meanwhile, or when there is something to read. */
static bool
is_still_there(const struct milter *m)
{
	char c;
	return m->io.fd >= 0 && io_unread(&m->io).n == 0 &&
	       recv(m->io.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static enum outcome
open_milter(struct milters *ms, struct milter *m)
{
	int fd, err;
	if ((m->is_kept = is_still_there(m)))
		return GO_ON;
	milter_hang_up(m);
	int64_t until = deadline_in_ms(ms->connect_ms);
	err = dial(ms->dialer, m->service.where,
	    until < ms->deadline ? until : ms->deadline, &fd);
	if (err != E_OK)
		return milter_fail(ms, m, "dial", err);
	io_init(&m->io, fd, MILTER_IN_MAX, MILTER_OUT_MAX);
	m->io.idle_ms = MILTER_WAIT_MOST_MS;
	err = read_options(ms, m);
	return err == E_OK ? GO_ON : milter_fail(ms, m, "options", err);
}

static enum outcome
tell_client(struct milters *ms, struct milter *m, const struct milter_client *c)
{
	enum outcome o = open_milter(ms, m);
	if (o != GO_ON)
		return o;
	m->state = MILTER_AWAKE;
	milter_tell_macros(ms, m, MILTER_AT_CONNECT);
	if (milter_skips(m, STEP_CONNECT))
		return GO_ON;
	milter_put_connect(&ms->scratch, c->name, c->address, 0);
	return milter_step(ms, m, STEP_CONNECT);
}

static enum outcome
tell_helo(struct milters *ms, struct milter *m, const struct milter_client *c)
{
	m->has_helo = true;
	milter_tell_macros(ms, m, MILTER_AT_HELO);
	if (milter_skips(m, STEP_HELO))
		return GO_ON;
	milter_put_strings(&ms->scratch, MILTER_HELO, &c->helo, 1);
	return milter_step(ms, m, STEP_HELO);
}

/* Everything that a filter must know before it can be told of a message. */
static enum outcome
wake(struct milters *ms, struct milter *m, const struct milter_client *c)
{
	enum outcome o = GO_ON;
	if (m->state == MILTER_OUT)
		return DONE;
	if (m->state == MILTER_REFUSES) {
		milter_refusal_copy(&ms->refusal, &m->refusal);
		return REFUSED;
	}
	do { /* a kept connection may have been closed at this moment; a new one is not GONE */
		if (m->state == MILTER_ASLEEP)
			o = tell_client(ms, m, c);
		if (o == GO_ON && !m->has_helo)
			o = tell_helo(ms, m, c);
		if (o == GONE)
			m->state = MILTER_ASLEEP;
	} while (o == GONE);
	m->is_kept = false;
	return o;
}

/* ---- the envelope ---- */

enum milters_verdict
milters_mail(struct milters *ms, const struct milter_client *c, struct span sender,
    struct span params)
{
	enum outcome o = GO_ON;
	ms->is_discarded = false;
	for (size_t i = 0; i < ms->n && !milters_are_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		o = wake(ms, m, c);
		if (o != GO_ON)
			continue;
		m->state = MILTER_IN_MAIL;
		milter_tell_macros(ms, m, MILTER_AT_MAIL);
		if (milter_skips(m, STEP_MAIL))
			continue;
		milter_put_address(&ms->scratch, MILTER_MAIL, sender, params);
		o = milter_step(ms, m, STEP_MAIL);
	}
	return milters_verdict_of(ms, o);
}

enum milters_verdict
milters_rcpt(struct milters *ms, struct span address, struct span params)
{
	enum outcome o = GO_ON;
	for (size_t i = 0; i < ms->n && !milters_are_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		if (milter_is_away(ms, m))
			return MILTERS_REFUSE;
		if (m->state != MILTER_IN_MAIL)
			continue;
		milter_tell_macros(ms, m, MILTER_AT_RCPT);
		if (milter_skips(m, STEP_RCPT))
			continue;
		milter_put_address(&ms->scratch, MILTER_RCPT, address, params);
		o = milter_step(ms, m, STEP_RCPT);
	}
	return milters_verdict_of(ms, o);
}

enum milters_verdict
milters_data(struct milters *ms)
{
	enum outcome o = GO_ON;
	for (size_t i = 0; i < ms->n && !milters_are_over(ms, o); i++) {
		struct milter *m = &ms->all[i];
		if (milter_is_away(ms, m))
			return MILTERS_REFUSE;
		if (m->state != MILTER_IN_MAIL)
			continue;
		milter_tell_macros(ms, m, MILTER_AT_DATA);
		if (milter_skips(m, STEP_DATA))
			continue;
		milter_put_strings(&ms->scratch, MILTER_DATA, NULL, 0);
		o = milter_step(ms, m, STEP_DATA);
	}
	return milters_verdict_of(ms, o);
}

/* ---- ends ---- */

static void
send_bare(struct milters *ms, struct milter *m, enum milter_command command)
{
	milter_put_strings(&ms->scratch, command, NULL, 0);
	milter_send(ms, m);
	if (io_flush(&m->io) != E_OK)
		milter_hang_up(m);
}

void
milters_reset(struct milters *ms)
{
	ms->is_discarded = false;
	for (size_t i = 0; i < ms->n; i++) {
		struct milter *m = &ms->all[i];
		if (m->state == MILTER_IN_MAIL) {
			m->can_reuse = false;
			send_bare(ms, m, MILTER_ABORT);
		}
		if (m->state == MILTER_IN_MAIL || m->state == MILTER_DONE)
			m->state = m->io.fd >= 0 ? MILTER_AWAKE : MILTER_ASLEEP;
	}
}

size_t
milters_away(const struct milters *ms)
{
	size_t n = 0;
	for (size_t i = 0; i < ms->n; i++)
		n += ms->all[i].is_away;
	return n;
}

void
milters_helo(struct milters *ms)
{
	for (size_t i = 0; i < ms->n; i++)
		ms->all[i].has_helo = false;
}

/*
 * libmilter takes a next client only right behind a message that it answered with "continue":
 * elsewhere it would pass over all that comes, and say nothing.
 */
static void
part(struct milters *ms, struct milter *m)
{
	bool can_reuse = m->can_reuse && m->options.version >= MILTER_VERSION;
	if (m->io.fd >= 0)
		send_bare(ms, m, can_reuse ? MILTER_QUIT_NEXT : MILTER_QUIT);
	if (!can_reuse)
		milter_hang_up(m);
	m->can_reuse = false;
	m->has_helo = false;
	m->is_away = false;
	m->state = MILTER_ASLEEP;
}

void
milters_end(struct milters *ms)
{
	milters_reset(ms);
	for (size_t i = 0; i < ms->n; i++)
		part(ms, &ms->all[i]);
}

void
milters_load(
    struct milters *ms, const struct conf *c, const char *list, struct dialer *dialer)
{
	uint8_t fallback = SERVICE_TEMPFAIL;
	int64_t command_ms = conf_int(c, "smtpd", "service_time") * 1000,
		content_ms = conf_int(c, "smtpd", "milter_content_time") * 1000;
	*ms = (struct milters){.n = conf_list_count(c, "smtpd", list),
	    .connect_ms = conf_int(c, "smtpd", "service_connect_time") * 1000,
	    .dialer = dialer,
	    .deadline = DEADLINE_NONE,
	    .scratch = {.max = MILTER_OUT_MAX}};
	if (service_default_parse(
		span_of(conf_str(c, "smtpd", "service_default")), &fallback) != E_OK)
		bug("a setting that was checked");
	ms->all = ms->n ? mem_new(ms->n * sizeof *ms->all) : NULL;
	for (size_t i = 0; i < ms->n; i++) {
		struct milter *m = &ms->all[i];
		if (service_parse(
			span_of(conf_list(c, "smtpd", list, i)), &m->service) != E_OK)
			bug("a setting that was checked");
		int64_t own_ms = (int64_t)m->service.timeout_sec * 1000;
		m->fallback = m->service.fallback ? m->service.fallback : fallback;
		m->command_ms = own_ms ? own_ms : command_ms;
		m->content_ms = own_ms ? own_ms : content_ms;
		m->io.fd = -1;
	}
}

void
milters_free(struct milters *ms)
{
	milters_end(ms);
	for (size_t i = 0; i < ms->n; i++) {
		milter_hang_up(&ms->all[i]);
		buf_free(&ms->all[i].names);
		buf_free(&ms->all[i].refusal.text);
	}
	mem_free(&ms->all);
	buf_free(&ms->scratch);
	buf_free(&ms->refusal.text);
	ms->n = 0;
}
