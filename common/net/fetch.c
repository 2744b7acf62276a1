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
	QUESTION_BYTES = 4 + DNS_NAME_MAX + 4 + FETCH_PATH_MAX + 1 + FETCH_ADDRESSES_MAX * (4 + 16),
	QUESTIONS_A_WINDOW = 600, /* of one asker, in ASK_TIMES_WINDOW_SEC */
};

static unsigned n_pending;

static void
answer(struct asker *a, const struct fetch_answer *answer)
{
	struct buf body = {0};
	fetch_answer_put(&body, answer);
	/* it waits for nothing else, so its socket is empty: only who left does not take it */
	if (ask_answer(a, FETCH_GET, buf_as_span(&body), -1) != E_OK)
		log_event(LOG_INFO, "asker_left", "asker=%s", a->who);
	buf_free(&body);
}

static void
on_fetched(void *ctx, const struct fetch_answer *got)
{
	struct asker *a = ctx;
	a->ctx = NULL;
	a->phase = PH_FREE;
	n_pending--;
	answer(a, got);
}

static void
on_gone(struct asker *a)
{
	struct web_get *g = a->ctx;
	if (!g)
		return;
	web_cancel(&g);
	a->ctx = NULL;
	n_pending--;
}

static int
ask_get(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct fetch_question q;
	(void)fd, (void)fd_back;
	if (fetch_question_get(body, &q) != E_OK)
		return E_BAD;
	if (n_pending < FETCH_PENDING_MAX)
		a->ctx = web_start(&q, a);
	if (!a->ctx) {
		fetch_answer_put(reply, &(struct fetch_answer){.status = FETCH_UNREACHABLE, .why = SPAN("too much is fetched now")});
		return E_OK;
	}
	a->phase = PH_BUSY;
	n_pending++;
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*             name   legal in  times               bytes           fd back  answered by */
	[FETCH_GET] = {"GET", PH_FREE,  QUESTIONS_A_WINDOW, QUESTION_BYTES, false,   ask_get},
};
/* clang-format on */

static const struct ask_table table = {.rows = rows, .n_rows = COUNT(rows), .who = "fetch client", .gone = on_gone};

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
	return web_open(ca_file, child_loop(), on_fetched) == E_OK ? EX_OK : EX_SOFTWARE;
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
