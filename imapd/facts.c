/* SPDX-License-Identifier: ISC */
/* facts.c - what SORT and THREAD ask of the heads of many messages. */
#include "imapd/facts.h"

/* NULL texts are as good as empty ones here: both say nothing. */
static bool
text_keep(struct facts *f, struct span *text)
{
	struct span kept = arena_span(&f->kept, *text);
	bool is_whole = kept.n == text->n;
	*text = kept;
	return is_whole;
}

static bool
texts_keep(struct facts *f, struct envelope_facts *facts)
{
	struct span *texts[] = {&facts->base_subject, &facts->from, &facts->to,
	    &facts->cc, &facts->display_from, &facts->display_to, &facts->message_id,
	    &facts->references};
	bool is_whole = true;
	for (size_t i = 0; i < COUNT(texts); i++)
		is_whole = text_keep(f, texts[i]) && is_whole;
	return is_whole;
}

/* Of an item that is there only the beginning is read; one that is not is made. */
static const struct mime_cache *
item_with_facts(struct message *m, struct mime_cache *first, bool *is_lent)
{
	*is_lent = cache_open_facts(store_cache(m->store, m->record), first) == E_OK &&
	           first->has_facts;
	return *is_lent ? first : message_item(m);
}

void
facts_of(struct message *m, struct envelope_facts *out, bool *is_lent)
{
	struct mime_cache first;
	const struct mime_cache *item = item_with_facts(m, &first, is_lent);
	struct imap_envelope envelope;
	if (item && item->has_facts) {
		*out = item->facts;
		return;
	}
	imap_envelope_parse(message_head(m), &m->arena, &envelope);
	envelope_facts_find(&envelope, &m->arena, out);
}

enum reply
facts_each(struct facts *f, struct session *s, const struct found *found, facts_fn *fn,
    void *ctx)
{
	struct look look;
	*f = (struct facts){.kept.max_bytes = FACTS_BYTES_MAX};
	uint32_t n = s->selected->n; /* a search went through these */
	look_init(&look, s, n, n + (uint32_t)found->n);
	message_init(&f->message, s->store, &s->selected->view);
	enum reply reply = R_DONE;
	for (size_t i = 0; i < found->n && reply == R_DONE; i++) {
		const struct store_record *r =
		    selected_record(s->selected, found->seqs[i]);
		struct envelope_facts facts;
		bool is_lent;
		message_set(&f->message, r);
		facts_of(&f->message, &facts, &is_lent);
		if (!is_lent && !texts_keep(f, &facts))
			return R_LIMIT;
		if (!facts.has_sent)
			facts.sent_sec = r->date_sec;
		fn(ctx, i, r, &facts);
		reply = look_up(&look, LOOK_RECORD_BYTES + f->message.text.n);
	}
	store_cache_flush(s->store);
	return reply;
}

void
facts_done(struct facts *f)
{
	message_done(&f->message);
	arena_reset(&f->kept);
}
