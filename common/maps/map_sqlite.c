/* SPDX-License-Identifier: ISC */
/* map_sqlite.c - maps in a SQLite database, read and never written. */
#include <sqlite3.h>
#include <stdio.h>

#include "maps/driver.h"

enum { STEPS_BETWEEN_LOOKS = 1000 };

struct sqlite {
	sqlite3 *db; /* own */
	int64_t deadline_ms;
};

static int
is_late(void *ctx)
{
	const struct sqlite *s = ctx;
	return map_now_ms() >= s->deadline_ms;
}

static void
sqlite_close(void *state)
{
	struct sqlite *s = state;
	sqlite3_close(s->db);
	sqlite3_free(s);
}

static void *
sqlite_open(const struct map_definition *d, int timeout_ms, char *why)
{
	const char *path = map_setting(d, "dbpath", "");
	struct sqlite *s = sqlite3_malloc(sizeof *s);
	(void)timeout_ms;
	if (!s) {
		snprintf(why, MAP_WHY_MAX, "no memory");
		return NULL;
	}
	*s = (struct sqlite){.db = NULL};
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		snprintf(why, MAP_WHY_MAX, "%s: %s", path,
		    s->db ? sqlite3_errmsg(s->db) : "no memory");
		sqlite_close(s);
		return NULL;
	}
	sqlite3_progress_handler(s->db, STEPS_BETWEEN_LOOKS, is_late, s);
	return s;
}

static void
row_tell(sqlite3_stmt *row, const struct map_sink *sink)
{
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		const void *p = sqlite3_column_text(row, i);
		int n = sqlite3_column_bytes(row, i);
		if (p && n > 0)
			sink->value(sink->ctx, p, (size_t)n);
	}
}

static int
sqlite_find(void *state, const char *text, int timeout_ms, const struct map_sink *sink,
    char *why)
{
	struct sqlite *s = state;
	sqlite3_stmt *row = NULL;
	s->deadline_ms = map_now_ms() + timeout_ms;
	sqlite3_busy_timeout(s->db, timeout_ms);
	int got = sqlite3_prepare_v2(s->db, text, -1, &row, NULL);
	while (got == SQLITE_OK || got == SQLITE_ROW) {
		if ((got = sqlite3_step(row)) == SQLITE_ROW)
			row_tell(row, sink);
	}
	if (got != SQLITE_DONE)
		snprintf(why, MAP_WHY_MAX, "%s", sqlite3_errmsg(s->db));
	sqlite3_finalize(row);
	return got == SQLITE_DONE ? E_OK : got == SQLITE_ERROR ? E_BAD : E_IO;
}

const struct map_driver map_driver = {
    .kind = "sqlite",
    .query = "query",
    .settings = "dbpath",
    .needed = "dbpath",
    .escape = MAP_ESCAPE_SQL,
    .open = sqlite_open,
    .find = sqlite_find,
    .close = sqlite_close,
};
