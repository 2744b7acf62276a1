/* SPDX-License-Identifier: ISC */
/* queue_unix.c - what a relay asks of its monitor: a connection to the UNIX socket of a route. */
int queue_main(int argc, char **argv);
#define main queue_main
#include "queue/main.c"
#undef main

#include <sys/mman.h>

#include "base/file.h"
#include "gates.h"

static const struct ask_table table = {
    .rows = extra, .n_rows = COUNT(extra), .who = "relay"};

const struct ask_table *
unix_table(unsigned kind)
{
	(void)kind;
	return &table;
}

/* Route 0 leads to a host, 1 to a socket that nobody listens on. */
void *
unix_ctx(void)
{
	static struct process asking;
	static struct conf *conf;
	if (!conf) {
		struct buf path = {0}, errors = {0};
		int fd = memfd_create("merpati.conf", MFD_CLOEXEC);
		buf_putf(&path, "/proc/self/fd/%d", fd);
		if (file_write(fd, SPAN("version = 1\nqueue {\n\troutes = "
					"{\"a.test=smtp://a.test\", "
					"\"b.test=unix:/nowhere\"}\n}\n")) != E_OK ||
		    conf_load(buf_cstr(&path), &errors, &conf) != E_OK)
			bug("no configuration");
		close(fd);
		buf_free(&path);
		buf_free(&errors);
	}
	the_monitor.conf = conf;
	return &asking;
}

void
sample_unix(uint16_t route, struct buf *b)
{
	buf_u16(b, route);
}
