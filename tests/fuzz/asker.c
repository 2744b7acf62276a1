/* SPDX-License-Identifier: ISC */
/* asker.c - one who asks, for fuzzers of tables of asks. */
#include "asker.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

static int
one(const struct asker_fuzz *f, int chan, struct asker *a, uint16_t type,
    struct span body)
{
	struct buf in = {0};
	struct ask_msg m;
	int fd = f->has_fd ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	int err = ask_send(chan, type, body, fd, 0);
	if (fd >= 0)
		close(fd);
	if (err == E_OK)
		err = asker_serve(a, &in, 1);
	while (err == E_OK && ask_recv(chan, &in, &m, 0) == E_OK) {
		if (m.type != (type | ASK_REPLY))
			bug("an answer to what was not asked");
		if (f->answered)
			f->answered(type, &m.body);
		if (m.fd >= 0)
			close(m.fd);
	}
	buf_free(&in);
	return err;
}

void
asker_fuzz_run(const struct asker_fuzz *f, struct span in)
{
	const struct ask_table *t = f->table;
	struct rd rd = rd_of(in);
	int pair[2], err = E_OK;
	ask_pair(pair);
	struct asker *a = asker_new(pair[1], t->rows, t->n_rows, t->who, f->ctx);
	for (int i = 0; i < ASKER_ASKS_MOST && rd.in.n && err == E_OK; i++) {
		uint16_t type = (uint16_t)(f->first_type + rd_u8(&rd));
		uint16_t bytes = rd_u16(&rd);
		err = one(f, pair[0], a, type,
		    rd_bytes(&rd, bytes < rd.in.n ? bytes : rd.in.n));
	}
	if (t->gone)
		t->gone(a);
	asker_free(&a);
	close(pair[0]);
}
