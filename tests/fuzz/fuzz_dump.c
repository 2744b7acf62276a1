/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dump.c - the file "dump" of a mailbox.
 * fuzz: common/store/dump_read.c
 * fuzz: common/base/base.c common/base/buf.c common/base/clock.c common/base/id.c common/base/log.c common/base/span.c common/base/arena.c
 */
#include <stdlib.h>
#include <string.h>

#include "store/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned seen;

static void
look(struct span s)
{
	if (span_find(s, '\0') < s.n)
		abort();
	for (size_t i = 0; i < s.n; i++)
		seen ^= (unsigned char)s.p[i];
}

static int
on_mailbox(void *ctx, const struct mailbox *m)
{
	(void)ctx;
	if (m->id == 0 || m->name[0] == '\0' || strlen(m->name) > STORE_NAME_MAX)
		abort();
	look(span_of(m->name));
	look(span_of(m->special_use));
	return E_OK;
}

static int
on_keyword(void *ctx, uint32_t mailbox, uint32_t bit, struct span name)
{
	(void)ctx;
	if (bit >= STORE_KEYWORDS_MAX || name.n == 0 || name.n > STORE_KEYWORD_MAX)
		abort();
	look(name);
	return mailbox == 77 ? E_IO : E_OK;
}

static int
on_record(void *ctx, uint32_t mailbox, const struct store_record *r)
{
	(void)ctx, (void)mailbox;
	if (r->uid == 0 || r->flags & ~(uint32_t)FLAGS_ALL)
		abort();
	return E_OK;
}

static int
on_subscription(void *ctx, struct span name)
{
	(void)ctx;
	if (name.n == 0 || name.n > STORE_NAME_MAX)
		abort();
	look(name);
	return E_OK;
}

static int
on_uidl(void *ctx, struct file_id id, struct span uidl)
{
	(void)ctx, (void)id;
	if (uidl.n == 0 || uidl.n > STORE_UIDL_MAX)
		abort();
	look(uidl);
	return E_OK;
}

static int
on_annotation(void *ctx, const struct annotation *a)
{
	(void)ctx;
	if (!annotation_is_kind((char)a->kind) || a->who.n > ANNOTATION_WHO_MAX ||
	    a->name.n > METADATA_ENTRY_MAX || a->value.n > ANNOTATION_VALUE_MAX)
		abort();
	look(a->who);
	return E_OK;
}

static int
on_sum(void *ctx, struct file_id id, const unsigned char sha256[32])
{
	(void)ctx, (void)id;
	look(span_make(sha256, 0));
	seen ^= sha256[31];
	return E_OK;
}

static int
on_seen(void *ctx, struct file_id id, uint32_t day)
{
	(void)ctx;
	seen ^= id.b[0] ^ day;
	return E_OK;
}

static int
on_doomed(void *ctx, struct file_id id)
{
	(void)ctx;
	seen ^= id.b[0];
	return E_OK;
}

static int
on_kept(void *ctx, const struct kept_row *k)
{
	(void)ctx;
	if (k->name.n == 0 || k->name.n > STORE_NAME_MAX)
		abort();
	look(k->name);
	return E_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct dump_visitor v = {NULL, on_mailbox, on_keyword, on_record,
	    on_subscription, on_uidl, on_sum, on_seen, on_doomed, on_annotation,
	    on_kept, NULL};
	int err = dump_read(span_make(data, n), &v);
	return err == E_OK || err == E_BAD || err == E_IO ? 0 : -1;
}
