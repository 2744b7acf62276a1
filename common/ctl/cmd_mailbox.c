/* SPDX-License-Identifier: ISC */
/* cmd_mailbox.c - upkeep of mailboxes: whether index and files agree, and an index made anew. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/table.h"
#include "ctl/user.h"
#include "ctl/worker.h"
#include "mime/cache.h"
#include "mime/charset.h"
#include "mime/signature.h"
#include "mime/slices.h"
#include "store/at_work.h"
#include "store/verify.h"

/* What the worker tells. */
enum {
	TELL_PROGRESS = 1, /* u64 files, u64 of */
	TELL_FINDING,      /* struct finding */
	TELL_VERIFIED,     /* struct verified */
	TELL_REBUILT,      /* struct store_rebuilt */
	TELLS
};

enum { PH_ANY = 1, TELL_BYTES = 1024 };

static const struct column account_columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"ok", "OK", CELL_BOOL},
    {"mailboxes", "MAILBOXES", CELL_NUMBER},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"bytes", "BYTES", CELL_NUMBER},
    {"files", "FILES", CELL_NUMBER},
    {"waiting", "WAITING", CELL_NUMBER},
    {"kept", "KEPT", CELL_NUMBER},
    {"without_sum", "NO SUM", CELL_NUMBER},
    {"missing", "MISSING", CELL_NUMBER},
    {"damaged", "DAMAGED", CELL_NUMBER},
    {"strangers", "STRANGERS", CELL_NUMBER},
    {"counts", "COUNTS", CELL_NUMBER},
    {"cache", "CACHE", CELL_NUMBER},
};

static const struct column finding_columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"finding", "FINDING", CELL_TEXT},
    {"mailbox", "MAILBOX", CELL_TEXT},
    {"uid", "UID", CELL_NUMBER},
    {"file", "WHERE", CELL_TEXT},
    {"is", "IS", CELL_NUMBER},
    {"should", "SHOULD BE", CELL_NUMBER},
};

static const struct column rebuilt_columns[] = {
    {"address", "ADDRESS", CELL_TEXT},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"found", "FOUND ANEW", CELL_NUMBER},
    {"without_file", "WITHOUT FILE", CELL_NUMBER},
    {"aside", "OLD INDEX", CELL_TEXT},
};

/* ---- in the worker ---- */

static void
tell(int chan, uint16_t type, struct buf *b)
{
	/* when the command is gone there is nobody to tell, and the end comes by itself */
	if (ask_send(chan, type, buf_as_span(b), -1, deadline_in_ms(WORKER_WAIT_MS)) !=
	    E_OK)
		shutdown(chan, SHUT_RDWR);
	buf_free(b);
}

static void
on_finding(void *ctx, const struct finding *f)
{
	struct buf b = {0};
	buf_u8(&b, (uint8_t)f->kind);
	buf_u32(&b, f->uid);
	buf_u64(&b, f->is);
	buf_u64(&b, f->should);
	buf_bytes(&b, span_of(f->mailbox));
	buf_bytes(&b, span_of(f->file));
	tell(*(int *)ctx, TELL_FINDING, &b);
}

static void
on_progress(void *ctx, uint64_t files, uint64_t of)
{
	struct buf b = {0};
	buf_u64(&b, files);
	buf_u64(&b, of);
	tell(*(int *)ctx, TELL_PROGRESS, &b);
}

/* One of another version, or without signatures, misses nothing. */
static bool
is_item_good(struct span item, struct span message)
{
	struct arena arena = {.max_bytes = 0};
	struct mime_cache c;
	struct signatures should;
	struct tree tree;
	if (cache_open_signatures(item, &c) != E_OK)
		return true;
	tree_make(message, &arena, &tree);
	signatures_make(&tree, &arena, &should);
	bool is_good = (!c.search.texts.p || span_eq(c.search.texts, should.texts)) &&
	               (!c.search.heads.p || span_eq(c.search.heads, should.heads));
	arena_reset(&arena);
	return is_good;
}

/* To the last octet; of a message that went they may tell still. */
static bool
are_slices_good(struct span blocks, const struct store_view *v)
{
	struct slices_block b;
	while (blocks.n) {
		uint32_t last = 0;
		if (slices_next(&blocks, &b) != E_OK || !slices_are_sound(&b))
			return false;
		for (size_t i = 0; i < b.n; i++) {
			struct sliced m = slices_message(&b, i);
			const struct store_record *r = store_record_of(v, m.number);
			if (m.number <= last || (r && store_slices_check(r) != m.check))
				return false;
			last = m.number;
		}
	}
	return true;
}

static int
verify_in_jail(int chan, const char *home, void *ctx)
{
	const struct verify_watch watch = {
	    &chan, on_finding, on_progress, is_item_good, are_slices_good};
	struct verified v;
	struct store *s = NULL;
	struct buf b = {0};
	(void)ctx;
	if (store_open(home, &s) != E_OK)
		return EX_TEMPFAIL;
	int err = store_verify(s, &watch, &v);
	store_close(&s);
	if (err != E_OK)
		return EX_TEMPFAIL;
	buf_u64(&b, v.mailboxes);
	buf_u64(&b, v.messages);
	buf_u64(&b, v.bytes);
	buf_u64(&b, v.files);
	buf_u64(&b, v.waiting);
	buf_u64(&b, v.kept);
	buf_u64(&b, v.unsummed);
	for (size_t i = 0; i < FINDING_KINDS; i++)
		buf_u64(&b, v.of[i]);
	tell(chan, TELL_VERIFIED, &b);
	return v.findings ? EX_DATAERR : EX_OK;
}

static int
rebuild_in_jail(int chan, const char *home, void *ctx)
{
	struct store_rebuilt r;
	struct buf b = {0};
	(void)ctx;
	at_work_watch(on_progress, &chan);
	int err = store_rebuild(home, &r);
	at_work_watch(NULL, NULL);
	if (err != E_OK)
		return err == E_LIMIT ? EX_TEMPFAIL : EX_IOERR;
	buf_u64(&b, r.from_dump);
	buf_u64(&b, r.found);
	buf_u64(&b, r.without_file);
	buf_bytes(&b, span_of(r.aside));
	tell(chan, TELL_REBUILT, &b);
	return EX_OK;
}

/* ---- in the command ---- */

struct upkeep {
	struct merpati *ctl;
	const char *address;             /* borrow: of now */
	struct table accounts, findings; /* own */
	bool is_told;                    /* its row came */
};

static int
told_progress(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct upkeep *u = a->ctx;
	uint64_t files = rd_u64(body), of = rd_u64(body);
	(void)fd, (void)reply, (void)fd_back;
	progress_show(span_of(u->address), files, of);
	return rd_end(body) == E_OK ? E_MORE : E_BAD;
}

static int
told_finding(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct upkeep *u = a->ctx;
	struct table *t = &u->findings;
	uint8_t kind = rd_u8(body);
	uint32_t uid = rd_u32(body);
	uint64_t is = rd_u64(body), should = rd_u64(body);
	struct span mailbox = rd_str(body, STORE_NAME_MAX),
		    file = rd_str(body, TELL_BYTES);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || kind >= FINDING_KINDS)
		return E_BAD;
	table_text(t, span_of(u->address));
	table_text(t, span_of(finding_text(kind)));
	table_text(t, mailbox);
	table_number(t, uid);
	table_text(t, file);
	table_number(t, (int64_t)is);
	table_number(t, (int64_t)should);
	return E_MORE;
}

static int
told_verified(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct upkeep *u = a->ctx;
	struct table *t = &u->accounts;
	uint64_t numbers[7], of[FINDING_KINDS], sum = 0;
	(void)fd, (void)reply, (void)fd_back;
	for (size_t i = 0; i < COUNT(numbers); i++)
		numbers[i] = rd_u64(body);
	for (size_t i = 0; i < FINDING_KINDS; i++)
		sum += of[i] = rd_u64(body);
	if (rd_end(body) != E_OK)
		return E_BAD;
	u->is_told = true;
	table_text(t, span_of(u->address));
	table_number(t, sum == 0);
	for (size_t i = 0; i < COUNT(numbers); i++)
		table_number(t, (int64_t)numbers[i]);
	table_number(t, (int64_t)of[FINDING_NO_FILE]);
	table_number(
	    t, (int64_t)(of[FINDING_SIZE] + of[FINDING_SUM] + of[FINDING_UNREADABLE]));
	table_number(t, (int64_t)(of[FINDING_NO_ROW] + of[FINDING_STRANGER]));
	table_number(t, (int64_t)(of[FINDING_COUNT] + of[FINDING_REFERENCES]));
	table_number(t, (int64_t)(of[FINDING_CACHE] + of[FINDING_SLICES]));
	return E_MORE;
}

static int
told_rebuilt(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct upkeep *u = a->ctx;
	struct table *t = &u->accounts;
	uint64_t from_dump = rd_u64(body), found = rd_u64(body), without = rd_u64(body);
	struct span aside = rd_str(body, TELL_BYTES);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	u->is_told = true;
	table_text(t, span_of(u->address));
	table_number(t, (int64_t)(from_dump + found));
	table_number(t, (int64_t)found);
	table_number(t, (int64_t)without);
	table_text(t, aside);
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[TELLS] = {
	/*                  name         legal in  times  bytes       fd back  answered by */
	[TELL_PROGRESS] = {"PROGRESS",   PH_ANY,   0,     16,         false,   told_progress},
	[TELL_FINDING]  = {"FINDING",    PH_ANY,   0,     TELL_BYTES, false,   told_finding},
	[TELL_VERIFIED] = {"VERIFIED",   PH_ANY,   0,     TELL_BYTES, false,   told_verified},
	[TELL_REBUILT]  = {"REBUILT",    PH_ANY,   0,     TELL_BYTES, false,   told_rebuilt},
};

/* clang-format on */

static int
work_on(struct upkeep *u, const struct account *a, worker_fn *fn)
{
	struct buf address = {0};
	struct worker w;
	buf_span(&address, a->address);
	u->address = buf_cstr(&address);
	u->is_told = false;
	int status = worker_start(u->ctl->conf, a, fn, NULL, &w);
	if (status == EX_OK)
		status = worker_serve(&w, rows, COUNT(rows), u);
	progress_end();
	if (!u->is_told) {
		ctl_say("%s: its mailbox could not be %s; the log says why", u->address,
		    fn == verify_in_jail ? "verified" : "rebuilt");
		status = status == EX_OK || status == EX_DATAERR ? EX_SOFTWARE : status;
	}
	buf_free(&address);
	return status;
}

/* Addresses first: no table is open while a worker is forked. */
struct list {
	struct arena arena;  /* own */
	struct account *all; /* own; spans in the arena */
	size_t n;
};

static int
add_account(void *ctx, const struct account *a)
{
	struct list *l = ctx;
	struct account copy = *a;
	copy.address = arena_span(&l->arena, a->address);
	copy.home = arena_span(&l->arena, a->home);
	l->all = mem_grow(l->all, l->n + 1, sizeof *l->all);
	l->all[l->n++] = copy;
	return E_OK;
}

static int
find_accounts(struct merpati *c, int argc, char **argv, bool is_all, struct list *out)
{
	struct accounts *accounts = NULL;
	int status = user_accounts(c, &accounts);
	if (status == EX_OK && is_all &&
	    accounts_each(accounts, add_account, out) != E_OK) {
		ctl_say("the table of accounts cannot be read");
		status = EX_NOINPUT;
	}
	for (int i = 0; i < argc && status == EX_OK; i++) {
		struct account a;
		status = user_find(c, accounts, argv[i], &out->arena, &a);
		if (status == EX_OK)
			(void)add_account(out, &a);
	}
	accounts_close(&accounts);
	return status;
}

static void
list_free(struct list *l)
{
	arena_reset(&l->arena);
	mem_free(&l->all);
}

/* Those that can be worked on are, whatever becomes of the others. */
static int
work_on_all(struct upkeep *u, const struct list *l, worker_fn *fn)
{
	int status = EX_OK;
	for (size_t i = 0; i < l->n; i++) {
		int one = work_on(u, &l->all[i], fn);
		if (status == EX_OK || (status == EX_DATAERR && one != EX_OK))
			status = one;
	}
	return status;
}

int
cmd_mailbox_verify(struct merpati *c, int argc, char **argv)
{
	bool is_all = false;
	const struct opt opts[] = {{"--all", &is_all, NULL}};
	struct upkeep u = {.ctl = c,
	    .accounts = {.columns = account_columns,
		.n_columns = COUNT(account_columns)},
	    .findings = {
		.columns = finding_columns, .n_columns = COUNT(finding_columns)}};
	struct list l = {.n = 0};
	int status =
	    opts_read(c, opts, COUNT(opts), &argc, argv, 0, USER_ARGUMENTS_MAX);
	if (status == EX_OK && is_all == (argc > 0))
		status = ctl_usage(c, "right would be addresses, or --all");
	if (status == EX_OK)
		status = find_accounts(c, argc, argv, is_all, &l);
	charset_prepare(); /* for workers */
	if (status == EX_OK)
		status = work_on_all(&u, &l, verify_in_jail);
	if (c->is_json && (u.accounts.n_cells || status == EX_OK)) {
		printf("{\"accounts\": ");
		table_print(&u.accounts, true);
		printf(", \"findings\": ");
		table_print(&u.findings, true);
		printf("}\n");
	} else if (u.accounts.n_cells || status == EX_OK) {
		if (u.findings.n_cells) {
			table_print(&u.findings, false);
			printf("\n");
		}
		table_print(&u.accounts, false);
	}
	table_free(&u.accounts);
	table_free(&u.findings);
	list_free(&l);
	return status == EX_OK ? ctl_done() : status;
}

int
cmd_mailbox_rebuild(struct merpati *c, int argc, char **argv)
{
	struct upkeep u = {.ctl = c,
	    .accounts = {
		.columns = rebuilt_columns, .n_columns = COUNT(rebuilt_columns)}};
	struct list l = {.n = 0};
	int status = opts_read(c, NULL, 0, &argc, argv, 1, 1);
	if (status == EX_OK)
		status = find_accounts(c, argc, argv, false, &l);
	if (status == EX_OK)
		status = work_on_all(&u, &l, rebuild_in_jail);
	if (u.accounts.n_cells)
		table_print_one(&u.accounts, c->is_json);
	table_free(&u.accounts);
	list_free(&l);
	return status == EX_OK ? ctl_done() : status;
}
