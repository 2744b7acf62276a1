/* SPDX-License-Identifier: ISC */
/* import_target.c - the mailbox of a folder: its name, special use, subscription, numbers. */
#include <string.h>
#include <sysexits.h>

#include "move/import_state.h"

/* ---- special use ---- */

/*
 * What folders are called by those who sort mail into them, in order of preference; RFC 6154 has
 * the uses.
 */
static const struct {
	const char *name, *use;
} usual_names[] = {
    {"Sent", "\\Sent"},
    {"Sent Messages", "\\Sent"},
    {"Sent Items", "\\Sent"},
    {"Sent Mail", "\\Sent"},
    {"Drafts", "\\Drafts"},
    {"Draft", "\\Drafts"},
    {"Trash", "\\Trash"},
    {"Deleted Messages", "\\Trash"},
    {"Deleted Items", "\\Trash"},
    {"Junk", "\\Junk"},
    {"Spam", "\\Junk"},
    {"Junk E-mail", "\\Junk"},
    {"Bulk Mail", "\\Junk"},
    {"Archive", "\\Archive"},
    {"Archives", "\\Archive"},
};

static bool
has_use(const struct source_folders *f, const char *use)
{
	for (size_t i = 0; i < f->n; i++)
		if (span_ieqs(f->all[i].special_use, use))
			return true;
	return false;
}

void
special_uses(struct source_folders *f)
{
	for (size_t k = 0; k < COUNT(usual_names); k++)
		for (size_t i = 0; i < f->n && !has_use(f, usual_names[k].use); i++)
			if (span_ieqs(f->all[i].name, usual_names[k].name))
				f->all[i].special_use = span_of(usual_names[k].use);
}

static bool
is_folder(const struct source_folders *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (span_eqs(f->all[i].name, name))
			return true;
	return false;
}

struct use_holder {
	struct span use;
	struct store_mailbox holder;
	bool is_found;
};

static int
find_holder(void *ctx, const struct store_mailbox *m)
{
	struct use_holder *h = ctx;
	if (!h->is_found && span_ieqs(h->use, m->special_use)) {
		h->holder = *m;
		h->is_found = true;
	}
	return E_OK;
}

/*
 * A new account has a "Sent" of its own.  Where the source's is called otherwise, and that one was
 * never used, it makes room; else there are two, and the use stays with the one that has it.
 */
static struct span
use_of(struct folder *f)
{
	struct import *m = f->import;
	struct use_holder h = {.use = f->from->special_use};
	if (h.use.n == 0 || store_mailboxes(m->store, find_holder, &h) != E_OK)
		return SPAN("");
	if (!h.is_found)
		return h.use;
	if (h.holder.messages || h.holder.uidnext > 1 ||
	    is_folder(&m->folders, h.holder.name))
		return SPAN("");
	struct span name = span_of(h.holder.name);
	if (store_mailbox_delete(m->store, name) != STORE_DONE)
		return SPAN("");
	if (store_subscribe(m->store, name, false) != STORE_DONE)
		folder_note(f, "%s stays subscribed", h.holder.name);
	return h.use;
}

/* ---- the mailbox ---- */

int
target_find(struct folder *f)
{
	struct import *m = f->import;
	struct span name = f->from->name;
	if (mailbox_name_check(name) != STORE_DONE) {
		folder_note(f, "%s", said_text(STORE_BAD_NAME));
		return E_BAD;
	}
	int err = store_mailbox(m->store, name, &f->target);
	f->has_target = err == E_OK;
	if (err == E_OK || (err == E_BAD && m->options->is_dry_run))
		return E_OK;
	if (err != E_BAD) {
		import_over(m, EX_TEMPFAIL, "%s", said_text(STORE_LATER));
		return E_BAD;
	}
	struct buf use = {0};
	buf_span(&use, use_of(f));
	enum store_said said =
	    store_mailbox_create(m->store, name, buf_cstr(&use), &f->target);
	buf_free(&use);
	f->has_target = said == STORE_DONE;
	if (said != STORE_DONE)
		folder_note(f, "it could not be made: %s", said_text(said));
	return said == STORE_DONE ? E_OK : E_BAD;
}

/* ---- numbers ---- */

static uint32_t
reserved_for(const struct listing *l)
{
	return l->uidnext < UINT32_MAX / 2 ? l->uidnext + IMPORT_UIDS_AHEAD
	                                   : l->uidnext;
}

/* At first only where nothing is and was; later only its reserve grows with the source. */
void
target_numbers(struct folder *f)
{
	struct listing *l = &f->listing;
	struct import *m = f->import;
	if (l->uidvalidity == 0 || l->uidnext == 0)
		return;
	bool may = f->has_known
	               ? f->known.is_adopted && f->target.uidvalidity == l->uidvalidity
	               : f->target.messages == 0;
	f->row.numbers = NUMBERS_NEW;
	if (!may)
		return;
	uint32_t uidnext =
	    f->has_known || l->n == 0 || l->all[0].uid == 0 ? 1 : l->all[0].uid;
	enum store_said said = m->options->is_dry_run
	                           ? STORE_DONE
	                           : store_adopt_numbers(m->store, f->from->name,
					 l->uidvalidity, uidnext, reserved_for(l));
	f->keeps_numbers = said == STORE_DONE;
	f->known.is_adopted = f->keeps_numbers;
	if (f->keeps_numbers)
		f->row.numbers = NUMBERS_KEPT;
}

void
target_numbers_end(struct folder *f)
{
	struct listing *l = &f->listing;
	if (!f->import->options->is_dry_run &&
	    store_adopt_numbers(f->import->store, f->from->name, l->uidvalidity,
		l->uidnext, reserved_for(l)) != STORE_DONE)
		folder_note(f, "UIDNEXT is not the source's");
}

/* ---- subscriptions ---- */

/* Named by the source; or a folder that it says so of. */
static bool
is_subscribed_there(const struct source_folders *f, struct span name)
{
	for (size_t i = 0; i < f->n_subscriptions; i++)
		if (span_eq(f->subscriptions[i], name))
			return true;
	for (size_t i = 0; i < f->n; i++)
		if (f->all[i].is_subscribed && span_eq(f->all[i].name, name))
			return true;
	return false;
}

static bool
is_first_time(struct import *m, struct span raw)
{
	struct buf path = {0}, text = {0};
	known_path(&path, m->options->source, raw);
	bool is = known_load(buf_cstr(&path), &text) == E_BAD;
	buf_free(&path);
	buf_free(&text);
	return is;
}

/* A note of its own says that it was done: what is subscribed afterwards is the user's business. */
void
subscribe_all(struct import *m)
{
	static const struct span mark = {"\n", 1}; /* no folder has this name */
	const struct source_folders *f = &m->folders;
	struct known none = {.n = 0};
	struct buf path = {0}, text = {0};
	if (!is_first_time(m, mark))
		return;
	for (size_t i = 0; i < f->n_subscriptions; i++)
		if (mailbox_name_check(f->subscriptions[i]) == STORE_DONE &&
		    store_subscribe(m->store, f->subscriptions[i], true) != STORE_DONE)
			import_failed(m, EX_DATAERR, "%.*s could not be subscribed",
			    SPAN_ARG(f->subscriptions[i]));
	for (size_t i = 0; i < f->n; i++) {
		struct span name = f->all[i].name;
		if (name.n && f->n_subscriptions && !is_subscribed_there(f, name) &&
		    store_subscribe(m->store, name, false) != STORE_DONE)
			import_failed(m, EX_DATAERR, "%.*s could not be unsubscribed",
			    SPAN_ARG(name));
	}
	known_path(&path, m->options->source, mark);
	known_head_put(&text, m->options->source, mark, &none);
	if (known_replace(buf_cstr(&path), buf_as_span(&text)) != E_OK)
		import_failed(m, EX_IOERR,
		    "it could not be noted that subscriptions were brought");
	buf_free(&path);
	buf_free(&text);
}
