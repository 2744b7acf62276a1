/* SPDX-License-Identifier: ISC */
/* held.c - which accounts' mail is held. */
#include "queue/held.h"

#include "base/clock.h"
#include "base/log.h"

static const char word[] = "held ";

static struct {
	struct held {
		struct buf account; /* own; in lower case */
		int64_t since_sec;  /* wall clock */
	} * all;                    /* own */

	size_t n;
} held;

static struct held *
find(struct span account)
{
	for (size_t i = 0; account.n && i < held.n; i++)
		if (span_ieq(buf_as_span(&held.all[i].account), account))
			return &held.all[i];
	return NULL;
}

static struct held *
add(struct span account, int64_t since_sec)
{
	held.all = mem_grow(held.all, held.n + 1, sizeof *held.all);
	struct held *h = &held.all[held.n++];
	*h = (struct held){.since_sec = since_sec};
	for (size_t i = 0; i < account.n; i++)
		buf_ch(&h->account, ch_lower(account.p[i]));
	return h;
}

static void
forget(struct held *h)
{
	buf_free(&h->account);
	*h = held.all[--held.n];
}

static void
on_word(void *ctx, struct span text, int64_t value)
{
	(void)ctx;
	if (span_starts(text, span_of(word)))
		add(span_from(text, sizeof word - 1), value);
}

void
held_open(void)
{
	if (index_words(the_sched.index, on_word, NULL) != E_OK)
		log_event(LOG_ERR, "held_accounts_not_read", "n=%zu", held.n);
}

static int
note(const struct held *h)
{
	struct buf b = {0};
	buf_str(&b, word);
	buf_span(&b, buf_as_span(&h->account));
	int err = index_word_put(the_sched.index, buf_as_span(&b), h->since_sec);
	buf_free(&b);
	return err;
}

void
held_renew(void)
{
	for (size_t i = 0; i < held.n; i++)
		if (note(&held.all[i]) != E_OK)
			log_event(LOG_ERR, "held_account_not_noted",
			    "account=%s do=\"hold it again after a restart\"",
			    log_q(buf_as_span(&held.all[i].account)));
}

bool
held_has(struct span account)
{
	return find(account) != NULL;
}

int
held_add(struct span account)
{
	if (!account.n || account.n > HELD_ACCOUNT_MAX)
		return E_BAD;
	if (find(account))
		return E_OK;
	if (held.n == HELD_ACCOUNTS_MOST)
		return E_LIMIT;
	struct held *h = add(account, clock_wall_sec());
	int err = note(h);
	if (err != E_OK)
		forget(h);
	else
		log_event(LOG_NOTICE, "account_held", "account=%s", log_q(account));
	return err;
}

int
held_end(struct span account)
{
	struct held *h = find(account);
	struct buf b = {0};
	if (!h)
		return E_BAD;
	buf_str(&b, word);
	buf_span(&b, buf_as_span(&h->account));
	int err = index_word_remove(the_sched.index, buf_as_span(&b));
	buf_free(&b);
	if (err != E_OK && err != E_BAD)
		return err;
	log_event(LOG_NOTICE, "account_released", "account=%s", log_q(account));
	forget(h);
	return E_OK;
}
