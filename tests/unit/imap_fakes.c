/* SPDX-License-Identifier: ISC */
/* imap_fakes.c - a selected mailbox in memory. */
#include "imap_fakes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mime/cache.h"

enum { FILE_NAME_MAX = 32 };

struct fake_counts fake_counts;
struct buf fake_slices;

struct store_slices {
	struct buf bytes; /* own */
};

static const struct fake_message *the_messages;
static struct store_record *the_records;
static struct view_head *the_head;
static struct buf *the_items;
static size_t n_messages;
static int the_folder; /* a file a message: its index */
static char the_folder_name[FILE_NAME_MAX];

static size_t
index_of(const struct store_record *r)
{
	return (size_t)(r - the_records);
}

struct span
store_cache(struct store *store, const struct store_record *r)
{
	(void)store;
	fake_counts.items_read++;
	return buf_as_span(&the_items[index_of(r)]);
}

int
store_slices_map(struct store *store, const struct store_view *v, struct span *out)
{
	(void)store;
	(void)v;
	*out = buf_as_span(&fake_slices);
	return out->n ? E_OK : E_BAD;
}

struct span
store_slices_blocks(struct span map)
{
	return map;
}

void
store_slices_unmap(struct span *map)
{
	*map = SPAN("");
}

struct store_slices *
store_slices_begin(struct store *store, const struct store_view *v)
{
	(void)store;
	(void)v;
	return mem_new(sizeof(struct store_slices));
}

void
store_slices_add(struct store_slices *w, struct span block)
{
	buf_span(&w->bytes, block);
}

void
store_slices_end(struct store_slices **w)
{
	buf_free(&fake_slices);
	fake_slices = (*w)->bytes;
	fake_counts.slices_written++;
	mem_free(w);
}

void
store_cache_soon(const struct store *store, const struct store_record *r)
{
	(void)store;
	(void)r;
}

void
store_cache_put(struct store *store, const struct store_view *v,
    const struct store_record *r, struct span item)
{
	(void)store;
	(void)v;
	(void)r;
	(void)item;
	fake_counts.items_put++;
}

void
store_cache_flush(struct store *store)
{
	(void)store;
	fake_counts.flushes++;
}

void
selected_enable_condstore(struct session *s)
{
	s->enabled |= EN_CONDSTORE;
}

static int
file_open(size_t i, int flags)
{
	char name[FILE_NAME_MAX];
	snprintf(name, sizeof name, "%zu", i);
	return openat(the_folder, name, flags | O_CLOEXEC, 0600);
}

int
store_message_open(struct store *store, const struct store_record *r, int *out)
{
	(void)store;
	fake_counts.files++;
	*out = file_open(index_of(r), O_RDONLY);
	return *out < 0 ? E_BAD : E_OK;
}

int
store_message_map(struct store *store, const struct store_record *r, struct span *out)
{
	(void)store;
	*out = span_of(the_messages[index_of(r)].text);
	return E_OK;
}

void
store_message_unmap(struct span *s)
{
	*s = span_make("", 0);
}

static void
file_make(size_t i)
{
	struct span text = span_of(the_messages[i].text);
	int fd = file_open(i, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		bug("no file for a message");
	close(fd);
}

static void
folder_make(void)
{
	snprintf(the_folder_name, sizeof the_folder_name, "/tmp/imap_fakes.XXXXXX");
	the_folder = mkdtemp(the_folder_name)
	                 ? open(the_folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	                 : -1;
	if (the_folder < 0)
		bug("no folder for messages");
}

static void
folder_remove(void)
{
	for (size_t i = 0; i < n_messages; i++) {
		char name[FILE_NAME_MAX];
		snprintf(name, sizeof name, "%zu", i);
		unlinkat(the_folder, name, 0);
	}
	close(the_folder);
	rmdir(the_folder_name);
}

static void
item_make(size_t i)
{
	struct arena arena = {.max_bytes = 0};
	if (!cache_make(span_of(the_messages[i].text), &arena, &the_items[i]))
		bug("a charset is not there");
	arena_reset(&arena);
}

static void
record_make(size_t i, struct selected *b)
{
	const struct fake_message *m = &the_messages[i];
	struct store_record *r = &the_records[i];
	r->uid = m->uid;
	r->flags = m->flags;
	r->keywords = m->keywords;
	r->modseq = m->modseq;
	r->date_sec = m->date_sec;
	r->saved_sec = m->saved_sec;
	r->size_bytes = strlen(m->text);
	memcpy(r->id.b, &m->uid, sizeof m->uid);
	if (m->kind & FAKE_RECENT && b->view.recent_from > m->uid)
		b->view.recent_from = m->uid;
	if (m->kind & FAKE_ITEM)
		item_make(i);
	if (!(m->kind & FAKE_NO_FILE))
		file_make(i);
}

void
fakes_open(struct session *s, const struct fake_message *messages, size_t n,
    const char *const *keywords, int *peer)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		bug("no sockets");
	*s = (struct session){.arena.max_bytes = IMAP_ARENA_MAX, .tag = SPAN("A1")};
	io_init(&s->io, fds[0], IMAP_COMMAND_MAX, (size_t)64 << 20);
	*peer = fds[1];
	the_messages = messages;
	n_messages = n;
	folder_make();
	the_records = mem_new((n + 1) * sizeof *the_records);
	the_items = mem_new((n + 1) * sizeof *the_items);
	the_head = mem_new(sizeof *the_head);
	for (; keywords[the_head->n_keywords]; the_head->n_keywords++)
		strcpy(the_head->keywords[the_head->n_keywords],
		    keywords[the_head->n_keywords]);
	s->selected = mem_new(sizeof *s->selected);
	s->selected->view = (struct store_view){.mailbox = 1,
	    .head = the_head,
	    .records = the_records,
	    .n = (uint32_t)n,
	    .rights = RIGHTS_ALL,
	    .recent_from = UINT32_MAX};
	s->selected->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		record_make(i, s->selected);
	fake_counts = (struct fake_counts){.files = 0};
}

void
fakes_close(struct session *s)
{
	buf_free(&fake_slices);
	folder_remove();
	for (size_t i = 0; i < n_messages; i++)
		buf_free(&the_items[i]);
	mem_free(&the_items);
	mem_free(&the_records);
	mem_free(&the_head);
	numset_free(&s->selected->saved);
	mem_free(&s->selected);
	arena_reset(&s->arena);
	buf_free(&s->code);
	io_done(&s->io);
}

enum reply
fakes_command(struct session *s, command_handler *handler, const char *verb,
    const char *arguments)
{
	bool is_uid = strncmp(verb, "UID ", 4) == 0;
	struct command c = {.is_uid = is_uid, .verb = verb + (is_uid ? 4 : 0)};
	c.parse = (struct parse){.in = span_of(arguments),
	    .arena = &s->arena,
	    .is_utf8 = s->enabled & (EN_UTF8 | EN_REV2)};
	buf_reset(&s->io.out);
	buf_reset(&s->code);
	enum reply reply = handler(s, &c);
	arena_reset(&s->arena);
	return reply;
}
