/* SPDX-License-Identifier: ISC */
/* moving.c - the command's side of import and export. */
#include "ctl/moving.h"

#include <unistd.h>

#include "ctl/progress.h"
#include "ctl/user.h"
#include "move/files.h"

enum { PH_ANY = 1, SAY_BYTES = 4096 };

static const struct column import_columns[] = {
    {"folder", "FOLDER", CELL_TEXT},
    {"source", "SOURCE", CELL_NUMBER},
    {"here", "HERE", CELL_NUMBER},
    {"fetched", "NEW", CELL_NUMBER},
    {"bytes", "BYTES", CELL_NUMBER},
    {"flagged", "FLAGS", CELL_NUMBER},
    {"removed", "REMOVED", CELL_NUMBER},
    {"left", "LEFT OUT", CELL_NUMBER},
    {"failed", "FAILED", CELL_NUMBER},
    {"uids", "UIDS", CELL_TEXT},
    {"note", "NOTE", CELL_TEXT},
};

static const struct column export_columns[] = {
    {"folder", "FOLDER", CELL_TEXT},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"written", "WRITTEN", CELL_NUMBER},
    {"bytes", "BYTES", CELL_NUMBER},
    {"failed", "FAILED", CELL_NUMBER},
    {"note", "NOTE", CELL_TEXT},
};

void
moving_init(struct moving *m, struct merpati *c, bool is_export)
{
	*m = (struct moving){.ctl = c, .root = -1, .is_writing = is_export};
	m->folders.columns = is_export ? export_columns : import_columns;
	m->folders.n_columns =
	    is_export ? COUNT(export_columns) : COUNT(import_columns);
}

void
moving_done(struct moving *m)
{
	if (m->root >= 0)
		close(m->root);
	table_free(&m->folders);
}

int
moving_account(
    struct merpati *c, const char *address, struct arena *arena, struct account *out)
{
	struct accounts *accounts = NULL;
	int status = user_accounts(c, &accounts);
	if (status == EX_OK)
		status = user_find(c, accounts, address, arena, out);
	accounts_close(&accounts);
	return status;
}

/* ---- what the worker asks ---- */

static int
asked_list(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct moving *m = a->ctx;
	(void)fd;
	return m->root >= 0 && !m->is_writing
	           ? files_list(m->root, body, reply, fd_back)
	           : E_DENY;
}

static int
asked_open(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct moving *m = a->ctx;
	(void)fd;
	return m->root >= 0 && !m->is_writing
	           ? files_read(m->root, body, reply, fd_back)
	           : E_DENY;
}

static int
asked_make_directory(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct moving *m = a->ctx;
	(void)fd, (void)fd_back;
	return m->root >= 0 && m->is_writing
	           ? files_make_directory(m->root, body, reply)
	           : E_DENY;
}

static int
asked_write(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct moving *m = a->ctx;
	(void)fd_back;
	return m->root >= 0 && m->is_writing ? files_write(m->root, body, *fd, reply)
	                                     : E_DENY;
}

static int
told_progress(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span folder = rd_str(body, SAY_BYTES);
	uint64_t done = rd_u64(body), of = rd_u64(body);
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	progress_show(folder, done, of);
	return E_MORE;
}

static void
put_import(struct table *t, const struct move_row *r)
{
	static const char *const numbers[] = {
	    [NUMBERS_NONE] = "none", [NUMBERS_KEPT] = "kept", [NUMBERS_NEW] = "new"};
	table_text(t, r->folder);
	table_number(t, (int64_t)r->source);
	table_number(t, (int64_t)r->here);
	table_number(t, (int64_t)r->fetched);
	table_number(t, (int64_t)r->bytes);
	table_number(t, (int64_t)r->flagged);
	table_number(t, (int64_t)r->removed);
	table_number(t, (int64_t)r->left);
	table_number(t, (int64_t)r->failed);
	table_text(t, span_of(numbers[r->numbers]));
	table_text(t, r->note);
}

static void
put_export(struct table *t, const struct move_row *r)
{
	table_text(t, r->folder);
	table_number(t, (int64_t)r->source);
	table_number(t, (int64_t)r->fetched);
	table_number(t, (int64_t)r->bytes);
	table_number(t, (int64_t)r->failed);
	table_text(t, r->note);
}

static int
told_row(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct moving *m = a->ctx;
	struct move_row row;
	(void)fd, (void)reply, (void)fd_back;
	if (move_row_get(body, &row) != E_OK)
		return E_BAD;
	if (m->is_writing)
		put_export(&m->folders, &row);
	else
		put_import(&m->folders, &row);
	return E_MORE;
}

/* What came from outside must not steer a terminal. */
static int
told_say(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span text = rd_str(body, SAY_BYTES);
	struct buf plain = {0};
	(void)a, (void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	for (size_t i = 0; i < text.n; i++)
		buf_ch(&plain, ch_ctl(text.p[i]) ? '?' : text.p[i]);
	progress_end();
	ctl_say("%s", buf_cstr(&plain));
	buf_free(&plain);
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[MOVE_ASKS] = {
	/*                        name              legal in  times  bytes               fd back  answered by */
	[MOVE_LIST]           = {"LIST",            PH_ANY,   0,     MOVE_PATH_MAX + 4,  true,    asked_list},
	[MOVE_OPEN]           = {"OPEN",            PH_ANY,   0,     MOVE_PATH_MAX + 4,  true,    asked_open},
	[MOVE_MAKE_DIRECTORY] = {"MAKE_DIRECTORY",  PH_ANY,   0,     MOVE_PATH_MAX + 4,  false,   asked_make_directory},
	[MOVE_WRITE]          = {"WRITE",           PH_ANY,   0,     MOVE_PATH_MAX + 12, false,   asked_write},
	[MOVE_PROGRESS]       = {"PROGRESS",        PH_ANY,   0,     SAY_BYTES,          false,   told_progress},
	[MOVE_ROW]            = {"ROW",             PH_ANY,   0,     MOVE_ROW_BYTES,     false,   told_row},
	[MOVE_SAY]            = {"SAY",             PH_ANY,   0,     SAY_BYTES,          false,   told_say},
};

/* clang-format on */

int
moving_serve(struct moving *m, struct worker *w)
{
	int status = worker_serve(w, rows, COUNT(rows), m);
	progress_end();
	if (m->folders.n_cells)
		table_print(&m->folders, m->ctl->is_json);
	int done = ctl_done();
	return status == EX_OK ? done : status;
}
