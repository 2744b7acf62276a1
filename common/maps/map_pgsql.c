/* SPDX-License-Identifier: ISC */
/* map_pgsql.c - maps in PostgreSQL: no call of libpq waits but ours, so a deadline holds. */
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "maps/driver.h"

/* libpq's texts end with a line feed, and may have several lines. */
static void
say(char *why, const char *text)
{
	size_t n = strcspn(text, "\n");
	snprintf(why, MAP_WHY_MAX, "%.*s", (int)(n < MAP_WHY_MAX ? n : MAP_WHY_MAX - 1),
	    n ? text : "no reason was given");
}

/* Until the socket is ready.  E_OK, E_IO (late) */
static int
wait_for(PGconn *c, short events, int64_t deadline, char *why)
{
	struct pollfd p = {.fd = PQsocket(c), .events = events};
	int64_t left = deadline - map_now_ms();
	if (left > 0 && poll(&p, 1, (int)left) > 0)
		return E_OK;
	snprintf(why, MAP_WHY_MAX, "it did not answer in time");
	return E_IO;
}

static PGconn *
start(const struct map_definition *d)
{
	const char *names[] = {"host", "port", "user", "password", "dbname", "sslmode",
	    "sslrootcert", "client_encoding", "application_name", "options", NULL};
	const char *values[] = {map_setting(d, "hosts", "/run/postgresql"),
	    map_setting(d, "port", NULL), map_setting(d, "user", NULL),
	    map_setting(d, "password", NULL), map_setting(d, "dbname", NULL),
	    map_setting(d, "sslmode", NULL), map_setting(d, "sslrootcert", NULL),
	    "UTF8", "merpati",
	    "-c default_transaction_read_only=on -c standard_conforming_strings=on",
	    NULL};
	return PQconnectStartParams(names, values, 0);
}

static void
pgsql_close(void *state)
{
	PQfinish(state);
}

static void *
pgsql_open(const struct map_definition *d, int timeout_ms, char *why)
{
	int64_t deadline = map_now_ms() + timeout_ms;
	PGconn *c = start(d);
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;
	if (!c || PQstatus(c) == CONNECTION_BAD)
		step = PGRES_POLLING_FAILED;
	while (step == PGRES_POLLING_READING || step == PGRES_POLLING_WRITING) {
		if (wait_for(c, step == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			deadline, why) != E_OK) {
			PQfinish(c);
			return NULL;
		}
		step = PQconnectPoll(c);
	}
	if (step == PGRES_POLLING_OK && PQsetnonblocking(c, 1) == 0)
		return c;
	say(why, c ? PQerrorMessage(c) : "no memory");
	PQfinish(c);
	return NULL;
}

static void
rows_tell(const PGresult *r, const struct map_sink *sink)
{
	for (int row = 0; row < PQntuples(r); row++)
		for (int i = 0; i < PQnfields(r); i++)
			if (!PQgetisnull(r, row, i))
				sink->value(sink->ctx, PQgetvalue(r, row, i),
				    (size_t)PQgetlength(r, row, i));
}

/* All of the query is sent.  What comes meanwhile is taken, so that neither side waits for the other. */
static int
send_all(PGconn *c, int64_t deadline, char *why)
{
	int left;
	while ((left = PQflush(c)) == 1) {
		if (wait_for(c, POLLOUT | POLLIN, deadline, why) != E_OK)
			return E_IO;
		if (!PQconsumeInput(c))
			break;
	}
	if (left != 0)
		say(why, PQerrorMessage(c));
	return left == 0 ? E_OK : E_IO;
}

static int
next_result(PGconn *c, int64_t deadline, PGresult **out, char *why)
{
	while (PQisBusy(c)) {
		if (wait_for(c, POLLIN, deadline, why) != E_OK)
			return E_IO;
		if (!PQconsumeInput(c)) {
			say(why, PQerrorMessage(c));
			return E_IO;
		}
	}
	*out = PQgetResult(c);
	return E_OK;
}

static int
pgsql_find(void *state, const char *text, int timeout_ms, const struct map_sink *sink,
    char *why)
{
	int64_t deadline = map_now_ms() + timeout_ms;
	PGresult *r = NULL;
	int result = E_OK, err = E_OK;
	/* with parameters, of which there are none: then a second statement is refused */
	if (!PQsendQueryParams(state, text, 0, NULL, NULL, NULL, NULL, 0)) {
		say(why, PQerrorMessage(state));
		return E_IO;
	}
	err = send_all(state, deadline, why);
	while (
	    err == E_OK && (err = next_result(state, deadline, &r, why)) == E_OK && r) {
		ExecStatusType s = PQresultStatus(r);
		if (s == PGRES_TUPLES_OK) {
			rows_tell(r, sink);
		} else {
			say(why, PQresultErrorMessage(r));
			result = PQstatus(state) == CONNECTION_OK ? E_BAD : E_IO;
		}
		PQclear(r);
	}
	return err == E_OK ? result : err;
}

const struct map_driver map_driver = {
    .kind = "pgsql",
    .query = "query",
    .settings = "hosts port user password dbname sslmode sslrootcert",
    .needed = "dbname",
    .escape = MAP_ESCAPE_SQL,
    .open = pgsql_open,
    .find = pgsql_find,
    .close = pgsql_close,
};
