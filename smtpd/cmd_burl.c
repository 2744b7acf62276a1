/* SPDX-License-Identifier: ISC */
/* cmd_burl.c - BURL, RFC 4468: a piece of the message is what an IMAP URL means. */
#include <errno.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mime/imap_url.h"
#include "proc/child.h"
#include "smtpd/chunk.h"
#include "smtpd/command.h"
#include "smtpd/urls.h"

enum { BURL_ARENA_MAX = 64 * 1024, BURLS_MOST = 100 /* of a message */ };

bool
burl_is_offered(const struct session *s)
{
	/* tokens are not for who listens: RFC 4468 8 */
	return s->limits->has_burl && session_is_submission(s) && s->cover.is_tls;
}

/* "imap.example.com:143" */
static struct span
without_port(struct span host)
{
	size_t colon = span_rfind(host, ':');
	for (size_t i = colon + 1; i < host.n; i++)
		if (!ch_digit(host.p[i]))
			return host;
	return span_head(host, colon);
}

static bool
is_our_host(struct span host)
{
	const struct conf *conf = the_child.conf;
	for (size_t i = 0; i < conf_list_count(conf, "smtpd", "burl_hosts"); i++)
		if (span_ieqs(host, conf_list(conf, "smtpd", "burl_hosts", i)))
			return true;
	return false;
}

/* Whether it is for us: all else is for who reads it.  R_NONE, or the refusal */
static enum reply
check_host(struct span text)
{
	struct arena arena = {.max_bytes = BURL_ARENA_MAX};
	struct imap_url url;
	enum reply r = R_URL_NONE;
	if (imap_url_parse(text, &arena, &url) == E_OK && url.is_absolute)
		r = is_our_host(without_port(url.host)) ? R_NONE : R_URL_HOST;
	arena_reset(&arena);
	return r;
}

static enum reply
fetch(struct session *s, struct span url, int *fd, uint64_t *bytes)
{
	static const enum reply replies[URL_SAID_END] = {
	    [URL_DONE] = R_NONE,
	    [URL_DENIED] = R_URL_DENIED,
	    [URL_NONE] = R_URL_NONE,
	    [URL_TOO_BIG] = R_TOO_BIG,
	    [URL_LATER] = R_URL_LATER,
	};

	if (++s->txn.n_urls > BURLS_MOST)
		return R_URLS_MOST;
	enum reply r = check_host(url);
	if (r != R_NONE)
		return r;
	if (!the_child.account) /* too many sessions: this one is nobody's own */
		return R_URL_LATER;
	return replies[url_read(&s->urls, url, s->limits->message_bytes, fd, bytes)];
}

/* Into the message, up to what goes wrong there; not by the file's own place, which is shared. */
static enum reply
take(struct session *s, int fd, uint64_t bytes)
{
	static char piece[DATA_CHUNK];
	for (uint64_t at = 0; at < bytes && s->message.fault == R_NONE;) {
		ssize_t n = pread(fd, piece, sizeof piece, (off_t)at);
		if (n == 0 || (n < 0 && errno != EINTR))
			return R_URL_LATER;
		if (n > 0)
			chunk_keep(s, span_make(piece, (size_t)n));
		at += n > 0 ? (uint64_t)n : 0;
	}
	return R_NONE;
}

enum reply
cmd_burl(struct session *s, struct span argument)
{
	struct span url = span_cut(&argument, ' ');
	uint64_t bytes = 0;
	int fd = -1;
	argument = span_trim(argument);
	bool is_last = span_ieqs(argument, "LAST");
	if (!burl_is_offered(s))
		return R_NOT_HERE;
	if (argument.n && !is_last) {
		buf_str(&s->argument, "BURL URL [LAST]");
		return R_SYNTAX;
	}
	enum reply r = fetch(s, url, &fd, &bytes);
	if (r == R_NONE)
		r = chunk_begin(s, bytes, is_last);
	if (r == R_NONE)
		r = take(s, fd, bytes);
	if (fd >= 0)
		close(fd);
	return chunk_end(s, r, bytes, is_last);
}
