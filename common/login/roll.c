/* SPDX-License-Identifier: ISC */
/* roll.c - connections of all fronts, counted in shared memory. */
#include "login/roll.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

/*
 * What each front tells the others.  All can write all of it: it is read as numbers that may be
 * any, and nobody takes its own back from here.
 */
struct page {
	_Atomic int pid; /* 0: free */
	_Atomic uint32_t n;
	_Atomic uint64_t keys[]; /* per_page */
};

static struct {
	char *pages; /* own mapping; NULL: closed */
	size_t n_pages, page_bytes;
	uint32_t per_page, most, most_each;
	/* of a front */
	struct page *own; /* borrow: where it tells the others what n and keys are */
	uint64_t *keys;   /* own: per_page */
	uint32_t n;
} roll;

static struct page *
page_at(size_t i)
{
	return (struct page *)(void *)(roll.pages + i * roll.page_bytes);
}

void
roll_new(const struct conf *c, const char *section, const char *per_front,
    const char *fronts)
{
	roll.per_page = (uint32_t)conf_int(c, section, per_front);
	roll.n_pages = (size_t)conf_int(c, section, fronts) + ROLL_PAGES_SPARE;
	roll.most = (uint32_t)conf_int(c, section, "connections_most");
	roll.most_each = (uint32_t)conf_int(c, section, "connections_per_address");
	roll.page_bytes = sizeof(struct page) + roll.per_page * sizeof(uint64_t);
	void *p = mmap(NULL, roll.n_pages * roll.page_bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		bug("no memory for the roll of connections");
	roll.pages = p;
}

void
roll_strike(pid_t pid)
{
	for (size_t i = 0; roll.pages && i < roll.n_pages; i++)
		if (page_at(i)->pid == pid) {
			page_at(i)->n = 0;
			page_at(i)->pid = 0;
		}
}

int
roll_sign(void)
{
	for (size_t i = 0; i < roll.n_pages; i++) {
		int is_free = 0;
		struct page *p = page_at(i);
		if (!atomic_compare_exchange_strong(&p->pid, &is_free, (int)getpid()))
			continue;
		p->n = 0;
		roll.own = p;
		roll.n = 0;
		roll.keys = mem_grow(roll.keys, roll.per_page, sizeof *roll.keys);
		return E_OK;
	}
	return E_LIMIT;
}

struct count {
	uint64_t all, same;
};

/* Of all fronts: of this one what it knows, of the others what they say. */
static struct count
count_with(uint64_t key)
{
	struct count c = {.all = roll.n};
	for (uint32_t k = 0; k < roll.n; k++)
		c.same += roll.keys[k] == key;
	for (size_t i = 0; i < roll.n_pages; i++) {
		struct page *p = page_at(i);
		uint32_t n = p != roll.own && p->pid ? p->n : 0;
		n = n < roll.per_page ? n : roll.per_page;
		c.all += n;
		for (uint32_t k = 0; k < n; k++)
			c.same += atomic_load_explicit(
				      &p->keys[k], memory_order_relaxed) == key;
	}
	return c;
}

/* Key k and how many there are, for all to see. */
static void
publish(uint32_t k)
{
	if (k < roll.n)
		roll.own->keys[k] = roll.keys[k];
	roll.own->n = roll.n;
}

int
roll_enter(uint64_t key)
{
	if (roll.n >= roll.per_page)
		return E_LIMIT;
	roll.keys[roll.n++] = key;
	publish(roll.n - 1); /* seen by who comes at the same moment: both count both */
	struct count c = count_with(key);
	if (c.all <= roll.most && c.same <= roll.most_each)
		return E_OK;
	roll.n--;
	publish(roll.n);
	return c.all > roll.most ? E_LIMIT : E_DENY;
}

void
roll_leave(uint64_t key)
{
	uint32_t k = 0;
	while (k < roll.n && roll.keys[k] != key)
		k++;
	if (k == roll.n)
		bug("who leaves did not enter");
	roll.keys[k] = roll.keys[--roll.n];
	publish(k);
}

void
roll_close(void)
{
	if (roll.pages)
		munmap(roll.pages, roll.n_pages * roll.page_bytes);
	roll.pages = NULL;
	roll.own = NULL;
	roll.n = 0;
	mem_free(&roll.keys);
}
