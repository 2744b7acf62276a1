/* SPDX-License-Identifier: ISC */
/* domain_usage.c - what an account uses, and all accounts of a domain together. */
#include "account/domain_usage.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/domain.h"
#include "conf/value.h"

struct domain_sum {
	struct span domain;         /* borrow: conf */
	uint64_t bytes, next_bytes; /* next: that are being made */
};

struct domain_sums {
	const struct conf *conf; /* borrow */
	int mail_dir;            /* borrow */
	struct domain_sum *all;  /* own; a domain each that has a quota */
	size_t n;
	bool is_made;     /* once, or it was waited for once */
	int64_t next_ms;  /* monotonic: then they are made again */
	struct buf after; /* own: the last account that was added; empty: none is */
	int64_t took_us, slice_ends_us;
};

/* A domain itself, too. */
static struct span
domain_of(struct span address)
{
	size_t at = span_rfind(address, '@');
	return at < address.n ? span_from(address, at + 1) : address;
}

uint64_t
domain_quota(const struct conf *conf, struct span address)
{
	struct span text;
	int64_t bytes;
	return domain_pair(conf, "domain_quotas", domain_of(address), &text) &&
	               value_parse_number(CONF_BYTES, text, &bytes) == E_OK
	           ? (uint64_t)bytes
	           : 0;
}

int
account_usage(
    int mail_dir, const struct account *a, struct usage_noted *known, struct usage *now)
{
	char path[ACCOUNT_ADDRESS_MAX + 16];
	struct usage_noted own, *u = known ? known : &own;
	snprintf(path, sizeof path, "%.*s/usage", SPAN_ARG(a->home));
	int err = usage_read(mail_dir, path, u);
	snprintf(path, sizeof path, "%.*s/placed", SPAN_ARG(a->home));
	*now = err == E_OK ? usage_now(u, placed_read(mail_dir, path))
	                   : (struct usage){.bytes = 0};
	return err;
}

struct domain_sums *
domain_sums_new(const struct conf *conf, int mail_dir)
{
	struct domain_sums *s = mem_new(sizeof *s);
	*s = (struct domain_sums){.conf = conf, .mail_dir = mail_dir};
	s->n = conf_list_count(conf, "common", "domain_quotas");
	s->all = s->n ? mem_new(s->n * sizeof *s->all) : NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct span item =
		    span_of(conf_list(conf, "common", "domain_quotas", i));
		s->all[i].domain = span_trim(span_cut(&item, '='));
	}
	return s;
}

void
domain_sums_free(struct domain_sums **sp)
{
	if (!*sp)
		return;
	mem_free(&(*sp)->all);
	buf_free(&(*sp)->after);
	mem_free(sp);
}

static struct domain_sum *
sum_of(struct domain_sums *s, struct span address)
{
	for (size_t i = 0; i < s->n; i++)
		if (domain_same(s->all[i].domain, domain_of(address)))
			return &s->all[i];
	return NULL;
}

static uint64_t
with(uint64_t a, uint64_t b)
{
	return b < UINT64_MAX - a ? a + b : UINT64_MAX;
}

uint64_t
domain_share(const struct conf *conf, const struct account *a, uint64_t used_bytes)
{
	uint64_t grace = (uint64_t)conf_int(conf, "common", "quota_grace"),
		 most = with(a->quota_bytes, grace);
	return a->quota_bytes && used_bytes > most ? most : used_bytes;
}

static int
add_account(void *ctx, const struct account *a)
{
	struct domain_sums *s = ctx;
	struct domain_sum *sum = sum_of(s, a->address);
	struct usage now;
	if (sum && account_usage(s->mail_dir, a, NULL, &now) == E_OK)
		sum->next_bytes =
		    with(sum->next_bytes, domain_share(s->conf, a, now.bytes));
	buf_reset(&s->after);
	buf_span(&s->after, a->address);
	return clock_mono_us() < s->slice_ends_us ? E_OK : E_MORE;
}

static void
take_sums(struct domain_sums *s)
{
	int64_t rest_ms = s->took_us * DOMAIN_SUMS_REST / 1000;
	for (size_t i = 0; i < s->n; i++)
		s->all[i].bytes = s->all[i].next_bytes;
	s->is_made = true;
	s->next_ms =
	    clock_mono_ms() + (rest_ms > DOMAIN_SUMS_MS ? rest_ms : DOMAIN_SUMS_MS);
}

/* A slice of it. */
static void
make_sums(struct domain_sums *s, struct accounts *accounts, int64_t slice_us)
{
	int64_t begun_us = clock_mono_us();
	if (s->after.len == 0)
		s->took_us = 0;
	for (size_t i = 0; i < s->n && s->after.len == 0; i++)
		s->all[i].next_bytes = 0;
	s->slice_ends_us = begun_us + slice_us;
	struct buf after = {0};
	buf_span(&after, buf_as_span(&s->after));
	int err = accounts_behind(accounts, buf_as_span(&after), add_account, s);
	buf_free(&after);
	s->took_us += clock_mono_us() - begun_us;
	if (err == E_MORE)
		return;
	if (err == E_OK)
		take_sums(s);
	else
		log_event(LOG_ERR, "no_domain_sums", "%s", "");
	if (err != E_OK)
		s->next_ms = clock_mono_ms() + DOMAIN_SUMS_MS;
	buf_reset(&s->after);
}

static bool
is_due(const struct domain_sums *s)
{
	return clock_mono_ms() >= s->next_ms;
}

bool
domain_is_full(struct domain_sums *s, struct accounts *accounts, struct span address)
{
	struct domain_sum *sum = sum_of(s, address);
	uint64_t most = sum ? domain_quota(s->conf, address) : 0;
	if (most == 0)
		return false;
	if (is_due(s))
		make_sums(s, accounts, s->is_made ? DOMAIN_SLICE_US : DOMAIN_FIRST_US);
	s->is_made = true; /* nobody else waits for the first so long */
	return sum->bytes >= most;
}

void
domain_sums_tick(struct domain_sums *s, struct accounts *accounts)
{
	if (s->n && is_due(s))
		make_sums(s, accounts, DOMAIN_SLICE_US);
}
