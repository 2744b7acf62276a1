/* SPDX-License-Identifier: ISC */
/* fetch.c - the role that fetches over HTTPS: one thing at a time for each who asks. */
#include "net/fetch.h"

#include <sysexits.h>

#include "base/log.h"
#include "conf/conf.h"
#include "net/web.h"
#include "proc/jail.h"

enum {
	PH_FREE = 1, /* nothing is fetched for it */
	PH_BUSY = 2,
	QUESTION_BYTES =
	    4 + DNS_NAME_MAX + 4 + FETCH_PATH_MAX + 1 + FETCH_ADDRESSES_MAX * (4 + 16),
	POST_BYTES = QUESTION_BYTES + 4 + FETCH_TYPE_MAX + 4 + FETCH_BODY_MAX,
	ASK_BYTES = POST_BYTES + 4 + FETCH_AUTHORIZATION_MAX,
	QUESTIONS_A_WINDOW = 600, /* of one asker, in ASK_TIMES_WINDOW_SEC */
};

static unsigned n_pending;

/* One who waits. */
struct waiting {
	struct web_get *get; /* own */
	struct asker *asker; /* borrow */
	enum fetch_asks kind;
};

static void
answer(struct asker *a, enum fetch_asks kind, const struct fetch_answer *answer)
{
	struct buf body = {0};
	fetch_answer_put(&body, answer);
	/* it waits for nothing else, so its socket is empty: only who left does not take it */
	if (ask_answer(a, (uint16_t)kind, buf_as_span(&body), -1) != E_OK)
		log_event(LOG_INFO, "asker_left", "asker=%s", a->who);
	buf_free(&body);
}

static void
on_fetched(void *ctx, const struct fetch_answer *got)
{
	struct waiting *w = ctx;
	struct asker *a = w->asker;
	enum fetch_asks kind = w->kind;
	a->ctx = NULL;
	a->phase = PH_FREE;
	n_pending--;
	mem_free(&w);
	answer(a, kind, got);
}

static void
on_gone(struct asker *a)
{
	struct waiting *w = a->ctx;
	if (!w)
		return;
	web_cancel(&w->get);
	mem_free(&w);
	a->ctx = NULL;
	n_pending--;
}

static int
begin(struct asker *a, struct rd *body, enum fetch_asks kind, struct buf *reply)
{
	struct fetch_question q;
	if (fetch_question_get(body, kind, &q) != E_OK)
		return E_BAD;
	struct waiting *w = mem_new(sizeof *w);
	*w = (struct waiting){.asker = a, .kind = kind};
	if (n_pending < FETCH_PENDING_MAX)
		w->get = web_start(&q, w);
	if (!w->get) {
		mem_free(&w);
		fetch_answer_put(
		    reply, &(struct fetch_answer){.status = FETCH_UNREACHABLE,
			       .why = SPAN("too much is fetched now")});
		return E_OK;
	}
	a->ctx = w;
	a->phase = PH_BUSY;
	n_pending++;
	return E_MORE;
}

static int
ask_get(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)fd_back;
	return begin(a, body, FETCH_GET, reply);
}

static int
ask_post(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)fd_back;
	return begin(a, body, FETCH_POST, reply);
}

static int
ask_ask(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	(void)fd, (void)fd_back;
	return begin(a, body, FETCH_ASK, reply);
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*              name    legal in  times               bytes           fd back  answered by */
	[FETCH_GET]  = {"GET",  PH_FREE,  QUESTIONS_A_WINDOW, QUESTION_BYTES, false,   ask_get},
	[FETCH_POST] = {"POST", PH_FREE,  QUESTIONS_A_WINDOW, POST_BYTES,     false,   ask_post},
	[FETCH_ASK]  = {"ASK",  PH_FREE,  QUESTIONS_A_WINDOW, ASK_BYTES,      false,   ask_ask},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "fetch client", .gone = on_gone};

const struct ask_table *
fetch_table(unsigned kind)
{
	(void)kind;
	return &table;
}

int
fetch_prepare(void)
{
	const char *ca_file = conf_str(the_child.conf, "common", "tls_authorities");
	return web_open(ca_file, child_loop(), on_fetched) == E_OK ? EX_OK
	                                                           : EX_SOFTWARE;
}

/* Of files it sees the authorities only: libcurl reads them at each fetch. */
void
fetch_jail(struct jail *j)
{
	j->calls = JAIL_NET | JAIL_FILES_READ;
	jail_allow(j, conf_str(the_child.conf, "common", "tls_authorities"), JAIL_READ);
	jail_port(j, FETCH_PORT);
}

int
fetch_run(void)
{
	return child_serve(fetch_table, NULL, 0);
}
