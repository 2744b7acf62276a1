/* SPDX-License-Identifier: ISC */
/* message.c - a message of the selected mailbox while a command reads it. */
#include "imapd/message.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { MESSAGE_READ_MAX = 256 << 10 }; /* bytes: a larger one is mapped */

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
	if (m->is_mapped)
		store_message_unmap(&m->text);
	if (m->arena.used_bytes)
		arena_reset(&m->arena);
	m->record = record;
	m->file = E_MORE;
	m->has_text = m->is_mapped = m->has_tree = false;
	m->text = span_make("", 0);
	m->item_err = E_MORE;
}

void
message_done(struct message *m)
{
	message_set(m, NULL);
	buf_free(&m->made);
	buf_free(&m->read);
}

/*
 * That an expunged message has no file is as it should be; that another has none is a loss.  A view that
 * is superseded is not told what was expunged.
 */
static int
note_file(struct message *m, int err)
{
	if (err == E_BAD && m->file != E_BAD && !(m->record->flags & FLAG_GONE) &&
	    !m->view->head->is_superseded)
		log_event(LOG_ERR, "message_missing", "mailbox=%u uid=%u file=%s",
		    m->view->mailbox, m->record->uid, file_id_text(m->record->id));
	m->file = err;
	return err;
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

/* A file that is shorter than it was a moment ago is as good as gone. */
static int
read_text(struct message *m, int fd, size_t bytes)
{
	buf_reset(&m->read);
	char *room = buf_room(&m->read, bytes);
	size_t n = 0;
	ssize_t got = 1;
	while (n < bytes && got > 0) {
		got = pread(fd, room + n, bytes - n, (off_t)n);
		n += got > 0 ? (size_t)got : 0;
	}
	buf_added(&m->read, n);
	m->text = buf_as_span(&m->read);
	return n == bytes ? E_OK : E_IO;
}

static int
get_text(struct message *m)
{
	uint64_t bytes;
	int fd;
	int err = message_open(m, &fd, &bytes);
	if (err != E_OK)
		return err;
	if (bytes <= MESSAGE_READ_MAX) {
		err = read_text(m, fd, (size_t)bytes);
	} else {
		err = store_message_map(m->store, m->record, &m->text);
		m->is_mapped = err == E_OK;
	}
	close(fd);
	m->has_text = err == E_OK;
	return note_file(m, err);
}

int
message_text(struct message *m, struct span *out)
{
	int err = m->has_text ? E_OK : get_text(m);
	*out = m->has_text ? m->text : span_make("", 0);
	return err;
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
	bool is_for_keeps = cache_make(text, &m->arena, &m->made);
	if (buf_done(&m->made) != E_OK ||
	    cache_open(buf_as_span(&m->made), &m->item) != E_OK)
		return E_BAD;
	if (is_for_keeps)
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
