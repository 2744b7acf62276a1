/* SPDX-License-Identifier: ISC */
/* maps.c - all maps of a configuration: modules, connections, and what they said a moment ago. */
#include "maps/maps.h"

#include <dlfcn.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "maps/definition.h"
#include "maps/template.h"
#include "proc/jail.h"
#include "proc/module.h"

struct map {
	const char *item;                /* borrow: conf; "sqlite:/path" */
	const struct map_driver *driver; /* borrow: of module */
	void *module;                    /* own: dlopen */
	struct map_definition definition;
	void *state;         /* own: the driver's; NULL: not connected */
	int64_t rests_until; /* ms, monotonic: it failed */
	bool is_down;        /* and that was logged */
};

struct kept {
	struct buf key, value; /* own */
	int err;               /* E_OK, E_BAD */
	int64_t until_ms;
};

struct maps {
	struct map maps[MAPS_MOST];
	size_t n;
	int64_t keep_ms, wait_ms;
	struct kept *kept; /* own: MAP_CACHE_SLOTS */
};

bool
maps_are_off(const struct conf *conf)
{
	return conf_list_count(conf, "common", "alias_maps") == 0;
}

/* ---- modules ---- */

static int
map_load(struct map *m, char *why)
{
	struct span path = span_of(m->item), kind = span_cut(&path, ':');
	struct buf name = {0};
	buf_putf(&name, "map_%.*s", SPAN_ARG(kind));
	m->module = module_open("maps", buf_cstr(&name));
	buf_free(&name);
	m->driver = m->module ? dlsym(m->module, "map_driver") : NULL;
	if (!m->driver) {
		const char *said = dlerror();
		snprintf(why, MAP_WHY_MAX, "there is no module for %.*s here: %s",
		    SPAN_ARG(kind), said ? said : "it exports nothing");
		return E_BAD;
	}
	int err = definition_read(path.p, &m->definition, why);
	return err == E_OK ? definition_check(&m->definition, m->driver, why) : err;
}

static void
map_close(struct map *m)
{
	if (m->state)
		m->driver->close(m->state);
	definition_free(&m->definition);
	if (m->module)
		dlclose(m->module);
}

int
maps_open(const struct conf *conf, struct buf *errors, struct maps **out)
{
	struct maps *all = mem_new(sizeof *all);
	size_t n = conf_list_count(conf, "common", "alias_maps");
	int err = E_OK;
	all->keep_ms = conf_int(conf, "common", "alias_maps_keep") * 1000;
	all->wait_ms = conf_int(conf, "common", "alias_maps_time") * 1000;
	all->kept = mem_new(MAP_CACHE_SLOTS * sizeof *all->kept);
	for (size_t i = 0; i < n && i < MAPS_MOST; i++) {
		char why[MAP_WHY_MAX] = "";
		struct map *m = &all->maps[all->n++];
		m->item = conf_list(conf, "common", "alias_maps", i);
		if (map_load(m, why) == E_OK)
			continue;
		err = E_BAD;
		if (errors)
			buf_putf(errors, "alias_maps, %s: %s\n", m->item, why);
		else
			log_event(LOG_ERR, "map_not_loaded", "map=%s why=%s",
			    log_qs(m->item), log_qs(why));
	}
	if (err != E_OK)
		maps_close(&all);
	*out = all;
	return err;
}

void
maps_close(struct maps **ap)
{
	struct maps *all = *ap;
	if (!all)
		return;
	for (size_t i = 0; i < all->n; i++)
		map_close(&all->maps[i]);
	for (size_t i = 0; i < MAP_CACHE_SLOTS; i++) {
		buf_free(&all->kept[i].key);
		buf_free(&all->kept[i].value);
	}
	mem_free(&all->kept);
	mem_free(ap);
}

void
maps_allow_files(const struct conf *conf, struct jail *j)
{
	static struct buf folders[MAPS_MOST]; /* borrowed by the jail */
	size_t n = conf_list_count(conf, "common", "alias_maps");
	for (size_t i = 0; i < n && i < MAPS_MOST; i++) {
		char why[MAP_WHY_MAX]; /* the role itself says it, when it begins */
		struct map_definition d;
		struct span file = span_of(conf_list(conf, "common", "alias_maps", i));
		span_cut(&file, ':');
		int err = definition_read(file.p, &d, why);
		struct span path = span_of(map_setting(&d, "dbpath", ""));
		if (err == E_OK && path.n) {
			buf_reset(&folders[i]);
			buf_span(
			    &folders[i], span_head(path, span_rfind(path, '/') + 1));
			jail_allow(j, buf_cstr(&folders[i]), JAIL_READ);
		}
		definition_free(&d);
	}
}

/* ---- one question to one map ---- */

static void
on_value(void *ctx, const char *p, size_t n)
{
	struct buf *out = ctx;
	if (out->len && n)
		buf_str(out, ", ");
	buf_put(out, p, n);
}

static int
failed(struct map *m, const char *why)
{
	if (m->state)
		m->driver->close(m->state);
	m->state = NULL;
	m->rests_until = clock_mono_ms() + MAP_REST_MS;
	if (!m->is_down)
		log_event(
		    LOG_ERR, "map_down", "map=%s why=%s", log_qs(m->item), log_qs(why));
	m->is_down = true;
	return E_IO;
}

static int
attempt(struct map *m, const char *query, int64_t deadline, struct buf *out, char *why)
{
	int left = deadline_left_ms(deadline);
	if (left <= 0)
		return E_IO; /* others took the time: no fault of this one */
	if (!m->state)
		m->state = m->driver->open(&m->definition, left, why);
	if (!m->state)
		return E_IO;
	const struct map_sink sink = {on_value, out};
	int err =
	    m->driver->find(m->state, query, deadline_left_ms(deadline), &sink, why);
	return err == E_OK && buf_done(out) != E_OK ? E_LIMIT : err;
}

static int
ask_map(struct map *m, struct span key, int64_t deadline, struct buf *out)
{
	char why[MAP_WHY_MAX] = "";
	struct buf query = {.max = 64 << 10};
	struct span text = span_of(map_setting(&m->definition, m->driver->query, ""));
	if (!definition_wants(&m->definition, key) ||
	    template_expand(text, m->driver->escape, key, &query) != E_OK) {
		buf_free(&query);
		return E_BAD;
	}
	bool was_connected = m->state != NULL;
	int err = clock_mono_ms() < m->rests_until
	              ? E_IO
	              : attempt(m, buf_cstr(&query), deadline, out, why);
	/* a connection that was closed while nobody asked: its server began anew */
	if (err == E_IO && was_connected && m->state) {
		m->driver->close(m->state);
		m->state = NULL;
		buf_reset(out);
		err = attempt(m, buf_cstr(&query), deadline, out, why);
	}
	if (err == E_OK && m->is_down) {
		log_event(LOG_NOTICE, "map_up", "map=%s", log_qs(m->item));
		m->is_down = false;
	}
	if (err == E_LIMIT)
		log_event(LOG_ERR, "map_answer_too_long", "map=%s key=%s",
		    log_qs(m->item), log_q(key));
	else if (err != E_OK && why[0])
		err = failed(m, why);
	buf_free(&query);
	return err != E_OK ? E_IO : out->len ? E_OK : E_BAD;
}

/* ---- what was said a moment ago ---- */

static struct kept *
slot_of(struct maps *all, struct span key)
{
	uint32_t hash =
	    2166136261u; /* FNV-1a: who fills a slot on purpose costs a question */
	for (size_t i = 0; i < key.n; i++)
		hash = (hash ^ (unsigned char)key.p[i]) * 16777619u;
	return &all->kept[hash % MAP_CACHE_SLOTS];
}

static void
keep(struct maps *all, struct span key, int err, struct span value)
{
	struct kept *k = slot_of(all, key);
	buf_reset(&k->key);
	buf_free(&k->value);
	buf_span(&k->key, key);
	buf_span(&k->value, value);
	k->err = err;
	k->until_ms = clock_mono_ms() + all->keep_ms;
}

int
maps_find(struct maps *all, struct span key, int64_t deadline, struct buf *out)
{
	struct kept *k = slot_of(all, key);
	if (!key.n || key.n > MAP_KEY_MAX)
		return E_BAD;
	if (span_eq(buf_as_span(&k->key), key) && clock_mono_ms() < k->until_ms) {
		buf_span(out, buf_as_span(&k->value));
		return k->err;
	}
	struct buf answer = {.max = MAP_ANSWER_MAX};
	int64_t own = deadline_in_ms(all->wait_ms);
	int err = E_BAD;
	for (size_t i = 0; i < all->n && err == E_BAD; i++) {
		buf_reset(&answer);
		err = ask_map(
		    &all->maps[i], key, own < deadline ? own : deadline, &answer);
	}
	if (err == E_OK)
		buf_span(out, buf_as_span(&answer));
	if (err != E_IO && all->keep_ms)
		keep(all, key, err, buf_as_span(&answer));
	buf_free(&answer);
	return err;
}
