/* SPDX-License-Identifier: ISC */
/*
 * quota.c - what a quota lets in; and a mail to the user when much of it is used, once each time a
 * level is passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/jobs.h"
#include "store/state.h"
#include "tls/hash.h"

enum {
	WARNED_TEXT_MAX = 16,
	WARNING_MAX = 2048,
	PERCENT = 100,
	/*
	 * so far it falls below a level, half of it at most, before that counts as left: who is near
	 * one is not told again and again
	 */
	LEVEL_FALL_PERCENT = 5,
};

static const char warned_name[] = "warned";

/* ---- how: of the process that starts a keeper ---- */

static struct store_quota_rules how;

void
store_quota_rules(const struct store_quota_rules *rules)
{
	how = *rules;
}

bool
quota_warns(void)
{
	return how.n_levels > 0;
}

uint64_t
store_quota_room(uint64_t limit, uint64_t used)
{
	uint64_t grace = how.grace_bytes < UINT64_MAX - limit ? how.grace_bytes
	                                                      : UINT64_MAX - limit,
		 most = used < limit ? limit + grace : limit;
	return most > used ? most - used : 0;
}

/* ---- what comes ---- */

static uint64_t
less_of(uint64_t used, uint64_t less)
{
	return used > less ? used - less : 0;
}

bool
quota_refuses(const struct usage *quota, const struct sum *more, const struct sum *less)
{
	const struct sum *used = &the_keeper.sum_next;
	const struct usage *own = &the_keeper.own_limits;
	uint64_t bytes = limit_least(quota->bytes, own->bytes);
	uint64_t messages = limit_least(quota->messages, own->messages);
	return (bytes && more->bytes > store_quota_room(
					   bytes, less_of(used->bytes, less->bytes))) ||
	       (messages &&
		   less_of(used->messages, less->messages) + more->messages > messages);
}

/* ---- warnings ---- */

/* Of the limit, rounded down; 0: there is none. */
static unsigned
percent_of(uint64_t used, uint64_t limit)
{
	if (limit == 0)
		return 0;
	double percent = (double)used * PERCENT / (double)limit;
	return percent < UINT16_MAX ? (unsigned)percent : UINT16_MAX;
}

static unsigned
percent_now(void)
{
	const struct keeper *k = &the_keeper;
	unsigned bytes =
	    percent_of(k->sum.bytes, limit_least(k->quota.bytes, k->own_limits.bytes));
	unsigned messages = percent_of(
	    k->sum.messages, limit_least(k->quota.messages, k->own_limits.messages));
	return bytes > messages ? bytes : messages;
}

/* The highest that is reached; 0: none. */
static unsigned
level_of(unsigned percent)
{
	unsigned level = 0;
	for (size_t i = 0; i < how.n_levels; i++)
		if (how.levels[i] <= percent && how.levels[i] > level)
			level = how.levels[i];
	return level;
}

static bool
is_held(unsigned level, unsigned percent)
{
	unsigned fall = level / 2 < LEVEL_FALL_PERCENT ? level / 2 : LEVEL_FALL_PERCENT;
	return percent + fall >= level;
}

/* The one of which was told last, or, where that was left, the highest that is held below it. */
static unsigned
level_left(unsigned was, unsigned percent)
{
	unsigned level = 0;
	if (is_held(was, percent))
		return was;
	for (size_t i = 0; i < how.n_levels; i++)
		if (how.levels[i] < was && how.levels[i] > level &&
		    is_held(how.levels[i], percent))
			level = how.levels[i];
	return level;
}

static void
put_size(struct buf *out, uint64_t bytes)
{
	static const char units[] = {'k', 'M', 'G', 'T'};
	size_t i = 0;
	uint64_t n = (bytes + 1023) >> 10;
	for (; n >= 10240 && i + 1 < sizeof units; i++)
		n >>= 10;
	buf_putf(out, "%llu %cB", (unsigned long long)n, units[i]);
}

static void
put_warning(struct buf *out, unsigned percent, struct id id)
{
	const struct keeper *k = &the_keeper;
	uint64_t bytes = limit_least(k->quota.bytes, k->own_limits.bytes);
	uint64_t messages = limit_least(k->quota.messages, k->own_limits.messages);
	struct span domain = span_of(how.to);
	domain = span_from(domain, span_rfind(domain, '@'));
	buf_putf(out, "Return-Path: <>\r\nDate: ");
	date_put(out, clock_wall_sec());
	buf_putf(out,
	    "\r\nFrom: Mail delivery <postmaster%.*s>\r\nTo: <%s>\r\n"
	    "Subject: Your mailbox is %u%% full\r\nMessage-ID: <%s.quota%.*s>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
	    SPAN_ARG(domain), how.to, percent, id_text(id), SPAN_ARG(domain));
	if (bytes) {
		put_size(out, k->sum.bytes);
		buf_str(out, " of ");
		put_size(out, bytes);
		buf_str(out, " are used.\r\n");
	}
	if (messages)
		buf_putf(out, "%llu of %llu messages are there.\r\n",
		    (unsigned long long)k->sum.messages, (unsigned long long)messages);
	buf_str(out, "When nothing is left, mail to you is refused until you delete "
		     "some.\r\n");
}

static int
write_synced(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return E_IO;
	int err = file_write(fd, text);
	if (err == E_OK && fsync(fd) != 0)
		err = E_IO;
	close(fd);
	if (err != E_OK)
		unlink(path);
	return err;
}

/* A mail that is written, and comes when it is placed. */
struct warning {
	struct buf path, to; /* own: in tmp/; in new/ */
};

static int
warning_make(unsigned percent, struct warning *out)
{
	struct id id = id_new();
	struct file_name f = {.id = file_id_of(id, 0)};
	struct buf text = {.max = WARNING_MAX};
	put_warning(&text, percent, id);
	int err = buf_done(&text);
	if (err == E_OK) {
		f.size_bytes = text.len;
		sha256(buf_as_span(&text), f.sha256);
		tmp_path_put(&out->path, f.id);
		buf_str(&out->to, "new/");
		file_name_put(&out->to, &f);
		err = write_synced(buf_cstr(&out->path), buf_as_span(&text));
	}
	buf_free(&text);
	return err;
}

/* As any mail that comes: take-in gives it its place. */
static int
warning_place(struct warning *w)
{
	int err = rename(buf_cstr(&w->path), buf_cstr(&w->to)) == 0 ? E_OK : E_IO;
	if (err == E_OK)
		err = home_folder_sync("new");
	takein_want();
	return err;
}

static void
warning_drop(struct warning *w, int err)
{
	if (err != E_OK && w->path.len)
		unlink(buf_cstr(&w->path));
	buf_free(&w->path);
	buf_free(&w->to);
}

unsigned
warned_read(void)
{
	char text[WARNED_TEXT_MAX];
	unsigned level = 0;
	int fd = open(warned_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%u", &level) == 1 && level <= PERCENT ? level : 0;
}

static int
warned_write(unsigned level)
{
	char text[WARNED_TEXT_MAX];
	int n = snprintf(text, sizeof text, "%u\n", level);
	int err = file_replace(warned_name, span_make(text, (size_t)n), 0600, true);
	if (err == E_OK)
		the_keeper.warned = level;
	return err;
}

/*
 * At most once: the mail is on disk, the level is noted, the mail is placed.  A crash between the last
 * two says nothing, rather than the same twice; what fails is tried again.
 */
static void
warn(unsigned level, unsigned percent)
{
	static bool is_failing;
	struct warning w = {.path = {0}};
	unsigned before = the_keeper.warned;
	int err = warning_make(percent, &w);
	if (err == E_OK)
		err = warned_write(level);
	if (err == E_OK) {
		err = warning_place(&w);
		if (err != E_OK && warned_write(before) != E_OK)
			log_event(LOG_WARNING, "level_not_noted", "level=%u", before);
	}
	if (err == E_OK)
		log_event(
		    LOG_INFO, "quota_warning", "level=%u percent=%u", level, percent);
	else if (!is_failing)
		log_event(LOG_WARNING, "not_warned", "level=%u err=%s", level,
		    log_errno(errno));
	is_failing = err != E_OK;
	warning_drop(&w, err);
}

void
quota_look(void)
{
	struct keeper *k = &the_keeper;
	if (how.n_levels == 0 || how.to[0] == '\0' || k->quota_at_ms == 0)
		return; /* or nobody said what the quota is */
	unsigned percent = percent_now(), level = level_of(percent);
	unsigned left = level_left(k->warned, percent);
	if (level > k->warned)
		warn(level, percent);
	else if (left < k->warned && warned_write(left) != E_OK)
		log_event(LOG_WARNING, "level_not_noted", "level=%u", left);
}

/*
 * What the admin's quota is: the session has it from the table of accounts, as it was when it began.
 * A time of the future would be the user's own doing: it is his keeper.
 */
int
ask_quota(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct keeper *k = &the_keeper;
	uint64_t bytes = rd_u64(body), messages = rd_u64(body);
	int64_t at_ms = (int64_t)rd_u64(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	if (at_ms <= 0 || at_ms < k->quota_at_ms)
		return E_MORE; /* a session that learnt it later has said it */
	k->quota = (struct usage){bytes, messages};
	k->quota_at_ms = at_ms;
	quota_look();
	return E_MORE; /* and no reply */
}
