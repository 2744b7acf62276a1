/* SPDX-License-Identifier: ISC */
/* urls_client.c - the asking side of urls. */
#include <sys/stat.h>
#include <unistd.h>

#include "proc/io.h"
#include "smtpd/urls.h"

static int
open_reader(int *chan)
{
	static struct buf in;
	struct ask_msg m;
	int pair[2];
	ask_pair(pair);
	int err = child_call(URLS_OPEN, SPAN(""), pair[1], &in, &m);
	close(pair[1]);
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK && (rd_u8(&m.body) != 1 || rd_end(&m.body) != E_OK))
		err = E_DENY;
	if (err == E_OK)
		*chan = pair[0];
	else
		close(pair[0]);
	return err;
}

static enum url_said
said_of(struct ask_msg *m, int *out, uint64_t *bytes)
{
	struct stat st;
	uint8_t said = rd_u8(&m->body);
	bool is_good = m->type == (URLS_READ | ASK_REPLY) && rd_end(&m->body) == E_OK &&
	               said < URL_SAID_END && (m->fd >= 0) == (said == URL_DONE);
	if (is_good && said == URL_DONE)
		is_good = fstat(m->fd, &st) == 0 && st.st_size >= 0;
	if (is_good && said == URL_DONE) {
		*out = m->fd;
		*bytes = (uint64_t)st.st_size;
		return URL_DONE;
	}
	if (m->fd >= 0)
		close(m->fd);
	return is_good ? (enum url_said)said : URL_LATER;
}

enum url_said
url_read(int *chan, struct span url, uint64_t most, int *out, uint64_t *bytes)
{
	struct buf body = {0}, in = {0};
	struct ask_msg m;
	int64_t deadline = deadline_in_ms(URLS_WAIT_MS);
	int err = *chan >= 0 ? E_OK : open_reader(chan);
	enum url_said said = URL_LATER;
	buf_bytes(&body, url);
	buf_u64(&body, most);
	if (err == E_OK)
		err = ask_send(*chan, URLS_READ, buf_as_span(&body), -1, deadline);
	if (err == E_OK)
		err = io_recv(*chan, &in, &m, deadline, IO_STAYS);
	if (err == E_OK)
		said = said_of(&m, out, bytes);
	else
		ask_hang_up(chan); /* a late answer meets no other ask */
	buf_free(&body);
	buf_free(&in);
	return said;
}
