/* SPDX-License-Identifier: ISC */
/* crowd.c - connections counted by where they come from. */
#include "login/crowd.h"

#include <netinet/in.h>
#include <string.h>

#include "base/id.h"

struct crowd_key
crowd_key_of(const struct sockaddr *sa)
{
	struct crowd_key key = {{0}};
	const unsigned char *a = NULL;
	if (sa->sa_family == AF_INET)
		a = (const unsigned char *)&(
		    (const struct sockaddr_in *)(const void *)sa)
		        ->sin_addr;
	if (sa->sa_family == AF_INET6) {
		const struct in6_addr *six =
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(six)) {
			a = six->s6_addr + 12;
		} else {
			key.b[0] = 6;
			memcpy(key.b + 1, six->s6_addr, 8);
		}
	}
	if (a) {
		key.b[0] = 4;
		memcpy(key.b + 1, a, 4);
	}
	return key;
}

void
crowd_init(struct crowd *c, uint32_t most, uint32_t most_each)
{
	memset(c, 0, sizeof *c);
	c->most = most;
	c->most_each = most_each;
	random_fill(&c->seed, sizeof c->seed);
}

/* Where the entry of this key is linked, or would be. */
static struct crowd_entry **
find(struct crowd *c, const struct crowd_key *key)
{
	uint32_t h = c->seed;
	for (size_t i = 0; i < sizeof key->b; i++)
		h = (h ^ key->b[i]) * 16777619u; /* FNV-1a */
	struct crowd_entry **link = &c->buckets[(h ^ h >> 16) % CROWD_BUCKETS];
	while (*link && memcmp(&(*link)->key, key, sizeof *key) != 0)
		link = &(*link)->next;
	return link;
}

int
crowd_enter(struct crowd *c, struct crowd_key key)
{
	struct crowd_entry **link = find(c, &key);
	if (c->n >= c->most)
		return E_LIMIT;
	if (*link && (*link)->n >= c->most_each)
		return E_DENY;
	if (!*link) {
		*link = mem_new(sizeof **link);
		(*link)->key = key;
	}
	(*link)->n++;
	c->n++;
	return E_OK;
}

void
crowd_leave(struct crowd *c, struct crowd_key key)
{
	struct crowd_entry **link = find(c, &key);
	if (!*link)
		bug("who leaves did not enter");
	c->n--;
	if (--(*link)->n > 0)
		return;
	struct crowd_entry *gone = *link;
	*link = gone->next;
	mem_free(&gone);
}
