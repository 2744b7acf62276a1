/* SPDX-License-Identifier: ISC */
/* perform.c - what scripts decided, as things to store and to send. */
#include "deliver/perform.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/lookat.h"
#include "deliver/programs.h"
#include "deliver/recall.h"
#include "mime/header.h"
#include "sieve/letter.h"
#include "sieve/scripts.h"
#include "sieve/vacation.h"
#include "tls/hash.h"

enum {
	NUMBER_FCC = 0x4000,  /* and the number of its action */
	NUMBER_TOLD = 0x8000, /* that the scripts failed */
	DONE_KEPT_SEC =
	    30 * 86400, /* as long as the keeper remembers what it took in */
	TOLD_KEPT_SEC = 365 * 86400,
	ARENA_BYTES = 96 << 20,
};

static struct {
	struct span host, postmaster; /* borrow: the configuration */
	struct buf postmaster_text;   /* own */
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
} me = {.folder = {.dir = -1}};

/* One order. */
struct work {
	const struct agent_order *order;
	int home; /* borrow */
	struct sieve_input in;
	struct sieve_result result;
	struct arena arena; /* of what is put into the answer */
	struct agent_answer answer;
	struct agent_store stores[ANSWER_STORES_MOST];
	struct agent_send sends[ANSWER_SENDS_MOST];
	struct span own[1];
	bool has_store; /* the first has its name as without scripts */
};

void
perform_open(const struct conf *c)
{
	static const char *const kinds[] = {"score", "length"};
	const char *kind = conf_str(c, "deliver", "spam_kind");
	me.host = span_of(conf_str(c, "common", "hostname"));
	buf_str(&me.postmaster_text, "postmaster@");
	buf_span(&me.postmaster_text, me.host);
	me.postmaster = buf_as_span(&me.postmaster_text);
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

/* ---- what is stored ---- */

static struct span
kept(struct work *w, struct span s)
{
	struct span copy = arena_span(&w->arena, s);
	return copy.n == s.n ? copy : SPAN("");
}

static uint32_t
flag_of(struct span name)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} rows[] = {{"\\Seen", FLAG_SEEN}, {"\\Answered", FLAG_ANSWERED},
	    {"\\Flagged", FLAG_FLAGGED}, {"\\Deleted", FLAG_DELETED},
	    {"\\Draft", FLAG_DRAFT}};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (span_ieqs(name, rows[i].name))
			return rows[i].flag;
	return 0;
}

static struct span
fitting(struct span s, size_t most)
{
	return s.n <= most ? s : SPAN("");
}

/* Empty where all is as without them. */
static struct span
directions_of(struct work *w, const struct sieve_store *s)
{
	struct buf text = {0};
	struct directions d = {.mailbox = fitting(s->mailbox, STORE_NAME_MAX),
	    .special_use = fitting(s->special_use, DIRECTIONS_USE_MAX),
	    .mailboxid = fitting(s->mailboxid, DIRECTIONS_ID_MAX),
	    .can_create = s->can_create};
	for (size_t i = 0; s->has_flags && i < s->flags.n; i++) {
		struct span name = s->flags.rows[i];
		uint32_t flag = flag_of(name);
		d.flags |= flag;
		if (!flag && mailbox_keyword_check(name) &&
		    d.n_keywords < STORE_KEYWORDS_MAX)
			d.keywords[d.n_keywords++] = name;
	}
	if (!d.mailbox.n && !d.special_use.n && !d.mailboxid.n && !d.flags &&
	    !d.n_keywords)
		return SPAN("");
	directions_put(&text, &d);
	struct span out = kept(w, buf_as_span(&text));
	buf_free(&text);
	return out;
}

static struct agent_store *
store_add(struct work *w, unsigned number)
{
	struct agent_answer *a = &w->answer;
	if (a->n_stores == ANSWER_STORES_MOST)
		return NULL;
	struct agent_store *s = &w->stores[a->n_stores++];
	*s = (struct agent_store){.number = (uint16_t)number};
	return s;
}

/* What editheader, replace and enclose made of it; borrow: the result. */
static void
put_made(const struct work *w, const struct sieve_action *a, bool *has_head,
    bool *has_body, struct span *head, struct span *body, uint64_t *body_at)
{
	struct span made_head, made_body;
	*has_body = a->body.p != NULL;
	*has_head = a->head.p || a->body.p;
	if (!*has_head)
		return;
	sieve_action_message(a, w->in.message, &made_head, &made_body);
	*head = made_head;
	if (*has_body)
		*body = made_body;
	else
		*body_at = header_end(w->in.message);
	if (made_head.n > ANSWER_HEAD_MAX) /* then as it came */
		*has_head = *has_body = false, *head = *body = SPAN("");
}

/* where: NULL: INBOX */
static void
store_message(struct work *w, const struct sieve_action *a, unsigned index,
    const struct sieve_store *where)
{
	struct agent_store *s = store_add(w, w->has_store ? index + 1 : 0);
	if (!s)
		return;
	w->has_store = true;
	if (where)
		s->directions = directions_of(w, where);
	if (a)
		put_made(
		    w, a, &s->has_head, &s->has_body, &s->text, &s->body, &s->body_at);
}

/* RFC 8580: a copy of what is sent. */
static void
store_copy_of(
    struct work *w, const struct sieve_store *where, unsigned index, struct span text)
{
	if (!where->mailbox.n)
		return;
	struct agent_store *s = store_add(w, NUMBER_FCC + index);
	if (!s)
		return;
	s->is_text = true;
	s->text = text;
	s->directions = directions_of(w, where);
}

/* ---- what goes out ---- */

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

static struct agent_send *
send_add(struct work *w, enum agent_send_kind kind, unsigned index,
    const struct span *rcpts, size_t n)
{
	struct agent_answer *a = &w->answer;
	struct span *own = arena_get(&w->arena, (n + 1) * sizeof *own);
	uint16_t n_good = 0;
	if (a->n_sends == ANSWER_SENDS_MOST || !own)
		return NULL;
	for (size_t i = 0; i < n && n_good < ANSWER_RCPTS_MOST; i++)
		if (order_address_check(rcpts[i]))
			own[n_good++] = kept(w, rcpts[i]);
	if (n_good == 0) {
		log_event(LOG_NOTICE, "script_sends_not", "why=%s", "\"no address\"");
		return NULL;
	}
	struct agent_send *s = &w->sends[a->n_sends++];
	*s = (struct agent_send){.kind = (uint8_t)kind,
	    .number = (uint16_t)index,
	    .rcpts = own,
	    .n_rcpts = n_good};
	return s;
}

static bool
is_own_address(const struct work *w, struct span address)
{
	const struct sieve_input *in = &w->in;
	return span_ieq(address, in->address) || span_ieq(address, in->envelope.to) ||
	       (w->order->is_own && span_ieq(address, in->envelope.orig_to));
}

static void
redirect(struct work *w, const struct sieve_action *a, unsigned index)
{
	const struct sieve_redirect *r = &a->redirect;
	struct sieve_letter by = letter_by(w, index);
	struct buf fields = {0};
	bool is_loop = letter_redirect_loops(&w->in);
	if (is_loop || r->is_list || is_own_address(w, r->address)) {
		log_event(LOG_NOTICE, "script_redirects_not", "account=%s why=%s",
		    log_q(w->in.address),
		    is_loop      ? "\"it was redirected before\""
		    : r->is_list ? "\"a list\""
				 : "\"to himself\"");
		store_message(w, a, index, NULL);
		return;
	}
	struct agent_send *s = send_add(w, SEND_REDIRECT, index, &r->address, 1);
	if (!s) {
		store_message(w, a, index, NULL);
		return;
	}
	if (r->notify.n && notify_parse(r->notify, &s->notify) != E_OK)
		s->notify = 0;
	if (r->ret.n && ret_parse(r->ret, &s->ret) != E_OK)
		s->ret = 0;
	letter_redirect(&w->in, &by, &fields);
	s->fields = kept(w, buf_as_span(&fields));
	put_made(w, a, &s->has_head, &s->has_body, &s->text, &s->body, &s->body_at);
	buf_free(&fields);
}

/* RFC 5436 2.7.1 */
static bool
is_automatic(struct span head)
{
	struct span value = header_value(head, SPAN("auto-submitted"));
	return value.p &&
	       !span_ieqs(span_trim(span_head(value, span_find(value, ';'))), "no");
}

/* s: the last that was added.  false: it is too large, and is not sent */
static bool
put_text(struct agent_send *s, struct work *w, const struct buf *text)
{
	if (buf_done(text) == E_OK)
		s->text = kept(w, buf_as_span(text));
	if (s->text.n)
		return true;
	w->answer.n_sends--;
	log_event(LOG_NOTICE, "script_sends_not", "why=%s", "\"too large\"");
	return false;
}

/* RFC 5429 2.2: not to the null sender; and a list would take it for a failing address. */
static void
reject(struct work *w, const struct sieve_action *a, unsigned index)
{
	struct sieve_letter by = letter_by(w, index);
	struct span from = w->in.envelope.from;
	struct buf text = {.max = ANSWER_HEAD_MAX + (1 << 20)};
	if (!from.n || vacation_is_list(header_head(w->in.message))) {
		log_event(LOG_INFO, "script_discards", "account=%s why=%s",
		    log_q(w->in.address), from.n ? "\"a list\"" : "\"no sender\"");
		return;
	}
	struct agent_send *s = send_add(w, SEND_REJECT, index, &from, 1);
	if (s)
		letter_reject(&w->in, a->reason, &by, &text);
	/* nobody would hear of it: it stays */
	if (!s || !put_text(s, w, &text))
		store_message(w, a, index, NULL);
	buf_free(&text);
}

/* Once a sender, reply and period: that is on the disk before anything is said. */
static bool
is_due(struct work *w, const struct sieve_vacation *v)
{
	struct buf sender = {0};
	const char *refusal = vacation_refusal(&w->in, v, true);
	int dir = folder(w->home), err = E_OK;
	if (!refusal && v->period_sec) {
		for (size_t i = 0; i < w->in.envelope.from.n; i++)
			buf_ch(&sender, ch_lower(w->in.envelope.from.p[i]));
		const struct recall_slot slot = {.key = recall_key_of(RECALL_ANSWERED,
						     buf_as_span(&sender), v->handle),
		    .until_sec = w->in.now_sec + (int64_t)v->period_sec,
		    .since_sec = w->in.now_sec,
		    .id = w->order->id};
		err = dir < 0 ? E_IO : recall_claim(dir, &slot, w->in.now_sec, true);
	}
	if (err == E_BAD)
		refusal = "its sender was answered already";
	else if (err != E_OK)
		refusal = "it cannot be remembered";
	if (refusal)
		log_event(LOG_INFO, "not_answered", "account=%s why=\"%s\"",
		    log_q(w->in.address), refusal);
	buf_free(&sender);
	return !refusal;
}

static void
vacation(struct work *w, const struct sieve_action *a, unsigned index)
{
	const struct sieve_vacation *v = &a->vacation;
	struct sieve_letter by = letter_by(w, index);
	struct buf text = {.max = ANSWER_HEAD_MAX};
	struct span from = w->in.envelope.from;
	if (!is_due(w, v))
		return;
	struct agent_send *s = send_add(w, SEND_VACATION, index, &from, 1);
	if (!s)
		return;
	letter_vacation(&w->in, v, &by, &text);
	if (put_text(s, w, &text))
		store_copy_of(w, &v->fcc, index, s->text);
	buf_free(&text);
}

static void
notify(struct work *w, const struct sieve_action *a, unsigned index)
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
	struct agent_send *s = send_add(w, SEND_NOTIFY, index, rcpts, n_all);
	if (!s)
		return;
	letter_notify(&w->in, n, &by, &text);
	if (put_text(s, w, &text))
		store_copy_of(w, &n->fcc, index, s->text);
	buf_free(&text);
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

/* Once a version of the script, in INBOX; placed again, it is the same message. */
static void
tell_user(struct work *w, const struct program *p, const struct sieve_errors *errors)
{
	int dir = folder(w->home);
	int64_t now = w->in.now_sec;
	struct recall_slot was,
	    slot = {.key = recall_key_of(RECALL_TOLD, p->version, SPAN("")),
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
	struct agent_store *s = err == E_OK ? store_add(w, NUMBER_TOLD) : NULL;
	if (!s)
		return;
	buf_str(&text, "Date: ");
	date_put(&text, now);
	buf_putf(&text,
	    "\r\nMessage-ID: <%s@%.*s>\r\nFrom: Mail Delivery System <%.*s>\r\n"
	    "To: <%.*s>\r\nSubject: Your Sieve script failed\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "The script that sorts your mail failed:\r\n\r\n",
	    letter_id(w, NUMBER_TOLD), SPAN_ARG(me.host), SPAN_ARG(me.postmaster),
	    SPAN_ARG(w->in.address));
	put_error_lines(&text, errors);
	buf_str(&text,
	    "\r\nUntil it is corrected, what it cannot decide about stays in "
	    "your inbox.\r\nYou are told this once.\r\n");
	s->is_text = true;
	s->text = kept(w, buf_as_span(&text));
	buf_free(&text);
}

/* One after the other, while something is left to decide. */
static void
run_all(struct work *w)
{
	static struct program programs[PROGRAMS_MOST];
	size_t n = programs_load(w->home, programs);
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
				tell_user(w, p, why);
		}
		sieve_errors_reset(&errors);
	}
	if (!has_decided)
		store_message(w, NULL, 0, NULL);
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
	case ACTION_FILEINTO:
		store_message(w, a, index, &a->store);
		break;
	case ACTION_REDIRECT:
		redirect(w, a, index);
		break;
	case ACTION_REJECT:
	case ACTION_EREJECT:
		reject(w, a, index);
		break;
	case ACTION_VACATION:
		if (!w->answer.is_done) /* it would be remembered as said now */
			vacation(w, a, index);
		break;
	case ACTION_NOTIFY:
		notify(w, a, index);
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

static void
set_input(struct work *w, struct sieve_item *items, struct buf *dsn)
{
	const struct agent_order *o = w->order;
	struct sieve_input *in = &w->in;
	struct span domain = span_from(o->address, span_rfind(o->address, '@') + 1);
	items[0] = (struct sieve_item){SPAN("location"), SPAN("MDA")};
	items[1] = (struct sieve_item){SPAN("phase"), SPAN("during")};
	items[2] = (struct sieve_item){SPAN("host"), me.host};
	items[3] = (struct sieve_item){SPAN("domain"), domain};
	*in = (struct sieve_input){.message = o->message,
	    .size_bytes = o->size_bytes,
	    .items = items,
	    .n_items = 4,
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
	    .is_duplicate = is_duplicate};
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

void
perform(int home, const struct agent_order *o, struct buf *reply)
{
	static struct work w;
	struct sieve_item items[4];
	struct buf dsn = {0};
	unsigned index = 0;
	programs_unload(); /* the last one's DONE may not have come */
	w = (struct work){
	    .order = o, .home = home, .arena = {.max_bytes = ARENA_BYTES}};
	w.answer.stores = w.stores;
	w.answer.sends = w.sends;
	me.last.n_seen = 0;
	set_input(&w, items, &dsn);
	w.answer.is_done = is_done(home, o->id);
	run_all(&w);
	for (const struct sieve_action *a = w.result.actions; a; a = a->next)
		do_one(&w, a, index++);
	if (w.answer.is_done)
		w.answer.n_sends = 0;
	w.answer.wants_done = w.answer.n_sends || me.last.n_seen;
	me.last.id = o->id;
	me.last.wants_done = w.answer.wants_done;
	put_answer(&w, reply);
	if (!me.last.wants_done)
		programs_unload();
	sieve_result_free(&w.result);
	arena_reset(&w.arena);
	buf_free(&dsn);
}

void
perform_close(void)
{
	lookat_end();
	programs_unload();
	sieve_scripts_close(&me.folder);
	mem_free(&me.last.seen);
	buf_free(&me.postmaster_text);
}
