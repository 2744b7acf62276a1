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

enum { WARNED_TEXT_MAX = 16, WARNING_MAX = 2048, PERCENT = 100 };

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
	uint64_t most = used < limit ? limit + how.grace_bytes : limit;
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
write_new(const char *path, struct span text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return E_IO;
	int err = file_write(fd, text);
	close(fd);
	if (err != E_OK)
		unlink(path);
	return err;
}

/* As any mail that comes: take-in gives it its place. */
static int
place_warning(unsigned percent)
{
	struct id id = id_new();
	struct file_name f = {.id = file_id_of(id, 0)};
	struct buf text = {.max = WARNING_MAX}, path = {0};
	put_warning(&text, percent, id);
	int err = buf_done(&text);
	if (err == E_OK) {
		f.size_bytes = text.len;
		sha256(buf_as_span(&text), f.sha256);
		buf_str(&path, "new/");
		file_name_put(&path, &f);
		err = write_new(buf_cstr(&path), buf_as_span(&text));
	}
	buf_free(&text);
	buf_free(&path);
	return err;
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

/* Before the mail: a crash between the two says nothing, rather than the same twice. */
static int
warned_write(unsigned level)
{
	char text[WARNED_TEXT_MAX];
	int n = snprintf(text, sizeof text, "%u\n", level);
	the_keeper.warned = level;
	return file_replace(warned_name, span_make(text, (size_t)n), 0600, true);
}

void
quota_look(void)
{
	struct keeper *k = &the_keeper;
	if (how.n_levels == 0 || how.to[0] == '\0' ||
	    (k->quota.bytes == 0 && k->quota.messages == 0 &&
		k->own_limits.bytes == 0 && k->own_limits.messages == 0))
		return;
	unsigned percent = percent_now(), level = level_of(percent), was = k->warned;
	if (level == was)
		return;
	int err = warned_write(level);
	if (err == E_OK && level > was) {
		err = place_warning(percent);
		takein_want();
	}
	if (err != E_OK)
		log_event(LOG_WARNING, "not_warned", "level=%u err=%s", level,
		    log_errno(errno));
	else if (level > was)
		log_event(
		    LOG_INFO, "quota_warning", "level=%u percent=%u", level, percent);
}

/* What the admin's quota is: the session has it from the table of accounts. */
int
ask_quota(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct keeper *k = &the_keeper;
	uint64_t bytes = rd_u64(body), messages = rd_u64(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	k->quota = (struct usage){bytes, messages};
	quota_look();
	return E_MORE; /* and no reply */
}
