/* SPDX-License-Identifier: ISC */
/*
 * cmd_mailbox_undelete.c - what was expunged from a mailbox and is kept for some days: listed, and
 * put back into the folders it was in.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "conf/value.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "ctl/user.h"
#include "ctl/worker.h"
#include "mime/charset.h"
#include "mime/header.h"
#include "mime/word.h"
#include "store/store.h"
#include "store/undelete.h"

/* What the worker tells. */
enum {
	/* u32 id, str folder, u64 expunged, u64 date, u64 bytes, str from, str subject */
	TELL_MESSAGE = 1,
	TELL_BACK,  /* str folder, u64 messages, str why not ("": they are there) */
	TELL_FOUND, /* u64 of the messages that were asked for */
	TELLS
};

enum {
	PH_ANY = 1,
	HEAD_TEXT_MAX = 200, /* octets of Subject and From */
	TELL_BYTES = 4 + 3 * 8 + 3 * 4 + STORE_NAME_MAX + 2 * HEAD_TEXT_MAX,
};

static const struct column message_columns[] = {
    {"id", "ID", CELL_NUMBER},
    {"folder", "FOLDER", CELL_TEXT},
    {"expunged", "EXPUNGED", CELL_TIME},
    {"date", "DATE", CELL_TIME},
    {"bytes", "BYTES", CELL_NUMBER},
    {"from", "FROM", CELL_TEXT},
    {"subject", "SUBJECT", CELL_TEXT},
};

static const struct column back_columns[] = {
    {"folder", "FOLDER", CELL_TEXT},
    {"messages", "MESSAGES", CELL_NUMBER},
    {"error", "ERROR", CELL_TEXT},
};

/* ---- in the worker ---- */

/* Those that are meant. */
struct wanted {
	const char *folder; /* borrow: that they were in; NULL: any */
	int64_t since_sec;  /* expunged then or later */
	struct numset ids;  /* own; none: all */
	bool is_list;
	uint64_t quota_bytes, quota_messages; /* of the account */
};

/* Where one was. */
struct place {
	uint32_t id;
	uint32_t folder; /* index in folders */
};

struct undelete {
	int chan;
	const struct wanted *wanted; /* borrow */
	struct store *store;         /* own */
	struct place *places;        /* own; in order of id */
	size_t n_places, places_cap;
	char (*folders)[STORE_NAME_MAX + 1]; /* own; each once */
	struct numset *back; /* own: of each folder, what is to go there */
	size_t n_folders;
	uint64_t n_found;
	int status;
};

static void
tell(struct undelete *u, uint16_t type, struct buf *b)
{
	if (ask_send(u->chan, type, buf_as_span(b), -1,
		deadline_in_ms(WORKER_WAIT_MS)) != E_OK)
		shutdown(u->chan, SHUT_RDWR);
	buf_free(b);
}

static uint32_t
folder_of(struct undelete *u, struct span name)
{
	for (size_t i = 0; i < u->n_folders; i++)
		if (span_eqs(name, u->folders[i]))
			return (uint32_t)i;
	u->folders = mem_grow(u->folders, u->n_folders + 1, sizeof *u->folders);
	u->back = mem_grow(u->back, u->n_folders + 1, sizeof *u->back);
	memcpy(u->folders[u->n_folders], name.p, name.n);
	u->folders[u->n_folders][name.n] = '\0';
	u->back[u->n_folders] = (struct numset){0};
	return (uint32_t)u->n_folders++;
}

static int
add_place(void *ctx, const struct store_kept *k)
{
	struct undelete *u = ctx;
	u->places = mem_room(u->places, u->n_places, &u->places_cap, sizeof *u->places);
	u->places[u->n_places++] =
	    (struct place){.id = k->uid, .folder = folder_of(u, k->mailbox)};
	return E_OK;
}

/* One of which that is lost goes to INBOX. */
static uint32_t
place_of(struct undelete *u, uint32_t id, size_t *at)
{
	while (*at < u->n_places && u->places[*at].id < id)
		++*at;
	return *at < u->n_places && u->places[*at].id == id
	           ? u->places[*at].folder
	           : folder_of(u, SPAN("INBOX"));
}

static void
put_head(struct buf *out, struct span head, const char *name)
{
	struct buf text = {0}, decoded = {0};
	header_unfold(&text, header_value(head, span_of(name)));
	word_decode(&decoded, buf_as_span(&text));
	size_t n = decoded.len;
	if (n > HEAD_TEXT_MAX)
		for (n = HEAD_TEXT_MAX; n && (decoded.p[n] & 0xC0) == 0x80; n--)
			continue; /* not within a character */
	buf_bytes(out, span_head(buf_as_span(&decoded), n));
	buf_free(&text);
	buf_free(&decoded);
}

static void
tell_message(struct undelete *u, const struct store_record *r, const char *folder)
{
	struct buf b = {0};
	struct span message = SPAN("");
	bool is_there = store_message_map(u->store, r, &message) == E_OK;
	struct span head = is_there ? header_head(message) : SPAN("");
	buf_u32(&b, r->uid);
	buf_bytes(&b, span_of(folder));
	buf_u64(&b, (uint64_t)r->saved_sec);
	buf_u64(&b, (uint64_t)r->date_sec);
	buf_u64(&b, r->size_bytes);
	put_head(&b, head, "From");
	put_head(&b, head, "Subject");
	if (is_there)
		store_message_unmap(&message);
	tell(u, TELL_MESSAGE, &b);
}

static void
look_at(struct undelete *u, const struct store_record *r, size_t *at)
{
	const struct wanted *w = u->wanted;
	uint32_t folder = place_of(u, r->uid, at);
	if ((r->flags & FLAG_GONE) || r->saved_sec < w->since_sec ||
	    (w->ids.n && !numset_has(&w->ids, r->uid)) ||
	    (w->folder && strcmp(w->folder, u->folders[folder]) != 0))
		return;
	u->n_found++;
	if (w->is_list)
		tell_message(u, r, u->folders[folder]);
	else if (numset_add(&u->back[folder], r->uid, r->uid) != E_OK)
		u->status = EX_SOFTWARE;
}

static enum store_said
make_folder(struct undelete *u, const char *name)
{
	struct store_mailbox m;
	int err = store_mailbox(u->store, span_of(name), &m);
	if (err != E_BAD)
		return err == E_OK ? STORE_DONE : STORE_LATER;
	return store_mailbox_create(u->store, span_of(name), "", NULL);
}

static const char *
why(enum store_said said)
{
	return said == STORE_DONE         ? ""
	       : said == STORE_OVER_QUOTA ? "over quota"
	       : said == STORE_DISK_FULL  ? "the disk is full"
	       : said == STORE_TOO_MANY   ? "too many mailboxes or messages"
	                                  : "the log says why";
}

/* A folder that cannot be made any more is INBOX. */
static void
put_back(struct undelete *u, uint32_t mailbox, size_t folder)
{
	const char *name = u->folders[folder];
	struct store_copied c = {.uidvalidity = 0};
	struct buf b = {0};
	enum store_said said = make_folder(u, name);
	if (said != STORE_DONE && said != STORE_LATER && said != STORE_DISK_FULL) {
		name = "INBOX";
		said = STORE_DONE;
	}
	if (said == STORE_DONE)
		said = store_copy(
		    u->store, mailbox, &u->back[folder], span_of(name), true, &c);
	if (said != STORE_DONE)
		u->status = said == STORE_OVER_QUOTA ? EX_CANTCREAT : EX_TEMPFAIL;
	buf_bytes(&b, span_of(name));
	buf_u64(&b, numset_count(&c.to));
	buf_bytes(&b, span_of(why(said)));
	numset_free(&c.from);
	numset_free(&c.to);
	tell(u, TELL_BACK, &b);
}

static int
work(struct undelete *u)
{
	struct store_view v;
	size_t at = 0;
	int err = store_kept_select(u->store, &v);
	if (err != E_OK)
		return err == E_BAD ? E_OK : err; /* nothing was ever kept */
	/* after the view: of each message in it the place is known */
	err = store_kept_each(u->store, add_place, u);
	for (uint32_t i = 0; err == E_OK && i < v.n; i++)
		look_at(u, &v.records[i], &at);
	for (size_t i = 0; i < u->n_folders && u->status != EX_SOFTWARE; i++)
		if (u->back[i].n)
			put_back(u, v.mailbox, i);
	store_unselect(u->store, &v);
	return err;
}

static int
undelete_in_jail(int chan, const char *home, void *ctx)
{
	struct undelete u = {.chan = chan, .wanted = ctx, .status = EX_OK};
	struct buf b = {0};
	if (store_open(home, &u.store) != E_OK)
		return EX_TEMPFAIL;
	store_limit(
	    u.store, u.wanted->quota_bytes, u.wanted->quota_messages, clock_mono_ms());
	if (work(&u) != E_OK)
		u.status = EX_TEMPFAIL;
	store_close(&u.store);
	buf_u64(&b, u.n_found);
	tell(&u, TELL_FOUND, &b);
	for (size_t i = 0; i < u.n_folders; i++)
		numset_free(&u.back[i]);
	mem_free(&u.places);
	mem_free(&u.folders);
	mem_free(&u.back);
	return u.status;
}

/* ---- in the command ---- */

struct undeleted {
	struct table table; /* own */
	uint64_t n_found;
	bool is_told;
};

static int
told_message(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct table *t = &((struct undeleted *)a->ctx)->table;
	uint32_t id = rd_u32(body);
	struct span folder = rd_str(body, STORE_NAME_MAX);
	uint64_t expunged = rd_u64(body), date = rd_u64(body), bytes = rd_u64(body);
	struct span from = rd_str(body, HEAD_TEXT_MAX),
		    subject = rd_str(body, HEAD_TEXT_MAX);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	table_number(t, id);
	table_text(t, folder);
	table_number(t, (int64_t)expunged);
	table_number(t, (int64_t)date);
	table_number(t, (int64_t)bytes);
	table_text(t, from);
	table_text(t, subject);
	return E_MORE;
}

static int
told_back(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct table *t = &((struct undeleted *)a->ctx)->table;
	struct span folder = rd_str(body, STORE_NAME_MAX);
	uint64_t messages = rd_u64(body);
	struct span error = rd_str(body, HEAD_TEXT_MAX);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	table_text(t, folder);
	table_number(t, (int64_t)messages);
	table_text(t, error);
	return E_MORE;
}

static int
told_found(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct undeleted *u = a->ctx;
	u->n_found = rd_u64(body);
	u->is_told = true;
	(void)fd, (void)reply, (void)fd_back;
	return rd_end(body) == E_OK ? E_MORE : E_BAD;
}

/* clang-format off */
static const struct ask_row rows[TELLS] = {
	/*                 name        legal in  times  bytes       fd back  answered by */
	[TELL_MESSAGE] = {"MESSAGE",   PH_ANY,   0,     TELL_BYTES, false,   told_message},
	[TELL_BACK]    = {"BACK",      PH_ANY,   0,     TELL_BYTES, false,   told_back},
	[TELL_FOUND]   = {"FOUND",     PH_ANY,   1,     8,          false,   told_found},
};

/* clang-format on */

static int
read_wanted(const struct merpati *c, const char *since, int n_ids, char **ids,
    struct wanted *out)
{
	int64_t sec = 0;
	uint64_t id;
	if (since && value_parse_number(CONF_SECONDS, span_of(since), &sec) != E_OK)
		return ctl_usage(
		    c, "--since \"%s\": right would be a time like 12h or 7d", since);
	if (since)
		out->since_sec = clock_wall_sec() - sec;
	for (int i = 0; i < n_ids; i++)
		if (span_u64(span_of(ids[i]), UINT32_MAX, &id) != E_OK || id == 0 ||
		    numset_add(&out->ids, (uint32_t)id, (uint32_t)id) != E_OK)
			return ctl_usage(c,
			    "\"%s\": right would be a number that --list shows",
			    ids[i]);
	return EX_OK;
}

static int
undelete(struct merpati *c, const char *address, struct wanted *w, struct undeleted *u)
{
	struct accounts *accounts = NULL;
	struct arena arena = {.max_bytes = 0};
	struct account a;
	struct worker worker;
	int status = user_accounts(c, &accounts);
	if (status == EX_OK)
		status = user_find(c, accounts, address, &arena, &a);
	accounts_close(&accounts);
	charset_prepare(); /* for workers */
	if (status == EX_OK) {
		w->quota_bytes = a.quota_bytes;
		w->quota_messages = a.quota_messages;
		status = worker_start(c->conf, &a, undelete_in_jail, w, &worker);
	}
	if (status == EX_OK)
		status = worker_serve(&worker, rows, COUNT(rows), u);
	arena_reset(&arena);
	return status;
}

/* What was not found, or could not be put back. */
static int
complain(const struct wanted *w, const struct undeleted *u, int status)
{
	uint64_t asked = numset_count(&w->ids);
	if (status == EX_TEMPFAIL || (status != EX_OK && !u->is_told))
		ctl_say("not all could be done; the log says why");
	else if (status == EX_OK && asked > u->n_found) {
		ctl_say("%llu of these are not among what is kept",
		    (unsigned long long)(asked - u->n_found));
		status = EX_DATAERR;
	}
	return status;
}

int
cmd_mailbox_undelete(struct merpati *c, int argc, char **argv)
{
	const char *since = NULL;
	bool is_all = false;
	struct wanted w = {.folder = NULL};
	const struct opt opts[] = {{"--list", &w.is_list, NULL},
	    {"--all", &is_all, NULL}, {"--folder", NULL, &w.folder},
	    {"--since", NULL, &since}};
	struct undeleted u = {.n_found = 0};
	int status =
	    opts_read(c, opts, COUNT(opts), &argc, argv, 1, 1 + USER_ARGUMENTS_MAX);
	if (status == EX_OK)
		status = read_wanted(c, since, argc - 1, argv + 1, &w);
	if (status == EX_OK && !w.is_list && !is_all && !w.folder && !since &&
	    w.ids.n == 0)
		status =
		    ctl_usage(c, "right would be IDs, --folder, --since, or --all");
	u.table.columns = w.is_list ? message_columns : back_columns;
	u.table.n_columns = w.is_list ? COUNT(message_columns) : COUNT(back_columns);
	bool is_begun = status == EX_OK;
	if (is_begun)
		status = undelete(c, argv[0], &w, &u);
	if (is_begun && u.is_told) {
		table_print(&u.table, c->is_json);
		status = complain(&w, &u, status);
	}
	table_free(&u.table);
	numset_free(&w.ids);
	return status == EX_OK ? ctl_done() : status;
}
