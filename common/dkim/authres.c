/* SPDX-License-Identifier: ISC */
/* authres.c - Authentication-Results, written and read; RFC 8601. */
#include "dkim/authres.h"

#include <string.h>

#include "mime/header.h"
#include "mime/lex.h"

enum { TAB_COLUMNS = 8, VERSION_MOST = 1000 };

static const struct span cut_mark = {"...", 3};

/* ---- written ---- */

void
authres_done(struct authres *a)
{
	buf_free(&a->text);
	*a = (struct authres){0};
}

/* Words go behind a blank, on a line of their own where this one is full. */
static void
put_word(struct authres *a, struct span word)
{
	bool is_full = a->column + 1 + word.n > AUTHRES_LINE_BEST;
	buf_str(&a->text, is_full ? "\r\n\t" : " ");
	buf_span(&a->text, word);
	a->column = (is_full ? TAB_COLUMNS : a->column + 1) + word.n;
}

static bool
is_token_char(char c)
{
	return c > ' ' && c <= '~' && !strchr("()<>@,;:\\\"/[]?=", c);
}

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char(s.p[i]))
			return false;
	return s.n > 0;
}

/* A token, or an address of tokens: "[[local-part]@]domain-name" (2.2). */
static bool
is_bare(struct span s)
{
	size_t at = span_find(s, '@');
	return at < s.n ? (at == 0 || is_token(span_head(s, at))) &&
	                      is_token(span_from(s, at + 1))
	                : is_token(s);
}

/* At most n octets of s, and never half a character. */
static struct span
shorten(struct span s, size_t n)
{
	if (s.n <= n)
		return s;
	while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return span_head(s, n);
}

/* Text as it may stand between quotes or parentheses; escaped: what needs a backslash. */
static void
put_text(struct buf *out, struct span s, const char *escaped, bool has_utf8)
{
	bool is_plain = span_is_ascii(s) || (has_utf8 && utf8_valid(s));
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (ch_ctl(c) || (!is_plain && (unsigned char)c > '~'))
			c = '?';
		else if (strchr(escaped, c))
			buf_ch(out, '\\');
		buf_ch(out, c);
	}
}

static void
put_quoted(struct buf *out, struct span s, size_t most, bool has_utf8)
{
	struct span head = shorten(s, most);
	buf_ch(out, '"');
	put_text(out, head, "\"\\", has_utf8);
	if (head.n < s.n)
		buf_span(out, cut_mark);
	buf_ch(out, '"');
}

static void
put_pair(struct authres *a, const char *name, struct span value, size_t most)
{
	struct buf word = {0};
	buf_str(&word, name);
	buf_ch(&word, '=');
	if (value.n <= most && is_bare(value))
		buf_span(&word, value);
	else
		put_quoted(&word, value, most, a->has_utf8);
	put_word(a, buf_as_span(&word));
	buf_free(&word);
}

/* A result that found no room goes as a whole; true: there is room for more. */
static bool
has_room(struct authres *a)
{
	if (buf_done(&a->text) != E_OK) {
		a->is_full = true;
		a->text.err = E_OK;
		buf_cut(&a->text, a->at);
	}
	return !a->is_full;
}

void
authres_result(struct authres *a, const char *method, const char *result)
{
	a->text.max = AUTHRES_BYTES_MAX;
	if (!has_room(a))
		return;
	a->at = a->text.len;
	buf_putf(&a->text, ";\r\n\t%s=%s", method, result);
	a->column = TAB_COLUMNS + strlen(method) + 1 + strlen(result);
	(void)has_room(a);
}

void
authres_comment(struct authres *a, struct span text)
{
	struct buf escaped = {0};
	struct span head = shorten(span_trim(text), AUTHRES_COMMENT_MAX);
	if (head.n == 0 || a->is_full)
		return;
	buf_ch(&escaped, '(');
	put_text(&escaped, head, "()\\", a->has_utf8);
	if (head.n < span_trim(text).n)
		buf_span(&escaped, cut_mark);
	buf_ch(&escaped, ')');
	struct span rest = buf_as_span(&escaped);
	while (rest.n) {
		struct span word = span_cut(&rest, ' ');
		if (word.n) /* or a line could be all blank */
			put_word(a, word);
	}
	buf_free(&escaped);
	(void)has_room(a);
}

void
authres_reason(struct authres *a, struct span text)
{
	if (a->is_full)
		return;
	put_pair(a, "reason", text, AUTHRES_COMMENT_MAX);
	(void)has_room(a);
}

void
authres_prop(struct authres *a, const char *name, struct span value)
{
	if (a->is_full)
		return;
	put_pair(a, name, value, AUTHRES_VALUE_MAX);
	(void)has_room(a);
}

void
authres_put(
    const struct authres *a, struct span head, struct span server, struct buf *out)
{
	buf_span(out, head);
	buf_ch(out, ' ');
	if (server.n <= AUTHRES_VALUE_MAX && is_token(server))
		buf_span(out, server);
	else
		put_quoted(out, server, AUTHRES_VALUE_MAX, a->has_utf8);
	if (a->text.len)
		buf_span(out, buf_as_span(&a->text));
	else
		buf_str(out, "; none");
	buf_str(out, "\r\n");
}

/* ---- read ---- */

static bool
is_keyword_char(char c)
{
	return ch_alnum(c) || c == '-' || c == '_';
}

/* A run of what is_in says; empty when there is none.  Blanks before it are passed. */
static struct span
take_run(struct lex *l, bool (*is_in)(char))
{
	size_t n = 0;
	(void)lex_blanks(l, NULL);
	while (n < l->in.n && is_in(l->in.p[n]))
		n++;
	return lex_take(l, n);
}

static bool
take_char(struct lex *l, char c)
{
	(void)lex_blanks(l, NULL);
	return span_take(&l->in, c);
}

/* Octets of a name in UTF-8 are as good as letters (RFC 6532). */
static bool
is_value_char(char c)
{
	return is_token_char(c) || (unsigned char)c > 0x7F;
}

/* What pvalue has beside tokens: an "@", and what people write without quotes in header.b. */
static bool
is_pvalue_char(char c)
{
	return is_value_char(c) || (c && strchr("@/:=?<>", c));
}

static bool
take_value(struct lex *l, bool (*is_in)(char), struct arena *arena, struct span *out)
{
	struct span inner;
	(void)lex_blanks(l, NULL);
	if (lex_quoted(l, &inner)) {
		struct buf plain = {0};
		lex_unquote(&plain, inner);
		*out = arena_span(arena, buf_as_span(&plain));
		buf_free(&plain);
		if (l->in.n == 0 || l->in.p[0] != '@')
			return true;
		/* "a b"@example.com: its quotes do not matter to who reads the domain */
		struct buf whole = {0};
		buf_span(&whole, *out);
		buf_span(&whole, take_run(l, is_in));
		*out = arena_span(arena, buf_as_span(&whole));
		buf_free(&whole);
		return true;
	}
	*out = take_run(l, is_in);
	return out->n > 0;
}

static bool
is_at_end(struct lex *l)
{
	(void)lex_blanks(l, NULL);
	return l->in.n == 0;
}

int
authres_open(struct span value, struct arena *arena, struct authres_reader *out)
{
	struct lex l = {.in = value};
	uint64_t version = 1;
	*out = (struct authres_reader){.arena = arena};
	if (!take_value(&l, is_value_char, arena, &out->server) || out->server.n == 0)
		return E_BAD;
	struct span digits = take_run(&l, ch_digit);
	if (digits.n && span_u64(digits, VERSION_MOST, &version) != E_OK)
		return E_BAD;
	if (!is_at_end(&l) && l.in.p[0] != ';')
		return E_BAD;
	out->version = (uint32_t)version;
	out->rest = l.in;
	return E_OK;
}

/* method [ "/" version ] "=" result */
static bool
take_method(struct lex *l, struct authres_read *out)
{
	out->method = take_run(l, is_keyword_char);
	if (out->method.n == 0)
		return false;
	if (take_char(l, '/') && take_run(l, ch_digit).n == 0)
		return false;
	if (!take_char(l, '='))
		return false;
	out->result = take_run(l, is_keyword_char);
	return out->result.n > 0;
}

/* "reason=..." or "type.name=..." */
static bool
take_spec(struct lex *l, struct arena *arena, struct authres_read *out)
{
	struct authres_property p = {0};
	p.type = take_run(l, is_keyword_char);
	bool is_reason = span_ieqs(p.type, "reason") && take_char(l, '=');
	if (is_reason)
		return take_value(l, is_pvalue_char, arena, &out->reason);
	if (p.type.n == 0 || !take_char(l, '.'))
		return false;
	p.name = take_run(l, is_keyword_char);
	if (p.name.n == 0 || !take_char(l, '='))
		return false;
	/* an empty one is not in the grammar, and often in the field */
	if (!take_value(l, is_pvalue_char, arena, &p.value) && !is_at_end(l) &&
	    l->in.p[0] != ';')
		return false;
	if (out->n_props < AUTHRES_PROPS_MAX)
		out->props[out->n_props++] = p;
	return true;
}

int
authres_next(struct authres_reader *r, struct authres_read *out)
{
	struct lex l = {.in = r->rest};
	*out = (struct authres_read){0};
	r->rest = (struct span){0};
	if (is_at_end(&l))
		return E_MORE;
	if (!take_char(&l, ';'))
		return E_BAD;
	if (is_at_end(&l)) /* one behind the last */
		return E_MORE;
	struct lex none = l;
	if (span_ieqs(take_run(&none, is_keyword_char), "none") && is_at_end(&none))
		return E_MORE;
	if (!take_method(&l, out))
		return E_BAD;
	while (!is_at_end(&l) && l.in.p[0] != ';')
		if (!take_spec(&l, r->arena, out))
			return E_BAD;
	r->rest = l.in;
	return E_OK;
}

struct span
authres_property(const struct authres_read *r, const char *type, const char *name)
{
	for (size_t i = 0; i < r->n_props; i++)
		if (span_ieqs(r->props[i].type, type) &&
		    span_ieqs(r->props[i].name, name))
			return r->props[i].value;
	return (struct span){0};
}

/* ---- fields that claim to be ours ---- */

static struct span
without_last_dot(struct span s)
{
	return s.n && s.p[s.n - 1] == '.' ? span_head(s, s.n - 1) : s;
}

/* otherwise: of one whose authserv-id cannot be told */
static bool
is_named(struct span value, struct span server, bool otherwise)
{
	struct arena arena = {0};
	struct authres_reader r;
	bool is = authres_open(value, &arena, &r) == E_OK
	              ? span_ieq(without_last_dot(r.server), without_last_dot(server))
	              : otherwise;
	arena_reset(&arena);
	return is;
}

int
authres_claim_next(struct span *head, struct span server, struct span *whole)
{
	struct header_field f;
	while (header_next(head, &f) == E_OK)
		if (span_ieqs(f.name, AUTHRES_FIELD_NAME) &&
		    is_named(f.value, server, true)) {
			*whole = f.whole;
			return E_OK;
		}
	return E_MORE;
}

int
authres_ours(struct span head, struct span server, struct span *value)
{
	struct header_field f;
	int err = E_MORE;
	while (header_next(&head, &f) == E_OK && !span_ieqs(f.name, "Received"))
		if (span_ieqs(f.name, AUTHRES_FIELD_NAME) &&
		    is_named(f.value, server, false)) {
			*value = f.value;
			err = E_OK;
		}
	return err;
}
