/* SPDX-License-Identifier: ISC */
/* perform.c - scripts are run over a message; what they decided is put into the answer. */
#include "deliver/perform.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/letters.h"
#include "deliver/lists.h"
#include "deliver/lookat.h"
#include "deliver/programs.h"
#include "deliver/recall.h"
#include "sieve/scripts.h"

enum {
	DONE_KEPT_SEC =
	    30 * 86400, /* as long as the keeper remembers what it took in */
	ARENA_BYTES = 96 << 20,
};

static struct {
	struct span host; /* borrow: the configuration */
	struct sieve_spam spam, virus;
	struct span separators;
	struct sieve_scripts folder; /* own: where the user has no scripts */

	/* of the last answer: what is remembered when it has happened */
	struct {
		struct file_id id;
		bool wants_done;
		struct recall_slot *seen; /* own */
		size_t n_seen, cap;
	} last;

	struct work work; /* of the last order or event */
} me = {.folder = {.dir = -1}};

void
perform_open(const struct conf *c)
{
	static const char *const kinds[] = {"score", "length"};
	const char *kind = conf_str(c, "deliver", "spam_kind");
	me.host = span_of(conf_str(c, "common", "hostname"));
	letters_open(c);
	me.separators = span_of(conf_str(c, "common", "subaddress"));
	me.spam = (struct sieve_spam){
	    .status_header = span_of(conf_str(c, "deliver", "spam_field")),
	    .max_value = span_of(conf_str(c, "deliver", "spam_most")),
	    .type = strcmp(kind, kinds[0]) == 0 ? SPAM_SCORE : SPAM_STRLEN};
	me.virus = (struct sieve_spam){
	    .status_header = span_of(conf_str(c, "deliver", "virus_field")),
	    .type = SPAM_TEXT};
	for (size_t i = 0; i < conf_list_count(c, "deliver", "virus_texts") && i < 6;
	     i++)
		me.virus.texts[i] = span_of(conf_list(c, "deliver", "virus_texts", i));
}

/* ---- what is remembered ---- */

/* HOME/sieve; a user without scripts gets it when those of the site remember something. */
static int
folder(int home)
{
	if (programs_folder() >= 0)
		return programs_folder();
	if (me.folder.dir < 0 && sieve_scripts_open(home, true, &me.folder) != E_OK)
		return -1;
	return me.folder.dir;
}

static struct recall_key
done_key(struct file_id id)
{
	return recall_key_of(RECALL_DONE, span_make(id.b, sizeof id.b), SPAN(""));
}

static bool
is_done(int home, struct file_id id)
{
	struct recall_slot slot;
	int dir = folder(home);
	return dir >= 0 &&
	       recall_find(dir, done_key(id), clock_wall_sec(), &slot) == E_OK;
}

/* Placed again, a message is no duplicate of itself. */
static bool
is_duplicate(
    void *ctx, struct span handle, struct span id, uint64_t period_sec, bool is_last)
{
	const struct work *w = ctx;
	struct recall_slot slot;
	int dir = folder(w->home);
	int64_t now = w->in.now_sec;
	(void)is_last;
	if (dir < 0 || recall_find(dir, recall_key_of(RECALL_SEEN, handle, id), now,
			   &slot) != E_OK)
		return false;
	return !file_id_eq(slot.id, w->order->id) &&
	       now - slot.since_sec < (int64_t)period_sec;
}

static void
remember_later(struct work *w, const struct sieve_duplicate *d)
{
	me.last.seen =
	    mem_room(me.last.seen, me.last.n_seen, &me.last.cap, sizeof *me.last.seen);
	me.last.seen[me.last.n_seen++] =
	    (struct recall_slot){.key = recall_key_of(RECALL_SEEN, d->handle, d->id),
		.until_sec = w->in.now_sec + (int64_t)d->period_sec,
		.since_sec = w->in.now_sec,
		.id = w->order->id};
}

void
perform_done(int home)
{
	int64_t now = clock_wall_sec();
	int dir = folder(home);
	bool is_wanted = me.last.wants_done;
	me.last.wants_done = false;
	if (dir < 0 || !is_wanted)
		return;
	const struct recall_slot done = {.key = done_key(me.last.id),
	    .until_sec = now + DONE_KEPT_SEC,
	    .since_sec = now,
	    .id = me.last.id};
	int err = recall_put(dir, &done, now);
	for (size_t i = 0; i < me.last.n_seen && err == E_OK; i++)
		err = recall_put(dir, &me.last.seen[i], now);
	me.last.n_seen = 0;
	programs_unload();
}

bool
perform_waits(void)
{
	return me.last.wants_done;
}

/* ---- scripts ---- */

static void
log_errors(const struct work *w, const struct sieve_errors *errors)
{
	struct buf text = {.max = LOG_LINE_MAX / 2};
	if (errors->n)
		buf_putf(&text, "line %u: %.*s", errors->rows[0].line,
		    SPAN_ARG(span_head(errors->rows[0].text, 300)));
	log_event(LOG_NOTICE, "script_failed", "account=%s why=%s",
	    log_q(w->in.address), log_qs(buf_cstr(&text)));
	buf_free(&text);
}

/* One after the other, while something is left to decide. */
static void
run_all(struct work *w)
{
	static struct program programs[PROGRAMS_MOST];
	size_t n = w->event ? programs_load_event(w->home, w->event->event, programs)
	                    : programs_load(w->home, programs);
	bool has_decided = false;
	for (size_t i = 0; i < n && (!has_decided || w->result.has_keep); i++) {
		const struct program *p = &programs[i];
		struct sieve_errors errors = {0};
		bool is_good = p->program != NULL;
		if (is_good)
			is_good =
			    sieve_run(p->program, &w->in, &w->result, &errors) == E_OK;
		has_decided |= p->program != NULL;
		if (!is_good) {
			const struct sieve_errors *why =
			    p->program ? &errors : p->errors;
			w->answer.has_failed = true;
			log_errors(w, why);
			if (p->is_user)
				letters_failed(w, folder(w->home), p->version, why);
		}
		sieve_errors_reset(&errors);
	}
	if (!has_decided)
		work_store_message(w, NULL, 0, NULL);
}

/*
 * Of what was done before all is decided once more, for what it stores: that may not have become
 * durable.  What it sends is left out at the end.
 */
static void
do_one(struct work *w, const struct sieve_action *a, unsigned index)
{
	switch (a->kind) {
	case ACTION_KEEP:
		if (w->event)
			break; /* it is there */
		work_store_message(w, a, index, &a->store);
		break;
	case ACTION_FILEINTO:
		work_store_message(w, a, index, &a->store);
		break;
	case ACTION_REDIRECT:
		letters_redirect(w, a, index);
		break;
	case ACTION_PIPE:
		letters_pipe(w, a, index);
		break;
	case ACTION_REJECT:
	case ACTION_EREJECT:
		letters_reject(w, a, index);
		break;
	case ACTION_VACATION:
		letters_vacation(w, folder(w->home), a, index);
		break;
	case ACTION_NOTIFY:
		letters_notify(w, a, index);
		break;
	case ACTION_DUPLICATE:
		remember_later(w, &a->duplicate);
		break;
	case ACTION_DISCARD:
		log_event(LOG_INFO, "script_discards", "account=%s why=%s",
		    log_q(w->in.address), "\"it says so\"");
		break;
	}
}

/* ---- the input ---- */

static int
zone_min(int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm;
	return localtime_r(&t, &tm) ? (int)(tm.tm_gmtoff / 60) : 0;
}

static struct span
or_none(struct span s)
{
	return s.n ? s : (struct span){NULL, 0};
}

enum { ITEMS = 9 };

/* RFC 5183 4.1; RFC 6785 4: of mail that comes those of imap are empty. */
static void
set_items(const struct work *w, struct sieve_item items[ITEMS])
{
	const struct agent_order *o = w->order;
	const struct about_event *a = w->event;
	const struct store_event *e = a ? a->event : NULL;
	struct span domain = span_from(o->address, span_rfind(o->address, '@') + 1),
		    none = SPAN("");
	const struct sieve_item all[ITEMS] = {
	    {SPAN("location"), e ? SPAN("MS") : SPAN("MDA")},
	    {SPAN("phase"), e ? SPAN("post") : SPAN("during")}, {SPAN("host"), me.host},
	    {SPAN("domain"), domain}, {SPAN("imap.user"), e ? a->who : none},
	    {SPAN("imap.email"), e ? a->who : none},
	    {SPAN("imap.cause"), e ? span_of(event_cause_name(e->cause)) : none},
	    {SPAN("imap.mailbox"), e ? e->mailbox_name : none},
	    {SPAN("imap.changedflags"), e && a->changed.n ? a->changed : none}};
	memcpy(items, all, sizeof all);
}

static void
set_input(struct work *w, struct sieve_item *items, struct buf *dsn)
{
	const struct agent_order *o = w->order;
	struct sieve_input *in = &w->in;
	set_items(w, items);
	*in = (struct sieve_input){.message = o->message,
	    .size_bytes = o->size_bytes,
	    .items = items,
	    .n_items = ITEMS,
	    .is_event = w->event != NULL,
	    .flags = w->event ? w->event->flags : SPAN(""),
	    .address = o->address,
	    .detail_separators = me.separators,
	    .now_sec = clock_wall_sec(),
	    .spam = me.spam,
	    .virus = me.virus,
	    .ctx = w,
	    .mailbox_exists = lookat_mailbox,
	    .special_use_exists = lookat_special_use,
	    .mailboxid_exists = lookat_mailboxid,
	    .metadata = lookat_metadata,
	    .is_duplicate = is_duplicate,
	    .list_exists = lists_exists,
	    .list_has = lists_has};
	in->zone_min = zone_min(in->now_sec);
	in->envelope =
	    (struct sieve_envelope){.from = o->sender.p ? o->sender : SPAN(""),
		.to = o->to,
		.orig_to = or_none(o->orig_to),
		.auth = or_none(o->account),
		.orcpt = or_none(o->orcpt),
		.envid = or_none(o->envid),
		.ret = or_none(span_of(ret_text(o->ret)))};
	notify_put(dsn, o->notify);
	in->envelope.notify = or_none(buf_as_span(dsn));
	w->own[0] = o->orig_to;
	in->aliases = w->own;
	in->n_aliases = o->is_own && o->orig_to.n;
}

/* One that is too large for a message leaves it in INBOX, and nothing goes out. */
static void
put_answer(const struct work *w, struct buf *reply)
{
	struct agent_store store = {.number = 0};
	const struct agent_answer plain = {
	    .has_failed = true, .stores = &store, .n_stores = 1};
	reply->max = ANSWER_BYTES_MAX;
	answer_put(reply, &w->answer);
	if (buf_done(reply) == E_OK)
		return;
	log_event(LOG_WARNING, "answer_too_large", "account=%s", log_q(w->in.address));
	buf_reset(reply);
	answer_put(reply, &plain);
	me.last.wants_done = false;
}

static void
end_last(void)
{
	sieve_result_free(&me.work.result);
	arena_reset(&me.work.arena);
	programs_unload(); /* its DONE may not have come */
}

/*
 * It was sent before.  A runner remembers by itself what a program did, and what became of the message
 * where it did not take it is stored again, as all stores are.
 */
static void
keep_pipes(struct agent_answer *a, struct agent_send *sends)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n_sends; i++)
		if (sends[i].kind == SEND_PIPE)
			sends[n++] = sends[i];
	a->n_sends = n;
}

/* All of it is in me.work then. */
static void
decide(int home, const struct agent_order *o, const struct about_event *event)
{
	struct work *w = &me.work;
	struct sieve_item items[ITEMS];
	struct buf dsn = {0};
	unsigned index = 0;
	end_last();
	lists_begin();
	*w = (struct work){.order = o,
	    .event = event,
	    .home = home,
	    .arena = {.max_bytes = ARENA_BYTES}};
	w->answer.stores = w->stores;
	w->answer.sends = w->sends;
	me.last.n_seen = 0;
	set_input(w, items, &dsn);
	w->answer.is_done = is_done(home, o->id);
	run_all(w);
	for (const struct sieve_action *a = w->result.actions; a; a = a->next)
		do_one(w, a, index++);
	if (w->answer.is_done)
		keep_pipes(&w->answer, w->sends);
	w->answer.wants_done = w->answer.n_sends || me.last.n_seen;
	me.last.id = o->id;
	me.last.wants_done = w->answer.wants_done;
	buf_free(&dsn);
}

void
perform(int home, const struct agent_order *o, struct buf *reply)
{
	decide(home, o, NULL);
	put_answer(&me.work, reply);
	if (!me.last.wants_done)
		programs_unload();
	sieve_result_free(&me.work.result);
	arena_reset(&me.work.arena);
}

const struct work *
perform_event(int home, const struct agent_order *o, const struct about_event *event)
{
	decide(home, o, event);
	return &me.work;
}

void
perform_close(void)
{
	lookat_end();
	lists_end();
	sieve_result_free(&me.work.result);
	arena_reset(&me.work.arena);
	programs_unload();
	sieve_scripts_close(&me.folder);
	mem_free(&me.last.seen);
	letters_close();
}
