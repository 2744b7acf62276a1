/* SPDX-License-Identifier: ISC */
/* identity.c - From and Sender of what a login sends. */
#include "smtpd/identity.h"

#include "base/clock.h"
#include "base/log.h"
#include "mime/address.h"
#include "mime/header.h"
#include "smtpd/session.h"

enum { ARENA_BYTES_MAX = 4 << 20 };

/* ---- what the header says ---- */

static void
add(const struct address *a, struct arena *arena, struct identity *out)
{
	struct buf text = {.max = ACCOUNT_ADDRESS_MAX};
	address_put(&text, a);
	struct span kept = arena_span(arena, buf_as_span(&text));
	bool is_good = buf_done(&text) == E_OK && kept.n && a->is_exact &&
	               a->mailbox.n && out->n < IDENTITIES_MAX;
	if (is_good)
		out->addresses[out->n++] = kept;
	else
		out->fault = IDENTITY_UNCLEAR;
	buf_free(&text);
}

/* All addresses of the fields of this name; how many fields there are. */
static size_t
add_all(struct span head, struct span name, struct arena *arena, struct identity *out)
{
	struct header_field f;
	size_t n = 0;
	while (header_find(&head, name, &f) == E_OK) {
		n++;
		for (const struct address *a = address_parse(f.value, arena); a;
		     a = a->next)
			if (a->kind == ADDRESS_MAILBOX)
				add(a, arena, out);
	}
	return n;
}

void
identity_read(struct span header, struct arena *arena, struct identity *out)
{
	*out = (struct identity){.fault = IDENTITY_OK};
	if (header.n > IDENTITY_HEADER_MAX) {
		out->fault = IDENTITY_UNCLEAR;
		return;
	}
	size_t n_from_fields = add_all(header, SPAN("From"), arena, out);
	size_t n_from = out->n;
	size_t n_sender_fields = add_all(header, SPAN("Sender"), arena, out);
	if (out->fault != IDENTITY_OK)
		return;
	if (n_from_fields > 1 || n_sender_fields > 1 || out->n > n_from + 1)
		out->fault = IDENTITY_TWICE;
	else if (n_from_fields && n_from == 0)
		out->fault = IDENTITY_NO_FROM;
	else if (n_from > 1 && out->n == n_from) /* RFC 5322 3.6.2 */
		out->fault = IDENTITY_NO_SENDER;
}

/* ---- and whose that is ---- */

static const struct {
	enum reply reply;
	const char *why;
} faults[] = {
    [IDENTITY_NO_FROM] = {R_FROM_MISSING, "no_from"},
    [IDENTITY_TWICE] = {R_FROM_TWICE, "twice"},
    [IDENTITY_UNCLEAR] = {R_FROM_UNCLEAR, "unclear"},
    [IDENTITY_NO_SENDER] = {R_FROM_NO_SENDER, "no_sender"},
};

/* It comes from the message: nothing of it may look like more than an address. */
static void
show(struct session *s, struct span address)
{
	buf_reset(&s->argument);
	for (size_t i = 0; i < address.n && i < IDENTITY_SHOWN_MAX; i++) {
		bool is_plain = address.p[i] > ' ' && address.p[i] < 127;
		buf_ch(&s->argument, is_plain ? address.p[i] : '?');
	}
}

/* What lookup said yes to; a process has one login (carry.h), so mostly the same address. */
static struct {
	struct buf account, address; /* own */
	int64_t until_ms;
} owned[OWNED_MAX];

static size_t next_owned;

static bool
is_owned(const struct session *s, struct span address, int64_t now)
{
	for (size_t i = 0; i < OWNED_MAX; i++)
		if (now < owned[i].until_ms &&
		    span_eq(buf_as_span(&owned[i].address), address) &&
		    span_eq(buf_as_span(&owned[i].account), buf_as_span(&s->account)))
			return true;
	return false;
}

static void
own(const struct session *s, struct span address, int64_t now)
{
	if (is_owned(s, address, now))
		return;
	size_t i = next_owned++ % OWNED_MAX;
	buf_reset(&owned[i].account);
	buf_span(&owned[i].account, buf_as_span(&s->account));
	buf_reset(&owned[i].address);
	buf_span(&owned[i].address, address);
	owned[i].until_ms = now + OWNED_KEPT_MS;
}

int
identity_owns(
    const struct session *s, const struct span *addresses, size_t n, bool *out)
{
	int64_t now = clock_mono_ms();
	size_t known = 0;
	while (known < n && is_owned(s, addresses[known], now))
		out[known++] = true;
	if (known == n)
		return E_OK;
	int err = lookup_senders(
	    &the_process.lookup, buf_as_span(&s->account), addresses, n, out);
	for (size_t i = 0; err == E_OK && i < n; i++)
		if (out[i])
			own(s, addresses[i], now);
	return err;
}

static enum reply
ask(struct session *s, const struct identity *id)
{
	bool is_theirs[IDENTITIES_MAX];
	if (!id->n)
		return R_NONE;
	if (identity_owns(s, id->addresses, id->n, is_theirs) != E_OK)
		return R_LOOKUP_DOWN;
	for (size_t i = 0; i < id->n; i++) {
		if (is_theirs[i])
			continue;
		show(s, id->addresses[i]);
		log_event(LOG_NOTICE, "from_not_theirs",
		    "login=%s why=not_granted address=%s",
		    log_q(buf_as_span(&s->account)), log_q(id->addresses[i]));
		return R_FROM_NOT_YOURS;
	}
	return R_NONE;
}

static enum reply
judge(struct session *s, const struct identity *id)
{
	enum reply r = id->fault == IDENTITY_OK ? ask(s, id) : faults[id->fault].reply;
	if (id->fault != IDENTITY_OK)
		log_event(LOG_NOTICE, "from_not_theirs", "login=%s why=%s",
		    log_q(buf_as_span(&s->account)), faults[id->fault].why);
	return s->limits->from == FROM_NOTE && r != R_LOOKUP_DOWN ? R_NONE : r;
}

enum reply
identity_check(struct session *s, struct span header)
{
	struct arena arena = {.max_bytes = ARENA_BYTES_MAX};
	struct identity id;
	if (!s->account.len || s->limits->from == FROM_OFF)
		return R_NONE;
	identity_read(header, &arena, &id);
	enum reply r = judge(s, &id);
	arena_reset(&arena);
	return r;
}
