/* SPDX-License-Identifier: ISC */
/* message.c - a message of the selected mailbox while a command reads it. */
#include "imapd/message.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

void
message_init(struct message *m, struct store *store, const struct store_view *view)
{
	*m = (struct message){.store = store,
	    .view = view,
	    .file = E_MORE,
	    .item_err = E_MORE,
	    .made.max = CACHE_BYTES_MAX};
}

void
message_set(struct message *m, const struct store_record *record)
{
	if (m->has_text)
		store_message_unmap(&m->text);
	if (m->arena.used_bytes)
		arena_reset(&m->arena);
	m->record = record;
	m->file = E_MORE;
	m->has_text = m->has_tree = false;
	m->text = span_make("", 0);
	m->item_err = E_MORE;
}

void
message_done(struct message *m)
{
	message_set(m, NULL);
	buf_free(&m->made);
}

/* That an expunged message has no file is as it should be; that another has none is a loss. */
static int
note_file(struct message *m, int err)
{
	if (err == E_BAD && m->file != E_BAD && !(m->record->flags & FLAG_GONE))
		log_event(LOG_ERR, "message_missing", "mailbox=%u uid=%u file=%s", m->view->mailbox, m->record->uid,
		    file_id_text(m->record->id));
	m->file = err;
	return err;
}

int
message_text(struct message *m, struct span *out)
{
	if (!m->has_text && (m->file == E_MORE || m->file == E_OK)) {
		int err = store_message_map(m->store, m->record, &m->text);
		m->has_text = note_file(m, err) == E_OK;
	}
	*out = m->has_text ? m->text : span_make("", 0);
	return m->file;
}

int
message_open(struct message *m, int *fd, uint64_t *bytes)
{
	struct stat st;
	if (m->file != E_MORE && m->file != E_OK)
		return m->file;
	int err = note_file(m, store_message_open(m->store, m->record, fd));
	if (err != E_OK)
		return err;
	if (fstat(*fd, &st) != 0) {
		close(*fd);
		return note_file(m, E_IO);
	}
	*bytes = (uint64_t)st.st_size;
	return E_OK;
}

const struct tree *
message_tree(struct message *m)
{
	struct span text;
	if (m->has_tree)
		return &m->tree;
	if (message_text(m, &text) != E_OK)
		text = span_make("", 0);
	tree_make(text, &m->arena, &m->tree);
	m->has_tree = true;
	return &m->tree;
}

struct span
message_head(struct message *m)
{
	const struct tree *tree = message_tree(m);
	return part_head(tree, &tree->root);
}

/* ---- the item ---- */

static int
make_item(struct message *m)
{
	struct span text;
	if (message_text(m, &text) != E_OK)
		return E_BAD;
	buf_reset(&m->made);
	cache_make(text, &m->arena, &m->made);
	if (buf_done(&m->made) != E_OK || cache_open(buf_as_span(&m->made), &m->item) != E_OK)
		return E_BAD;
	store_cache_put(m->store, m->view, m->record, buf_as_span(&m->made));
	return E_OK;
}

const struct mime_cache *
message_item(struct message *m)
{
	if (m->item_err == E_MORE) {
		struct span item = store_cache(m->store, m->record);
		bool is_there = item.n && cache_open(item, &m->item) == E_OK;
		m->item_err = is_there ? E_OK : make_item(m);
	}
	return m->item_err == E_OK ? &m->item : NULL;
}
