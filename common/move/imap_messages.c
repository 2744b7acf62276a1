/* SPDX-License-Identifier: ISC */
/* imap_messages.c - what is in a folder, and the messages themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "move/imap_talk.h"
#include "move/pop3_uidls.h"

/* ---- EXAMINE ---- */

struct examine {
	struct listing *out;
	uint32_t exists, n;
};

static int
on_examine(struct imap *c, const struct imap_reply *r, void *p)
{
	struct examine *e = p;
	if (++e->n > IMAP_UNASKED_MAX)
		return failed(
		    &c->failure, EX_PROTOCOL, "the server does not stop talking");
	if (r->kind == IMAP_DATA && r->has_number && span_ieqs(r->word, "EXISTS"))
		e->exists = r->number;
	if (r->kind == IMAP_STATUS &&
	    !imap_code_number(r->code, "UIDVALIDITY", &e->out->uidvalidity) &&
	    !imap_code_number(r->code, "UIDNEXT", &e->out->uidnext))
		return E_OK;
	return E_OK;
}

/* The name goes back as it came: quoted, or as a literal. */
static int
examine(struct imap *c, struct span raw, struct examine *e)
{
	struct buf words = {0};
	struct imap_reply r;
	buf_str(&words, "EXAMINE ");
	int err = talk_string_put(c, &words, raw);
	if (err != E_OK)
		failed(
		    &c->failure, EX_NOINPUT, "its name cannot be said to this server");
	if (err == E_OK)
		err =
		    talk_until(c, talk_send(c, buf_as_span(&words)), on_examine, e, &r);
	buf_free(&words);
	if (err == E_BAD)
		c->failure.status = EX_NOINPUT;
	return err;
}

/* ---- the list ---- */

struct listing_ctx {
	struct listing *out;
	uint64_t n, most; /* responses */
};

static int
on_message(struct imap *c, const struct imap_reply *r, void *p)
{
	const unsigned wanted =
	    IMAP_GOT_UID | IMAP_GOT_FLAGS | IMAP_GOT_DATE | IMAP_GOT_SIZE;
	struct listing_ctx *ctx = p;
	struct listing *l = ctx->out;
	struct imap_fetch f;
	if (++ctx->n > ctx->most)
		return failed(
		    &c->failure, EX_PROTOCOL, "the server does not stop talking");
	if (r->kind != IMAP_DATA || !span_ieqs(r->word, "FETCH"))
		return E_OK;
	if (imap_fetch_parse(r->rest, &c->arena, &f) != E_OK)
		return failed(&c->failure, EX_PROTOCOL,
		    "the server tells of a message what cannot be read");
	if ((f.got & wanted) != wanted || f.uid == 0)
		return E_OK; /* flags that changed, unasked */
	struct source_message m = {.uid = f.uid,
	    .flags = f.flags.flags,
	    .size_bytes = f.size_bytes,
	    .date_sec = f.date_sec};
	for (size_t i = 0; i < f.flags.n_keywords; i++)
		m.keywords |=
		    keywords_bit(&l->keywords, &l->arena, f.flags.keywords[i]);
	if (listing_add(l, &m) != E_OK)
		return failed(&c->failure, EX_UNAVAILABLE,
		    "more than %d messages in a folder", SOURCE_MESSAGES_MAX);
	return E_OK;
}

int
imap_messages(struct imap *c, struct span raw, struct listing *out)
{
	*out = (struct listing){.n = 0};
	struct examine e = {.out = out};
	struct listing_ctx ctx = {.out = out};
	int err = examine(c, raw, &e);
	ctx.most = (uint64_t)e.exists * 4 + IMAP_UNASKED_MAX;
	if (err == E_OK && e.exists)
		err =
		    talk(c, SPAN("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"),
			on_message, &ctx);
	listing_sort(out);
	if (err == E_OK && out->n && out->all[out->n - 1].uid >= out->uidnext)
		out->uidnext = out->all[out->n - 1].uid < UINT32_MAX
		                   ? out->all[out->n - 1].uid + 1
		                   : 0;
	return err;
}

/* ---- heads ---- */

struct heads {
	const struct listing *listing;
	struct head_sum *out;
	size_t *n;
	bool *has; /* own: of each message, it was shown */
	uint64_t n_said;
};

static const struct source_message *
message_of(const struct listing *l, uint32_t uid)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (l->all[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->n && l->all[low].uid == uid ? &l->all[low] : NULL;
}

static int
on_head(struct imap *c, const struct imap_reply *r, void *p)
{
	struct heads *h = p;
	struct imap_fetch f;
	if (++h->n_said > h->listing->n * 4 + IMAP_UNASKED_MAX)
		return failed(
		    &c->failure, EX_PROTOCOL, "the server does not stop talking");
	if (r->kind != IMAP_DATA || !span_ieqs(r->word, "FETCH"))
		return E_OK;
	if (imap_fetch_parse(r->rest, &c->arena, &f) != E_OK)
		return failed(&c->failure, EX_PROTOCOL,
		    "the server says a head that cannot be read");
	const struct source_message *m =
	    f.got & IMAP_GOT_UID && f.head.p ? message_of(h->listing, f.uid) : NULL;
	size_t index = m ? (size_t)(m - h->listing->all) : 0;
	if (!m || h->has[index])
		return E_OK;
	h->has[index] = true;
	head_sum(f.head, h->out[*h->n].sha256);
	h->out[(*h->n)++].index = index;
	return E_OK;
}

int
imap_heads(struct imap *c, const struct listing *l, struct head_sum *out, size_t *n)
{
	struct heads h = {.listing = l,
	    .out = out,
	    .n = n,
	    .has = mem_new((l->n + 1) * sizeof *h.has)};
	*n = 0;
	int err =
	    l->n ? talk(c, SPAN("UID FETCH 1:* (UID BODY.PEEK[HEADER])"), on_head, &h)
		 : E_OK;
	mem_free(&h.has);
	return err;
}

/* ---- FETCH ---- */

struct fetching {
	const struct listing *listing;
	const uint32_t *uids;
	size_t n, at; /* at: the first that was not asked for */
	uint32_t tags[IMAP_BATCHES_AHEAD];
	size_t n_tags; /* the first is answered first */
};

static uint64_t
size_of(const struct listing *l, uint32_t uid)
{
	const struct source_message *m = message_of(l, uid);
	return m ? m->size_bytes : 0;
}

/* Neighbours as a range: "3:7,9". */
static void
send_batch(struct imap *c, struct fetching *f)
{
	struct buf words = {0};
	uint64_t bytes = 0;
	size_t begin = f->at;
	buf_str(&words, "UID FETCH ");
	while (f->at < f->n && f->at - begin < IMAP_BATCH_MESSAGES &&
	       (bytes < IMAP_BATCH_BYTES || f->at == begin)) {
		uint32_t from = f->uids[f->at], to = from;
		buf_putf(&words, "%s%u", f->at > begin ? "," : "", from);
		do
			bytes += size_of(f->listing, to);
		while (++f->at < f->n && f->at - begin < IMAP_BATCH_MESSAGES &&
		       bytes < IMAP_BATCH_BYTES && f->uids[f->at] == to + 1 && ++to);
		if (to > from)
			buf_putf(&words, ":%u", to);
	}
	buf_str(&words, " (UID BODY.PEEK[])");
	f->tags[f->n_tags++] = talk_send(c, buf_as_span(&words));
	buf_free(&words);
}

static int
hand_on(struct imap *c, const struct imap_fetch *f)
{
	const struct fetch_to *to = c->stream;
	if (!c->has_streamed && f->body.p) { /* it came as a quoted string */
		c->stream_err = to->begin(to->ctx);
		if (c->stream_err == E_OK)
			c->stream_err = to->bytes(to->ctx, f->body);
	}
	if (c->stream_err == E_OK && (c->has_streamed || f->body.p))
		c->stream_err = to->end(to->ctx, f->uid, (f->got & IMAP_GOT_UID) != 0);
	return c->stream_err == E_OK
	           ? E_OK
	           : failed(&c->failure, EX_IOERR, "a message could not be handed on");
}

static int
take_data(struct imap *c, const struct imap_reply *r)
{
	struct imap_fetch f;
	if (r->kind != IMAP_DATA || !span_ieqs(r->word, "FETCH"))
		return E_OK;
	if (imap_fetch_parse(r->rest, &c->arena, &f) != E_OK)
		return failed(&c->failure, EX_PROTOCOL,
		    "the server says a message that cannot be read");
	return f.got & IMAP_GOT_BODY ? hand_on(c, &f) : E_OK;
}

/* The oldest command is answered; NO leaves its messages out, which is seen by who counts them. */
static int
take_answer(struct imap *c, struct fetching *f, const struct imap_reply *r)
{
	if (!talk_is_answer(r, f->tags[0]))
		return failed(
		    &c->failure, EX_PROTOCOL, "the server answers what was not asked");
	f->n_tags--;
	for (size_t i = 0; i < f->n_tags; i++)
		f->tags[i] = f->tags[i + 1];
	return r->status == IMAP_BAD
	           ? failed(&c->failure, EX_PROTOCOL, "the server says: %.*s",
			 SPAN_ARG(span_head(r->text, 300)))
	           : E_OK;
}

int
imap_fetch(struct imap *c, const struct listing *l, const uint32_t *uids, size_t n,
    const struct fetch_to *to)
{
	struct fetching f = {.listing = l, .uids = uids, .n = n};
	struct imap_reply r;
	uint64_t responses = 0;
	int err = E_OK;
	c->stream = to;
	c->stream_err = E_OK;
	while (err == E_OK && (f.at < n || f.n_tags)) {
		while (f.at < n && f.n_tags < IMAP_BATCHES_AHEAD)
			send_batch(c, &f);
		err = talk_read(c, &r);
		if (err == E_OK && ++responses > n * 4 + IMAP_UNASKED_MAX)
			err = failed(&c->failure, EX_PROTOCOL,
			    "the server does not stop talking");
		if (err == E_OK && r.tag.n)
			err = take_answer(c, &f, &r);
		else if (err == E_OK)
			err = take_data(c, &r);
	}
	c->stream = NULL;
	return err == E_OK || c->stream_err == E_OK ? err : E_LIMIT;
}
