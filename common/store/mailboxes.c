/* SPDX-License-Identifier: ISC */
/*
 * mailboxes.c - the account's mailboxes in the keeper's memory: as they are told, and as the batch
 * leaves them.
 */
#include "store/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "store/annotations.h"
#include "store/kept.h"

/* ---- finding ---- */

struct slot *
slot_even_dead(uint32_t id)
{
	struct keeper *k = &the_keeper;
	size_t low = 0, high = k->n_by_id;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (k->by_id[mid]->now.id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < k->n_by_id && k->by_id[low]->now.id == id ? k->by_id[low] : NULL;
}

struct slot *
slot_of(uint32_t id)
{
	struct slot *s = slot_even_dead(id);
	return s && !s->now.is_dead ? s : NULL;
}

size_t
mailboxes_first(struct span name)
{
	struct keeper *k = &the_keeper;
	size_t low = 0, high = k->n_by_name;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (span_cmp(span_of(k->by_name[mid]->now.name), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct slot *
slot_find(struct span name)
{
	struct keeper *k = &the_keeper;
	struct buf kept = {.max = STORE_NAME_MAX};
	mailbox_name_put(&kept, name);
	size_t at = buf_done(&kept) == E_OK ? mailboxes_first(buf_as_span(&kept))
	                                    : k->n_by_name;
	bool is_found =
	    at < k->n_by_name && span_eqs(buf_as_span(&kept), k->by_name[at]->now.name);
	buf_free(&kept);
	return is_found ? k->by_name[at] : NULL;
}

struct slot *
slot_for_use(const char *special_use)
{
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_by_name; i++)
		if (span_ieqs(span_of(k->by_name[i]->now.special_use), special_use) &&
		    !k->by_name[i]->now.is_kept)
			return k->by_name[i];
	return NULL;
}

/* ---- subscriptions ---- */

static size_t
subscription_at(struct span name)
{
	struct keeper *k = &the_keeper;
	size_t low = 0, high = k->n_subscriptions;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (span_cmp(span_of(k->subscriptions[mid]), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
subscription_has(struct span name)
{
	size_t at = subscription_at(name);
	return at < the_keeper.n_subscriptions &&
	       span_eqs(name, the_keeper.subscriptions[at]);
}

void
subscription_set(struct span name, bool is_now)
{
	struct keeper *k = &the_keeper;
	size_t at = subscription_at(name);
	if (subscription_has(name) == is_now)
		return;
	if (!is_now) {
		mem_free(&k->subscriptions[at]);
		memmove(&k->subscriptions[at], &k->subscriptions[at + 1],
		    (--k->n_subscriptions - at) * sizeof *k->subscriptions);
		return;
	}
	k->subscriptions = mem_grow(
	    k->subscriptions, k->n_subscriptions + 1, sizeof *k->subscriptions);
	memmove(&k->subscriptions[at + 1], &k->subscriptions[at],
	    (k->n_subscriptions++ - at) * sizeof *k->subscriptions);
	k->subscriptions[at] = mem_new(name.n + 1);
	memcpy(k->subscriptions[at], name.p, name.n);
}

/* ---- life ---- */

static void
put_by_id(struct slot *s)
{
	struct keeper *k = &the_keeper;
	size_t at = k->n_by_id;
	k->by_id = mem_grow(k->by_id, k->n_by_id + 1, sizeof *k->by_id);
	while (at && k->by_id[at - 1]->now.id > s->now.id)
		at--;
	memmove(
	    &k->by_id[at + 1], &k->by_id[at], (k->n_by_id++ - at) * sizeof *k->by_id);
	k->by_id[at] = s;
}

static void
put_by_name(struct slot *s)
{
	struct keeper *k = &the_keeper;
	size_t at = mailboxes_first(span_of(s->now.name));
	k->by_name = mem_grow(k->by_name, k->n_by_name + 1, sizeof *k->by_name);
	memmove(&k->by_name[at + 1], &k->by_name[at],
	    (k->n_by_name++ - at) * sizeof *k->by_name);
	k->by_name[at] = s;
}

static int
load_one(void *ctx, const struct mailbox *m)
{
	struct keeper *k = ctx;
	struct slot *s = mem_new(sizeof *s);
	s->now = s->next = *m;
	s->keywords = mem_new(STORE_KEYWORDS_MAX * sizeof *s->keywords);
	s->now.n_keywords = s->next.n_keywords = 0; /* counted by load_keyword */
	put_by_id(s);
	if (m->uidvalidity > k->uidvalidity)
		k->uidvalidity = m->uidvalidity;
	if (m->id > k->mailbox)
		k->mailbox = m->id;
	if (m->is_kept)
		k->kept = s;
	if (m->is_dead || m->is_kept)
		return E_OK;
	put_by_name(s);
	k->sum.bytes += m->bytes;
	k->sum.messages += m->messages;
	return E_OK;
}

static int
load_keyword(void *ctx, uint32_t mailbox, uint32_t bit, struct span name)
{
	struct slot *s = slot_even_dead(mailbox);
	(void)ctx;
	if (!s || bit != s->now.n_keywords || bit == STORE_KEYWORDS_MAX)
		return E_OK; /* of no mailbox: nothing refers to it */
	s->keywords[bit] = mem_new(name.n + 1);
	memcpy(s->keywords[bit], name.p, name.n);
	s->now.n_keywords = s->next.n_keywords = bit + 1;
	return E_OK;
}

static int
load_subscription(void *ctx, struct span name)
{
	(void)ctx;
	subscription_set(name, true);
	return E_OK;
}

static int
load_uidl(void *ctx, struct file_id id, struct span uidl)
{
	(void)id, (void)uidl;
	((struct keeper *)ctx)->n_uidls = 1;
	return E_BAD; /* one is enough to know */
}

static int
load_annotation(void *ctx, const struct annotation *a)
{
	annotation_count(&((struct keeper *)ctx)->annotated, a, 1);
	return E_OK;
}

int
mailboxes_load(void)
{
	struct keeper *k = &the_keeper;
	mailboxes_free();
	k->uidvalidity = k->floor.uidvalidity;
	k->mailbox = k->floor.mailbox;
	int err = mailbox_each(&k->tables, load_one, k);
	if (err == E_OK)
		err = keyword_each(&k->tables, load_keyword, k);
	if (err == E_OK)
		err = subscription_each(&k->tables, load_subscription, k);
	if (err == E_OK)
		err = uidl_each(&k->tables, load_uidl, k);
	if (err == E_OK)
		err = annotation_every(&k->tables, load_annotation, k);
	k->sum_next = k->sum;
	k->annotated_next = k->annotated;
	if (err == E_OK && k->kept) {
		kept_show();
		if (!k->kept->is_hidden)
			put_by_name(k->kept);
	}
	if (err == E_OK && !slot_find(SPAN("INBOX")))
		err = E_BAD;
	return err;
}

static void
slot_free(struct slot *s)
{
	view_free(s);
	guests_free(s);
	for (uint32_t i = 0; s->keywords && i < s->next.n_keywords; i++)
		mem_free(&s->keywords[i]);
	mem_free(&s->keywords);
	mem_free(&s);
}

void
mailboxes_free(void)
{
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_by_id; i++)
		slot_free(k->by_id[i]);
	for (size_t i = 0; i < k->n_subscriptions; i++)
		mem_free(&k->subscriptions[i]);
	mem_free(&k->by_id);
	mem_free(&k->by_name);
	mem_free(&k->touched);
	mem_free(&k->subscriptions);
	k->n_by_id = k->n_by_name = k->n_touched = k->n_subscriptions = 0;
	k->kept = NULL;
	k->sum = k->sum_next = (struct sum){0};
	k->annotated = k->annotated_next = (struct annotation_sum){0};
}

/* ---- what a batch leaves ---- */

int
mailboxes_write(struct db_txn *txn)
{
	struct keeper *k = &the_keeper;
	int err = E_OK;
	for (size_t i = 0; i < k->n_touched && err == E_OK; i++) {
		struct slot *s = k->touched[i];
		err = s->is_removed ? mailbox_row_remove(&k->tables, txn, s->now.id)
		                    : mailbox_put(&k->tables, txn, &s->next);
	}
	return err;
}

void
mailboxes_floor(struct floor *out)
{
	struct keeper *k = &the_keeper;
	*out = (struct floor){.uidvalidity = k->uidvalidity, .mailbox = k->mailbox};
	for (size_t i = 0; i < k->n_touched; i++) {
		const struct mailbox *m = &k->touched[i]->next;
		if (m->uidnext - 1 > out->uid)
			out->uid = m->uidnext - 1;
		if (m->modseq > out->modseq)
			out->modseq = m->modseq;
	}
}

/* ---- a batch is over ---- */

static void
take_out(struct slot **all, size_t *n, const struct slot *s)
{
	size_t at = 0;
	while (at < *n && all[at] != s)
		at++;
	if (at == *n)
		bug("a mailbox that is not there");
	memmove(&all[at], &all[at + 1], (--*n - at) * sizeof *all);
}

static void
publish_one(struct slot *s)
{
	struct keeper *k = &the_keeper;
	bool is_renamed =
	    !s->is_new && !s->now.is_dead && strcmp(s->now.name, s->next.name) != 0;
	bool dies = !s->is_new && !s->now.is_dead && s->next.is_dead;
	s->changed_at = feed_note();
	if (s->is_removed) {
		k->change_gone = s->changed_at;
		take_out(k->by_id, &k->n_by_id, s);
		slot_free(s);
		return;
	}
	if (is_renamed || dies)
		take_out(k->by_name, &k->n_by_name, s);
	if (is_renamed || s->now.uidvalidity != s->next.uidvalidity)
		view_publish_rename(s);
	s->now = s->next;
	s->is_touched = false;
	if (s->is_new)
		put_by_id(s);
	if ((s->is_new && !s->is_hidden) || (is_renamed && !dies))
		put_by_name(s);
	s->is_new = false;
	view_publish_head(s);
	k->is_usage_old |= s->now.is_kept;
	if (dies) {
		view_free(s);
		guests_free(s);
	}
}

void
mailboxes_publish(void)
{
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_touched; i++) {
		struct doze_due due = doze_due(k->touched[i]);
		publish_one(k->touched[i]);
		doze_publish(due);
	}
	k->is_changed |= k->n_touched > 0;
	k->is_usage_old |= k->sum.bytes != k->sum_next.bytes ||
	                   k->sum.messages != k->sum_next.messages;
	k->n_touched = 0;
	k->sum = k->sum_next;
	k->annotated = k->annotated_next;
}

void
mailboxes_forget(void)
{
	struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_touched; i++) {
		struct slot *s = k->touched[i];
		if (s->is_new) {
			if (s == k->kept)
				k->kept = NULL;
			slot_free(s);
			continue;
		}
		for (uint32_t n = s->now.n_keywords; n < s->next.n_keywords; n++)
			mem_free(&s->keywords[n]);
		s->next = s->now;
		s->is_touched = s->is_removed = false;
	}
	k->n_touched = 0;
	k->sum_next = k->sum;
	k->annotated_next = k->annotated;
}
