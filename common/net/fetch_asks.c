/* SPDX-License-Identifier: ISC */
/* fetch_asks.c - what is asked of the process that fetches, and answered, as bytes. */
#include "net/fetch.h"

const char *
fetch_status_name(enum fetch_status status)
{
	static const char *const names[] = {[FETCH_OK] = "ok",
	    [FETCH_UNREACHABLE] = "unreachable",
	    [FETCH_UNTRUSTED] = "untrusted",
	    [FETCH_REFUSED] = "refused",
	    [FETCH_NO_TEXT] = "no_text",
	    [FETCH_TOO_LARGE] = "too_large"};
	return status < COUNT(names) ? names[status] : "?";
}

/*
 * A path that needs nothing escaped and hides nothing: visible characters, without query or
 * fragment.
 */
static bool
path_ok(struct span path)
{
	for (size_t i = 0; i < path.n; i++)
		if (!ch_alnum(path.p[i]) && path.p[i] != '/' && path.p[i] != '-' &&
		    path.p[i] != '_' && path.p[i] != '.')
			return false;
	return path.n > 0 && path.n <= FETCH_PATH_MAX && path.p[0] == '/' &&
	       span_search(path, SPAN("..")) == path.n;
}

bool
fetch_post_path_ok(struct span path)
{
	struct span others = SPAN("/-_.~?&=%:@!$'()*+,;");
	for (size_t i = 0; i < path.n; i++)
		if (!ch_alnum(path.p[i]) && span_find(others, path.p[i]) == others.n)
			return false;
	return path.n > 0 && path.n <= FETCH_PATH_MAX &&
	       (path.p[0] == '/' || path.p[0] == '?');
}

/* "application/json": what a header field holds as it is */
static bool
type_ok(struct span type)
{
	for (size_t i = 0; i < type.n; i++)
		if (!ch_alnum(type.p[i]) && type.p[i] != '/' && type.p[i] != '+' &&
		    type.p[i] != '-' && type.p[i] != '.')
			return false;
	return type.n > 0 && type.n <= FETCH_TYPE_MAX;
}

/* "Basic dTpw": visible characters and blanks */
static bool
authorization_ok(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

enum fetch_asks
fetch_question_kind(const struct fetch_question *q)
{
	return q->authorization.n ? FETCH_ASK : q->type.n ? FETCH_POST : FETCH_GET;
}

static void
add_addresses(struct fetch_question *q, const struct dns_answer *a)
{
	for (size_t i = 0; i < a->n_records && q->n_addresses < FETCH_ADDRESSES_MAX;
	     i++)
		q->addresses[q->n_addresses++] = a->records[i].data;
}

void
fetch_question_add(
    struct fetch_question *q, const struct dns_answer *a, const struct dns_answer *aaaa)
{
	add_addresses(q, aaaa);
	/* both kinds have a chance */
	if (a->n_records && q->n_addresses > FETCH_ADDRESSES_MAX / 2)
		q->n_addresses = FETCH_ADDRESSES_MAX / 2;
	add_addresses(q, a);
}

void
fetch_question_put(struct buf *b, const struct fetch_question *q)
{
	buf_bytes(b, q->host);
	buf_bytes(b, q->path);
	buf_u8(b, (uint8_t)q->n_addresses);
	for (size_t i = 0; i < q->n_addresses; i++)
		buf_bytes(b, q->addresses[i]);
	if (fetch_question_kind(q) != FETCH_GET) {
		buf_bytes(b, q->type);
		buf_bytes(b, q->body);
	}
	if (fetch_question_kind(q) == FETCH_ASK)
		buf_bytes(b, q->authorization);
}

int
fetch_question_get(struct rd *r, enum fetch_asks kind, struct fetch_question *out)
{
	*out = (struct fetch_question){
	    .host = rd_str(r, DNS_NAME_MAX), .path = rd_str(r, FETCH_PATH_MAX)};
	uint8_t n = rd_u8(r);
	bool is_path =
	    kind == FETCH_GET ? path_ok(out->path) : fetch_post_path_ok(out->path);
	if (r->err != E_OK || n == 0 || n > FETCH_ADDRESSES_MAX ||
	    !dns_name_ok(out->host) || !is_path)
		return E_BAD;
	for (; out->n_addresses < n; out->n_addresses++) {
		struct span a = rd_str(r, 16);
		if (a.n != 4 && a.n != 16)
			return E_BAD;
		out->addresses[out->n_addresses] = a;
	}
	if (kind != FETCH_GET) {
		out->type = rd_str(r, FETCH_TYPE_MAX);
		out->body = rd_str(r, FETCH_BODY_MAX);
		if (r->err == E_OK && !type_ok(out->type))
			return E_BAD;
	}
	if (kind == FETCH_ASK) {
		out->authorization = rd_str(r, FETCH_AUTHORIZATION_MAX);
		if (r->err == E_OK && !authorization_ok(out->authorization))
			return E_BAD;
	}
	return rd_end(r);
}

void
fetch_answer_put(struct buf *b, const struct fetch_answer *a)
{
	buf_u8(b, (uint8_t)a->status);
	buf_u16(b, a->http_status);
	buf_bytes(b, span_head(a->why, FETCH_WHY_MAX));
	buf_bytes(b, a->body);
}

int
fetch_answer_get(struct rd *r, struct arena *arena, struct fetch_answer *out)
{
	uint8_t status = rd_u8(r);
	*out = (struct fetch_answer){.status = status, .http_status = rd_u16(r)};
	out->why = rd_copy(r, FETCH_WHY_MAX, arena);
	out->body = rd_copy(r, FETCH_BODY_MAX, arena);
	if (status > FETCH_TOO_LARGE || (out->body.n && status != FETCH_OK))
		return E_BAD;
	return rd_end(r);
}
