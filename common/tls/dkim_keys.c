/* SPDX-License-Identifier: ISC */
/*
 * dkim_keys.c - the keys that sign mail, in the role "key": read when a domain is first asked for,
 * and again when its folder has changed.
 */
#include "tls/dkim_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tls/dkim_key.h"
#include "tls/hash.h"
#include "tls/key.h"

struct current {
	struct dkim_key *key; /* own; NULL: none */
	struct buf selector;
};

struct domain {
	struct buf name;         /* empty: the place is free */
	struct timespec changed; /* its folder, when it was read */
	bool is_settled;
	uint64_t used;
	struct current current[DKIM_KEY_KINDS];
};

static struct {
	const struct conf *conf; /* borrow */
	struct domain all[DKIM_KEYS_DOMAINS];
	uint64_t uses;
} keys;

static void
domain_forget(struct domain *d)
{
	for (size_t i = 0; i < COUNT(d->current); i++) {
		dkim_key_free(&d->current[i].key);
		buf_free(&d->current[i].selector);
	}
	buf_free(&d->name);
	*d = (struct domain){0};
}

void
dkim_keys_open(const struct conf *conf)
{
	keys.conf = conf;
}

/* The one of this name, else the free or longest unused place. */
static struct domain *
place_of(struct span name, bool *is_known)
{
	struct domain *place = keys.all;
	for (size_t i = 0; i < COUNT(keys.all); i++) {
		struct domain *d = &keys.all[i];
		*is_known = span_eq(buf_as_span(&d->name), name);
		if (*is_known)
			return d;
		if (d->used < place->used)
			place = d;
	}
	return place;
}

static void
current_read(int dir, enum dkim_key_kind kind, struct domain *d)
{
	struct current *c = &d->current[kind];
	const char *why;
	if (dkim_current(dir, kind, &c->selector) != E_OK)
		return;
	if (dkim_key_read(dir, buf_as_span(&c->selector), kind, &c->key, &why) == E_OK)
		return;
	log_event(LOG_ERR, "dkim_key_failed", "domain=%s selector=%s kind=%s why=%s",
	    log_q(buf_as_span(&d->name)), log_q(buf_as_span(&c->selector)),
	    dkim_key_kind_name(kind), log_qs(why));
}

/* Two changes within a tick of the file system's clock look like one. */
static bool
is_settled(const struct stat *st)
{
	return clock_wall_sec() - st->st_mtim.tv_sec > DKIM_KEYS_SETTLED_SEC;
}

static void
domain_read(int dir, const struct stat *st, struct span name, struct domain *d)
{
	domain_forget(d);
	buf_span(&d->name, name);
	d->changed = st->st_mtim;
	d->is_settled = is_settled(st);
	for (unsigned kind = 0; kind < DKIM_KEY_KINDS; kind++)
		current_read(dir, (enum dkim_key_kind)kind, d);
}

static bool
is_as_read(const struct domain *d, const struct stat *st)
{
	return d->is_settled && d->changed.tv_sec == st->st_mtim.tv_sec &&
	       d->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* NULL: it has no folder, or is no domain. */
static struct domain *
domain_find(struct span name)
{
	struct buf path = {0};
	struct stat st;
	bool is_known;
	if (!keys.conf || !dkim_is_domain(name))
		return NULL;
	dkim_path_put(keys.conf, name, &path);
	struct domain *d = place_of(name, &is_known);
	bool is_there = stat(buf_cstr(&path), &st) == 0;
	if (is_there && !(is_known && is_as_read(d, &st))) {
		int dir = open(
		    buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		is_there = dir >= 0;
		if (is_there) {
			domain_read(dir, &st, name, d);
			close(dir);
		}
	}
	if (!is_there && errno != ENOENT)
		log_event(LOG_ERR, "dkim_folder_failed", "dir=%s err=%s",
		    log_qs(buf_cstr(&path)), log_errno(errno));
	buf_free(&path);
	if (is_there)
		d->used = ++keys.uses;
	else if (is_known)
		domain_forget(d);
	return is_there ? d : NULL;
}

int
dkim_keys_list(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct span name = rd_str(body, DKIM_DOMAIN_MAX);
	uint8_t n = 0;
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct domain *d = domain_find(name);
	for (size_t i = 0; d && i < COUNT(d->current); i++)
		if (d->current[i].key)
			n++;
	buf_u8(reply, n);
	for (size_t i = 0; d && i < COUNT(d->current); i++)
		if (d->current[i].key) {
			buf_u8(reply, (uint8_t)i);
			buf_bytes(reply, buf_as_span(&d->current[i].selector));
		}
	return E_OK;
}

static int
sign(struct span name, struct span selector, unsigned kind, struct span digest,
    struct buf *out)
{
	struct domain *d = domain_find(name);
	if (!d || !d->current[kind].key ||
	    !span_eq(buf_as_span(&d->current[kind].selector), selector))
		return E_DENY;
	return dkim_key_sign(d->current[kind].key, digest, out);
}

int
dkim_keys_sign(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct buf signature = {0};
	uint8_t kind = rd_u8(body);
	struct span name = rd_str(body, DKIM_DOMAIN_MAX);
	struct span selector = rd_str(body, DKIM_SELECTOR_MAX);
	struct span digest = rd_str(body, SHA256_BYTES);
	(void)a, (void)fd, (void)fd_back;
	if (rd_end(body) != E_OK || kind >= DKIM_KEY_KINDS)
		return E_BAD;
	if (digest.n != SHA256_BYTES)
		return E_DENY;
	int err = sign(name, selector, kind, digest, &signature);
	buf_u8(reply, (uint8_t)err);
	buf_bytes(reply, buf_as_span(&signature));
	buf_free(&signature);
	return E_OK;
}
