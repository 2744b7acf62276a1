/* SPDX-License-Identifier: ISC */
/* pop3_uidls.c - UIDLs of a POP3 server, and the messages they belong to. */
#include "move/pop3_uidls.h"

#include <stdlib.h>
#include <string.h>

#include "mime/header.h"
#include "move/dovecot.h"

/* ---- what the server says ---- */

static int
take_number(struct span *line, uint32_t *out)
{
	int err = span_u32(span_cut(line, ' '), out);
	return err == E_OK && *out ? E_OK : E_BAD;
}

int
pop3_list_line(struct pop3_messages *l, struct span line)
{
	struct pop3_message m = {.number = 0};
	if (take_number(&line, &m.number) != E_OK ||
	    span_u64(span_cut(&line, ' '), INT64_MAX, &m.size_bytes) != E_OK ||
	    (l->n && m.number <= l->all[l->n - 1].number))
		return E_BAD;
	if (l->n == SOURCE_MESSAGES_MAX)
		return E_LIMIT;
	l->all = mem_room(l->all, l->n, &l->cap, sizeof *l->all);
	l->all[l->n++] = m;
	return E_OK;
}

static int
by_number(const void *x, const void *y)
{
	const struct pop3_message *a = x, *b = y;
	return a->number < b->number ? -1 : a->number > b->number;
}

int
pop3_uidl_line(struct pop3_messages *l, struct span line)
{
	struct pop3_message wanted = {.number = 0};
	if (take_number(&line, &wanted.number) != E_OK || !uidl_is_legal(line))
		return E_BAD;
	struct pop3_message *m =
	    l->n ? bsearch(&wanted, l->all, l->n, sizeof wanted, by_number) : NULL;
	if (m && m->uidl.n == 0)
		m->uidl = arena_span(&l->arena, line);
	return E_OK;
}

void
pop3_messages_free(struct pop3_messages *l)
{
	mem_free(&l->all);
	arena_reset(&l->arena);
	*l = (struct pop3_messages){.n = 0};
}

/* ---- heads ---- */

/* What servers write into heads themselves, or leave out of them. */
static bool
is_servers(struct span name)
{
	static const char *const names[] = {"Content-Length", "Lines", "Return-Path",
	    "Status", "X-IMAP", "X-IMAPbase", "X-Keywords", "X-Mozilla-Status",
	    "X-Mozilla-Status2", "X-Status", "X-UID", "X-UIDL"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return true;
	return false;
}

void
head_sum(struct span head, unsigned char out[SHA256_BYTES])
{
	struct hash *h = hash_new();
	struct header_field f;
	struct buf line = {0};
	while (header_next(&head, &f) == E_OK) {
		if (is_servers(f.name))
			continue;
		buf_reset(&line);
		for (size_t i = 0; i < f.name.n; i++)
			buf_ch(&line, ch_lower(f.name.p[i]));
		buf_ch(&line, ':');
		header_unfold(&line, f.value);
		buf_ch(&line, '\n');
		hash_add(h, buf_as_span(&line));
	}
	hash_end(&h, out);
	buf_free(&line);
}

/* ---- which is whose ---- */

static void
give(const struct pop3_message *from, struct listing *l, size_t to)
{
	l->all[to].uidl = arena_span(&l->arena, from->uidl);
}

bool
uidls_by_size(const struct pop3_messages *theirs, struct listing *l)
{
	if (theirs->n != l->n)
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (theirs->all[i].size_bytes != l->all[i].size_bytes)
			return false;
	for (size_t i = 0; i < l->n; i++)
		give(&theirs->all[i], l, i);
	return true;
}

static int
by_head(const void *x, const void *y)
{
	const struct head_sum *a = x, *b = y;
	int order = memcmp(a->sha256, b->sha256, SHA256_BYTES);
	return order ? order : a->index < b->index ? -1 : a->index > b->index;
}

size_t
uidls_by_head(const struct pop3_messages *from, struct head_sum *theirs,
    size_t n_theirs, struct listing *l, struct head_sum *ours, size_t n_ours)
{
	size_t n_lost = 0, at = 0;
	if (n_theirs)
		qsort(theirs, n_theirs, sizeof *theirs, by_head);
	if (n_ours)
		qsort(ours, n_ours, sizeof *ours, by_head);
	for (size_t i = 0; i < n_theirs; i++) {
		while (at < n_ours &&
		       memcmp(ours[at].sha256, theirs[i].sha256, SHA256_BYTES) < 0)
			at++;
		if (at < n_ours &&
		    memcmp(ours[at].sha256, theirs[i].sha256, SHA256_BYTES) == 0)
			give(&from->all[theirs[i].index], l, ours[at++].index);
		else
			n_lost++;
	}
	return n_lost;
}
