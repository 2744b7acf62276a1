/* SPDX-License-Identifier: ISC */
/* view.c - mailboxes in memory files: the keeper writes, sessions map them read-only. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "store/keeper.h"

enum { VIEW_RECORDS_LEAST = 16384 }; /* of address space, not of memory */

static int
view_map(struct view *v, size_t cap)
{
	size_t bytes = cap * sizeof *v->records;
	int fd = memfd_create("view", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
		if (fd >= 0)
			close(fd);
		return E_IO;
	}
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	/* our mapping stays writable; nobody gets another */
	if (p == MAP_FAILED || fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
		close(fd);
		return E_IO;
	}
	if (v->records) {
		memcpy(p, v->records, v->n * sizeof *v->records);
		munmap(v->records, v->cap * sizeof *v->records);
		close(v->fd);
	}
	v->fd = fd;
	v->records = p;
	v->cap = cap;
	return E_OK;
}

/* In order of uid: new ones come at the end. */
static int
view_append(struct view *v, const struct store_record *r)
{
	if (v->n == v->cap) {
		int err = view_map(v, v->cap * 2);
		if (err != E_OK)
			return err;
	}
	v->records[v->n++] = *r;
	return E_OK;
}

static int
on_record(void *ctx, const struct store_record *r)
{
	return view_append(ctx, r);
}

static struct view *
view_find(uint32_t mailbox)
{
	struct view *v = the_keeper.views;
	while (v && v->mailbox != mailbox)
		v = v->next;
	return v;
}

static void
view_free(struct view *v)
{
	struct view **link = &the_keeper.views;
	while (*link != v)
		link = &(*link)->next;
	*link = v->next;
	if (v->records)
		munmap(v->records, v->cap * sizeof *v->records);
	if (v->fd >= 0)
		close(v->fd);
	mem_free(&v);
}

int
view_of(uint32_t mailbox, struct view **out)
{
	struct view *v = view_find(mailbox);
	if (!v) {
		v = mem_new(sizeof *v);
		*v = (struct view){.next = the_keeper.views, .mailbox = mailbox, .fd = -1};
		the_keeper.views = v;
		int err = view_map(v, VIEW_RECORDS_LEAST);
		if (err == E_OK)
			err = record_each(&the_keeper.tables, mailbox, on_record, v);
		if (err != E_OK) {
			view_free(v);
			return err;
		}
	}
	*out = v;
	return E_OK;
}

void
view_add(uint32_t mailbox, const struct store_record *r)
{
	struct view *v = view_find(mailbox);
	if (v && view_append(v, r) != E_OK)
		view_free(v); /* the next one who selects it makes it anew */
}

void
view_remove(uint32_t mailbox, uint32_t uid)
{
	struct view *v = view_find(mailbox);
	size_t low = 0, high = v ? v->n : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->records[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	if (!v || low == v->n || v->records[low].uid != uid)
		return;
	memmove(&v->records[low], &v->records[low + 1], (v->n - low - 1) * sizeof *v->records);
	v->n--;
}

void
views_close(void)
{
	while (the_keeper.views)
		view_free(the_keeper.views);
}
