/* SPDX-License-Identifier: ISC */
/* drop.c - the maildrop of a session. */
#include "pop3d/drop.h"

#include "account/account.h"
#include "base/clock.h"

enum { DAY_SEC = 86400 };

int
drop_open(struct store *s, int32_t keep_days, struct drop *out)
{
	*out = (struct drop){.store = s, .keep_days = keep_days};
	int err = store_select(s, SPAN("INBOX"), &out->view);
	if (err != E_OK)
		return E_IO;
	out->is_deleted = mem_new(out->view.n * sizeof(bool));
	out->is_retrieved = mem_new(out->view.n * sizeof(bool));
	drop_reset(out);
	return E_OK;
}

void
drop_close(struct drop *d)
{
	store_view_free(&d->view);
	mem_free(&d->is_deleted);
	mem_free(&d->is_retrieved);
}

const struct store_record *
drop_message(const struct drop *d, uint64_t number)
{
	if (number == 0 || number > d->view.n || d->is_deleted[number - 1])
		return NULL;
	return &d->view.records[number - 1];
}

void
drop_delete(struct drop *d, uint64_t number)
{
	d->is_deleted[number - 1] = true;
	d->n_left--;
	d->bytes_left -= d->view.records[number - 1].size_bytes;
}

void
drop_retrieved(struct drop *d, uint64_t number)
{
	d->is_retrieved[number - 1] = true;
}

void
drop_reset(struct drop *d)
{
	d->n_left = d->view.n;
	d->bytes_left = 0;
	for (size_t i = 0; i < d->view.n; i++) {
		d->is_deleted[i] = false;
		d->bytes_left += d->view.records[i].size_bytes;
	}
}

/* The account's policy: never, at retrieval, or after days (RFC 2449 6.7). */
static bool
is_expired(const struct drop *d, size_t i, int64_t now)
{
	if (d->keep_days == POP3_KEEP_ALWAYS)
		return false;
	if (d->keep_days == 0)
		return d->is_retrieved[i];
	return now - d->view.records[i].saved_sec > (int64_t)d->keep_days * DAY_SEC;
}

int
drop_update(struct drop *d, size_t *n_removed)
{
	uint32_t *uids = mem_new(d->view.n * sizeof *uids);
	int64_t now = clock_wall_sec();
	size_t n = 0;
	for (size_t i = 0; i < d->view.n; i++)
		if (d->is_deleted[i] || is_expired(d, i, now))
			uids[n++] = d->view.records[i].uid;
	int err = n ? store_expunge(d->store, d->view.mailbox, uids, n) : E_OK;
	mem_free(&uids);
	*n_removed = n;
	return err;
}
