/* SPDX-License-Identifier: ISC */
/* dump_read.c - lines of "dump" (dump.c says which).  Pure. */
#include <string.h>

#include "store/dump.h"

/* The next word as a number; the first failure sticks. */
static uint64_t
number(struct span *line, uint64_t max, int *err)
{
	uint64_t n = 0;
	if (*err == E_OK && span_u64(span_cut(line, ' '), max, &n) != E_OK)
		*err = E_BAD;
	return n;
}

/* Dates may be before 1970. */
static int64_t
date(struct span *line, int *err)
{
	bool is_negative = line->n && line->p[0] == '-';
	if (is_negative)
		*line = span_from(*line, 1);
	int64_t n = (int64_t)number(line, INT64_MAX, err);
	return is_negative ? -n : n;
}

static void
file_id(struct span *line, struct file_id *out, int *err)
{
	if (*err == E_OK)
		*err = file_id_parse(span_cut(line, ' '), out);
}

/* The rest of the line, of hex, as text of 1 to max octets. */
static struct span
text(struct span line, char *space, size_t max, int *err)
{
	if (*err == E_OK && (line.n == 0 || line.n % 2 || line.n / 2 > max))
		*err = E_BAD;
	if (*err == E_OK)
		*err = hex_decode(line, space, line.n / 2);
	struct span s = span_make(space, *err == E_OK ? line.n / 2 : 0);
	if (span_find(s, '\0') < s.n)
		*err = E_BAD;
	return s;
}

static int
read_mailbox(struct span line, const struct dump_visitor *v)
{
	int err = E_OK;
	struct mailbox m = {.id = (uint32_t)number(&line, UINT32_MAX, &err)};
	m.uidvalidity = (uint32_t)number(&line, UINT32_MAX, &err);
	m.uidnext = (uint32_t)number(&line, UINT32_MAX, &err);
	m.modseq = number(&line, UINT64_MAX, &err);
	m.first_recent = (uint32_t)number(&line, UINT32_MAX, &err);
	m.reserved = (uint32_t)number(&line, UINT32_MAX, &err);
	struct span use = span_cut(&line, ' ');
	text(line, m.name, STORE_NAME_MAX, &err);
	if (err != E_OK || m.id == 0 || use.n == 0 || use.n >= sizeof m.special_use ||
	    span_find(use, '\0') < use.n)
		return E_BAD;
	m.is_kept = span_eqs(use, DUMP_KEPT);
	m.is_dead = span_eqs(use, DUMP_DEAD);
	if (!span_eqs(use, "-") && !m.is_kept && !m.is_dead)
		memcpy(m.special_use, use.p, use.n);
	return v->on_mailbox(v->ctx, &m);
}

static int
read_keyword(struct span line, const struct dump_visitor *v)
{
	char space[STORE_KEYWORD_MAX];
	int err = E_OK;
	uint32_t mailbox = (uint32_t)number(&line, UINT32_MAX, &err);
	uint32_t bit = (uint32_t)number(&line, STORE_KEYWORDS_MAX - 1, &err);
	struct span name = text(line, space, sizeof space, &err);
	return err == E_OK ? v->on_keyword(v->ctx, mailbox, bit, name) : err;
}

static int
read_subscription(struct span line, const struct dump_visitor *v)
{
	char space[STORE_NAME_MAX];
	int err = E_OK;
	struct span name = text(line, space, sizeof space, &err);
	return err == E_OK ? v->on_subscription(v->ctx, name) : err;
}

static int
read_uidl(struct span line, const struct dump_visitor *v)
{
	char space[STORE_UIDL_MAX];
	struct file_id id;
	int err = E_OK;
	file_id(&line, &id, &err);
	struct span uidl = text(line, space, sizeof space, &err);
	return err == E_OK ? v->on_uidl(v->ctx, id, uidl) : err;
}

static int
read_sum(struct span line, const struct dump_visitor *v)
{
	unsigned char sum[32];
	struct buf raw = {.max = sizeof sum};
	struct file_id id;
	int err = E_OK;
	file_id(&line, &id, &err);
	if (err == E_OK)
		err = base64_decode(line, &raw) == E_OK && raw.len == sizeof sum
		          ? E_OK
		          : E_BAD;
	if (err == E_OK)
		memcpy(sum, raw.p, sizeof sum);
	buf_free(&raw);
	return err == E_OK ? v->on_sum(v->ctx, id, sum) : err;
}

static int
read_seen(struct span line, const struct dump_visitor *v)
{
	struct file_id id;
	int err = E_OK;
	file_id(&line, &id, &err);
	uint32_t day = (uint32_t)number(&line, UINT32_MAX, &err);
	return err == E_OK && line.n == 0 ? v->on_seen(v->ctx, id, day) : E_BAD;
}

static int
read_doomed(struct span line, const struct dump_visitor *v)
{
	struct file_id id;
	int err = E_OK;
	file_id(&line, &id, &err);
	return err == E_OK && line.n == 0 ? v->on_doomed(v->ctx, id) : E_BAD;
}

/* The next word, of base64; "-" is empty. */
static struct span
word(struct span *line, struct buf *space, int *err)
{
	struct span s = span_cut(line, ' ');
	if (*err == E_OK && !span_eqs(s, "-"))
		*err = s.n ? base64_decode(s, space) : E_BAD;
	return *err == E_OK ? buf_as_span(space) : SPAN("");
}

static int
read_annotation(struct span line, const struct dump_visitor *v)
{
	struct buf who = {.max = ANNOTATION_WHO_MAX},
		   name = {.max = METADATA_ENTRY_MAX},
		   value = {.max = ANNOTATION_VALUE_MAX};
	struct annotation a;
	int err = E_OK;
	a.mailbox = (uint32_t)number(&line, UINT32_MAX, &err);
	struct span kind = span_cut(&line, ' ');
	a.who = word(&line, &who, &err);
	a.name = word(&line, &name, &err);
	a.value = word(&line, &value, &err);
	if (kind.n != 1 || !annotation_is_kind(kind.p[0]) || line.n ||
	    span_find(a.who, '\0') < a.who.n)
		err = E_BAD;
	if (err == E_OK) {
		a.kind = kind.p[0];
		err = v->on_annotation(v->ctx, &a);
	}
	buf_free(&who);
	buf_free(&name);
	buf_free(&value);
	return err == E_LIMIT ? E_BAD : err;
}

static int
read_record(struct span line, const struct dump_visitor *v)
{
	int err = E_OK;
	uint32_t mailbox = (uint32_t)number(&line, UINT32_MAX, &err);
	struct store_record r = {.uid = (uint32_t)number(&line, UINT32_MAX, &err)};
	r.flags = (uint32_t)number(&line, FLAGS_ALL, &err);
	r.keywords = number(&line, UINT64_MAX, &err);
	r.modseq = number(&line, UINT64_MAX, &err);
	r.size_bytes = number(&line, INT64_MAX, &err);
	r.date_sec = date(&line, &err);
	r.saved_sec = date(&line, &err);
	file_id(&line, &r.id, &err);
	return err == E_OK && line.n == 0 && r.uid ? v->on_record(v->ctx, mailbox, &r)
	                                           : E_BAD;
}

static int
read_kept(struct span line, const struct dump_visitor *v)
{
	char space[STORE_NAME_MAX];
	int err = E_OK;
	struct kept_row k = {.uid = (uint32_t)number(&line, UINT32_MAX, &err)};
	k.mailbox = (uint32_t)number(&line, UINT32_MAX, &err);
	k.was = (uint32_t)number(&line, UINT32_MAX, &err);
	k.name = text(line, space, sizeof space, &err);
	return err == E_OK ? v->on_kept(v->ctx, &k) : err;
}

int
dump_read(struct span all, const struct dump_visitor *v)
{
	static const struct {
		char letter;
		int (*read)(struct span, const struct dump_visitor *);
	} lines[] = {{'M', read_mailbox}, {'K', read_keyword}, {'S', read_subscription},
	    {'U', read_uidl}, {'F', read_sum}, {'R', read_record}, {'T', read_seen},
	    {'D', read_doomed}, {'A', read_annotation}, {'X', read_kept}};

	int err = E_OK;
	while (all.n && err == E_OK) {
		struct span line = span_cut(&all, '\n');
		size_t kind = 0;
		while (line.n && kind < COUNT(lines) && lines[kind].letter != line.p[0])
			kind++;
		if (line.n < 2 || line.p[1] != ' ' || kind == COUNT(lines))
			return E_BAD;
		if (!v->only || strchr(v->only, lines[kind].letter))
			err = lines[kind].read(span_from(line, 2), v);
	}
	return err;
}

int
by_file_id(const void *a, const void *b)
{
	return memcmp(((const struct file_id *)a)->b, ((const struct file_id *)b)->b,
	    FILE_ID_BYTES);
}
