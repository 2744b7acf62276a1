/* SPDX-License-Identifier: ISC */
/*
 * maildir_folders.c - the folders of a Maildir++, or of Dovecot's LAYOUT=fs, and which are
 * subscribed.
 */
#include <sysexits.h>

#include "move/courier.h"
#include "move/maildir_read.h"
#include "store/name.h"

enum { MAILDIR_DIRECTORIES_MAX = 100000 /* looked through for folders */ };

/* The Maildir itself is INBOX. */
static void
add_folder(struct source_folders *out, struct span raw,
    int (*name_of)(struct span, struct buf *))
{
	struct buf name = {0};
	struct source_folder f = {.raw = raw, .is_selectable = true};
	if (raw.n == 0)
		buf_str(&name, "INBOX");
	else if (name_of(raw, &name) != E_OK)
		f.why = "its name is neither modified UTF-7 nor UTF-8";
	f.name = buf_as_span(&name);
	folders_add(out, &f);
	buf_free(&name);
}

/* ---- Maildir++: ".a.b" ---- */

static int
list_dotted(struct source *s, struct source_folders *out)
{
	struct rd entries;
	bool is_maildir = false;
	int status = maildir_list_directory(s, SPAN(""), &entries);
	if (status != EX_OK)
		return failed(&s->failure, status, "the Maildir cannot be read");
	add_folder(out, SPAN(""), maildir_folder_name);
	while (entries.in.n) {
		struct move_entry e;
		if (move_entry_get(&entries, &e) != E_OK)
			return failed(
			    &s->failure, EX_SOFTWARE, "a list of files that is none");
		is_maildir |= e.is_directory &&
		              (span_eqs(e.name, "cur") || span_eqs(e.name, "new"));
		if (e.is_directory && e.name.n > 1 && e.name.p[0] == '.')
			add_folder(out, e.name, maildir_folder_name);
	}
	if (!is_maildir)
		return failed(&s->failure, EX_NOINPUT,
		    "this is no Maildir: it has neither cur nor new; with folders in "
		    "folders: --layout fs");
	return E_OK;
}

/* ---- LAYOUT=fs: folders in folders ---- */

struct walk {
	struct source *source;
	struct source_folders *out;
	unsigned n_directories;
};

/* "a/b" of the directory a/b, where each level is as in a Maildir++. */
static int
nested_name(struct span path, struct buf *out)
{
	struct buf name = {0};
	int err = E_OK;
	while (path.n && err == E_OK) {
		if (name.len)
			buf_ch(&name, '/');
		err = maildir_level_put(span_cut(&path, '/'), &name);
	}
	if (err == E_OK)
		mailbox_name_put(out, buf_as_span(&name)); /* "inbox" is INBOX */
	buf_free(&name);
	return err;
}

/* The directories in one, as u32 length and name; *is_folder: messages are in it, too. */
static int
list_nested(struct walk *w, struct span path, struct buf *subs, bool *is_folder)
{
	struct rd entries;
	struct move_entry e;
	int status = maildir_list_directory(w->source, path, &entries);
	*is_folder = false;
	if (status == EX_NOINPUT && path.n)
		return E_OK; /* it was removed just now */
	if (status != EX_OK)
		return failed(
		    &w->source->failure, status, "the Maildir cannot be read");
	while (entries.in.n) {
		if (move_entry_get(&entries, &e) != E_OK)
			return failed(&w->source->failure, EX_SOFTWARE,
			    "a list of files that is none");
		if (!e.is_directory || e.name.n == 0 || e.name.p[0] == '.' ||
		    span_eqs(e.name, "tmp"))
			continue;
		if (span_eqs(e.name, "cur") || span_eqs(e.name, "new"))
			*is_folder = true;
		else if (path.n + 1 + e.name.n <= SOURCE_RAW_MAX)
			buf_bytes(subs, e.name);
	}
	return E_OK;
}

/* What has neither cur nor new is a level that holds others, and no folder. */
static int
walk_nested(struct walk *w, struct span path, unsigned depth)
{
	struct buf subs = {0}, below = {0};
	bool is_folder;
	int err = list_nested(w, path, &subs, &is_folder);
	if (err == E_OK && is_folder)
		add_folder(w->out, path, nested_name);
	if (depth == STORE_DEPTH_MAX || ++w->n_directories > MAILDIR_DIRECTORIES_MAX)
		buf_reset(&subs);
	struct rd names = rd_of(buf_as_span(&subs));
	while (err == E_OK && names.in.n) {
		struct span name = rd_str(&names, SOURCE_RAW_MAX);
		buf_reset(&below);
		buf_span(&below, path);
		if (path.n)
			buf_ch(&below, '/');
		buf_span(&below, name);
		err = walk_nested(w, buf_as_span(&below), depth + 1);
	}
	buf_free(&subs);
	buf_free(&below);
	return err;
}

static int
list_nested_all(struct source *s, struct source_folders *out)
{
	struct walk w = {.source = s, .out = out};
	int err = walk_nested(&w, SPAN(""), 0);
	if (err == E_OK && out->n == 0)
		return failed(&s->failure, EX_NOINPUT,
		    "there is no Maildir in it: no directory has cur or new");
	return err;
}

/* ---- both ---- */

static int
read_subscriptions(struct source *s, struct source_folders *out)
{
	struct buf text = {0}, name = {0};
	unsigned version = 0;
	int err = maildir_read_file(s, SPAN(""), "subscriptions", &text);
	struct span rest = buf_as_span(&text);
	while (err == E_OK && subscriptions_next(&rest, &version, &name))
		folders_subscribe(out, buf_as_span(&name));
	if (err == E_OK && text.len == 0) {
		err = maildir_read_file(s, SPAN(""), "courierimapsubscribed", &text);
		rest = buf_as_span(&text);
		while (err == E_OK && courier_subscriptions_next(&rest, &name))
			folders_subscribe(out, buf_as_span(&name));
	}
	buf_free(&text);
	buf_free(&name);
	return err;
}

int
maildir_folders(struct source *s, struct source_folders *out)
{
	*out = (struct source_folders){.n = 0};
	int err = s->is_layout_fs ? list_nested_all(s, out) : list_dotted(s, out);
	return err == E_OK ? read_subscriptions(s, out) : err;
}
