/* SPDX-License-Identifier: ISC */
/*
 * dump.c - the file "dump": what the index knows and the files do not, a line each.  Names are in
 * hex: one word.
 *   M id uidvalidity uidnext modseq first-recent reserved special-use name K mailbox bit keyword S
 *   subscribed-name U file-id imported-uidl F file-id sha256 (base64), ids ascend R mailbox uid
 *   flags keywords modseq size date saved file-id T file-id day: taken in then, and gone since;
 *   DUMP_SEEN_MOST of them at most D file-id: deleted, its file may still be there, and R of it
 *   too; DUMP_DOOMED_MOST of them at most A mailbox kind who name value: an annotation (base64, "-"
 *   empty)
 *   X uid mailbox uid-there name-then: of the record of the next line, which was expunged and is kept.
 *   A special-use of "=kept" is the mailbox of those, behind all others; "=dead" one that was removed,
 *   and whose messages are about to come there
 * New kinds of lines come behind the others: who does not know them ends there.  Written in slices
 * while others are served: a message that moves meanwhile may be missed, and is found by its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/annotations.h"
#include "store/jobs.h"
#include "store/sum.h"

enum {
	DUMP_FLUSH_BYTES = 65536,
	DUMP_SEEN_MOST = 500000 /* lines: of 30 days */,
	DUMP_DOOMED_MOST = 1000000 /* lines */
};

static const char dump_new[] = "dump.new";

/* Of a COPY that is not over: all or nothing, so nothing yet. */
struct half_copy {
	uint32_t mailbox;
	struct numset uids; /* own */
};

struct dumper {
	struct tables *tables; /* borrow */
	bool is_timed;         /* others are served meanwhile */
	struct buf text;       /* own: not written yet */
	struct buf ids;        /* own: u32 each, mailboxes that are still to do */
	size_t at;             /* in ids, bytes */
	struct buf dead; /* own: u32 each, mailboxes that were removed, still to do */
	size_t dead_at;  /* in dead, bytes */
	bool has_sums;   /* all of them are written */
	struct file_id sum; /* the last of them; zeros: none yet */
	uint32_t uid;       /* in that mailbox */
	/* the last that was written of those taken in; zeros: none yet */
	struct file_id seen;
	uint32_t n_seen;
	bool has_seen; /* all of them are written */
	/* the first of the row that was written last; zeros: none yet */
	struct file_id doomed;
	bool has_doomed;       /* all rows are written */
	bool has_doomed_again; /* all that is kept is written, too */
	uint32_t n_doomed;
	/* own: in removed mailboxes, a time each, of messages with more references than one */
	struct file_id *shared;
	size_t n_shared, shared_cap;
	struct half_copy *halves; /* own: of when it began */
	size_t n_halves;
	bool has_annotations; /* all of them are written */
	uint32_t kept; /* the mailbox of what was expunged, when its row is written */
	int fd;        /* own */
};

/* ---- writing ---- */

static int
flush(struct dumper *d)
{
	int err = buf_done(&d->text);
	bool is_much = d->text.len > DUMP_FLUSH_BYTES;
	if (err == E_OK && file_write(d->fd, buf_as_span(&d->text)) != E_OK)
		err = E_IO;
	buf_reset(&d->text);
	/* the disk begins now: the sync at the end then has little to wait for */
	if (is_much)
		sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return err;
}

static void
put_mailbox_line(struct dumper *d, const struct mailbox *m)
{
	buf_putf(&d->text, "M %u %u %u %llu %u %u %s ", m->id, m->uidvalidity,
	    m->uidnext, (unsigned long long)m->modseq, m->first_recent, m->reserved,
	    m->is_kept          ? DUMP_KEPT
	    : m->is_dead        ? DUMP_DEAD
	    : m->special_use[0] ? m->special_use
				: "-");
	buf_hex(&d->text, span_of(m->name));
	buf_ch(&d->text, '\n');
}

/* What was removed is doomed, or, as long as it is not kept yet, stays removed. */
static int
put_mailbox(void *ctx, const struct mailbox *m)
{
	struct dumper *d = ctx;
	if (m->is_kept)
		return E_OK; /* in its turn */
	if (m->is_dead && !keeps()) {
		buf_u32(&d->dead, m->id);
		return buf_done(&d->dead);
	}
	put_mailbox_line(d, m);
	buf_u32(&d->ids, m->id);
	return buf_done(&d->text);
}

static int
put_keyword(void *ctx, uint32_t mailbox, uint32_t bit, struct span name)
{
	struct dumper *d = ctx;
	buf_putf(&d->text, "K %u %u ", mailbox, bit);
	buf_hex(&d->text, name);
	buf_ch(&d->text, '\n');
	return buf_done(&d->text);
}

static int
put_subscription(void *ctx, struct span name)
{
	struct dumper *d = ctx;
	buf_str(&d->text, "S ");
	buf_hex(&d->text, name);
	buf_ch(&d->text, '\n');
	return buf_done(&d->text);
}

static int
put_uidl(void *ctx, struct file_id id, struct span uidl)
{
	struct dumper *d = ctx;
	buf_putf(&d->text, "U %s ", file_id_text(id));
	buf_hex(&d->text, uidl);
	buf_ch(&d->text, '\n');
	return buf_done(&d->text);
}

static int
dump_flush(struct dumper *d)
{
	return d->text.len > DUMP_FLUSH_BYTES ? flush(d) : E_OK;
}

static int
put_sum(void *ctx, const struct file_name *f, uint32_t references)
{
	struct dumper *d = ctx;
	(void)references;
	if (sum_is_known(f->sha256)) {
		buf_putf(&d->text, "F %s ", file_id_text(f->id));
		buf_base64(&d->text, span_make(f->sha256, sizeof f->sha256));
		buf_ch(&d->text, '\n');
	}
	d->sum = f->id;
	int err = dump_flush(d);
	return err == E_OK && d->is_timed && !job_has_time() ? E_MORE : err;
}

typedef int put_record_fn(
    struct dumper *, uint32_t mailbox, const struct store_record *);

static int
put_half(void *ctx, uint32_t number, uint32_t mailbox, const struct numset *uids)
{
	struct dumper *d = ctx;
	int err = E_OK;
	(void)number;
	d->halves = mem_grow(d->halves, d->n_halves + 1, sizeof *d->halves);
	struct half_copy *h = &d->halves[d->n_halves++];
	*h = (struct half_copy){.mailbox = mailbox};
	for (size_t i = 0; i < uids->n && err == E_OK; i++)
		err = numset_add(&h->uids, uids->ranges[i].from, uids->ranges[i].to);
	return err;
}

static bool
is_half(const struct dumper *d, uint32_t mailbox, uint32_t uid)
{
	for (size_t i = 0; i < d->n_halves; i++)
		if (d->halves[i].mailbox == mailbox &&
		    numset_has(&d->halves[i].uids, uid))
			return true;
	return false;
}

static int
put_record(struct dumper *d, uint32_t mailbox, const struct store_record *r)
{
	if (is_half(d, mailbox, r->uid))
		return E_OK;
	buf_putf(&d->text, "R %u %u %u %llu %llu %llu %lld %lld %s\n", mailbox, r->uid,
	    r->flags, (unsigned long long)r->keywords, (unsigned long long)r->modseq,
	    (unsigned long long)r->size_bytes, (long long)r->date_sec,
	    (long long)r->saved_sec, file_id_text(r->id));
	return E_OK;
}

static int
dumper_begin(struct dumper *d, struct tables *t, bool is_timed)
{
	*d = (struct dumper){.tables = t,
	    .is_timed = is_timed,
	    .fd = open(
		dump_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
	if (d->fd < 0)
		return E_IO;
	int err = mailbox_each(t, put_mailbox, d);
	if (err == E_OK)
		err = keyword_each(t, put_keyword, d);
	if (err == E_OK)
		err = subscription_each(t, put_subscription, d);
	if (err == E_OK)
		err = uidl_each(t, put_uidl, d);
	if (err == E_OK)
		err = undo_each(t, put_half, d);
	return err == E_OK ? flush(d) : err;
}

/* E_OK, E_MORE (time is over), E_IO */
static int
dump_sums(struct dumper *d)
{
	struct file_id after = d->sum;
	int err = file_each(d->tables, &after, put_sum, d);
	d->has_sums = err == E_OK;
	return err;
}

static int
put_seen(void *ctx, struct file_id id, uint32_t day)
{
	struct dumper *d = ctx;
	bool is_known;
	if (d->n_seen == DUMP_SEEN_MOST)
		return E_BAD;
	/*
	 * one that is there is found by record or file; and since its mailbox was written it may
	 * have come, and be in new/ yet
	 */
	int err = file_is_known(d->tables, id, &is_known);
	if (err == E_OK && !is_known) {
		buf_putf(&d->text, "T %s %u\n", file_id_text(id), day);
		d->n_seen++;
		err = dump_flush(d);
	}
	d->seen = id;
	return err == E_OK && d->is_timed && !job_has_time() ? E_MORE : err;
}

static void
put_word(struct buf *text, struct span s)
{
	buf_ch(text, ' ');
	if (s.n)
		buf_base64(text, s);
	else
		buf_ch(text, '-');
}

static int
put_annotation(void *ctx, const struct annotation *a)
{
	struct dumper *d = ctx;
	if (a->mailbox && !slot_of(a->mailbox))
		return E_OK; /* it was removed */
	buf_putf(&d->text, "A %u %c", a->mailbox, a->kind);
	put_word(&d->text, a->who);
	put_word(&d->text, a->name);
	put_word(&d->text, a->value);
	buf_ch(&d->text, '\n');
	return dump_flush(d);
}

/* Records of one mailbox.  E_OK, E_MORE (time is over), E_IO */
static int
dump_mailbox(struct dumper *d, uint32_t mailbox, put_record_fn *put)
{
	struct record_walk w;
	int err = walk_open(d->tables, NULL, mailbox, &w);
	if (err != E_OK)
		return err;
	while ((err = walk_to(&w, d->uid)) == E_OK) {
		for (size_t i = 0; i < w.n && err == E_OK; i++)
			err = put(d, mailbox, &w.records[i]);
		if (err != E_OK || dump_flush(d) != E_OK)
			err = E_IO;
		else if (w.number == UINT32_MAX / TABLE_RECORDS)
			err = E_BAD;
		else if (d->is_timed && !job_has_time())
			err = E_MORE;
		d->uid = (w.number + 1) * TABLE_RECORDS;
		if (err != E_OK)
			break;
	}
	walk_close(&w);
	return err == E_BAD ? E_OK : err;
}

static void
put_doomed(struct dumper *d, struct file_id id)
{
	if (d->n_doomed == DUMP_DOOMED_MOST)
		return;
	buf_putf(&d->text, "D %s\n", file_id_text(id));
	d->n_doomed++;
}

static int
put_doomed_row(void *ctx, struct span ids)
{
	struct dumper *d = ctx;
	struct rd first = rd_of(ids);
	rd_file_id(&first, &d->doomed);
	for (struct rd r = rd_of(ids); r.in.n;) {
		struct file_id id;
		rd_file_id(&r, &id);
		put_doomed(d, id);
	}
	int err = dump_flush(d);
	return err == E_OK && d->is_timed && !job_has_time() ? E_MORE : err;
}

static void
add_shared(struct dumper *d, struct file_id id)
{
	d->shared = mem_room(d->shared, d->n_shared, &d->shared_cap, sizeof *d->shared);
	d->shared[d->n_shared++] = id;
}

/*
 * A message of a mailbox that was removed.  While others are served references go meanwhile: to
 * count them is of no use.
 */
static int
put_dead(struct dumper *d, uint32_t mailbox, const struct store_record *r)
{
	uint32_t references;
	int err = file_references(d->tables, r->id, &references);
	(void)mailbox;
	if (err == E_OK && references == 1)
		put_doomed(d, r->id);
	else if (err == E_OK && !d->is_timed)
		add_shared(d, r->id);
	return err;
}

/* Those that are in removed mailboxes as often as they are anywhere. */
static int
put_shared(struct dumper *d)
{
	int err = E_OK;
	if (d->n_shared)
		qsort(d->shared, d->n_shared, sizeof *d->shared, by_file_id);
	for (size_t i = 0, n; i < d->n_shared && err == E_OK; i += n) {
		uint32_t references;
		for (n = 1;
		     i + n < d->n_shared && file_id_eq(d->shared[i], d->shared[i + n]);
		     n++)
			continue;
		err = file_references(d->tables, d->shared[i], &references);
		if (err == E_OK && references <= n)
			put_doomed(d, d->shared[i]);
	}
	return err;
}

/* Each in its turn.  E_OK, E_MORE (time is over), E_IO */
static int
dump_mailboxes(struct dumper *d, const struct buf *ids, size_t *at, put_record_fn *put)
{
	int err = E_OK;
	while (err == E_OK && *at < ids->len) {
		struct rd r = rd_of(span_from(buf_as_span(ids), *at));
		err = dump_mailbox(d, rd_u32(&r), put);
		if (err == E_OK) {
			*at += sizeof(uint32_t);
			d->uid = 0;
		}
	}
	return err;
}

static int
dump_seen(struct dumper *d)
{
	struct file_id after = d->seen;
	int err = seen_each(d->tables, &after, put_seen, d);
	d->has_seen = err == E_OK;
	return err;
}

static int
dump_doomed(struct dumper *d)
{
	struct file_id after = d->doomed;
	int err = doomed_each(d->tables, &after, put_doomed_row, d);
	d->has_doomed = err == E_OK;
	return err;
}

static int
put_kept_keyword(void *ctx, uint32_t mailbox, uint32_t bit, struct span name)
{
	struct dumper *d = ctx;
	return mailbox == d->kept ? put_keyword(ctx, mailbox, bit, name) : E_OK;
}

static int
put_kept(struct dumper *d, uint32_t mailbox, const struct store_record *r)
{
	struct buf space = {0};
	struct kept_row k;
	int err = kept_get(d->tables, r->uid, &space, &k);
	if (err == E_OK) {
		buf_putf(&d->text, "X %u %u %u ", k.uid, k.mailbox, k.was);
		buf_hex(&d->text, k.name);
		buf_ch(&d->text, '\n');
	}
	buf_free(&space);
	return err == E_OK || err == E_BAD ? put_record(d, mailbox, r) : err;
}

/*
 * Last: what was expunged while its mailbox was written stands in both, and the rebuild knows which
 * is true.
 */
static int
dump_kept(struct dumper *d)
{
	const struct slot *kept = the_keeper.kept;
	int err = E_OK;
	if (d->kept == 0 && kept) {
		d->kept = kept->next.id;
		d->uid = 0;
		put_mailbox_line(d, &kept->next);
		err = keyword_each(d->tables, put_kept_keyword, d);
	}
	return err == E_OK && d->kept ? dump_mailbox(d, d->kept, put_kept) : err;
}

/*
 * Removed mailboxes before what is doomed: what goes from the one to the other meanwhile is in both
 * at worst.
 */
static int
dumper_step(struct dumper *d)
{
	int err = d->has_sums ? E_OK : dump_sums(d);
	if (err == E_OK)
		err = dump_mailboxes(d, &d->ids, &d->at, put_record);
	if (err == E_OK && !d->has_seen)
		err = dump_seen(d);
	if (err == E_OK)
		err = dump_mailboxes(d, &d->dead, &d->dead_at, put_dead);
	if (err == E_OK && !d->is_timed)
		err = put_shared(d);
	if (err == E_OK && !d->has_doomed)
		err = dump_doomed(d);
	/* METADATA_ACCOUNT_MAX bounds it */
	if (err == E_OK && !d->has_annotations) {
		err = annotation_every(d->tables, put_annotation, d);
		d->has_annotations = err == E_OK;
	}
	if (err == E_OK)
		err = dump_kept(d);
	/* what went from there since it was written, or goes while that is: once more */
	if (err == E_OK && d->kept && d->is_timed && !d->has_doomed_again) {
		d->has_doomed_again = true;
		d->doomed = (struct file_id){{0}};
		d->has_doomed = false;
	}
	return err == E_OK && !d->has_doomed ? dump_doomed(d) : err;
}

static int
dumper_end(struct dumper *d, int err)
{
	if (err == E_OK)
		err = flush(d);
	if (err == E_OK && (fdatasync(d->fd) != 0 || rename(dump_new, "dump") != 0))
		err = E_IO;
	if (d->fd >= 0)
		close(d->fd);
	if (err != E_OK)
		log_event(LOG_ERR, "no_dump", "err=%s", log_errno(errno));
	buf_free(&d->text);
	buf_free(&d->ids);
	buf_free(&d->dead);
	mem_free(&d->shared);
	for (size_t i = 0; i < d->n_halves; i++)
		numset_free(&d->halves[i].uids);
	mem_free(&d->halves);
	return err;
}

int
dump_write(struct tables *t)
{
	struct dumper d;
	int err = dumper_begin(&d, t, false);
	if (err == E_OK)
		err = dumper_step(&d);
	return dumper_end(&d, err);
}

/* ---- while others are served ---- */

struct dump_job {
	struct job job;
	struct dumper dumper;
	bool has_begun;
	int err;
};

static bool is_dumping;

static int
dump_step(struct job *j)
{
	struct dump_job *d = (struct dump_job *)j;
	if (!d->has_begun)
		d->err = dumper_begin(&d->dumper, &the_keeper.tables, true);
	d->has_begun = true;
	if (d->err == E_OK)
		d->err = dumper_step(&d->dumper);
	j->is_done = d->err != E_MORE;
	if (d->err == E_MORE)
		d->err = E_OK;
	return E_OK;
}

static void
dump_free(struct job *j)
{
	struct dump_job *d = (struct dump_job *)j;
	/* one that was dropped midway is none: the old one stays, until the keeper's end */
	if (!d->has_begun ||
	    dumper_end(&d->dumper, j->is_done ? d->err : E_MORE) != E_OK)
		the_keeper.is_changed = true;
	is_dumping = false;
}

static const struct job_kind dump_kind = {
    .name = "dump", .is_reader = true, .step = dump_step, .free = dump_free};

void
dump_begin(void)
{
	if (is_dumping)
		return;
	is_dumping = true;
	the_keeper.is_changed = false;
	job_add(job_new(sizeof(struct dump_job), &dump_kind, NULL, 0, SPAN("")));
}
