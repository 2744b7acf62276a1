/* SPDX-License-Identifier: ISC */
/*
 * apps.c - app passwords at a login.  All of an account have one salt: one PBKDF2 tells which of them
 * it is, also that it is none, also of an account that has none or of nobody.
 */
#include <stdio.h>
#include <string.h>

#include "auth/known.h"
#include "auth/verify.h"
#include "base/clock.h"

/* The account's row, or what looks like one without any in it.  bytes: what the row borrows. */
static int
row_of(struct span address, struct buf *bytes, struct app_row *out)
{
	struct buf text = {0};
	struct scram_verifier made_up;
	int err = verify_apps_row(address, bytes);
	buf_str(&text, "apps of ");
	buf_span(&text, address);
	verify_make_up(HASH_SHA256, buf_as_span(&text), &made_up);
	buf_free(&text);
	if (err == E_OK)
		return app_row_get(buf_as_span(bytes), out) == E_OK ? E_OK : E_IO;
	*out = (struct app_row){.iterations = made_up.iterations};
	memcpy(out->salt, made_up.salt, sizeof out->salt);
	return err == E_BAD ? E_OK : err;
}

static void
take(struct verify_way *way, const struct app_password *a)
{
	way->app = a->id;
	snprintf(way->app_name, sizeof way->app_name, "%.*s", SPAN_ARG(a->name));
}

static bool
is_usable(const struct verify_way *way, const struct app_password *a)
{
	return app_is_usable(a, way->protocol, way->client, clock_wall_sec());
}

/* E_OK, E_DENY.  Each of them is looked at, whichever it is. */
static int
find(struct verify_way *way, const struct app_row *row, struct span only,
    struct span password)
{
	struct scram_verifier given = {.kind = HASH_SHA256,
				  .iterations = row->iterations,
				  .salt_bytes = sizeof row->salt},
			      stored;
	memcpy(given.salt, row->salt, sizeof row->salt);
	int err = known_derive(password, &given), found = E_DENY;
	for (size_t i = 0; i < row->n && err == E_OK; i++) {
		const struct app_password *a = &row->all[i];
		struct span lines = a->verifiers;
		if (scram_verifier_parse(span_cut(&lines, '\n'), &stored) != E_OK ||
		    !mem_same(stored.stored_key, given.stored_key, SHA256_BYTES) ||
		    (only.n && !span_eq(only, a->name)) || !is_usable(way, a))
			continue;
		take(way, a);
		found = E_OK;
	}
	if (found == E_OK)
		known_remember(password, &given);
	mem_wipe(&given, sizeof given);
	return found;
}

int
verify_apps_check(
    struct verify_way *way, struct span address, struct span only, struct span password)
{
	struct buf typed = {0}, bytes = {0};
	struct app_row row;
	int err = E_DENY;
	if (app_password_read(password, &typed) == E_OK) {
		err = row_of(address, &bytes, &row);
		if (err == E_OK)
			err = find(way, &row, only, buf_as_span(&typed));
	}
	buf_wipe(&typed);
	buf_wipe(&bytes);
	return err;
}

/* Made up, with the salt that all of the account's have. */
static void
put_made_up(const struct app_row *row, struct span address, struct span name,
    enum hash_kind kind, struct buf *out)
{
	struct buf text = {0};
	struct scram_verifier v;
	buf_putf(&text, "app %.*s of %.*s", SPAN_ARG(name), SPAN_ARG(address));
	verify_make_up(kind, buf_as_span(&text), &v);
	v.iterations = row->iterations;
	memcpy(v.salt, row->salt, sizeof row->salt);
	scram_verifier_put(&v, out);
	buf_ch(out, '\n');
	buf_free(&text);
}

int
verify_apps_verifiers(
    struct verify_way *way, struct span address, struct span name, struct buf *out)
{
	struct buf bytes = {0};
	struct app_row row;
	const struct app_password *a = NULL;
	int err = row_of(address, &bytes, &row);
	for (size_t i = 0; i < row.n && err == E_OK; i++)
		if (span_eq(row.all[i].name, name) && is_usable(way, &row.all[i]))
			a = &row.all[i];
	if (a) {
		take(way, a);
		buf_span(out, a->verifiers);
		buf_ch(out, '\n');
	} else if (err == E_OK) {
		put_made_up(&row, address, name, HASH_SHA256, out);
		put_made_up(&row, address, name, HASH_SHA1, out);
	}
	buf_wipe(&bytes);
	return err == E_OK ? buf_done(out) : E_IO;
}
