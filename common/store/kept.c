/* SPDX-License-Identifier: ISC */
/*
 * kept.c - what is expunged moves into a mailbox of its own, in the transaction that expunges it,
 * and goes from there when its days are over.
 */
#include "store/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/domain.h"
#include "store/undelete.h"

enum { KEPT_DAY_SEC = 86400, KEPT_PAGE_ROWS = 4096 };

/* Where it is hidden: no name leads there. */
static const char hidden_name[] = "Deleted Messages";

/* ---- how: of the process that starts a keeper ---- */

static struct {
	int days; /* less than 0: nobody said */
	char folder[STORE_NAME_MAX + 1];
	uint64_t most_bytes;
} how = {.days = -1, .most_bytes = UINT64_MAX};

void
store_keep(int days, const char *folder)
{
	how.days = days;
	how.folder[0] = '\0';
	if (strlen(folder) <= STORE_NAME_MAX)
		strcpy(how.folder, folder);
}

void
store_keep_most(uint64_t bytes)
{
	how.most_bytes = bytes;
}

static bool
is_of(const struct conf *c, struct span address, struct span who)
{
	struct buf name = {0};
	size_t at = span_rfind(address, '@');
	if (span_rfind(who, '@') == who.n)
		return at < address.n && domain_same(span_from(address, at + 1), who);
	domain_address_put(c, who, &name);
	bool is = span_ieq(buf_as_span(&name), address);
	buf_free(&name);
	return is;
}

/* What is said of an account holds before what is said of its domain. */
static int
days_of(const struct conf *c, struct span address)
{
	int days = (int)conf_int(c, "common", "undelete_days");
	bool is_found = false;
	for (size_t i = 0; i < conf_list_count(c, "common", "undelete_days_of"); i++) {
		struct span text =
		    span_of(conf_list(c, "common", "undelete_days_of", i));
		struct span who = span_trim(span_cut(&text, '='));
		bool is_account = span_rfind(who, '@') < who.n;
		uint64_t n;
		if ((is_found && !is_account) || !is_of(c, address, who) ||
		    span_u64(span_trim(text), UNDELETE_DAYS_MOST, &n) != E_OK)
			continue;
		days = (int)n;
		is_found |= is_account;
	}
	return days;
}

void
store_keep_as(const struct conf *c, const char *address)
{
	store_keep(days_of(c, span_of(address ? address : "")),
	    conf_str(c, "common", "undelete_folder"));
	store_keep_most((uint64_t)conf_int(c, "common", "undelete_max_size"));
}

bool
keeps(void)
{
	return how.days > 0;
}

/* ---- the mailbox ---- */

/* Made in this batch: slot_find does not know it yet. */
static bool
is_being_made(struct span name)
{
	const struct keeper *k = &the_keeper;
	for (size_t i = 0; i < k->n_touched; i++)
		if (k->touched[i]->is_new && k->touched[i] != k->kept &&
		    span_eqs(name, k->touched[i]->next.name))
			return true;
	return false;
}

void
kept_show(void)
{
	struct slot *s = the_keeper.kept;
	struct span name = span_of(how.folder);
	s->is_hidden = name.n == 0 || mailbox_name_check(name) != STORE_DONE;
	if (!s->is_hidden && (slot_find(name) || is_being_made(name))) {
		log_event(LOG_NOTICE, "deleted_not_shown",
		    "folder=%s do=\"nothing: there is a mailbox of that name\"",
		    log_q(name));
		s->is_hidden = true;
	}
	strcpy(s->next.name, s->is_hidden ? hidden_name : how.folder);
	strcpy(s->now.name, s->next.name);
}

bool
kept_is_above(struct span name)
{
	const struct slot *s = the_keeper.kept;
	if (!s || s->is_hidden)
		return false;
	struct span above = span_of(s->now.name);
	return span_starts(name, above) && name.n > above.n && name.p[above.n] == '/';
}

struct slot *
slot_asked(struct span name)
{
	struct slot *s = the_keeper.kept;
	if (name.n)
		return slot_find(name);
	return s && !s->is_new ? s : NULL;
}

struct usage
kept_sum(void)
{
	const struct slot *s = the_keeper.kept;
	return s ? (struct usage){s->now.bytes, s->now.messages} : (struct usage){0};
}

static struct slot *
kept_make(void)
{
	struct slot *s = slot_make(span_of(hidden_name), SPAN(""));
	if (!s)
		return NULL;
	s->next.is_kept = true;
	s->next.first_recent = UINT32_MAX; /* nobody is shown it as new */
	the_keeper.kept = s;
	kept_show();
	return s;
}

/* ---- a message that goes ---- */

/* What is expunged from there is gone; and where the disk is nearly full, nothing is kept. */
static bool
is_wanted(const struct slot *source)
{
	return keeps() && !source->next.is_kept && the_keeper.tables.kept &&
	       jobs_have_room();
}

void
keep_begin(struct keeping *k, struct slot *source)
{
	struct slot *kept = the_keeper.kept;
	k->source = source;
	k->kept = NULL;
	k->modseq = 0;
	k->n = 0;
	k->map = (struct keyword_map){.mapped = 0};
	if (!source || !is_wanted(source))
		return;
	kept = kept ? kept : kept_make();
	if (kept && slot_uid_next(kept) < UINT32_MAX - 1)
		k->kept = kept;
}

static int
keep_one(struct keeping *k, const struct store_record *r)
{
	if (k->modseq == 0) {
		k->modseq = ++slot_touch(k->kept)->modseq;
		k->now_sec = clock_wall_sec();
	}
	uint64_t keywords;
	int err = keywords_map(&k->map, k->source, k->kept, r->keywords, &keywords);
	if (err != E_OK)
		return err;
	k->made = mem_room(k->made, k->n, &k->cap, sizeof *k->made);
	struct store_record *to = &k->made[k->n++];
	*to = *r;
	to->uid = slot_uid(k->kept);
	to->flags &= ~(uint32_t)FLAG_DELETED;
	to->keywords = keywords;
	to->modseq = k->modseq;
	to->saved_sec = k->now_sec;
	if (cache_is_going(to->cache_gen))
		to->cache_gen = to->cache_at = 0;
	slot_count(k->kept, to, 1);
	const struct kept_row row = {.uid = to->uid,
	    .mailbox = k->source->now.id,
	    .was = r->uid,
	    .name = span_of(k->source->now.name)};
	return kept_put(&the_keeper.tables, job_txn(), &row);
}

int
message_expunged(struct keeping *k, struct store_record *r, uint64_t modseq)
{
	bool is_kept = k->kept && slot_uid_next(k->kept) < UINT32_MAX - 1;
	int err = is_kept ? keep_one(k, r) : E_OK;
	return err == E_OK ? message_gone(k->source, r, modseq, is_kept) : err;
}

int
keep_end(struct keeping *k)
{
	if (k->n == 0)
		return E_OK;
	int err = records_append(
	    &the_keeper.tables, job_txn(), k->kept->next.id, k->made, k->n);
	for (size_t i = 0; i < k->n; i++)
		change_add(k->kept, CHANGE_ADD, &k->made[i]);
	return err;
}

void
keep_free(struct keeping *k)
{
	mem_free(&k->made);
}

/* ---- its days are over, or there is too much of it ---- */

struct purge_job {
	struct job job;
	uint32_t at;
	int64_t before_sec;
	struct numset all, gone; /* own; gone: in this step */
	struct slot *slot;       /* borrow: of the step */
	uint64_t modseq;         /* of the step */
	bool is_over;            /* those behind came later */
};

static bool is_purging;

static int
purge_one(void *ctx, struct store_record *r, enum sweep_did *did)
{
	struct purge_job *p = ctx;
	p->is_over |=
	    r->saved_sec > p->before_sec && p->slot->next.bytes <= how.most_bytes;
	if (p->is_over)
		return E_OK;
	if (p->modseq == 0)
		p->modseq = ++slot_touch(p->slot)->modseq;
	*did = SWEEP_GONE;
	if (numset_add(&p->gone, r->uid, r->uid) != E_OK)
		return E_IO;
	return message_gone(p->slot, r, p->modseq, false);
}

static int
purge_step(struct job *j)
{
	struct purge_job *p = (struct purge_job *)j;
	p->slot = the_keeper.kept;
	p->modseq = 0;
	numset_reset(&p->gone);
	int err = sweep(p->slot->next.id, &p->all, &p->at, purge_one, p, &j->is_done);
	j->is_done |= p->is_over;
	if (err == E_OK && p->gone.n)
		err = expunged_put(&the_keeper.tables, job_txn(), slot_touch(p->slot),
		    p->modseq, &p->gone);
	return err;
}

static void
purge_free(struct job *j)
{
	struct purge_job *p = (struct purge_job *)j;
	numset_free(&p->all);
	numset_free(&p->gone);
	is_purging = false;
}

static const struct job_kind purge_kind = {
    .name = "purge_kept", .step = purge_step, .free = purge_free};

/* When the first of them was expunged; a clock that was wrong then only makes it stay longer. */
static bool
has_before(const struct slot *s, int64_t before_sec)
{
	struct record_walk w;
	if (walk_open(&the_keeper.tables, NULL, s->now.id, &w) != E_OK)
		return false;
	bool has =
	    walk_to(&w, 0) == E_OK && w.n && w.records[0].saved_sec <= before_sec;
	walk_close(&w);
	return has;
}

void
kept_purge(void)
{
	struct slot *s = the_keeper.kept;
	int64_t before_sec = clock_wall_sec() - (int64_t)how.days * KEPT_DAY_SEC;
	if (!s || how.days < 0 || is_purging || s->now.messages == 0 ||
	    (s->now.bytes <= how.most_bytes && !has_before(s, before_sec)))
		return;
	struct purge_job *p = job_new(sizeof *p, &purge_kind, NULL, 0, SPAN(""));
	is_purging = true;
	p->before_sec = before_sec;
	if (numset_add(&p->all, 1, UINT32_MAX) != E_OK)
		bug("a set of one range");
	job_add(&p->job);
}

/* ---- KEPT ---- */

struct page {
	struct buf *b; /* borrow */
	uint32_t n;
};

static int
put_row(void *ctx, const struct kept_row *k)
{
	struct page *page = ctx;
	struct buf *b = page->b;
	const struct slot *s = slot_of(k->mailbox);
	buf_u32(b, k->uid);
	buf_u32(b, k->was);
	buf_bytes(b, s ? span_of(s->now.name) : k->name);
	int err = buf_done(b);
	return err == E_OK && ++page->n == KEPT_PAGE_ROWS ? E_MORE : err;
}

int
ask_kept(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf b = {.max = ASK_BODY_MOST};
	struct page page = {.b = &b};
	uint32_t from = rd_u32(body);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	buf_u8(&b, STORE_DONE);
	int err = kept_each(&the_keeper.tables, from, put_row, &page);
	if (err != E_OK && err != E_MORE) {
		buf_reset(&b);
		buf_u8(&b, STORE_LATER);
	}
	the_keeper.is_ending |= db_is_damaged(the_keeper.tables.db);
	session_answer(a->ctx, KEEPER_KEPT, &b, -1);
	buf_free(&b);
	return E_MORE;
}
