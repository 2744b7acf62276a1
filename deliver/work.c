/* SPDX-License-Identifier: ISC */
/* work.c - the answer to an order, while it grows. */
#include "deliver/work.h"

#include "base/log.h"
#include "mime/header.h"

/* ---- what is stored ---- */

struct span
work_kept(struct work *w, struct span s)
{
	struct span copy = arena_span(&w->arena, s);
	return copy.n == s.n ? copy : SPAN("");
}

uint32_t
work_flag(struct span name)
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
	/* a copy of what is in a mailbox has its flags */
	bool has_flags = s->has_flags || w->event;
	for (size_t i = 0; has_flags && i < s->flags.n; i++) {
		struct span name = s->flags.rows[i];
		uint32_t flag = work_flag(name);
		d.flags |= flag;
		if (!flag && mailbox_keyword_check(name) &&
		    d.n_keywords < STORE_KEYWORDS_MAX)
			d.keywords[d.n_keywords++] = name;
	}
	if (!d.mailbox.n && !d.special_use.n && !d.mailboxid.n && !d.flags &&
	    !d.n_keywords)
		return SPAN("");
	directions_put(&text, &d);
	struct span out = work_kept(w, buf_as_span(&text));
	buf_free(&text);
	return out;
}

struct agent_store *
work_store(struct work *w, unsigned number)
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

void
work_store_message(struct work *w, const struct sieve_action *a, unsigned index,
    const struct sieve_store *where)
{
	unsigned number = w->has_store || w->event ? index + 1 : 0;
	if (w->event && !where) {
		w->is_kept = true;
		return;
	}
	struct agent_store *s = work_store(w, number);
	if (!s) {
		w->is_kept = true;
		return;
	}
	w->has_store = true;
	if (where)
		s->directions = directions_of(w, where);
	if (a)
		put_made(
		    w, a, &s->has_head, &s->has_body, &s->text, &s->body, &s->body_at);
}

void
work_store_copy(
    struct work *w, const struct sieve_store *where, unsigned index, struct span text)
{
	if (!where->mailbox.n)
		return;
	struct agent_store *s = work_store(w, NUMBER_FCC + index);
	if (!s)
		return;
	s->is_text = true;
	s->text = text;
	s->directions = directions_of(w, where);
}

/* ---- what goes out ---- */

struct agent_send *
work_send(struct work *w, enum agent_send_kind kind, unsigned index,
    const struct span *rcpts, size_t n)
{
	struct agent_answer *a = &w->answer;
	struct span *own = arena_get(&w->arena, (n + 1) * sizeof *own);
	uint16_t n_good = 0;
	if (a->n_sends == ANSWER_SENDS_MOST || !own)
		return NULL;
	for (size_t i = 0; i < n && n_good < ANSWER_RCPTS_MOST; i++)
		if (envelope_address_check(rcpts[i]))
			own[n_good++] = work_kept(w, rcpts[i]);
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

bool
work_send_text(struct work *w, struct agent_send *s, const struct buf *text)
{
	if (buf_done(text) == E_OK)
		s->text = work_kept(w, buf_as_span(text));
	if (s->text.n)
		return true;
	w->answer.n_sends--;
	log_event(LOG_NOTICE, "script_sends_not", "why=%s", "\"too large\"");
	return false;
}

void
work_send_made(struct work *w, struct agent_send *s, const struct sieve_action *a)
{
	put_made(w, a, &s->has_head, &s->has_body, &s->text, &s->body, &s->body_at);
}
