/* SPDX-License-Identifier: ISC */
/* imap_folders.c - which folders there are, and what they are called here. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "mime/utf7.h"
#include "move/imap_talk.h"

/* ---- names ---- */

/* A level as it may be here: our separator is none of its characters. */
static void
put_level(struct span level, struct buf *out)
{
	for (size_t i = 0; i < level.n; i++)
		buf_ch(out, level.p[i] == '/' ? '_' : level.p[i]);
}

/* "INBOX.a.b" of a namespace "INBOX." is "a/b".  E_OK, E_BAD (neither modified UTF-7 nor UTF-8) */
static int
put_name(const struct imap *c, struct span raw, char delimiter, struct buf *out)
{
	struct buf text = {0};
	int err = E_OK;
	if (c->prefix.n && raw.n > c->prefix.n && span_istarts(raw, c->prefix))
		raw = span_from(raw, c->prefix.n);
	if (!span_is_ascii(raw) || utf7_to_utf8(raw, &text) != E_OK) {
		buf_reset(&text);
		buf_span(&text, raw);
		err = utf8_valid(raw) ? E_OK : E_BAD;
	}
	struct span rest = buf_as_span(&text);
	while (err == E_OK && delimiter && span_find(rest, delimiter) < rest.n) {
		put_level(span_cut(&rest, delimiter), out);
		buf_ch(out, '/');
	}
	put_level(rest, out);
	buf_free(&text);
	return err;
}

/* ---- LIST and LSUB ---- */

struct list_ctx {
	struct source_folders *out;
	bool is_lsub;
	uint32_t n; /* responses */
};

static void
add(struct imap *c, struct list_ctx *ctx, const struct imap_list *l)
{
	struct buf name = {0};
	struct source_folder f = {.raw = l->name,
	    .special_use = span_of(l->special_use),
	    .is_selectable = !l->is_noselect,
	    .is_subscribed = l->is_subscribed};
	int err = l->name.n <= SOURCE_RAW_MAX
	              ? put_name(c, l->name, l->delimiter, &name)
	              : E_BAD;
	if (span_ieqs(l->name, "INBOX")) {
		buf_reset(&name);
		buf_str(&name, "INBOX");
	}
	f.name = err == E_OK ? buf_as_span(&name) : SPAN("");
	f.raw = span_head(l->name, SOURCE_RAW_MAX);
	if (ctx->is_lsub && err == E_OK)
		folders_subscribe(ctx->out, f.name);
	else if (!ctx->is_lsub)
		folders_add(ctx->out, &f);
	buf_free(&name);
}

static int
on_list(struct imap *c, const struct imap_reply *r, void *p)
{
	struct list_ctx *ctx = p;
	struct imap_list l;
	if (++ctx->n > IMAP_UNASKED_MAX)
		return failed(&c->failure, EX_PROTOCOL,
		    "the server lists folders without an end");
	if (r->kind != IMAP_DATA || !span_ieqs(r->word, ctx->is_lsub ? "LSUB" : "LIST"))
		return E_OK;
	if (imap_list_parse(r->rest, &c->arena, &l) != E_OK)
		return failed(&c->failure, EX_PROTOCOL,
		    "the server lists a folder that cannot be read");
	add(c, ctx, &l);
	return E_OK;
}

/* ---- NAMESPACE ---- */

static void
set_prefix(struct imap *c, struct span prefix, char delimiter)
{
	char *copy = mem_new(prefix.n + 1);
	memcpy(copy, prefix.p, prefix.n);
	free((void *)(uintptr_t)c->prefix.p);
	c->prefix = span_make(copy, prefix.n);
	c->delimiter = delimiter;
}

static int
on_namespace(struct imap *c, const struct imap_reply *r, void *ctx)
{
	struct span prefix;
	char delimiter;
	(void)ctx;
	if (r->kind == IMAP_DATA && span_ieqs(r->word, "NAMESPACE") &&
	    imap_namespace_parse(r->rest, &c->arena, &prefix, &delimiter) == E_OK &&
	    prefix.n <= SOURCE_RAW_MAX)
		set_prefix(c, prefix, delimiter);
	return E_OK;
}

static int
one_command(struct imap *c, const char *words, talk_data *data, void *ctx)
{
	int err = talk(c, span_of(words), data, ctx);
	return err;
}

int
imap_folders(struct imap *c, struct source_folders *out)
{
	struct list_ctx list = {.out = out}, lsub = {.out = out, .is_lsub = true};
	bool has_uses = c->capabilities & IMAP_HAS_SPECIAL_USE &&
	                c->capabilities & IMAP_HAS_LIST_EXTENDED;
	int err = E_OK;
	*out = (struct source_folders){.n = 0};
	if (c->capabilities & IMAP_HAS_NAMESPACE)
		err = one_command(c, "NAMESPACE", on_namespace, NULL);
	if (err == E_OK || err == E_BAD)
		err = one_command(c,
		    has_uses ? "LIST \"\" \"*\" RETURN (SPECIAL-USE)"
			     : "LIST \"\" \"*\"",
		    on_list, &list);
	if (err == E_OK)
		err = one_command(c, "LSUB \"\" \"*\"", on_list, &lsub);
	return err == E_BAD ? E_IO : err;
}
