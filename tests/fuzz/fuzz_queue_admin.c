/* SPDX-License-Identifier: ISC */
/*
 * fuzz_queue_admin.c - what merpati queue asks of the scheduler: u8 type, u16 length, body; two messages wait.  What is listed
 * and shown can be read by who asked.
 * fuzz: tests/fuzz/asker.c
 * fuzz: common/spool/admin.c common/proc/ask.c common/conf/*.c common/mime/idn.c
 * libs: -lidn2 -lconfuse
 */
#include "asker.h"
#include "queue/admin.c"
#include "queue/admin_all.c"
#include "queue/admin_why.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* ---- the scheduler around it ---- */

struct child the_child = {.control = -1};
struct sched the_sched;

static const struct admin_rcpt rcpts[] = {
    {.address = {"x@elsewhere.test", 16}, .reason = {"4.4.1 no", 8}}};
static const struct index_row waiting[] = {
    {.id = {{1}},
	.due_sec = 100,
	.entry = {.id = {{1}},
	    .state = ADMIN_DEFERRED,
	    .n_rcpts = 1,
	    .rcpts = (struct admin_rcpt *)(uintptr_t)rcpts}},
    {.id = {{2}},
	.due_sec = 200,
	.entry = {.id = {{2}},
	    .state = ADMIN_HELD,
	    .sender = {"s@example.test", 14},
	    .account = {"u1@example.test", 15}}}};

static const struct index_row *
row_of(struct id id)
{
	for (size_t i = 0; i < COUNT(waiting); i++)
		if (id_eq(waiting[i].id, id))
			return &waiting[i];
	return NULL;
}

int
index_get(struct index *x, struct id id, struct arena *arena, struct index_row *out)
{
	const struct index_row *row = row_of(id);
	(void)x, (void)arena;
	if (row)
		*out = *row;
	return row ? E_OK : E_BAD;
}

int
index_each(struct index *x, struct id *after, size_t most,
    int (*fn)(void *ctx, const struct index_row *), void *ctx)
{
	int err = E_OK;
	(void)x, (void)after, (void)most;
	for (size_t i = 0; i < COUNT(waiting) && err == E_OK; i++)
		err = fn(ctx, &waiting[i]);
	return err;
}

int
index_reschedule(struct index *x, struct id id, int64_t due_sec)
{
	(void)x, (void)due_sec;
	return row_of(id) ? E_OK : E_BAD;
}

uint64_t
index_count(struct index *x)
{
	(void)x;
	return COUNT(waiting);
}

uint64_t
index_name(struct span what)
{
	return what.n + 1;
}

uint64_t
rows_wait_for_deliver(void)
{
	return 9;
}

/* ---- suspensions: one ---- */

const struct suspension *
suspend_at(size_t i)
{
	static const struct suspension one = {
	    .name = {.p = (char *)(uintptr_t) "a.test", .len = 6}};
	return i == 0 ? &one : NULL;
}

const struct suspension *
suspend_of_waits(uint64_t waits_for)
{
	return waits_for == 7 ? suspend_at(0) : NULL;
}

int
suspend_add(struct span name)
{
	return name.n ? E_OK : E_BAD;
}

int
suspend_end(struct span name)
{
	return name.n ? E_OK : E_BAD;
}

/* ---- timers that come at once ---- */

struct loop_timer {
	loop_timer_fn *fn;
	void *ctx;
};

struct loop_timer *
loop_timer_new(struct loop *loop, loop_timer_fn *fn, void *ctx)
{
	struct loop_timer *t = mem_new(sizeof *t);
	(void)loop;
	*t = (struct loop_timer){fn, ctx};
	return t;
}

void
loop_timer_set(struct loop_timer *t, int64_t ms)
{
	if (ms == 0)
		t->fn(t->ctx);
}

void
loop_timer_free(struct loop_timer **t)
{
	mem_free(t);
}

struct suppress *
refused_list(void)
{
	static char any;
	return (struct suppress *)(void *)&any;
}

int
suppress_each(struct suppress *s, struct span after,
    int (*fn)(void *ctx, const struct suppress_row *), void *ctx)
{
	const struct suppress_row row = {.address = SPAN("x@elsewhere.test"),
	    .count = 3,
	    .reason = SPAN("5.1.1 no")};
	(void)s;
	return after.n == 0 ? fn(ctx, &row) : E_OK;
}

bool
refused_is_suppressed(const struct suppress_row *r)
{
	return r->count > 1;
}

bool
refused_forget(struct span address)
{
	return span_eqs(address, "x@elsewhere.test");
}

void
refused_flush(void)
{
}

struct message *
message_find(struct id id)
{
	(void)id;
	return NULL; /* all are deferred */
}

void
message_entry(const struct message *m, struct admin_entry *out)
{
	(void)m, (void)out;
	bug("a message that is not in memory");
}

bool
message_is_stored(const struct message *m)
{
	(void)m;
	return false;
}

void
message_hold(struct message *m)
{
	(void)m;
}

void
message_remove(struct message *m)
{
	(void)m;
}

bool
rows_hold(struct id id)
{
	return row_of(id) != NULL;
}

bool
rows_release(struct id id)
{
	return row_of(id) != NULL;
}

bool
rows_requeue(struct id id)
{
	return row_of(id) != NULL;
}

bool
rows_remove(struct id id)
{
	return row_of(id) != NULL;
}

void
defer_due(void)
{
}

void
rows_tell_held(struct id id, bool is_held)
{
	(void)id, (void)is_held;
}

int
held_add(struct span account)
{
	return account.n > 1 ? E_OK : E_LIMIT;
}

int
held_end(struct span account)
{
	return account.n > 1 ? E_OK : E_BAD;
}

void
dests_lift(struct span address, struct span sender)
{
	(void)address, (void)sender;
}

void
rows_flush(void)
{
}

int64_t
retry_now(void)
{
	return 150;
}

void
sched_tell(uint16_t type, struct buf *body)
{
	if (type != SCHED_COPY && type != SCHED_SYNC)
		bug("something else than a copy or a sync");
	buf_free(body);
}

struct loop_fd *
loop_watch(struct loop *loop, int fd, unsigned events,
    void (*fn)(void *ctx, int fd, unsigned events), void *ctx)
{
	(void)loop, (void)fd, (void)events, (void)fn, (void)ctx;
	bug("a loop");
}

void
loop_unwatch(struct loop_fd **watch)
{
	(void)watch;
}

/* ---- asks ---- */

static void
check_entries(struct rd *body, uint16_t n)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct admin_entry e;
	for (uint16_t i = 0; i < n; i++)
		if (admin_entry_get(body, &arena, &e) != E_OK)
			bug("an entry that nobody can read");
	if (rd_end(body) != E_OK)
		bug("more than entries");
	arena_reset(&arena);
}

static void
check_refused(struct rd *body, uint16_t n)
{
	struct admin_refused r;
	for (uint16_t i = 0; i < n; i++)
		if (admin_refused_get(body, &r) != E_OK)
			bug("a row that nobody can read");
	if (rd_end(body) != E_OK)
		bug("more than rows");
}

static void
answered(uint16_t type, struct rd *body)
{
	if (type == ADMIN_LIST)
		check_entries(body, rd_u16(body));
	if (type == ADMIN_SUPPRESSED)
		check_refused(body, rd_u16(body));
	if (type == ADMIN_SUSPENDED && rd_u16(body) != 1)
		bug("more than one is suspended");
	if (type == ADMIN_FLUSH && rd_u32(body) > COUNT(waiting))
		bug("more than there are");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct admin asking;
	const struct ask_table table = {
	    .rows = rows, .n_rows = COUNT(rows), .who = "admin"};
	const struct asker_fuzz f = {
	    .table = &table, .ctx = &asking, .answered = answered};
	log_level(LOG_EMERG);
	asker_fuzz_run(&f, span_make(p, n));
	if (asking.entry.len) {
		struct rd r = rd_of(buf_as_span(&asking.entry));
		check_entries(&r, 1);
	}
	admin_all_free(&asking.all);
	buf_free(&asking.entry);
	buf_free(&asking.removal);
	asking = (struct admin){.next = NULL};
	return 0;
}
