/* SPDX-License-Identifier: ISC */
/* import.c - all folders of a source, one after another. */
#include "move/import.h"

#include <stdlib.h>
#include <sysexits.h>

#include "move/import_state.h"

static void
say(struct import *m, int status, const char *fmt, va_list ap)
{
	struct buf text = {0}, b = {0};
	buf_vputf(&text, fmt, ap);
	buf_bytes(&b, buf_as_span(&text));
	move_tell(m->command, MOVE_SAY, &b);
	buf_free(&text);
	if (m->status == EX_OK || m->status == EX_DATAERR)
		m->status = status;
}

void
import_failed(struct import *m, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(m, status, fmt, ap);
	va_end(ap);
}

void
import_over(struct import *m, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(m, status, fmt, ap);
	va_end(ap);
	m->is_over = true;
}

const char *
said_text(enum store_said said)
{
	static const char *const texts[] = {
	    [STORE_DONE] = "done",
	    [STORE_NONEXISTENT] = "the mailbox is gone",
	    [STORE_EXISTS] = "there is one of that name",
	    [STORE_IS_INBOX] = "it is INBOX",
	    [STORE_IS_KEPT] = "what was deleted here is in a folder of that name",
	    [STORE_BAD_NAME] = "a mailbox cannot have that name",
	    [STORE_TOO_MANY] = "too many mailboxes, keywords or messages",
	    [STORE_OVER_QUOTA] = "over quota",
	    [STORE_DISK_FULL] = "the disk is full",
	    [STORE_LATER] = "the index of the mailbox is in trouble; the log says more",
	};
	return texts[said];
}

/* INBOX first, then by name: superiors before what is in them. */
static int
by_name(const void *x, const void *y)
{
	const struct source_folder *a = x, *b = y;
	bool a_first = span_eqs(a->name, "INBOX"), b_first = span_eqs(b->name, "INBOX");
	if (a_first != b_first)
		return a_first ? -1 : 1;
	int order = span_cmp(a->name, b->name);
	return order ? order : span_cmp(a->raw, b->raw);
}

/* Two folders that would be one here, as "a.b" and "a/b" of a server that has both. */
static void
tell_twins(struct source_folders *f)
{
	for (size_t i = 1; i < f->n; i++)
		if (f->all[i].name.n && span_eq(f->all[i].name, f->all[i - 1].name)) {
			f->all[i].name = SPAN("");
			f->all[i].why = "another folder has the same name here";
		}
}

static void
run_folders(struct import *m)
{
	struct source_folders *f = &m->folders;
	if (f->n)
		qsort(f->all, f->n, sizeof *f->all, by_name);
	tell_twins(f);
	special_uses(f);
	if (f->n_left_out)
		import_failed(m, EX_DATAERR,
		    "%u folders were left out: more than %d are too many",
		    f->n_left_out, SOURCE_FOLDERS_MAX);
	for (size_t i = 0; i < f->n && !m->is_over; i++)
		folder_run(m, &f->all[i]);
	if (!m->is_over && !m->options->is_dry_run)
		subscribe_all(m);
}

int
import_run(int command, const char *home, const struct import_options *o)
{
	struct import m = {.options = o,
	    .command = command,
	    .source = {.kind = o->kind,
		.chan = o->chan,
		.uidl_format = o->uidl_format,
		.is_date_of_name = o->is_date_of_name,
		.is_layout_fs = o->is_layout_fs}};
	if (store_open(home, &m.store) != E_OK)
		import_over(
		    &m, EX_TEMPFAIL, "the mailbox cannot be opened; the log says why");
	if (!m.is_over && o->kind->folders(&m.source, &m.folders) != E_OK)
		import_over(
		    &m, m.source.failure.status, "%s", buf_cstr(&m.source.failure.why));
	if (!m.is_over)
		run_folders(&m);
	folders_free(&m.folders);
	source_done(&m.source);
	store_close(&m.store);
	return m.status;
}
