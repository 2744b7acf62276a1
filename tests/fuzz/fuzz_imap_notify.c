/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_notify.c - the text behind NOTIFY, and mailboxes behind IN of ESEARCH: what is accepted is within its
 * limits and asks for nothing that is not there; that, and the table of mailboxes, through a sleep.
 * fuzz: imapd/notify_parse.c imapd/notify_saved.c imapd/notify_table.c imapd/mailbox_filter.c imapd/fetch_att.c imapd/parse.c imapd/parse_values.c imapd/partial.c imapd/respond.c
 * fuzz: common/store/numset.c common/store/name.c common/mime/section.c common/mime/cache_names.c common/mime/header.c common/mime/imap_string.c common/mime/transfer.c common/mime/tree.c common/mime/lex.c common/mime/param.c common/mime/word.c common/mime/charset*.c common/mime/date.c common/mime/utf7.c
 * libs: -lunistring
 */
#include <stdlib.h>

#include "imapd/notify_parse.h"
#include "imapd/notify_saved.h"
#include "imapd/notify_table.h"
#include "imapd/respond.h"

enum { ARENA_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nothing is said here. */
int
io_flush(struct io *io)
{
	(void)io;
	return E_IO;
}

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_filter(const struct filter *f, size_t *n_names)
{
	static const struct filter_mailbox inbox = {.name = {"INBOX", 5}};
	*n_names += f->n;
	for (size_t i = 0; i < f->n; i++)
		check(utf8_valid(f->names[i]));
	(void)filter_has(f, &inbox);
}

static void
check_set(int err, const struct parse *p, const struct notify_set *set)
{
	size_t n_names = 0, n_groups = 0;
	check(err != E_BAD || p->expected);
	if (err != E_OK)
		return;
	check(p->in.n == 0 && !(set->selected & ~(unsigned)NOTIFY_SUPPORTED));
	check(!set->has_atts || set->selected & NOTIFY_NEW);
	for (const struct notify_group *g = set->groups; g; g = g->next) {
		check(!(g->events & ~(unsigned)NOTIFY_SUPPORTED));
		check(!(g->events & NOTIFY_FLAGS) || g->events & NOTIFY_NEW);
		check_filter(&g->filter, &n_names);
		n_groups++;
	}
	check(n_groups <= FILTERS_MOST && n_names <= FILTER_NAMES_MOST);
}

/* What is read is written again as it was. */
static void
check_table(struct span saved)
{
	struct known_table t = {.n = 0}, again = {.n = 0};
	struct rd r = rd_of(saved);
	struct buf out = {0}, second = {0};
	if (table_load(&t, &r) == E_OK) {
		check(table_save(&t, &out) == E_OK);
		r = rd_of(buf_as_span(&out));
		check(table_load(&again, &r) == E_OK && rd_end(&r) == E_OK);
		check(table_save(&again, &second) == E_OK);
		check(span_eq(buf_as_span(&out), buf_as_span(&second)));
	}
	table_free(&t);
	table_free(&again);
	buf_free(&out);
	buf_free(&second);
}

/* What a nest gives back: said once more it is the same, and a table stands behind it, or nothing. */
static void
check_saved(struct span saved)
{
	struct notify_saved z;
	struct notify_set set;
	struct rd r = rd_of(saved);
	struct buf again = {0};
	struct arena arena = {.max_bytes = ARENA_MAX};
	if (notify_saved_get(&r, &z) == E_OK) {
		struct parse p = {.in = z.text, .arena = &arena, .is_utf8 = z.is_utf8};
		check_set(notify_parse(&p, &set), &p, &set);
		notify_saved_put(&again, &z);
		check(span_eq(buf_as_span(&again), span_head(saved, again.len)));
		check_table(r.in);
	}
	arena_reset(&arena);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct notify_set set;
	struct filter *filters;
	struct parse p = {.in = span_make(data, n), .arena = &arena, .is_utf8 = n % 2};
	check_set(notify_parse(&p, &set), &p, &set);
	p = (struct parse){.in = span_make(data, n), .arena = &arena};
	size_t n_names = 0;
	if (filters_parse(&p, UINT32_MAX, &filters) == E_OK)
		for (const struct filter *f = filters; f; f = f->next)
			check_filter(f, &n_names);
	check(n_names <= FILTER_NAMES_MOST);
	arena_reset(&arena);
	check_table(span_make(data, n));
	check_saved(span_make(data, n));
	return 0;
}
