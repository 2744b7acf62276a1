/* SPDX-License-Identifier: ISC */
/*
 * dump.c - the file "dump": what the index knows and the files do not, a line each.  Names are in hex: one word.
 *   M id uidvalidity uidnext modseq first-recent reserved special-use name
 *   K mailbox bit keyword
 *   S subscribed-name
 *   U file-id imported-uidl
 *   F file-id sha256 (base64), ids ascend
 *   R mailbox uid flags keywords modseq size date saved file-id
 *   T file-id day: taken in then, whatever became of it since; DUMP_SEEN_MOST of them at most
 * Written in slices while others are served: a message that moves meanwhile may be missed, and is found by its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/jobs.h"
#include "store/sum.h"

enum { DUMP_FLUSH_BYTES = 65536, DUMP_SEEN_MOST = 500000 /* lines: of 30 days */ };

static const char dump_new[] = "dump.new";

struct dumper {
	struct tables *tables;  /* borrow */
	bool is_timed;          /* others are served meanwhile */
	struct buf text;        /* own: not written yet */
	struct buf ids;         /* own: u32 each, mailboxes that are still to do */
	size_t at;              /* in ids, bytes */
	bool has_sums;          /* all of them are written */
	struct file_id sum;     /* the last of them; zeros: none yet */
	uint32_t uid;           /* in that mailbox */
	struct file_id seen;    /* the last that was written of those taken in; zeros: none yet */
	uint32_t n_seen;
	int fd;                 /* own */
};

/* ---- writing ---- */

static int
flush(struct dumper *d)
{
	struct span s = buf_as_span(&d->text);
	int err = buf_done(&d->text);
	while (err == E_OK && s.n) {
		ssize_t n = write(d->fd, s.p, s.n);
		if (n > 0)
			s = span_from(s, (size_t)n);
		else if (errno != EINTR)
			err = E_IO;
	}
	buf_reset(&d->text);
	/* the disk begins now: the sync at the end then has little to wait for */
	sync_file_range(d->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return err;
}

static int
put_mailbox(void *ctx, const struct mailbox *m)
{
	struct dumper *d = ctx;
	if (m->is_dead)
		return E_OK;
	buf_putf(&d->text, "M %u %u %u %llu %u %u %s ", m->id, m->uidvalidity, m->uidnext, (unsigned long long)m->modseq,
	    m->first_recent, m->reserved, m->special_use[0] ? m->special_use : "-");
	buf_hex(&d->text, span_of(m->name));
	buf_ch(&d->text, '\n');
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

static void
put_record(struct dumper *d, uint32_t mailbox, const struct store_record *r)
{
	buf_putf(&d->text, "R %u %u %u %llu %llu %llu %lld %lld %s\n", mailbox, r->uid, r->flags,
	    (unsigned long long)r->keywords, (unsigned long long)r->modseq, (unsigned long long)r->size_bytes,
	    (long long)r->date_sec, (long long)r->saved_sec, file_id_text(r->id));
}

static int
dumper_begin(struct dumper *d, struct tables *t, bool is_timed)
{
	*d = (struct dumper){.tables = t, .is_timed = is_timed, .fd = open(dump_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
	if (d->fd < 0)
		return E_IO;
	int err = mailbox_each(t, put_mailbox, d);
	if (err == E_OK)
		err = keyword_each(t, put_keyword, d);
	if (err == E_OK)
		err = subscription_each(t, put_subscription, d);
	if (err == E_OK)
		err = uidl_each(t, put_uidl, d);
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
	if (d->n_seen == DUMP_SEEN_MOST)
		return E_BAD;
	buf_putf(&d->text, "T %s %u\n", file_id_text(id), day);
	d->seen = id;
	d->n_seen++;
	int err = dump_flush(d);
	return err == E_OK && d->is_timed && !job_has_time() ? E_MORE : err;
}

/* Records of one mailbox.  E_OK, E_MORE (time is over), E_IO */
static int
dump_mailbox(struct dumper *d, uint32_t mailbox)
{
	struct record_walk w;
	int err = walk_open(d->tables, NULL, mailbox, &w);
	if (err != E_OK)
		return err;
	while ((err = walk_to(&w, d->uid)) == E_OK) {
		for (size_t i = 0; i < w.n; i++)
			put_record(d, mailbox, &w.records[i]);
		if (dump_flush(d) != E_OK)
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

static int
dumper_step(struct dumper *d)
{
	int err = d->has_sums ? E_OK : dump_sums(d);
	while (err == E_OK && d->at < d->ids.len) {
		struct rd r = rd_of(span_from(buf_as_span(&d->ids), d->at));
		err = dump_mailbox(d, rd_u32(&r));
		if (err == E_OK) {
			d->at += sizeof(uint32_t);
			d->uid = 0;
		}
	}
	struct file_id after = d->seen;
	return err == E_OK ? seen_each(d->tables, &after, put_seen, d) : err;
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
	if (!d->has_begun || dumper_end(&d->dumper, j->is_done ? d->err : E_MORE) != E_OK)
		the_keeper.is_changed = true;
	is_dumping = false;
}

static const struct job_kind dump_kind = {.name = "dump", .is_reader = true, .step = dump_step, .free = dump_free};

void
dump_begin(void)
{
	if (is_dumping)
		return;
	is_dumping = true;
	the_keeper.is_changed = false;
	job_add(job_new(sizeof(struct dump_job), &dump_kind, NULL, 0, SPAN("")));
}
