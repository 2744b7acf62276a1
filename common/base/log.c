/* SPDX-License-Identifier: ISC */
/* log.c - one line an event. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static struct {
	const char *daemon; /* borrow: static */
	const char *role;   /* borrow: static */
	int fd;
	bool is_syslog;
	void (*on_loss)(struct span line);
	int64_t loss_ms; /* when it was called last; 0: never */
	int level;
	char sid[32];
	char mid[ID_TEXT + 1];
} state = {.daemon = "merpati", .role = "main", .fd = STDERR_FILENO, .level = LOG_INFO};

void
log_open(const char *daemon, int fd, bool is_syslog)
{
	state.daemon = daemon;
	state.fd = fd;
	state.is_syslog = is_syslog;
}

int
log_fd(void)
{
	return state.fd;
}

bool
log_is_syslog(void)
{
	return state.is_syslog;
}

void
log_on_loss(void (*fn)(struct span line))
{
	state.on_loss = fn;
}

void
log_role(const char *role)
{
	state.role = role;
}

void
log_level(int most)
{
	state.level = most;
}

void
log_session(const char *sid)
{
	snprintf(state.sid, sizeof state.sid, "%s", sid ? sid : "");
}

void
log_message(const struct id *id)
{
	snprintf(state.mid, sizeof state.mid, "%s", id ? id_text(*id) : "");
}

static const char *
level_name(int level)
{
	static const char *const name[] = {
	    "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"};
	return name[level & 7];
}

/* The socket has no other end, or has had none since a line was lost. */
static void
lost(struct span line)
{
	bool is_cut_off = errno == ECONNREFUSED || errno == ENOTCONN;
	int64_t now = clock_mono_ms();
	if (!state.is_syslog || !is_cut_off || !state.on_loss ||
	    (state.loss_ms && now - state.loss_ms < LOG_LOSS_MS))
		return;
	state.loss_ms = now;
	state.on_loss(line);
}

void
log_event(int level, const char *event, const char *fmt, ...)
{
	char line[LOG_LINE_MAX + 2];
	struct buf b = {.max = LOG_LINE_MAX};
	if (level > state.level)
		return;
	if (state.is_syslog) {
		buf_putf(&b, "<%d>", LOG_MAIL | level);
	} else {
		date_put_iso(&b, clock_wall_sec());
		buf_ch(&b, ' ');
	}
	buf_putf(&b, "%s/%s[%d]: level=%s event=%s", state.daemon, state.role,
	    (int)getpid(), level_name(level), event);
	if (state.sid[0])
		buf_putf(&b, " sid=%s", state.sid);
	if (state.mid[0])
		buf_putf(&b, " mid=%s", state.mid);
	if (fmt[0]) {
		char rest[LOG_LINE_MAX];
		va_list ap;
		va_start(ap, fmt);
		/* cut, never dropped */
		vsnprintf(rest, sizeof rest - b.len - 8, fmt, ap);
		va_end(ap);
		if (rest[0])
			buf_putf(&b, " %s", rest);
	}
	size_t n = b.len;
	memcpy(line, b.p, n);
	buf_free(&b);
	if (!state.is_syslog)
		line[n++] = '\n';
	if (write(state.fd, line, n) < 0)
		lost(span_make(line, n));
}

static size_t
add_text(char *line, size_t n, size_t max, const char *text)
{
	while (*text && n < max)
		line[n++] = *text++;
	return n;
}

static size_t
add_number(char *line, size_t n, size_t max, unsigned v)
{
	char digits[12];
	size_t at = sizeof digits - 1;
	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	return add_text(line, n, max, digits + at);
}

void
log_from_signal(const char *event, const char *key, unsigned number)
{
	char line[256];
	size_t max = sizeof line - 1, n = 0;
	n = add_text(line, n, max, state.is_syslog ? "<20>" : "");
	n = add_text(line, n, max, state.daemon);
	n = add_text(line, n, max, "/");
	n = add_text(line, n, max, state.role);
	n = add_text(line, n, max, "[");
	n = add_number(line, n, max, (unsigned)getpid());
	n = add_text(line, n, max, "]: level=warning event=");
	n = add_text(line, n, max, event);
	n = add_text(line, n, max, " ");
	n = add_text(line, n, max, key);
	n = add_text(line, n, max, "=");
	n = add_number(line, n, max, number);
	if (!state.is_syslog)
		line[n++] = '\n';
	if (write(state.fd, line, n) < 0)
		return;
}

const char *
log_q(struct span s)
{
	static char text[8][LOG_VALUE_MAX + 8];
	static unsigned turn;
	char *t = text[turn++ % 8];
	bool is_plain = s.n > 0 && s.n <= LOG_VALUE_MAX;
	for (size_t i = 0; i < s.n && is_plain; i++)
		is_plain =
		    s.p[i] > ' ' && s.p[i] != '"' && s.p[i] != 127 && s.p[i] != '\\';
	size_t n = 0;
	if (!is_plain)
		t[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (n + 8 > LOG_VALUE_MAX && !is_plain) {
			memcpy(t + n, "...", 3);
			n += 3;
			break;
		}
		if (c == '"' || c == '\\')
			n += (size_t)sprintf(t + n, "\\%c", c);
		else if (c < 32 || c >= 127)
			n += (size_t)sprintf(t + n, "\\x%02x", c);
		else
			t[n++] = (char)c;
	}
	if (!is_plain)
		t[n++] = '"';
	t[n] = '\0';
	return t;
}

const char *
log_qs(const char *s)
{
	return log_q(span_of(s));
}

const char *
log_errno(int err)
{
	char text[128];
	const char *name = strerrorname_np(err), *says = strerrordesc_np(err);
	snprintf(text, sizeof text, "%s (%s)", name ? name : "?", says ? says : "?");
	return log_qs(text);
}
