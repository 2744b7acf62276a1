/* SPDX-License-Identifier: ISC */
/* drop.c - the maildrop of a session. */
#include "pop3d/drop.h"

#include "account/account.h"
#include "base/clock.h"

enum { DAY_SEC = 86400 };

/* Those that are there now, in a copy: what other sessions do meanwhile changes nothing here. */
static void
take_records(struct drop *d)
{
	d->records = mem_new(d->view.n * sizeof *d->records);
	for (uint32_t i = 0; i < d->view.n; i++)
		if (!(d->view.records[i].flags & FLAG_GONE))
			d->records[d->n++] = d->view.records[i];
	d->is_deleted = mem_new(d->n * sizeof(bool));
	d->is_retrieved = mem_new(d->n * sizeof(bool));
}

int
drop_open(struct store *s, int32_t keep_days, struct drop *out)
{
	*out = (struct drop){.store = s, .keep_days = keep_days};
	int err = store_select(s, SPAN("INBOX"), true, &out->view);
	if (err != E_OK)
		return E_IO;
	take_records(out);
	drop_reset(out);
	return E_OK;
}

void
drop_close(struct drop *d)
{
	store_unselect(d->store, &d->view);
	mem_free(&d->records);
	mem_free(&d->is_deleted);
	mem_free(&d->is_retrieved);
}

const struct store_record *
drop_message(const struct drop *d, uint64_t number)
{
	if (number == 0 || number > d->n || d->is_deleted[number - 1])
		return NULL;
	return &d->records[number - 1];
}

/* The view tells before the file is gone. */
bool
drop_is_gone(const struct drop *d, const struct store_record *r)
{
	const struct store_record *now = store_record_of(&d->view, r->uid);
	return now && (now->flags & FLAG_GONE);
}

void
drop_delete(struct drop *d, uint64_t number)
{
	d->is_deleted[number - 1] = true;
	d->n_left--;
	d->bytes_left -= d->records[number - 1].size_bytes;
}

void
drop_retrieved(struct drop *d, uint64_t number)
{
	d->is_retrieved[number - 1] = true;
}

void
drop_reset(struct drop *d)
{
	d->n_left = d->n;
	d->bytes_left = 0;
	for (size_t i = 0; i < d->n; i++) {
		d->is_deleted[i] = false;
		d->bytes_left += d->records[i].size_bytes;
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
	return now - d->records[i].saved_sec > (int64_t)d->keep_days * DAY_SEC;
}

int
drop_update(struct drop *d, size_t *n_removed)
{
	struct numset uids = {0};
	int64_t now = clock_wall_sec();
	int err = E_OK;
	*n_removed = 0;
	for (size_t i = 0; i < d->n && err == E_OK; i++)
		if (d->is_deleted[i] || is_expired(d, i, now)) {
			err = numset_add(&uids, d->records[i].uid, d->records[i].uid);
			++*n_removed;
		}
	if (err == E_OK && uids.n &&
	    store_expunge(d->store, d->view.mailbox, &uids, false) != STORE_DONE)
		err = E_IO;
	numset_free(&uids);
	return err == E_OK ? E_OK : E_IO;
}
