/* SPDX-License-Identifier: ISC */
/*
 * retention.c - a run: folder after folder its messages are looked at, what is decided about them is
 * gathered, and asked of the keeper in steps.
 */
#include "store/retention.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "metrics/metric.h"
#include "store/keeper.h"
#include "store/name.h"

/* A folder, as it was when the run began. */
struct folder {
	uint32_t id, uidnext;
	uint64_t messages;
	char name[STORE_NAME_MAX + 1];
	char special_use[16];
};

/* What one step does with some messages of a folder. */
struct group {
	size_t rule;
	char target[STORE_NAME_MAX + 1]; /* "": they are removed */
	struct numset uids;              /* own */
	uint64_t messages, bytes;
};

enum { YEAR_UNKNOWN = 1970, TEXT_MAX = LOG_VALUE_MAX };

struct plan {
	char above[STORE_NAME_MAX +
		   1]; /* the folder with the use that its archive names */
};

/* What a rule came to in the folder of now. */
struct tally {
	uint64_t messages, bytes;
	enum store_said said;
};

struct run {
	struct store *store;           /* borrow */
	const struct retention *rules; /* borrow */
	const struct retention_watch *watch;
	int64_t now_sec;
	bool is_dry, is_refused;
	struct folder *folders; /* own */
	size_t n_folders, folders_cap;
	struct folder *folder;  /* borrow: of now */
	struct store_view view; /* of it */
	bool is_folder_gone;
	char kept[STORE_NAME_MAX + 1]; /* the name of what was deleted; "": none */
	size_t *fitting;               /* own: rules that are for it */
	size_t n_fitting;
	struct plan *plans;    /* own: of each rule */
	struct tally *tallies; /* own: the same */
	struct group groups[RETENTION_STEP_TARGETS];
	size_t n_groups;
	uint64_t n_gathered;
	uint64_t done, of; /* messages */
	/* for the log: what was done, by which rule; sums of messages, and of their bytes */
	struct buf text;
	uint64_t removed, archived, bytes;
};

static bool
goes_on(const struct run *r)
{
	return !r->watch->goes_on || r->watch->goes_on(r->watch->ctx);
}

/* ---- where to ---- */

/* The first level of an archive, where that is a special use; else empty. */
static struct span
use_of(const struct retention_rule *rule)
{
	struct span name = rule->archive;
	return name.n && name.p[0] == '\\' ? span_head(name, span_find(name, '/'))
	                                   : SPAN("");
}

/* Of which folders the uses are that archives begin with. */
static void
note_use(struct run *r, const struct store_mailbox *m)
{
	for (size_t i = 0; m->special_use[0] && i < retention_count(r->rules); i++)
		if (span_ieq(
			use_of(retention_rule(r->rules, i)), span_of(m->special_use)))
			memcpy(r->plans[i].above, m->name, sizeof r->plans[i].above);
}

/* The folder that has the use, or one of that name.  out is "" where it is too long. */
static void
target_of(const struct run *r, size_t i, int64_t date_sec, char out[STORE_NAME_MAX + 1])
{
	const struct retention_rule *rule = retention_rule(r->rules, i);
	struct span use = use_of(rule);
	struct buf plain = {0}, b = {.max = STORE_NAME_MAX};
	struct tm tm;
	time_t t = (time_t)date_sec;
	if (!localtime_r(&t, &tm))
		tm = (struct tm){.tm_year = YEAR_UNKNOWN - 1900};
	retention_archive_put(rule, tm.tm_year + 1900, tm.tm_mon + 1, &plain);
	if (use.n && r->plans[i].above[0])
		buf_str(&b, r->plans[i].above);
	else if (use.n)
		buf_span(&b, span_from(use, 1));
	buf_span(&b, span_from(buf_as_span(&plain), use.n));
	struct buf name = {.max = STORE_NAME_MAX};
	mailbox_name_put(&name, buf_as_span(&b)); /* as the keeper has it: INBOX */
	int err = buf_done(&b) == E_OK ? buf_done(&name) : E_LIMIT;
	memcpy(out, err == E_OK ? name.p : "", err == E_OK ? name.len : 0);
	out[err == E_OK ? name.len : 0] = '\0';
	buf_free(&name);
	buf_free(&b);
	buf_free(&plain);
}

/* ---- which folders ---- */

static bool
is_meant(const struct run *r, const struct store_mailbox *m)
{
	for (size_t i = 0; i < retention_count(r->rules); i++)
		if (retention_folder(
			r->rules, i, span_of(m->name), span_of(m->special_use)))
			return true;
	return false;
}

static int
add_folder(void *ctx, const struct store_mailbox *m)
{
	struct run *r = ctx;
	note_use(r, m);
	if (m->is_kept)
		memcpy(r->kept, m->name, sizeof r->kept);
	/* what was expunged has its own time */
	if (m->is_kept || m->messages == 0 || !is_meant(r, m))
		return E_OK;
	r->folders =
	    mem_room(r->folders, r->n_folders, &r->folders_cap, sizeof *r->folders);
	struct folder *f = &r->folders[r->n_folders++];
	*f = (struct folder){
	    .id = m->id, .uidnext = m->uidnext, .messages = m->messages};
	memcpy(f->name, m->name, sizeof f->name);
	memcpy(f->special_use, m->special_use, sizeof f->special_use);
	r->of += m->messages;
	return E_OK;
}

/* ---- a step ---- */

static bool
leaves_flagged(const struct run *r, const struct group *g)
{
	return !retention_rule(r->rules, g->rule)->has_flagged;
}

/* What a run would hear: of a name, and of what was deleted. */
static enum store_said
archive_as_if(const struct run *r, struct group *g)
{
	struct span target = span_of(g->target), kept = span_of(r->kept);
	enum store_said said = mailbox_name_check(target);
	if (said == STORE_DONE && kept.n && span_starts(target, kept) &&
	    (target.n == kept.n || target.p[kept.n] == '/'))
		said = STORE_IS_KEPT;
	if (said != STORE_DONE)
		g->messages = 0;
	return said;
}

static enum store_said
make_folder(struct store *s, struct span name)
{
	struct store_mailbox m;
	int err = store_mailbox(s, name, &m);
	if (err != E_BAD)
		return err == E_OK ? STORE_DONE : STORE_LATER;
	enum store_said said = store_mailbox_create(s, name, "", NULL);
	if (said == STORE_DONE)
		(void)store_subscribe(s, name, true); /* or its user may not see it */
	return said == STORE_EXISTS ? STORE_DONE : said;
}

static enum store_said
group_archive(struct run *r, struct group *g)
{
	struct store_copied c = {.uidvalidity = 0};
	struct span target = span_of(g->target);
	enum store_said said = make_folder(r->store, target);
	if (said == STORE_DONE) {
		said = leaves_flagged(r, g) ? store_move_unflagged(r->store,
						  r->view.mailbox, &g->uids, target, &c)
		                            : store_copy(r->store, r->view.mailbox,
						  &g->uids, target, true, &c);
		g->messages = numset_count(&c.to);
		/* which of the two is no more?  Its user may have removed the target */
		if (said == STORE_NONEXISTENT && !r->view.head->is_deleted)
			said = STORE_LATER;
	} else
		g->messages = 0;
	numset_free(&c.from);
	numset_free(&c.to);
	return said;
}

static enum store_said
group_do(struct run *r, struct group *g)
{
	enum store_said said;
	if (r->is_dry)
		return g->target[0] ? archive_as_if(r, g) : STORE_DONE;
	if (g->target[0])
		return group_archive(r, g);
	if (leaves_flagged(r, g))
		said = store_expunge_unflagged(
		    r->store, r->view.mailbox, &g->uids, &g->messages, &g->bytes);
	else
		said = store_expunge(r->store, r->view.mailbox, &g->uids, false);
	if (said != STORE_DONE)
		g->messages = 0;
	return said;
}

static void
group_end(struct run *r, struct group *g)
{
	struct tally *t = &r->tallies[g->rule];
	enum store_said said = group_do(r, g);
	t->messages += g->messages;
	if (said == STORE_DONE)
		t->bytes += g->bytes;
	else if (said == STORE_NONEXISTENT)
		r->is_folder_gone = true;
	else {
		t->said = said;
		r->is_refused = true;
	}
	numset_free(&g->uids);
}

/* What changed meanwhile counts: a flag that a user set, say. */
static int
view_renew(struct run *r)
{
	struct store_view now;
	if (!r->view.head->is_superseded || r->is_folder_gone)
		return E_OK;
	int err = store_view_renew(r->store, &r->view, &now);
	if (err == E_BAD)
		r->is_folder_gone = true;
	if (err != E_OK)
		return err == E_BAD ? E_OK : err;
	store_unselect(r->store, &r->view);
	r->view = now;
	return E_OK;
}

static int
step_end(struct run *r)
{
	for (size_t i = 0; i < r->n_groups; i++)
		group_end(r, &r->groups[i]);
	r->n_groups = 0;
	r->n_gathered = 0;
	if (r->watch->progress)
		r->watch->progress(r->watch->ctx, r->done, r->of);
	return view_renew(r);
}

/* ---- a message ---- */

static int
gather(struct run *r, size_t rule, const char *target, const struct store_record *m)
{
	size_t i = 0;
	while (i < r->n_groups &&
	       (r->groups[i].rule != rule || strcmp(r->groups[i].target, target) != 0))
		i++;
	struct group *g = &r->groups[i];
	if (i == r->n_groups) {
		*g = (struct group){.rule = rule};
		strcpy(g->target, target);
		r->n_groups++;
	}
	g->messages++;
	g->bytes += m->size_bytes;
	r->n_gathered++;
	return numset_add(&g->uids, m->uid, m->uid) == E_OK ? E_OK : E_IO;
}

static int
rule_apply(struct run *r, size_t i, const struct store_record *m)
{
	const struct retention_rule *rule = retention_rule(r->rules, i);
	struct tally *t = &r->tallies[i];
	char target[STORE_NAME_MAX + 1] = "";
	if (rule->action == RETENTION_KEEP || t->said != STORE_DONE)
		return E_OK;
	if (rule->action == RETENTION_ARCHIVE) {
		target_of(r, i, m->date_sec, target);
		if (!target[0]) {
			t->said = STORE_BAD_NAME;
			r->is_refused = true;
			return E_OK;
		}
		if (strcmp(target, r->folder->name) == 0)
			return E_OK; /* it is there */
	}
	return gather(r, i, target, m);
}

static int
look_at(struct run *r, const struct store_record *m)
{
	const struct retention_message what = {.date_sec = m->date_sec,
	    .saved_sec = m->saved_sec,
	    .bytes = m->size_bytes,
	    .is_flagged = (m->flags & FLAG_FLAGGED) != 0};
	r->done++;
	for (size_t i = 0; i < r->n_fitting; i++)
		if (retention_fits(r->rules, r->fitting[i], &what, r->now_sec))
			return rule_apply(r, r->fitting[i], m);
	return E_OK;
}

/* ---- a folder ---- */

static int
walk(struct run *r)
{
	uint32_t uid = 0, n_looks = 0;
	int err = E_OK;
	while (err == E_OK && !r->is_folder_gone) {
		uint32_t n = r->view.n;
		uint32_t at = store_records_before(r->view.records, n, uid + 1);
		if (at == n || r->view.records[at].uid >= r->folder->uidnext)
			break;
		for (; at < n && err == E_OK; at++) {
			const struct store_record *m = &r->view.records[at];
			if (m->uid >= r->folder->uidnext)
				break;
			uid = m->uid;
			if (!(m->flags & FLAG_GONE))
				err = look_at(r, m);
			if (r->n_gathered == RETENTION_STEP_MESSAGES ||
			    r->n_groups == RETENTION_STEP_TARGETS ||
			    ++n_looks % RETENTION_LOOKS == 0)
				break;
		}
		if (err == E_OK)
			err = step_end(r);
		if (err == E_OK && !goes_on(r))
			err = E_MORE;
	}
	return err;
}

static void
folder_begin(struct run *r, struct folder *f)
{
	r->folder = f;
	r->n_fitting = 0;
	r->is_folder_gone = false;
	for (size_t i = 0; i < retention_count(r->rules); i++) {
		r->tallies[i] = (struct tally){.said = STORE_DONE};
		if (retention_folder(
			r->rules, i, span_of(f->name), span_of(f->special_use)))
			r->fitting[r->n_fitting++] = i;
	}
}

static void
note(struct run *r, const struct retention_did *d)
{
	bool is_removed = retention_rule(r->rules, d->rule)->action == RETENTION_REMOVE;
	*(is_removed ? &r->removed : &r->archived) += d->messages;
	r->bytes += d->bytes;
	enum retention_from from = retention_from(r->rules, d->rule);
	struct buf one = {0};
	buf_putf(&one, "%s%.*s: %llu %s by rule %u%s%s%s", r->text.len ? "; " : "",
	    SPAN_ARG(d->folder), (unsigned long long)d->messages,
	    is_removed ? "removed" : "archived", retention_number(r->rules, d->rule),
	    from == RETENTION_OF_SITE ? "" : " of the ",
	    from == RETENTION_OF_SITE ? "" : retention_from_name(from),
	    d->said == STORE_DONE ? "" : ", the rest refused");
	buf_span(&r->text, buf_as_span(&one)); /* past its max: the sums have it */
	buf_free(&one);
}

static void
folder_end(struct run *r)
{
	for (size_t i = 0; i < r->n_groups; i++)
		numset_free(&r->groups[i].uids);
	r->n_groups = 0;
	r->n_gathered = 0;
	for (size_t i = 0; i < retention_count(r->rules); i++) {
		const struct tally *t = &r->tallies[i];
		const struct retention_did d = {.folder = span_of(r->folder->name),
		    .rule = i,
		    .messages = t->messages,
		    .bytes = t->bytes,
		    .said = t->said};
		if (t->messages == 0 && t->said == STORE_DONE)
			continue;
		note(r, &d);
		r->watch->did(r->watch->ctx, &d);
	}
}

static int
folder_run(struct run *r, struct folder *f)
{
	uint64_t before = r->done;
	folder_begin(r, f);
	int err = store_select(r->store, span_of(f->name), true, &r->view);
	if (err == E_BAD)
		return E_OK; /* it is no more */
	if (err != E_OK)
		return E_IO;
	if (r->view.mailbox == f->id)
		err = walk(r);
	folder_end(r);
	store_unselect(r->store, &r->view);
	r->done = before + f->messages;
	return err == E_MORE || err == E_OK ? err : E_IO;
}

/* ---- all of it ---- */

/* One run at a time: its numbers are what it did. */
static int
lock(int *out)
{
	*out = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*out >= 0 && flock(*out, LOCK_EX | LOCK_NB) == 0)
		return E_OK;
	int err = *out >= 0 && errno == EWOULDBLOCK ? E_LIMIT : E_IO;
	if (err == E_IO)
		log_event(LOG_ERR, "retention_not_begun", "err=%s", log_errno(errno));
	if (*out >= 0)
		close(*out);
	return err;
}

static int
run_all(struct run *r)
{
	int err = store_mailboxes(r->store, add_folder, r);
	for (size_t i = 0; i < r->n_folders && err == E_OK; i++) {
		err = folder_run(r, &r->folders[i]);
		if (err == E_OK && !goes_on(r))
			err = E_MORE;
	}
	return err == E_OK && r->is_refused ? E_BAD : err;
}

/* Each run, and also where nothing is done: somebody believes that they do something. */
static void
say_unknown(const struct retention *rules)
{
	for (size_t i = 0; i < retention_count(rules); i++)
		if (retention_is_unknown(rules, i))
			log_event(LOG_WARNING, "retention_unknown",
			    "account=%s from=%s rule=%u text=%s does=\"keep all\"",
			    log_q(retention_address(rules)),
			    retention_from_name(retention_from(rules, i)),
			    retention_number(rules, i),
			    log_q(retention_rule(rules, i)->text));
}

static void
say(const struct run *r, int err)
{
	const char *result = err == E_OK     ? "done"
	                     : err == E_MORE ? "interrupted"
	                     : err == E_BAD  ? "refused"
	                                     : "failed";
	bool is_failed = err == E_BAD || err == E_IO;
	metric_add(M_RETENTION + METRIC_RETENTION_REMOVED, r->removed);
	metric_add(M_RETENTION + METRIC_RETENTION_ARCHIVED, r->archived);
	if (err != E_MORE)
		metric_count(M_RETENTION_RUNS +
			     (is_failed ? METRIC_DONE_FAILED : METRIC_DONE_OK));
	/* each day, of each account: mostly nothing */
	bool is_news = is_failed || r->removed + r->archived > 0;
	log_event(is_failed ? LOG_WARNING
		  : is_news ? LOG_INFO
			    : LOG_DEBUG,
	    "retention",
	    "account=%s removed=%llu archived=%llu bytes=%llu result=%s did=%s",
	    log_q(retention_address(r->rules)), (unsigned long long)r->removed,
	    (unsigned long long)r->archived, (unsigned long long)r->bytes, result,
	    log_q(buf_as_span(&r->text)));
}

int
retention_run(struct store *s, const struct retention *rules, int64_t now_sec,
    bool is_dry, const struct retention_watch *watch)
{
	struct run r = {.store = s,
	    .rules = rules,
	    .watch = watch,
	    .now_sec = now_sec,
	    .is_dry = is_dry,
	    .text = {.max = TEXT_MAX}};
	size_t n = retention_count(rules);
	int fd;
	int err = lock(&fd);
	if (err != E_OK)
		return err;
	r.fitting = mem_new((n + 1) * sizeof *r.fitting);
	r.tallies = mem_new((n + 1) * sizeof *r.tallies);
	r.plans = mem_new((n + 1) * sizeof *r.plans);
	say_unknown(rules);
	err = run_all(&r);
	if (!is_dry)
		say(&r, err);
	buf_free(&r.text);
	mem_free(&r.folders);
	mem_free(&r.fitting);
	mem_free(&r.tallies);
	mem_free(&r.plans);
	close(fd);
	return err;
}

/* ---- the stamp ---- */

int
retention_stamp_get(int dir, const char *path, struct retention_stamp *out)
{
	char text[RETENTION_STAMP_MAX];
	/* its user may put anything there */
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return E_BAD;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%" SCNd64 " %" SCNx64, &out->when_sec, &out->digest) ==
	                   2 &&
	               out->when_sec >= 0 && out->when_sec <= RETENTION_WHEN_MOST_SEC
	           ? E_OK
	           : E_BAD;
}

int
retention_stamp_put(const struct retention_stamp *stamp)
{
	char text[RETENTION_STAMP_MAX];
	int n = snprintf(text, sizeof text, "%" PRId64 " %016" PRIx64 "\n",
	    stamp->when_sec, stamp->digest);
	return file_replace(RETENTION_STAMP, span_make(text, (size_t)n), 0644, true);
}
