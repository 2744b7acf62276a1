/* SPDX-License-Identifier: ISC */
/* progress.c - a line on standard error that moves. */
#include "ctl/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	EVERY_MS = 100,
	COLUMNS_DEFAULT = 80,
	WHAT_COLUMNS = 24,
	BAR_LEAST = 10,
	BAR_MOST = 50,
	NUMBERS_COLUMNS = 30
};

static struct {
	bool is_shown;
	int64_t at_ms;
} line;

static int
columns(void)
{
	struct winsize w;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
		return COLUMNS_DEFAULT;
	return w.ws_col;
}

/* What came from outside must not steer a terminal. */
static void
put_what(struct span what, struct buf *out)
{
	int n = 0;
	for (size_t i = 0; i < what.n && n < WHAT_COLUMNS; i++) {
		bool is_next = ((unsigned char)what.p[i] & 0xc0) == 0x80;
		buf_ch(out, ch_ctl(what.p[i]) ? '?' : what.p[i]);
		n += !is_next;
	}
	for (; n < WHAT_COLUMNS; n++)
		buf_ch(out, ' ');
}

static void
put_bar(uint64_t done, uint64_t of, int width, struct buf *out)
{
	uint64_t full = of ? (uint64_t)((double)done / (double)of * width) : 0;
	buf_str(out, "  [");
	for (int i = 0; i < width; i++)
		buf_ch(out, (uint64_t)i < full ? '#' : ' ');
	buf_ch(out, ']');
}

void
progress_show(struct span what, uint64_t done, uint64_t of)
{
	struct buf b = {0};
	int64_t now = clock_mono_ms();
	if (now - line.at_ms < EVERY_MS || !isatty(STDERR_FILENO))
		return;
	line.at_ms = now;
	line.is_shown = true;
	int width = columns() - WHAT_COLUMNS - NUMBERS_COLUMNS;
	buf_ch(&b, '\r');
	put_what(what, &b);
	if (of && width >= BAR_LEAST)
		put_bar(done, of, width < BAR_MOST ? width : BAR_MOST, &b);
	buf_putf(&b, "  %llu", (unsigned long long)done);
	if (of)
		buf_putf(&b, " of %llu", (unsigned long long)of);
	buf_str(&b, "\033[K");
	fwrite(b.p, 1, b.len, stderr);
	fflush(stderr);
	buf_free(&b);
}

void
progress_end(void)
{
	if (line.is_shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	line.is_shown = false;
	line.at_ms = 0;
}
