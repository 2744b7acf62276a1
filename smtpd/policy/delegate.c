/* SPDX-License-Identifier: ISC */
/* delegate.c - policy servers: questions, and who is asked them. */
#include "smtpd/policy/delegate.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/log.h"
#include "conf/conf.h"
#include "smtpd/dial.h"

enum { ATTEMPTS = 2 }; /* a kept connection may be gone: then on a new one */

static void
hang_up(struct delegate *d)
{
	io_done(&d->io);
}

static bool
is_still_there(const struct delegate *d)
{
	char c;
	return d->io.fd >= 0 && io_unread(&d->io).n == 0 &&
	       recv(d->io.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int
open_service(struct delegates *ds, struct delegate *d, int64_t deadline)
{
	int fd;
	int64_t until = deadline_in_ms(ds->connect_ms);
	if (is_still_there(d))
		return E_OK;
	hang_up(d);
	int err = dial(
	    ds->dialer, d->service.where, until < deadline ? until : deadline, &fd);
	if (err != E_OK)
		return err;
	io_init(&d->io, fd, DELEGATE_ANSWER_MAX + IO_IN_CHUNK, DELEGATE_QUESTION_MAX);
	d->io.idle_ms = d->time_ms;
	return E_OK;
}

/* Its spans are moved into said, as the connection may be left. */
static int
read_answer(struct delegates *ds, struct delegate *d, struct delegate_answer *out)
{
	for (;;) {
		struct span in = io_unread(&d->io);
		buf_reset(&ds->said);
		buf_span(&ds->said, in);
		struct span copy = buf_as_span(&ds->said);
		int err = delegate_parse(&copy, out);
		if (err == E_OK) {
			io_take(&d->io, in.n - copy.n);
			return io_unread(&d->io).n ? E_BAD : E_OK;
		}
		if (err != E_MORE)
			return err;
		err = io_fill(&d->io);
		if (err != E_OK)
			return err;
	}
}

static int
ask_once(struct delegates *ds, struct delegate *d, const struct span *values,
    int64_t deadline, struct delegate_answer *out)
{
	int64_t until = deadline_in_ms(d->time_ms);
	int err = open_service(ds, d, deadline);
	if (err != E_OK)
		return err;
	d->io.deadline = until < deadline ? until : deadline;
	buf_reset(&ds->scratch);
	delegate_put(&ds->scratch, values);
	io_put(&d->io, buf_as_span(&ds->scratch));
	err = read_answer(ds, d, out);
	if (err != E_OK)
		hang_up(d);
	return err;
}

static struct delegate_answer
fallback_answer(const struct delegate *d)
{
	struct delegate_answer a = {
	    .action = DELEGATE_REFUSE, .code = 451, .enhanced = SPAN("4.3.5")};
	a.text = SPAN("A policy service is away; try again later");
	a.word = SPAN("default");
	if (d->fallback == SERVICE_ACCEPT)
		a.action = DELEGATE_DUNNO;
	if (d->fallback == SERVICE_REJECT) {
		a.code = 550;
		a.enhanced = SPAN("5.3.5");
		a.text = SPAN("Mail is not taken while a policy service is away");
	}
	return a;
}

static struct delegate_answer
ask(struct delegates *ds, struct delegate *d, const struct span *values,
    int64_t deadline)
{
	struct delegate_answer a;
	int err = E_IO;
	for (int i = 0; i < ATTEMPTS && err == E_IO; i++)
		err = ask_once(ds, d, values, deadline, &a);
	if (err == E_OK)
		return a;
	log_event(LOG_WARNING, "policy_service_failed", "service=%.*s err=%s",
	    SPAN_ARG(d->service.where), err_name(err));
	ds->n_away++;
	return fallback_answer(d);
}

static void
log_answer(const struct delegate *d, const struct delegate_answer *a)
{
	bool is_unknown = a->action == DELEGATE_UNKNOWN;
	log_event(is_unknown ? LOG_WARNING : LOG_INFO,
	    is_unknown ? "policy_service_unknown" : "policy_service",
	    "service=%.*s action=%s text=%s", SPAN_ARG(d->service.where),
	    log_q(a->word), log_q(a->text));
}

unsigned
delegates_at(const struct delegates *ds)
{
	unsigned stages = 0;
	for (size_t i = 0; i < ds->n; i++)
		stages |= ds->all[i].service.stages;
	return stages;
}

/* A refusal for now that waits whether somebody refuses for good: its bytes are kept. */
static void
keep(struct delegate_answer *kept, const struct delegate_answer *a, struct buf *text)
{
	*kept = *a;
	buf_reset(text);
	buf_span(text, a->enhanced);
	buf_span(text, a->text);
	kept->enhanced = span_head(buf_as_span(text), a->enhanced.n);
	kept->text = span_from(buf_as_span(text), a->enhanced.n);
	kept->action = DELEGATE_REFUSE;
}

void
delegates_ask(struct delegates *ds, enum service_stage stage, const struct span *values,
    int64_t deadline, delegate_fn *each, void *ctx, struct delegate_answer *out)
{
	static struct buf kept_text; /* kept for the process */
	struct delegate_answer deferred = {.action = DELEGATE_DUNNO};
	ds->n_away = 0;
	for (size_t i = 0; i < ds->n; i++) {
		struct delegate *d = &ds->all[i];
		if (!(d->service.stages & stage))
			continue;
		*out = ask(ds, d, values, deadline);
		if (out->action != DELEGATE_DUNNO)
			log_answer(d, out);
		if (out->action == DELEGATE_REFUSE)
			return;
		if (out->action == DELEGATE_DEFER_IF_PERMIT &&
		    deferred.action == DELEGATE_DUNNO)
			keep(&deferred, out, &kept_text);
		else if (out->action >= DELEGATE_PREPEND &&
			 out->action <= DELEGATE_DISCARD)
			each(ctx, &d->service, out);
		if (out->is_ok)
			break;
	}
	*out = deferred;
}

void
delegates_load(
    struct delegates *ds, const struct conf *c, const char *list, struct dialer *dialer)
{
	uint8_t fallback = SERVICE_TEMPFAIL;
	int64_t time_ms = conf_int(c, "smtpd", "service_time") * 1000;
	*ds = (struct delegates){.n = conf_list_count(c, "smtpd", list),
	    .connect_ms = conf_int(c, "smtpd", "service_connect_time") * 1000,
	    .dialer = dialer};
	if (service_default_parse(
		span_of(conf_str(c, "smtpd", "service_default")), &fallback) != E_OK)
		bug("a setting that was checked");
	ds->all = ds->n ? mem_new(ds->n * sizeof *ds->all) : NULL;
	for (size_t i = 0; i < ds->n; i++) {
		struct delegate *d = &ds->all[i];
		struct service *s = &d->service;
		if (service_parse(span_of(conf_list(c, "smtpd", list, i)), s) != E_OK)
			bug("a setting that was checked");
		if (!s->stages)
			s->stages = SERVICE_AT_RCPT;
		d->fallback = s->fallback ? s->fallback : fallback;
		d->time_ms = s->timeout_sec ? (int64_t)s->timeout_sec * 1000 : time_ms;
		d->io.fd = -1;
	}
}

void
delegates_free(struct delegates *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		hang_up(&ds->all[i]);
	mem_free(&ds->all);
	buf_free(&ds->scratch);
	buf_free(&ds->said);
	ds->n = 0;
}
