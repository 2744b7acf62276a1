/* SPDX-License-Identifier: ISC */
/* lookat.c - what scripts ask of mailboxes. */
#include "deliver/lookat.h"

#include "proc/child.h"
#include "store/metadata.h"
#include "store/store.h"

static struct store *store; /* own; NULL: nobody asked yet */

void
lookat_end(void)
{
	store_close(&store);
}

static bool
has_store(void)
{
	return store || store_open(the_child.home, &store) == E_OK;
}

struct store *
lookat_store(void)
{
	return has_store() ? store : NULL;
}

bool
lookat_mailbox(void *ctx, struct span mailbox)
{
	struct store_mailbox m;
	(void)ctx;
	return has_store() && store_mailbox(store, mailbox, &m) == E_OK;
}

/* A walk over all mailboxes. */
struct sought {
	struct span flag; /* of a special use; or empty */
	struct span id;   /* or MAILBOXID, as SELECT says it */
	bool is_found;
};

static int
look(void *ctx, const struct store_mailbox *m)
{
	struct sought *s = ctx;
	struct buf id = {0};
	buf_putf(&id, "F%u", m->id);
	s->is_found |= s->flag.n ? span_ieqs(s->flag, m->special_use)
	                         : span_eq(s->id, buf_as_span(&id));
	buf_free(&id);
	return E_OK;
}

bool
lookat_special_use(void *ctx, struct span mailbox, struct span flag)
{
	struct store_mailbox m;
	struct sought s = {.flag = flag};
	(void)ctx;
	if (!has_store() || !flag.n)
		return false;
	if (mailbox.p)
		return store_mailbox(store, mailbox, &m) == E_OK &&
		       span_ieqs(flag, m.special_use);
	return store_mailboxes(store, look, &s) == E_OK && s.is_found;
}

bool
lookat_mailboxid(void *ctx, struct span id)
{
	struct sought s = {.id = id};
	(void)ctx;
	return has_store() && id.n && store_mailboxes(store, look, &s) == E_OK &&
	       s.is_found;
}

struct entry {
	struct span name;
	struct buf *out;
	bool is_found;
};

static void
take(void *ctx, const struct metadata_entry *e)
{
	struct entry *want = ctx;
	if (want->is_found || !span_ieq(want->name, e->name))
		return;
	want->is_found = true;
	buf_span(want->out, e->value);
}

int
lookat_metadata(void *ctx, struct span mailbox, struct span name, struct buf *out)
{
	struct entry want = {.name = name, .out = out};
	(void)ctx;
	if (!metadata_entry_form(name))
		return E_BAD;
	if (!has_store() || store_metadata(store, mailbox.p ? mailbox : SPAN(""), take,
				&want) != STORE_DONE)
		return E_MORE;
	return want.is_found ? E_OK : E_MORE;
}
