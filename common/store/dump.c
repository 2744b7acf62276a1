/* SPDX-License-Identifier: ISC */
/*
 * dump.c - the file "dump": what the index knows and the files do not, a line each.
 *   M id uidvalidity uidnext modseq subscribed special-use name
 *   R mailbox uid flags keywords modseq size date saved file-id
 */
#include <stdio.h>
#include <string.h>

#include "store/keeper.h"

enum { DUMP_BYTES_MAX = 1 << 30, DUMP_LINE_MAX = 600 };

struct dumping {
	struct buf text;
	struct tables *tables;
	uint32_t mailbox;
};

static int
put_record(void *ctx, const struct store_record *r)
{
	struct dumping *d = ctx;
	buf_putf(&d->text, "R %u %u %u %llu %llu %llu %lld %lld %s\n", d->mailbox, r->uid, r->flags,
	    (unsigned long long)r->keywords, (unsigned long long)r->modseq, (unsigned long long)r->size_bytes,
	    (long long)r->date_sec, (long long)r->saved_sec, file_id_text(r->id));
	return buf_done(&d->text);
}

static int
put_mailbox(void *ctx, const struct mailbox *m)
{
	struct dumping *d = ctx;
	buf_putf(&d->text, "M %u %u %u %llu %d %s ", m->id, m->uidvalidity, m->uidnext,
	    (unsigned long long)m->modseq, m->is_subscribed, m->special_use[0] ? m->special_use : "-");
	buf_hex(&d->text, span_of(m->name)); /* any name fits into one word */
	buf_ch(&d->text, '\n');
	d->mailbox = m->id;
	return record_each(d->tables, m->id, put_record, d);
}

int
dump_write(struct tables *t)
{
	struct dumping d = {.text = {.max = DUMP_BYTES_MAX}, .tables = t};
	int err = mailbox_each(t, put_mailbox, &d);
	if (err == E_OK)
		err = file_replace("dump", buf_as_span(&d.text), 0600, true);
	buf_free(&d.text);
	return err;
}

static int
get_mailbox(const char *line, struct mailbox *m)
{
	unsigned subscribed;
	unsigned long long modseq;
	int at = 0;
	*m = (struct mailbox){.id = 0};
	if (sscanf(line, "M %u %u %u %llu %u %15s %n", &m->id, &m->uidvalidity, &m->uidnext, &modseq, &subscribed,
	        m->special_use, &at) != 6 || at == 0)
		return E_BAD;
	struct span name = span_of(line + at);
	m->modseq = modseq;
	m->is_subscribed = subscribed == 1;
	if (!strcmp(m->special_use, "-"))
		m->special_use[0] = '\0';
	if (name.n % 2 || name.n / 2 > STORE_NAME_MAX || name.n == 0)
		return E_BAD;
	return hex_decode(name, m->name, name.n / 2);
}

static int
get_record(const char *line, uint32_t *mailbox, struct store_record *r)
{
	unsigned long long keywords, modseq, size;
	long long date, saved;
	char id[FILE_ID_TEXT + 1];
	*r = (struct store_record){.uid = 0};
	if (sscanf(line, "R %u %u %u %llu %llu %llu %lld %lld %32s", mailbox, &r->uid, &r->flags, &keywords, &modseq,
	        &size, &date, &saved, id) != 9 || r->uid == 0)
		return E_BAD;
	r->keywords = keywords;
	r->modseq = modseq;
	r->size_bytes = size;
	r->date_sec = date;
	r->saved_sec = saved;
	return file_id_parse(span_of(id), &r->id);
}

int
dump_read(struct span text, const struct dump_visitor *v)
{
	int err = E_OK;
	while (text.n && err == E_OK) {
		char line[DUMP_LINE_MAX + 1];
		struct span s = span_cut(&text, '\n');
		struct mailbox m;
		struct store_record r;
		uint32_t mailbox;
		if (s.n == 0 || s.n > DUMP_LINE_MAX)
			return E_BAD;
		memcpy(line, s.p, s.n);
		line[s.n] = '\0';
		if (line[0] == 'M' && get_mailbox(line, &m) == E_OK)
			err = v->on_mailbox(v->ctx, &m);
		else if (line[0] == 'R' && get_record(line, &mailbox, &r) == E_OK)
			err = v->on_record(v->ctx, mailbox, &r);
		else
			err = E_BAD;
	}
	return err;
}
