/* SPDX-License-Identifier: ISC */
/* roll.c - connections of all fronts, counted in shared memory. */
#include "login/roll.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

/* What each front writes; the others believe nothing of it but that it is numbers. */
struct page {
	_Atomic int pid; /* 0: free */
	_Atomic uint32_t n;
	_Atomic uint64_t keys[]; /* per_page */
};

static struct {
	char *pages;         /* own mapping; NULL: closed */
	size_t n_pages, page_bytes;
	uint32_t per_page, most, most_each;
	struct page *own;    /* borrow */
} roll;

static struct page *
page_at(size_t i)
{
	return (struct page *)(void *)(roll.pages + i * roll.page_bytes);
}

void
roll_new(const struct conf *c, const char *section)
{
	roll.per_page = (uint32_t)conf_int(c, section, "front_connections");
	roll.n_pages = (size_t)conf_int(c, section, "fronts_most") + ROLL_PAGES_SPARE;
	roll.most = (uint32_t)conf_int(c, section, "connections_most");
	roll.most_each = (uint32_t)conf_int(c, section, "connections_per_address");
	roll.page_bytes = sizeof(struct page) + roll.per_page * sizeof(uint64_t);
	void *p = mmap(NULL, roll.n_pages * roll.page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
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
		return E_OK;
	}
	return E_LIMIT;
}

/* IPv4 is below 2^33, where no /64 of the world is. */
static uint64_t
number_of(struct crowd_key key)
{
	uint64_t v = key.b[0] == 4 ? 1 : 0;
	for (size_t i = 1; i < (key.b[0] == 4 ? 5 : sizeof key.b); i++)
		v = v << 8 | key.b[i];
	return v;
}

struct count {
	uint64_t all, same;
};

static struct count
count_with(uint64_t number)
{
	struct count c = {0};
	for (size_t i = 0; i < roll.n_pages; i++) {
		struct page *p = page_at(i);
		uint32_t n = p->pid ? p->n : 0;
		n = n < roll.per_page ? n : roll.per_page;
		c.all += n;
		for (uint32_t k = 0; k < n; k++)
			c.same += atomic_load_explicit(&p->keys[k], memory_order_relaxed) == number;
	}
	return c;
}

int
roll_enter(struct crowd_key key)
{
	struct page *own = roll.own;
	uint32_t n = own->n;
	if (n >= roll.per_page)
		return E_LIMIT;
	own->keys[n] = number_of(key);
	own->n = n + 1; /* seen by who comes at the same moment: both count both */
	struct count c = count_with(number_of(key));
	if (c.all <= roll.most && c.same <= roll.most_each)
		return E_OK;
	own->n = n;
	return c.all > roll.most ? E_LIMIT : E_DENY;
}

void
roll_leave(struct crowd_key key)
{
	struct page *own = roll.own;
	uint64_t number = number_of(key);
	uint32_t n = own->n, k = 0;
	while (k < n && own->keys[k] != number)
		k++;
	if (k == n)
		bug("who leaves did not enter");
	own->keys[k] = own->keys[n - 1];
	own->n = n - 1;
}

void
roll_close(void)
{
	if (roll.pages)
		munmap(roll.pages, roll.n_pages * roll.page_bytes);
	roll.pages = NULL;
	roll.own = NULL;
}
