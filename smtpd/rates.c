/* SPDX-License-Identifier: ISC */
/* rates.c - the role: counts of networks, asked by sessions; and connections, for fronts. */
#include "smtpd/rates.h"

#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/jail.h"

enum {
	PH_ANY = 1,
	TAKES_A_WINDOW = 0, /* as often as clients do something */
	TAKE_BYTES = 4 + RATE_ADDRESS_MAX + 4 * 4,
};

static struct {
	struct rate_table *shared; /* own mapping: of fronts; NULL: closed */
	uint32_t most[RATES];
	struct rate_table *own; /* own: of the role */
} the;

/* ---- fronts ---- */

void
rates_share(const struct conf *conf)
{
	void *p = mmap(NULL, sizeof *the.shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		bug("no memory for rates");
	the.shared = p;
	the.most[RATE_CONNECTIONS] = rate_most(conf, RATE_CONNECTIONS);
}

void
rates_unshare(void)
{
	if (the.shared)
		munmap(the.shared, sizeof *the.shared);
	the.shared = NULL;
}

bool
rates_connect(const char *address)
{
	uint64_t key;
	if (!the.shared || rate_key(address, &key) != E_OK ||
	    rate_take(the.shared, key, RATE_CONNECTIONS, 1, the.most[RATE_CONNECTIONS],
		clock_mono_us()))
		return true;
	metric_count(M_RATES + RATE_CONNECTIONS);
	return false;
}

/* ---- what sessions ask ---- */

static enum rate
take(const char *address, const struct rates_count *c)
{
	int64_t now = clock_mono_us();
	enum rate over = RATE_NONE;
	uint64_t key;
	if (rate_key(address, &key) != E_OK)
		return RATE_NONE;
	/* what was done is counted, whatever comes of the rest */
	for (enum rate r = RATE_COMMANDS; r <= RATE_ERRORS; r++)
		if (!rate_charge(the.own, key, r, c->n[r], the.most[r], now))
			over = r;
	for (enum rate r = RATE_MESSAGES; r <= RATE_RECIPIENTS && over == RATE_NONE;
	     r++)
		if (!rate_take(the.own, key, r, c->n[r], the.most[r], now))
			over = r;
	return over;
}

static int
ask_take(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	char address[RATE_ADDRESS_MAX + 1] = "";
	struct rates_count c = {{0}};
	struct span text = rd_str(body, RATE_ADDRESS_MAX);
	(void)a, (void)fd, (void)fd_back;
	for (enum rate r = RATE_MESSAGES; r < RATES; r++)
		c.n[r] = rd_u32(body);
	if (rd_end(body) != E_OK)
		return E_BAD;
	memcpy(address, text.p, text.n);
	enum rate over = take(address, &c);
	if (over != RATE_NONE)
		metric_count(M_RATES + (unsigned)over);
	buf_u8(reply, (uint8_t)over);
	return E_OK;
}

/* clang-format off */
static const struct ask_row asks[] = {
	/*              name    legal in  times           bytes       fd back  answered by */
	[RATES_TAKE] = {"TAKE", PH_ANY,   TAKES_A_WINDOW, TAKE_BYTES, false,   ask_take},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = asks, .n_rows = COUNT(asks), .who = "session"};

static void
begin(void)
{
	if (!the.own)
		the.own = mem_new(sizeof *the.own);
}

const struct ask_table *
rates_table(unsigned kind)
{
	(void)kind;
	begin();
	return &table;
}

/* ---- the role ---- */

void
rates_jail(struct jail *j)
{
	j->calls = 0;
}

int
rates_run(void)
{
	for (enum rate r = RATE_MESSAGES; r < RATES; r++)
		the.most[r] = rate_most(the_child.conf, r);
	return child_serve(rates_table, NULL, 0);
}
