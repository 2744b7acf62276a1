/* SPDX-License-Identifier: ISC */
/* fetch_get.c - the asking side of fetch, straight-line. */
#include <unistd.h>

#include "proc/io.h"
#include "tests/internet/fetch_get.h"

static struct fetch_answer
unreachable(struct span why)
{
	return (struct fetch_answer){.status = FETCH_UNREACHABLE, .why = why};
}

static int
call(struct fetcher *f, struct span body, struct ask_msg *m, int64_t deadline)
{
	if (f->chan < 0 && child_channel("fetch", &f->chan) != E_OK)
		return E_IO;
	int err = ask_send(f->chan, FETCH_GET, body, -1, deadline);
	if (err == E_OK)
		err = io_recv(f->chan, &f->in, m, deadline, IO_STAYS);
	if (err == E_OK && m->fd >= 0)
		close(m->fd);
	if (err == E_OK && m->type != (FETCH_GET | ASK_REPLY))
		err = E_IO;
	if (err != E_OK)
		ask_hang_up(&f->chan); /* what is fetched for us is given up with it */
	return err;
}

static struct fetch_answer
ask(struct fetcher *f, const struct fetch_question *q, struct arena *arena,
    int64_t deadline)
{
	struct buf body = {0};
	struct ask_msg m;
	struct fetch_answer a;
	int err = E_IO;
	fetch_question_put(&body, q);
	for (int i = 0; i < CHILD_ATTEMPTS && err == E_IO; i++)
		err = call(f, buf_as_span(&body), &m, deadline);
	buf_free(&body);
	if (err == E_OK)
		err = fetch_answer_get(&m.body, arena, &a);
	if (err == E_OK)
		return a;
	return unreachable(err == E_LIMIT ? SPAN("not in time, or no memory for it")
					  : SPAN("nobody fetches now"));
}

struct fetch_answer
fetch_get(struct fetcher *f, struct resolver *r, struct span host, struct span path,
    struct arena *arena, int64_t deadline)
{
	struct fetch_question q = {.host = host, .path = path};
	struct resolver_query names[] = {
	    {.kind = DNS_A, .name = host}, {.kind = DNS_AAAA, .name = host}};
	if (!dns_name_ok(host))
		return unreachable(SPAN("not a name of the DNS"));
	resolver_ask(r, names, COUNT(names), arena, deadline);
	fetch_question_add(&q, &names[0].answer, &names[1].answer);
	return q.n_addresses ? ask(f, &q, arena, deadline)
	                     : unreachable(SPAN("no address is known for it"));
}
