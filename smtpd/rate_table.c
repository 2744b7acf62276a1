/* SPDX-License-Identifier: ISC */
/* rate_table.c - buckets of networks; several processes may use one table. */
#include "conf/conf.h"
#include "login/nets.h"
#include "smtpd/rates.h"

#include <string.h>

enum { NET4_BITS = 128, NET6_BITS = 64 };

static uint64_t
mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15u;
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

int
rate_key(const char *address, uint64_t *out)
{
	struct net net;
	uint64_t halves[2];
	if (net_parse(span_of(address), &net) != E_OK)
		return E_BAD;
	net_cut(&net, net_is_v4(&net) ? NET4_BITS : NET6_BITS);
	memcpy(halves, net.b, sizeof halves);
	*out = mix(mix(halves[0]) ^ halves[1]) | 1;
	return E_OK;
}

/* When the last of its buckets is empty. */
static int64_t
all_empty_us(const struct rate_place *p)
{
	int64_t last = 0;
	for (size_t i = 0; i < RATES; i++)
		last = p->empty_us[i] > last ? p->empty_us[i] : last;
	return last;
}

/* Its place; else that of who is forgotten soonest anyway. */
static struct rate_place *
place_of(struct rate_table *t, uint64_t key)
{
	struct rate_place *set = &t->places[mix(key) % RATE_SETS * RATE_WAYS],
			  *soonest = set;
	for (size_t i = 0; i < RATE_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	for (size_t i = 1; i < RATE_WAYS; i++)
		if (all_empty_us(&set[i]) < all_empty_us(soonest))
			soonest = &set[i];
	for (size_t i = 0; i < RATES; i++)
		soonest->empty_us[i] = 0;
	soonest->key = key;
	return soonest;
}

/* When it is empty with n more in it; what stands there may be anything. */
static int64_t
filled_us(int64_t empty_us, uint32_t n, uint32_t most, int64_t now)
{
	int64_t least = now, latest = now + 2 * (int64_t)RATE_WINDOW_US;
	int64_t at = empty_us < least ? least : empty_us > latest ? latest : empty_us;
	return at + (int64_t)(((uint64_t)n * RATE_WINDOW_US) / most);
}

bool
rate_take(struct rate_table *t, uint64_t key, enum rate what, uint32_t n, uint32_t most,
    int64_t now)
{
	if (!most || !n)
		return true;
	_Atomic int64_t *empty = &place_of(t, key)->empty_us[what];
	int64_t then = filled_us(*empty, n, most, now);
	if (then > now + RATE_WINDOW_US)
		return false;
	*empty = then;
	return true;
}

bool
rate_charge(struct rate_table *t, uint64_t key, enum rate what, uint32_t n,
    uint32_t most, int64_t now)
{
	if (!most)
		return true;
	_Atomic int64_t *empty = &place_of(t, key)->empty_us[what];
	int64_t then = filled_us(*empty, n, most, now),
		latest = now + 2 * (int64_t)RATE_WINDOW_US;
	*empty = then < latest ? then : latest;
	return then <= now + RATE_WINDOW_US;
}

uint32_t
rate_most(const struct conf *conf, enum rate what)
{
	static const char *const settings[RATES] = {
	    [RATE_CONNECTIONS] = "connections_rate",
	    [RATE_MESSAGES] = "messages_rate",
	    [RATE_RECIPIENTS] = "recipients_rate",
	    [RATE_COMMANDS] = "commands_rate",
	    [RATE_ERRORS] = "errors_rate"};
	return (uint32_t)conf_int(conf, "smtpd", settings[what]);
}
