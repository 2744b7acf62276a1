/* SPDX-License-Identifier: ISC */
/* address.c - address lists: phrases, angle addresses, groups, and what people make of them. */
#include "mime/address.h"

#include "mime/lex.h"
#include "mime/word_at.h"

struct parser {
	struct lex lex;
	struct arena *arena;
	struct address **tail; /* where the next one is hung */
	/* made with its begin, so that no group stays open; NULL outside */
	struct address *group_end;
	size_t n;
	bool is_full;
	/* the address being read */
	const char *begin;   /* borrow: where it begins in the field */
	struct span comment; /* borrow: the last one */
	struct buf phrase;   /* own: all its words, a blank between */
	/* own: the last words that dots or nothing join: a local part, when "@" follows */
	struct buf local;
	struct buf host; /* own */
	struct buf adl;  /* own */
	size_t local_at; /* where local begins in phrase */
	bool has_host, has_angle, is_after_dot;
	bool is_after_junk; /* as if a blank stood there */
	bool has_passed;    /* something that belongs to no address */
};

/* ---- nodes ---- */

static struct span
copy(struct parser *p, const struct buf *b, size_t n)
{
	struct span in = span_head(buf_as_span(b), n), out = arena_span(p->arena, in);
	p->is_full |= out.n != in.n;
	return out;
}

static struct address *
node_new(struct parser *p, enum address_kind kind)
{
	struct address *a = p->n < ADDRESS_COUNT_MAX && !p->is_full
	                        ? arena_get(p->arena, sizeof *a)
	                        : NULL;
	if (!a) {
		p->is_full = true;
		return NULL;
	}
	a->kind = kind;
	p->n++;
	return a;
}

static void
node_hang(struct parser *p, struct address *a)
{
	*p->tail = a;
	p->tail = &a->next;
}

static void
group_end(struct parser *p)
{
	if (p->group_end)
		node_hang(p, p->group_end);
	p->group_end = NULL;
}

static void
begin_next(struct parser *p)
{
	buf_reset(&p->phrase);
	buf_reset(&p->local);
	buf_reset(&p->host);
	buf_reset(&p->adl);
	p->comment = (struct span){NULL, 0};
	p->has_host = p->has_angle = p->is_after_dot = p->is_after_junk =
	    p->has_passed = false;
	p->local_at = 0;
	p->begin = p->lex.in.p;
}

static void
group_begin(struct parser *p)
{
	struct address *begin = node_new(p, ADDRESS_GROUP_BEGIN);
	struct address *end = begin ? node_new(p, ADDRESS_GROUP_END) : NULL;
	if (!end)
		return;
	begin->mailbox = copy(p, &p->phrase, p->phrase.len);
	if (p->is_full)
		return;
	node_hang(p, begin);
	p->group_end = end;
	begin_next(p);
}

/* The display name, else the comment (RFC 5322 3.4: "for legacy reasons"). */
static struct span
name_of(struct parser *p)
{
	size_t n = p->has_angle ? p->phrase.len : p->has_host ? p->local_at : 0;
	while (n && p->phrase.p[n - 1] == ' ')
		n--;
	if (n)
		return copy(p, &p->phrase, n);
	struct buf b = {.max = p->comment.n + 1};
	lex_unquote(&b, p->comment);
	struct span text = span_trim(buf_as_span(&b)), out = {NULL, 0};
	if (text.n)
		out = arena_span(p->arena, text);
	p->is_full |= out.n != text.n;
	buf_free(&b);
	return out;
}

/* From its beginning up to its separator, which was taken or not; without the blanks around it. */
static struct span
text_of(const struct parser *p)
{
	struct span s = span_make(p->begin, (size_t)(p->lex.in.p - p->begin));
	bool has_separator = s.n && (s.p[s.n - 1] == ',' || s.p[s.n - 1] == ';');
	s.n -= has_separator;
	while (s.n && lex_is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n && lex_is_blank(s.p[0]))
		s = span_from(s, 1);
	return s;
}

/* What was read until a comma or the like becomes a node, if it was anything. */
static void
finish(struct parser *p)
{
	if (p->phrase.len || p->has_host || p->has_angle) {
		struct address *a = node_new(p, ADDRESS_MAILBOX);
		if (!a)
			return;
		/* no "@", no "<": all of it is the mailbox */
		bool is_bare = !p->has_host && !p->has_angle;
		a->name = name_of(p);
		a->mailbox = is_bare ? copy(p, &p->phrase, p->phrase.len)
		                     : copy(p, &p->local, p->local.len);
		a->host = copy(p, &p->host, p->host.len);
		if (p->adl.len)
			a->adl = copy(p, &p->adl, p->adl.len);
		a->text = text_of(p);
		/* words before an address are its name only where it stands in "<>" */
		a->is_exact = !p->has_passed &&
		              (p->has_angle || !p->has_host || p->local_at == 0);
		if (p->is_full)
			return;
		node_hang(p, a);
	}
	begin_next(p);
}

/* ---- words ---- */

static bool
is_atom_char(char c)
{
	return !lex_is_blank(c) && span_find(SPAN("()<>,;:@.\""), c) == 10;
}

/* Length of the atom, or of the encoded word: some have a comma or a dot in them. */
static size_t
atom_len(struct span s)
{
	struct word w;
	size_t n = 0;
	if (word_at(s, &w)) {
		while (n < w.n && !lex_is_blank(s.p[n]))
			n++;
		if (n == w.n)
			return n;
	}
	n = 0;
	while (n < s.n && is_atom_char(s.p[n]))
		n++;
	return n;
}

static void
put_word(struct parser *p, struct span text, bool is_quoted, bool is_apart)
{
	if (is_apart && p->phrase.len)
		buf_ch(&p->phrase, ' ');
	if (is_apart && !p->is_after_dot && !p->has_host) {
		buf_reset(&p->local);
		p->local_at = p->phrase.len;
	}
	size_t at = p->phrase.len;
	if (is_quoted)
		lex_unquote(&p->phrase, text);
	else
		buf_span(&p->phrase, text);
	if (!p->has_host)
		buf_span(&p->local, span_from(buf_as_span(&p->phrase), at));
	p->is_after_dot = false;
}

static void
put_dot(struct parser *p, bool is_apart)
{
	if (is_apart && p->phrase.len)
		buf_ch(&p->phrase, ' ');
	buf_ch(&p->phrase, '.');
	if (!p->has_host)
		buf_ch(&p->local, '.');
	p->is_after_dot = true;
}

/*
 * Takes a word or a dot, or passes an octet that is none.  is_apart: blanks or comments stood
 * before it.
 */
static void
take_word(struct parser *p, bool is_apart)
{
	struct span inner;
	size_t n = atom_len(p->lex.in);
	is_apart |= p->is_after_junk;
	p->is_after_junk = false;
	p->has_passed |= p->has_host; /* behind the domain */
	if (n)
		put_word(p, lex_take(&p->lex, n), false, is_apart);
	else if (lex_quoted(&p->lex, &inner))
		put_word(p, inner, true, is_apart);
	else if (lex_take(&p->lex, 1).p[0] == '.')
		put_dot(p, is_apart);
	else
		p->is_after_junk = p->has_passed = true;
}

/* A domain: atoms, dots, a literal; blanks only around dots.  The "@" is taken. */
static void
take_domain(struct parser *p)
{
	struct lex *l = &p->lex;
	bool is_dot_last = true;
	buf_reset(&p->host);
	p->has_host = true;
	while (l->in.n) {
		bool is_apart = lex_blanks(l, &p->comment);
		if (l->in.n == 0 || (is_apart && !is_dot_last && l->in.p[0] != '.'))
			break;
		char c = l->in.p[0];
		if (!is_atom_char(c) && c != '.' && c != '@' &&
		    !(c == ':' && p->host.len && p->host.p[0] == '['))
			break;
		buf_span(&p->host, lex_take(l, 1));
		is_dot_last = c == '.' || c == '@';
	}
}

static void
take_at(struct parser *p)
{
	lex_take(&p->lex, 1);
	p->has_passed |= p->has_host;
	if (p->has_host)
		return; /* a second one, behind a blank */
	take_domain(p);
	/* "a@b <a@b>": then it was the name */
	buf_ch(&p->phrase, '@');
	buf_span(&p->phrase, buf_as_span(&p->host));
}

/* ---- the angle address ---- */

/*
 * "@a,@b:" before the local part (RFC 5322 4.4), blanks dropped.  Taken only when its colon is
 * there.
 */
static void
take_route(struct parser *p)
{
	struct span in = p->lex.in;
	size_t end = 0;
	while (end < in.n && in.p[end] != ':' && in.p[end] != '>' && in.p[end] != '<')
		end++;
	if (end == in.n || in.p[end] != ':')
		return;
	for (size_t i = 0; i < end; i++)
		if (!lex_is_blank(in.p[i]))
			buf_ch(&p->adl, in.p[i]);
	lex_take(&p->lex, end + 1);
}

/* The "<" is taken; up to its ">", or a comma where that is missing. */
static void
take_angle(struct parser *p)
{
	struct lex *l = &p->lex;
	/* own: what stood before is the name, whatever stands in here */
	struct buf phrase = p->phrase;
	p->phrase = (struct buf){.max = phrase.max};
	buf_reset(&p->local);
	buf_reset(&p->host);
	p->has_host = p->is_after_dot = p->has_passed = false;
	p->has_angle = true;
	lex_blanks(l, &p->comment);
	if (l->in.n && l->in.p[0] == '@')
		take_route(p);
	while (l->in.n) {
		bool is_apart = lex_blanks(l, &p->comment);
		char c = l->in.n ? l->in.p[0] : '>';
		if (c == '>' || c == ',' || c == ';')
			break;
		if (is_apart && p->local.len && !p->is_after_dot && c != '.' &&
		    c != '@')
			buf_ch(&p->local, ' ');
		p->is_after_junk = false;
		if (c == '@')
			take_at(p);
		else
			take_word(p, false);
	}
	if (l->in.n && l->in.p[0] == '>')
		lex_take(l, 1);
	else
		p->has_passed = true;
	buf_free(&p->phrase);
	p->phrase = phrase;
}

/* ---- the list ---- */

/* Behind a ">": all up to the next separator is passed over, but for a comment. */
static void
pass_rest(struct parser *p)
{
	struct lex *l = &p->lex;
	struct span inner;
	while (lex_blanks(l, &p->comment), l->in.n) {
		char c = l->in.p[0];
		if (c == ',' || c == ';' || c == '<')
			return;
		p->has_passed = true;
		if (!lex_quoted(l, &inner))
			lex_take(l, 1);
	}
}

static void
take_colon(struct parser *p)
{
	lex_take(&p->lex, 1);
	if (p->phrase.len && !p->group_end && !p->has_host && !p->has_angle)
		group_begin(p);
	else
		p->has_passed = true;
}

static void
take_less(struct parser *p)
{
	if (p->has_angle)
		finish(p); /* its comma is missing */
	lex_take(&p->lex, 1);
	take_angle(p);
	pass_rest(p);
}

static void
take_separator(struct parser *p)
{
	bool is_group_end = lex_take(&p->lex, 1).p[0] == ';';
	finish(p);
	if (is_group_end)
		group_end(p);
}

static void
take_all(struct parser *p)
{
	while (!p->is_full) {
		bool is_apart = lex_blanks(&p->lex, &p->comment);
		char c = p->lex.in.n ? p->lex.in.p[0] : '\0';
		if (p->lex.in.n == 0)
			break;
		if (c == ',' || c == ';')
			take_separator(p);
		else if (c == ':')
			take_colon(p);
		else if (c == '<')
			take_less(p);
		else if (c == '@')
			take_at(p);
		else
			take_word(p, is_apart);
	}
	finish(p);
	group_end(p);
}

struct address *
address_parse(struct span value, struct arena *arena)
{
	struct address *first = NULL;
	struct parser p = {
	    .lex = {.in = value}, .arena = arena, .tail = &first, .begin = value.p};
	take_all(&p);
	buf_free(&p.phrase);
	buf_free(&p.local);
	buf_free(&p.host);
	buf_free(&p.adl);
	return first;
}

/* ---- written ---- */

/* RFC 5322 3.2.3; octets past ASCII are atext too (RFC 6532 3.2) */
static bool
is_dot_atom(struct span s)
{
	bool is_after_dot = true;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_dot = c == '.';
		if (is_dot ? is_after_dot
			   : !is_atom_char(c) || ch_ctl(c) ||
				 span_find(SPAN("[]\\"), c) < 3)
			return false;
		is_after_dot = is_dot;
	}
	return !is_after_dot;
}

void
address_put(struct buf *out, const struct address *a)
{
	if (a->mailbox.n == 0 && a->host.n == 0)
		return;
	if (is_dot_atom(a->mailbox)) {
		buf_span(out, a->mailbox);
	} else {
		buf_ch(out, '"');
		for (size_t i = 0; i < a->mailbox.n; i++) {
			if (a->mailbox.p[i] == '"' || a->mailbox.p[i] == '\\')
				buf_ch(out, '\\');
			buf_ch(out, a->mailbox.p[i]);
		}
		buf_ch(out, '"');
	}
	if (a->host.n) {
		buf_ch(out, '@');
		buf_span(out, a->host);
	}
}
