/* SPDX-License-Identifier: ISC */
/* metadata.c - entries of METADATA: which are meant, and how they are told. */
#include "imapd/metadata.h"

#include "imapd/notify.h"
#include "imapd/share.h"

/* of the server, as its setting says; nobody sets it: RFC 5464 3.2.1.1 */
static const char entry_admin[] = "/shared/admin";

/* ---- which ---- */

static int
parse_entry(struct parse *p, struct metadata_want *want)
{
	struct span from = p->in;
	if (want->n == COUNT(want->names))
		return parse_fail(p, from, "fewer entries");
	if (parse_astring(p, &want->names[want->n]) != E_OK)
		return E_BAD;
	if (!metadata_entry_form(want->names[want->n]))
		return parse_fail(p, from, "an entry of /private or /shared");
	want->n++;
	return E_OK;
}

int
parse_metadata_entries(struct parse *p, struct metadata_want *want)
{
	if (!parse_ch(p, '('))
		return parse_entry(p, want);
	do {
		if (parse_entry(p, want) != E_OK)
			return E_BAD;
	} while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? E_OK : parse_fail(p, p->in, "the end of the entries");
}

struct span
metadata_entry(struct session *s, struct span name)
{
	char *lower = arena_get(&s->arena, name.n + 1);
	for (size_t i = 0; lower && i < name.n; i++)
		lower[i] = ch_lower(name.p[i]);
	return span_make(lower, lower ? name.n : 0);
}

/* It is the one that was asked for, or as far below it as was asked. */
static bool
is_within(struct span name, struct span asked, enum depth depth)
{
	if (depth == DEPTH_0 || name.n == asked.n)
		return span_ieq(name, asked);
	if (!span_istarts(name, asked) || name.p[asked.n] != '/')
		return false;
	struct span below = span_from(name, asked.n + 1);
	return depth == DEPTH_INFINITY || span_find(below, '/') == below.n;
}

/* ---- how ---- */

struct putter {
	struct session *session;
	struct metadata_want *want;
	struct span mailbox;
	bool has_begun;
};

static bool
is_utf8(const struct session *s)
{
	return s->enabled & (EN_UTF8 | EN_REV2);
}

static struct buf *
begin(struct putter *p)
{
	struct buf *out = respond_out(p->session);
	if (p->has_begun) {
		buf_ch(out, ' ');
		return out;
	}
	p->has_begun = true;
	buf_str(out, "* METADATA ");
	put_mailbox(out, p->mailbox, is_utf8(p->session));
	buf_str(out, " (");
	return out;
}

static void
put_value(struct buf *out, struct span value, bool utf8)
{
	if (span_find(value, '\0') == value.n) {
		put_string(out, value, utf8);
		return;
	}
	buf_ch(out, '~'); /* a literal8: RFC 3516 */
	put_literal(out, value);
}

static void
put_entry(void *ctx, const struct metadata_entry *e)
{
	struct putter *p = ctx;
	struct metadata_want *w = p->want;
	struct span name = e->name;
	bool is_meant = false;
	for (size_t i = 0; i < w->n; i++) {
		if (!is_within(e->name, w->names[i], w->depth))
			continue;
		is_meant = true;
		if (span_ieq(e->name, w->names[i])) {
			w->was_told[i] = true;
			name = w->names[i];
		}
	}
	if (!is_meant)
		return;
	if (w->has_maxsize && e->value.n > w->maxsize) {
		if (e->value.n > w->long_bytes)
			w->long_bytes = e->value.n;
		return;
	}
	struct buf *out = begin(p);
	put_mailbox(out, name, true); /* an astring */
	buf_ch(out, ' ');
	put_value(out, e->value, is_utf8(p->session));
}

static void
put_server_admin(struct putter *p)
{
	struct metadata_entry e = {
	    .name = span_of(entry_admin), .value = span_of(p->session->server_admin)};
	if (p->mailbox.n == 0 && e.value.n)
		put_entry(p, &e);
}

enum store_said
metadata_put(struct session *s, struct span mailbox, struct metadata_want *w)
{
	struct putter p = {.session = s, .want = w, .mailbox = mailbox};
	struct place place;
	enum reply r = share_find(s, mailbox, &place);
	for (size_t i = 0; i < w->n; i++)
		w->was_told[i] = false;
	if (r != R_DONE)
		return r == R_NO_MAILBOX ? STORE_NONEXISTENT : STORE_LATER;
	enum store_said said = store_metadata(place.store, place.name, put_entry, &p);
	if (said == STORE_DONE)
		put_server_admin(&p);
	for (size_t i = 0; said == STORE_DONE && i < w->n; i++) {
		if (w->was_told[i] || w->depth != DEPTH_0)
			continue;
		struct buf *out = begin(&p);
		put_mailbox(out, w->names[i], true);
		buf_str(out, " NIL");
	}
	if (p.has_begun)
		buf_str(respond_out(s), ")\r\n");
	return said;
}

/* ---- what others changed ---- */

static void
put_change(void *ctx, struct span mailbox, struct span entry)
{
	struct session *s = ctx;
	struct buf *out = respond_out(s);
	if (!(s->enabled & EN_METADATA) && !notify_has_metadata(s, mailbox))
		return;
	buf_str(out, "* METADATA ");
	put_mailbox(out, mailbox, is_utf8(s));
	buf_ch(out, ' ');
	put_mailbox(out, entry, true);
	buf_str(out, "\r\n");
}

int
metadata_enable(struct session *s)
{
	return store_metadata_changes(session_own(s), put_change, s);
}

bool
metadata_is_told(const struct session *s)
{
	return s->enabled & EN_METADATA || s->notify_metadata;
}

void
metadata_update(struct session *s)
{
	/* a keeper that is away now is heard of by who needs it */
	if (metadata_is_told(s) &&
	    store_metadata_changes(session_own(s), put_change, s) != E_OK)
		return;
}
