/* SPDX-License-Identifier: ISC */
/* app_writer.c - app passwords come and go, in the writer's transaction. */
#include <string.h>

#include "account/app.h"
#include "account/files.h"
#include "auth/scram.h"
#include "base/clock.h"

static int
row_of(struct accounts_writer *w, struct span address, struct buf *bytes,
    struct app_row *out)
{
	int err = account_apps_get(w, address, bytes);
	if (err == E_OK)
		return app_row_get(buf_as_span(bytes), out) == E_OK ? E_OK : E_IO;
	*out = (struct app_row){.iterations = account_iterations(w)};
	random_fill(out->salt, sizeof out->salt);
	return err == E_BAD ? E_OK : err;
}

static int
row_keep(struct accounts_writer *w, struct span address, const struct app_row *row)
{
	struct buf bytes = {0};
	app_row_put(&bytes, row);
	int err = account_apps_put(w, address, buf_as_span(&bytes));
	buf_wipe(&bytes);
	return err;
}

static struct app_password *
find(struct app_row *row, struct span name)
{
	for (size_t i = 0; i < row->n; i++)
		if (span_eq(row->all[i].name, name))
			return &row->all[i];
	return NULL;
}

static int
make_verifiers(const struct app_row *row, struct span password, struct buf *out)
{
	struct span salt = span_make(row->salt, sizeof row->salt);
	int err = scram_verifier_make_salted(
	    SPAN("SCRAM-SHA-256"), password, row->iterations, salt, out);
	buf_ch(out, '\n');
	if (err == E_OK)
		err = scram_verifier_make_salted(
		    SPAN("SCRAM-SHA-1"), password, row->iterations, salt, out);
	return err;
}

int
account_app_add(struct accounts_writer *w, struct span address,
    const struct app_password *like, struct span password)
{
	struct buf bytes = {0}, verifiers = {.max = APP_VERIFIERS_MAX};
	struct app_row row;
	int err = row_of(w, address, &bytes, &row);
	if (err == E_OK && find(&row, like->name))
		err = E_BAD;
	if (err == E_OK && row.n == APP_PASSWORDS_MOST)
		err = E_LIMIT;
	if (err == E_OK)
		err = make_verifiers(&row, password, &verifiers);
	if (err == E_OK) {
		struct app_password *a = &row.all[row.n++];
		*a = *like;
		a->id = id_new();
		a->created_sec = clock_wall_sec();
		a->verifiers = buf_as_span(&verifiers);
		err = row_keep(w, address, &row);
	}
	buf_wipe(&bytes);
	buf_wipe(&verifiers);
	return err;
}

int
account_app_remove(struct accounts_writer *w, struct span address, struct span name)
{
	struct buf bytes = {0};
	struct app_row row;
	int err = row_of(w, address, &bytes, &row);
	struct app_password *a = err == E_OK ? find(&row, name) : NULL;
	if (err == E_OK && !a)
		err = E_BAD;
	if (err == E_OK) {
		*a = row.all[--row.n];
		err = row.n ? row_keep(w, address, &row) : account_apps_del(w, address);
	}
	buf_wipe(&bytes);
	return err;
}
