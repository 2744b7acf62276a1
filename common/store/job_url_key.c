/* SPDX-License-Identifier: ISC */
/*
 * job_url_key.c - access keys of mailboxes, RFC 4467: made when they are first wanted, and gone with
 * their mailbox as all that is noted about it.
 */
#include <string.h>

#include "base/id.h"
#include "store/annotations.h"
#include "store/jobs.h"

enum { KEYS_A_STEP = 100 /* that are dropped in one go */ };

struct key_job {
	struct job job;
	struct span mailbox; /* borrow: the body */
	enum store_url_key_do what;
	unsigned char key[STORE_URL_KEY_BYTES];
	bool has_key;
};

static int
done(struct job *j, enum store_said said)
{
	j->said = said;
	j->is_done = true;
	return E_OK;
}

static struct annotation
row_of(const struct key_job *k, uint32_t mailbox)
{
	return (struct annotation){.mailbox = mailbox,
	    .kind = ANNOTATION_URL_KEY,
	    .value = span_make((const char *)k->key, sizeof k->key)};
}

/* ---- one ---- */

static int
take_key(void *ctx, const struct annotation *a)
{
	struct key_job *k = ctx;
	if (a->value.n != sizeof k->key)
		return E_OK;
	memcpy(k->key, a->value.p, sizeof k->key);
	k->has_key = true;
	return E_OK;
}

static int
find_key(struct key_job *k, const struct slot *s)
{
	k->has_key = false;
	return annotation_each(
	    &the_keeper.tables, s->now.id, ANNOTATION_URL_KEY, take_key, k);
}

static int
make_step(struct key_job *k)
{
	struct slot *s = slot_find(k->mailbox);
	if (!s)
		return done(&k->job, STORE_NONEXISTENT);
	int err = find_key(k, s);
	done(&k->job, STORE_DONE);
	if (err != E_OK || (k->what == URL_KEY_MAKE && k->has_key))
		return err;
	struct annotation row = row_of(k, s->now.id);
	if (!k->has_key)
		annotation_count(&the_keeper.annotated_next, &row, 1);
	random_fill(k->key, sizeof k->key);
	k->has_key = true;
	return annotation_put(&the_keeper.tables, job_txn(), &row);
}

/* ---- all of them ---- */

struct some {
	uint32_t mailboxes[KEYS_A_STEP];
	size_t n;
};

static int
gather(void *ctx, const struct annotation *a)
{
	struct some *some = ctx;
	if (a->kind == ANNOTATION_URL_KEY && some->n < KEYS_A_STEP)
		some->mailboxes[some->n++] = a->mailbox;
	return E_OK;
}

static int
drop_step(struct key_job *k)
{
	struct some some = {.n = 0};
	int err = annotation_every(&the_keeper.tables, gather, &some);
	for (size_t i = 0; err == E_OK && i < some.n; i++) {
		struct annotation row = row_of(k, some.mailboxes[i]);
		annotation_count(&the_keeper.annotated_next, &row, -1);
		err = annotation_remove(&the_keeper.tables, job_txn(), &row);
	}
	return err == E_OK && some.n < KEYS_A_STEP ? done(&k->job, STORE_DONE) : err;
}

static int
key_step(struct job *j)
{
	struct key_job *k = (struct key_job *)j;
	return k->what == URL_KEY_DROP ? drop_step(k) : make_step(k);
}

static void
key_synced(struct job *j)
{
	(void)j;
	the_keeper.is_changed = true;
}

static void
put_key(const struct key_job *k, struct buf *reply)
{
	buf_bytes(reply,
	    k->has_key ? span_make((const char *)k->key, sizeof k->key) : SPAN(""));
}

static void
key_answer(struct job *j, struct buf *reply, int *fd)
{
	(void)fd;
	put_key((const struct key_job *)j, reply);
}

static void
key_free(struct job *j)
{
	mem_wipe(((struct key_job *)j)->key, STORE_URL_KEY_BYTES);
}

/* alone: names and rows do not change meanwhile */
static const struct job_kind key_kind = {.name = "url_key",
    .is_alone = true,
    .step = key_step,
    .synced = key_synced,
    .answer = key_answer,
    .free = key_free};

/* ---- reading ---- */

static int
get_step(struct job *j)
{
	return done(j, STORE_DONE);
}

static void
get_answer(struct job *j, struct buf *reply, int *fd)
{
	struct key_job *k = (struct key_job *)j;
	const struct slot *s = slot_find(k->mailbox);
	int err = s ? find_key(k, s) : E_OK;
	(void)fd;
	buf_reset(reply);
	buf_u8(reply, (uint8_t)(err != E_OK ? STORE_LATER
				: s         ? STORE_DONE
					    : STORE_NONEXISTENT));
	if (err == E_OK && s)
		put_key(k, reply);
	the_keeper.is_ending |= err != E_OK && db_is_damaged(the_keeper.tables.db);
}

static const struct job_kind get_kind = {.name = "url_key_get",
    .is_reader = true,
    .step = get_step,
    .answer = get_answer,
    .free = key_free};

/* ---- the ask ---- */

int
ask_url_key(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct rd r = *body;
	(void)fd, (void)reply, (void)fd_back;
	struct span name = rd_str(&r, STORE_NAME_MAX);
	uint8_t what = rd_u8(&r);
	if (rd_end(&r) != E_OK || what > URL_KEY_DROP ||
	    (name.n == 0) != (what == URL_KEY_DROP))
		return E_BAD;
	struct key_job *k = job_new(sizeof *k,
	    what == URL_KEY_GET ? &get_kind : &key_kind, a->ctx, KEEPER_URL_KEY, name);
	k->mailbox = buf_as_span(&k->job.body);
	k->what = what;
	job_add(&k->job);
	return E_MORE;
}
