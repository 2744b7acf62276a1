/* SPDX-License-Identifier: ISC */
/* letters.c - redirect, reject, notify, vacation, and that a script failed. */
#include "deliver/letters.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/lists.h"
#include "deliver/recall.h"
#include "mime/header.h"
#include "sieve/letter.h"
#include "sieve/vacation.h"
#include "tls/hash.h"

enum { TOLD_KEPT_SEC = 365 * 86400 };

static struct {
	struct span host, postmaster; /* borrow: the configuration; postmaster_text */
	size_t redirects_most;        /* addresses that one message goes on to */
	struct buf postmaster_text;   /* own */
} me;

void
letters_open(const struct conf *c)
{
	me.host = span_of(conf_str(c, "common", "hostname"));
	me.redirects_most = (size_t)conf_int(c, "deliver", "sieve_redirects");
	buf_str(&me.postmaster_text, "postmaster@");
	buf_span(&me.postmaster_text, me.host);
	me.postmaster = buf_as_span(&me.postmaster_text);
}

void
letters_close(void)
{
	buf_free(&me.postmaster_text);
}

/* Of message and number: made once more, a letter has the same. */
static const char *
letter_id(const struct work *w, unsigned number)
{
	struct buf text = {0};
	unsigned char sum[SHA256_BYTES];
	struct id id;
	buf_str(&text, "letter");
	buf_put(&text, w->order->id.b, sizeof w->order->id.b);
	buf_u16(&text, (uint16_t)number);
	sha256(buf_as_span(&text), sum);
	buf_free(&text);
	memcpy(id.b, sum, sizeof id.b);
	return id_text(id);
}

static struct sieve_letter
letter_by(const struct work *w, unsigned index)
{
	return (struct sieve_letter){.id = span_of(letter_id(w, index)),
	    .host = me.host,
	    .postmaster = me.postmaster};
}

static bool
is_own_address(const struct work *w, struct span address)
{
	const struct sieve_input *in = &w->in;
	return span_ieq(address, in->address) || span_ieq(address, in->envelope.to) ||
	       (w->order->is_own && span_ieq(address, in->envelope.orig_to));
}

/* How many more addresses it may go on to. */
static size_t
redirects_left(const struct work *w)
{
	size_t n = 0;
	for (size_t i = 0; i < w->answer.n_sends; i++)
		if (w->sends[i].kind == SEND_REDIRECT)
			n += w->sends[i].n_rcpts;
	return n < me.redirects_most ? me.redirects_most - n : 0;
}

/* Of a list, whose members there are now; else the one address.  NULL: where to go */
static const char *
redirect_to(
    struct work *w, const struct sieve_redirect *r, struct span **out, size_t *n)
{
	size_t left = redirects_left(w);
	int err = E_OK;
	*out = arena_get(&w->arena, sizeof **out);
	*n = 1;
	if (*out && !r->is_list)
		**out = r->address;
	else
		err = lists_members(r->address, &w->arena,
		    left < ANSWER_RCPTS_MOST ? left : ANSWER_RCPTS_MOST, out, n);
	if (err != E_OK)
		return err == E_BAD     ? "\"no such list, or nobody in it\""
		       : err == E_LIMIT ? "\"too many are in that list\""
		                        : "\"the list cannot be read\"";
	for (size_t i = 0; i < *n;)
		if (is_own_address(w, (*out)[i]))
			(*out)[i] = (*out)[--*n];
		else
			i++;
	return *n ? NULL : "\"to himself\"";
}

void
letters_redirect(struct work *w, const struct sieve_action *a, unsigned index)
{
	const struct sieve_redirect *r = &a->redirect;
	struct sieve_letter by = letter_by(w, index);
	struct buf fields = {0};
	struct span *to = NULL;
	size_t n = 0;
	const char *why = letter_redirect_loops(&w->in) ? "\"it was redirected before\""
	                                                : redirect_to(w, r, &to, &n);
	if (why) {
		log_event(LOG_NOTICE, "script_redirects_not", "account=%s why=%s",
		    log_q(w->in.address), why);
		work_store_message(w, a, index, NULL);
		return;
	}
	struct agent_send *s = work_send(w, SEND_REDIRECT, index, to, n);
	if (!s) {
		work_store_message(w, a, index, NULL);
		return;
	}
	if (r->notify.n && notify_parse(r->notify, &s->notify) != E_OK)
		s->notify = 0;
	if (r->ret.n && ret_parse(r->ret, &s->ret) != E_OK)
		s->ret = 0;
	letter_redirect(&w->in, &by, &fields);
	s->fields = work_kept(w, buf_as_span(&fields));
	work_send_made(w, s, a);
	buf_free(&fields);
}

/* How many before it run the same with the same arguments: what is remembered of it goes by that. */
static unsigned
same_pipes(const struct work *w, struct span words)
{
	unsigned n = 0;
	for (size_t i = 0; i < w->answer.n_sends; i++)
		n +=
		    w->sends[i].kind == SEND_PIPE && span_eq(w->sends[i].fields, words);
	return n;
}

void
letters_pipe(struct work *w, const struct sieve_action *a, unsigned index)
{
	struct buf words = {0};
	unsigned n = 0;
	for (size_t i = 0; i < w->answer.n_sends; i++)
		n += w->sends[i].kind == SEND_PIPE;
	struct agent_send *s = n < WORK_PIPES_MOST
	                           ? work_send(w, SEND_PIPE, index, &w->in.address, 1)
	                           : NULL;
	if (!s) {
		log_event(LOG_NOTICE, "script_pipes_not", "account=%s why=%s",
		    log_q(w->in.address), "\"too many\"");
		work_store_message(w, a, index, NULL);
		return;
	}
	buf_bytes(&words, a->pipe.name);
	for (size_t i = 0; i < a->pipe.n_args; i++)
		buf_bytes(&words, a->pipe.args[i]);
	s->number = (uint16_t)same_pipes(w, buf_as_span(&words));
	s->notify = (uint8_t)((a->pipe.is_try ? PIPE_IS_TRY : 0) |
			      (a->is_copy ? PIPE_IS_COPY : 0));
	s->fields = work_kept(w, buf_as_span(&words));
	work_send_made(w, s, a);
	buf_free(&words);
}

/* RFC 5436 2.7.1 */
static bool
is_automatic(struct span head)
{
	struct span value = header_value(head, SPAN("auto-submitted"));
	return value.p &&
	       !span_ieqs(span_trim(span_head(value, span_find(value, ';'))), "no");
}

/* RFC 5429 2.2: not to the null sender; and a list would take it for a failing address. */
void
letters_reject(struct work *w, const struct sieve_action *a, unsigned index)
{
	struct sieve_letter by = letter_by(w, index);
	struct span from = w->in.envelope.from;
	struct buf text = {.max = ANSWER_HEAD_MAX + (1 << 20)};
	if (!from.n || vacation_is_list(header_head(w->in.message))) {
		log_event(LOG_INFO, "script_discards", "account=%s why=%s",
		    log_q(w->in.address), from.n ? "\"a list\"" : "\"no sender\"");
		return;
	}
	struct agent_send *s = work_send(w, SEND_REJECT, index, &from, 1);
	if (s)
		letter_reject(&w->in, a->reason, &by, &text);
	/* nobody would hear of it: it stays */
	if (!s || !work_send_text(w, s, &text))
		work_store_message(w, a, index, NULL);
	buf_free(&text);
}

/* Whether its letter is to be made, and what is done with it. */
enum answer {
	ANSWER_NONE,
	ANSWER_SEND,
	ANSWER_AGAIN /* it was sent: its copy is stored once more */
};

/*
 * Once a sender, reply and period: that is on the disk before anything is said.  This very message may
 * have been the reason: then the copy (:fcc) may not have become durable, as anything that is stored;
 * it has the time of then.
 */
static enum answer
answer_due(struct work *w, int dir, const struct sieve_vacation *v)
{
	struct recall_slot was;
	bool is_again = false;
	struct buf sender = {0};
	const char *refusal = vacation_refusal(&w->in, v, true);
	int err = E_OK;
	if (!refusal && v->period_sec) {
		for (size_t i = 0; i < w->in.envelope.from.n; i++)
			buf_ch(&sender, ch_lower(w->in.envelope.from.p[i]));
		const struct recall_slot slot = {.key = recall_key_of(RECALL_ANSWERED,
						     buf_as_span(&sender), v->handle),
		    .until_sec = w->in.now_sec + (int64_t)v->period_sec,
		    .since_sec = w->in.now_sec,
		    .id = w->order->id};
		/* of what was done before nothing is sent: it is not to be remembered as said now */
		err = dir < 0 ? E_IO
		      : w->answer.is_done
		          ? E_BAD
		          : recall_claim(dir, &slot, w->in.now_sec, true);
		is_again = err == E_BAD &&
		           recall_find(dir, slot.key, w->in.now_sec, &was) == E_OK &&
		           file_id_eq(was.id, w->order->id);
	}
	if (is_again)
		w->in.now_sec = was.since_sec;
	if (err == E_BAD)
		refusal = "its sender was answered already";
	else if (err != E_OK)
		refusal = "it cannot be remembered";
	if (refusal && !is_again)
		log_event(LOG_INFO, "not_answered", "account=%s why=\"%s\"",
		    log_q(w->in.address), refusal);
	buf_free(&sender);
	return is_again ? ANSWER_AGAIN : refusal ? ANSWER_NONE : ANSWER_SEND;
}

void
letters_vacation(struct work *w, int dir, const struct sieve_action *a, unsigned index)
{
	const struct sieve_vacation *v = &a->vacation;
	struct sieve_letter by = letter_by(w, index);
	struct buf text = {.max = ANSWER_HEAD_MAX};
	struct span from = w->in.envelope.from;
	int64_t now_sec = w->in.now_sec;
	enum answer answer = answer_due(w, dir, v);
	struct agent_send *s =
	    answer == ANSWER_NONE ? NULL : work_send(w, SEND_VACATION, index, &from, 1);
	if (s) {
		letter_vacation(&w->in, v, &by, &text);
		if (work_send_text(w, s, &text)) {
			work_store_copy(w, &v->fcc, index, s->text);
			w->answer.n_sends -= answer == ANSWER_AGAIN;
		}
	}
	w->in.now_sec = now_sec;
	buf_free(&text);
}

void
letters_notify(struct work *w, const struct sieve_action *a, unsigned index)
{
	const struct sieve_notify *n = &a->notify;
	struct sieve_letter by = letter_by(w, index);
	struct buf text = {.max = ANSWER_HEAD_MAX};
	size_t n_all = n->n_to + n->n_cc;
	struct span *rcpts = arena_get(&w->arena, (n_all + 1) * sizeof *rcpts);
	if (is_automatic(header_head(w->in.message)) || !rcpts) {
		log_event(LOG_INFO, "not_notified", "account=%s why=%s",
		    log_q(w->in.address), "\"an automatic message\"");
		return;
	}
	for (size_t i = 0; i < n_all; i++)
		rcpts[i] = i < n->n_to ? n->to[i] : n->cc[i - n->n_to];
	struct agent_send *s = work_send(w, SEND_NOTIFY, index, rcpts, n_all);
	if (!s)
		return;
	letter_notify(&w->in, n, &by, &text);
	if (work_send_text(w, s, &text))
		work_store_copy(w, &n->fcc, index, s->text);
	buf_free(&text);
}

static void
put_error_lines(struct buf *out, const struct sieve_errors *errors)
{
	struct buf text = {0};
	sieve_errors_put(errors, &text);
	for (struct span rest = buf_as_span(&text); rest.n;) {
		struct span line = span_head(span_cut(&rest, '\n'), 900);
		buf_str(out, "  ");
		for (size_t i = 0; i < line.n; i++)
			buf_ch(out, ch_ctl(line.p[i]) ? ' ' : line.p[i]);
		buf_str(out, "\r\n");
	}
	buf_free(&text);
}

static void
put_what_failed(struct buf *out, const struct about_event *event)
{
	if (!event) {
		buf_str(out, "The script that sorts your mail failed:\r\n\r\n");
		return;
	}
	const struct store_event *e = event->event;
	buf_putf(out,
	    "The script \"%.*s\", which is about the mailbox \"%.*s\", failed:\r\n\r\n",
	    SPAN_ARG(e->script), SPAN_ARG(e->mailbox_name));
}

/* Once a version of the script, in INBOX; placed again, it is the same message. */
void
letters_failed(
    struct work *w, int dir, struct span version, const struct sieve_errors *errors)
{
	int64_t now = w->in.now_sec;
	struct recall_slot was,
	    slot = {.key = recall_key_of(RECALL_TOLD, version, SPAN("")),
		.until_sec = now + TOLD_KEPT_SEC,
		.since_sec = now,
		.id = w->order->id};
	struct buf text = {.max = 1 << 20};
	int err = dir < 0 ? E_IO : recall_claim(dir, &slot, now, false);
	if (err == E_BAD && recall_find(dir, slot.key, now, &was) == E_OK &&
	    file_id_eq(was.id, w->order->id)) {
		err = E_OK;
		now = was.since_sec;
	}
	struct agent_store *s = err == E_OK ? work_store(w, NUMBER_TOLD) : NULL;
	if (!s)
		return;
	buf_str(&text, "Date: ");
	date_put(&text, now);
	buf_putf(&text,
	    "\r\nMessage-ID: <%s@%.*s>\r\nFrom: Mail Delivery System <%.*s>\r\n"
	    "To: <%.*s>\r\nSubject: Your Sieve script failed\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n",
	    letter_id(w, NUMBER_TOLD), SPAN_ARG(me.host), SPAN_ARG(me.postmaster),
	    SPAN_ARG(w->in.address));
	put_what_failed(&text, w->event);
	put_error_lines(&text, errors);
	buf_str(&text, w->event ? "\r\nUntil it is corrected, such messages stay as "
				  "they are.\r\n"
				: "\r\nUntil it is corrected, what it cannot decide "
				  "about stays in your inbox.\r\n");
	buf_str(&text, "You are told this once.\r\n");
	s->is_text = true;
	s->text = work_kept(w, buf_as_span(&text));
	buf_free(&text);
}
