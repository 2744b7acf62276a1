/* SPDX-License-Identifier: ISC */
/* notify_table.c - mailboxes as the client was last told of them. */
#include "imapd/notify_table.h"

#include <string.h>

void
table_free(struct known_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		mem_free(&t->all[i].name);
	for (size_t i = 0; i < t->n_names; i++)
		mem_free(&t->names[i]);
	mem_free(&t->all);
	mem_free(&t->names);
	*t = (struct known_table){.n = 0};
}

static char *
text_copy(struct span s)
{
	char *own = mem_new(s.n + 1);
	if (s.n)
		memcpy(own, s.p, s.n);
	return own;
}

static size_t
place_of(const struct known_table *t, uint32_t id)
{
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (t->all[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct known *
table_of(const struct known_table *t, uint32_t id)
{
	size_t at = place_of(t, id);
	return at < t->n && t->all[at].id == id ? &t->all[at] : NULL;
}

struct known *
table_named(const struct known_table *t, struct span name)
{
	for (size_t i = 0; i < t->n; i++)
		if (span_eqs(name, t->all[i].name))
			return &t->all[i];
	return NULL;
}

static void
known_set(struct known *k, const struct store_mailbox *m)
{
	mem_free(&k->name);
	*k = (struct known){.id = m->id,
	    .uidvalidity = m->uidvalidity,
	    .uidnext = m->uidnext,
	    .modseq = m->modseq,
	    .messages = m->messages,
	    .unseen = m->unseen,
	    .is_subscribed = m->is_subscribed,
	    .rights = m->rights,
	    .name = text_copy(span_of(m->name))};
	memcpy(k->special_use, m->special_use, sizeof k->special_use);
}

void
table_put(struct known_table *t, const struct store_mailbox *m)
{
	size_t at = place_of(t, m->id);
	if (at == t->n || t->all[at].id != m->id) {
		t->all = mem_room(t->all, t->n, &t->cap, sizeof *t->all);
		memmove(&t->all[at + 1], &t->all[at], (t->n++ - at) * sizeof *t->all);
		t->all[at] = (struct known){.id = m->id};
	}
	known_set(&t->all[at], m);
}

void
table_remove(struct known_table *t, uint32_t id)
{
	size_t at = place_of(t, id);
	if (at == t->n || t->all[at].id != id)
		return;
	mem_free(&t->all[at].name);
	memmove(&t->all[at], &t->all[at + 1], (--t->n - at) * sizeof *t->all);
}

bool
table_has_children(const struct known_table *t, struct span name)
{
	for (size_t i = 0; i < t->n; i++) {
		struct span other = span_of(t->all[i].name);
		if (other.n > name.n && span_starts(other, name) &&
		    other.p[name.n] == '/')
			return true;
	}
	return false;
}

/* ---- names ---- */

static size_t
name_place(const struct known_table *t, struct span name)
{
	size_t low = 0, high = t->n_names;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (span_cmp(span_of(t->names[mid]), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
table_has_name(const struct known_table *t, struct span name)
{
	size_t at = name_place(t, name);
	return at < t->n_names && span_eqs(name, t->names[at]);
}

void
table_set_name(struct known_table *t, struct span name, bool is_there)
{
	size_t at = name_place(t, name);
	if (table_has_name(t, name) == is_there)
		return;
	if (!is_there) {
		mem_free(&t->names[at]);
		memmove(&t->names[at], &t->names[at + 1],
		    (--t->n_names - at) * sizeof *t->names);
		return;
	}
	t->names = mem_room(t->names, t->n_names, &t->cap_names, sizeof *t->names);
	memmove(
	    &t->names[at + 1], &t->names[at], (t->n_names++ - at) * sizeof *t->names);
	t->names[at] = text_copy(name);
}

/* ---- through a sleep ---- */

int
table_save(const struct known_table *t, struct buf *out)
{
	buf_u32(out, (uint32_t)t->n);
	for (size_t i = 0; i < t->n; i++) {
		const struct known *k = &t->all[i];
		buf_u32(out, k->id);
		buf_u32(out, k->uidvalidity);
		buf_u32(out, k->uidnext);
		buf_u64(out, k->modseq);
		buf_u64(out, k->messages);
		buf_u64(out, k->unseen);
		buf_u16(out, k->rights);
		buf_u8(out, k->is_subscribed);
		buf_bytes(out, span_of(k->special_use));
		buf_bytes(out, span_of(k->name));
	}
	buf_u32(out, (uint32_t)t->n_names);
	for (size_t i = 0; i < t->n_names; i++)
		buf_bytes(out, span_of(t->names[i]));
	return buf_done(out);
}

/* A text that stands as a C string: with no NUL in it. */
static struct span
text_load(struct rd *r, size_t max)
{
	struct span s = rd_str(r, max);
	if (s.n && memchr(s.p, '\0', s.n))
		r->err = E_BAD;
	return s;
}

static int
known_load(struct known_table *t, struct rd *r)
{
	struct store_mailbox m = {.id = rd_u32(r)};
	m.uidvalidity = rd_u32(r);
	m.uidnext = rd_u32(r);
	m.modseq = rd_u64(r);
	m.messages = rd_u64(r);
	m.unseen = rd_u64(r);
	m.rights = rd_u16(r) & RIGHTS_ALL;
	m.is_subscribed = rd_u8(r) == 1;
	struct span use = text_load(r, sizeof m.special_use - 1),
		    name = text_load(r, STORE_NAME_MAX);
	if (r->err != E_OK)
		return E_BAD;
	memcpy(m.special_use, use.p, use.n);
	memcpy(m.name, name.p, name.n);
	table_put(t, &m);
	return E_OK;
}

int
table_load(struct known_table *t, struct rd *r)
{
	int err = E_OK;
	for (uint32_t n = rd_u32(r); n && err == E_OK; n--)
		err = known_load(t, r);
	for (uint32_t n = rd_u32(r); n && err == E_OK && r->err == E_OK; n--) {
		struct span name = text_load(r, STORE_NAME_MAX);
		if (r->err == E_OK)
			table_set_name(t, name, true);
	}
	if (err == E_OK && r->err == E_OK)
		return E_OK;
	table_free(t);
	return E_BAD;
}
