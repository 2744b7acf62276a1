/* SPDX-License-Identifier: ISC */
/* names.c - what a name stands for: alias file, table, maps. */
#include "account/names.h"

#include "account/alias.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "maps/maps.h"
#include "proc/ask.h"

struct names {
	struct aliases *aliases; /* own */
	struct maps *maps;       /* own; NULL: there are none, or they are a role's */
	bool has_role;           /* and that is asked */
	int chan;                /* own: to it; -1 */
	int64_t deadline;        /* of the verdict under way */
};

struct names *
names_new(const struct conf *conf, bool has_role)
{
	struct names *n = mem_new(sizeof *n);
	n->aliases = aliases_new(conf_str(conf, "common", "alias_file"));
	n->chan = -1;
	n->has_role = has_role && !maps_are_off(conf);
	/* what cannot be opened is logged, and answers "later" */
	if (!has_role && !maps_are_off(conf))
		n->has_role = maps_open(conf, NULL, &n->maps) != E_OK;
	return n;
}

void
names_free(struct names **np)
{
	if (!*np)
		return;
	aliases_free(&(*np)->aliases);
	maps_close(&(*np)->maps);
	ask_hang_up(&(*np)->chan);
	mem_free(np);
}

void
names_begin(struct names *n)
{
	aliases_look(n->aliases);
	n->deadline = deadline_in_ms(MAPS_WAIT_MS);
}

static int
find_in_maps(struct names *n, struct span name, struct arena *arena, struct span *out)
{
	struct buf found = {.max = MAP_ANSWER_MAX};
	/* maps are asked about addresses: a local part alone is of no domain */
	if (span_find(name, '@') == name.n || (!n->maps && !n->has_role))
		return E_BAD;
	if (!n->maps)
		return maps_ask(&n->chan, name, n->deadline, arena, out);
	int err = maps_find(n->maps, name, n->deadline, &found);
	if (err == E_OK)
		*out = arena_span(arena, buf_as_span(&found));
	buf_free(&found);
	return err;
}

int
names_find(struct names *n, struct accounts *accounts, struct span name,
    struct arena *arena, struct span *out, bool *is_of_file)
{
	int err = alias_find(n->aliases, name, out);
	*is_of_file = err == E_OK;
	if (err == E_BAD && accounts)
		err = account_alias(accounts, name, arena, out);
	return err == E_BAD ? find_in_maps(n, name, arena, out) : err;
}
