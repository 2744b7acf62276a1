/* SPDX-License-Identifier: ISC */
/* tlsrpt.c - records of who wants reports on TLS, RFC 8460 3. */
#include "net/tlsrpt.h"

#include "net/fetch.h"
#include "net/txt.h"

enum { LOCAL_MAX = 64 };

/* ---- mailto: ---- */

/* RFC 3986 2.1.  E_OK, E_BAD, E_LIMIT */
static int
percent_decode(struct span in, struct arena *arena, struct span *out)
{
	char *to = arena_get(arena, in.n + 1);
	size_t n = 0;
	if (!to)
		return E_LIMIT;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '%') {
			to[n++] = in.p[i];
			continue;
		}
		if (i + 2 >= in.n || ch_hex(in.p[i + 1]) < 0 || ch_hex(in.p[i + 2]) < 0)
			return E_BAD;
		to[n++] = (char)(ch_hex(in.p[i + 1]) << 4 | ch_hex(in.p[i + 2]));
		i += 2;
	}
	*out = span_make(to, n);
	return E_OK;
}

/* dot-atom-text, RFC 5322 3.2.3: what a header field and a command can hold as it is */
static bool
is_dot_atom(struct span s)
{
	struct span others = SPAN("!#$%&'*+-/=?^_`{|}~");
	for (size_t i = 0; i < s.n; i++) {
		bool is_dot = s.p[i] == '.';
		if (is_dot && (i == 0 || i + 1 == s.n || s.p[i - 1] == '.'))
			return false;
		if (!is_dot && !ch_alnum(s.p[i]) &&
		    span_find(others, s.p[i]) == others.n)
			return false;
	}
	return s.n > 0 && s.n <= LOCAL_MAX;
}

static int
mailto_parse(struct span s, struct arena *arena, struct tlsrpt_target *out)
{
	int err = percent_decode(span_head(s, span_find(s, '?')), arena, &out->address);
	if (err != E_OK)
		return err;
	struct span a = out->address;
	size_t at = span_rfind(a, '@');
	bool is_good = at < a.n && a.n <= TLSRPT_ADDRESS_MAX &&
	               is_dot_atom(span_head(a, at)) &&
	               dns_name_ok(span_from(a, at + 1));
	return is_good ? E_OK : E_BAD;
}

/* ---- https: ---- */

static int
https_parse(struct span s, struct tlsrpt_target *out)
{
	size_t slash = span_find(s, '/'), query = span_find(s, '?');
	size_t end = query < slash ? query : slash;
	struct span authority = span_head(s, end), port = authority;
	uint32_t number = TLSRPT_PORT;
	out->path = end < s.n ? span_from(s, end) : SPAN("/");
	out->host = span_cut(&port, ':');
	if (out->host.n < authority.n &&
	    (span_u32(port, &number) != E_OK || number != TLSRPT_PORT))
		return E_BAD;
	return dns_name_ok(out->host) && fetch_post_path_ok(out->path) ? E_OK : E_BAD;
}

/* ---- the record ---- */

static int
target_parse(struct span uri, struct arena *arena, struct tlsrpt_target *out)
{
	*out = (struct tlsrpt_target){0};
	if (span_istarts(uri, SPAN("mailto:")))
		return mailto_parse(span_from(uri, 7), arena, out);
	return span_istarts(uri, SPAN("https://")) ? https_parse(span_from(uri, 8), out)
	                                           : E_BAD;
}

/* tlsrpt-rua: URIs, in which "," "!" and ";" are escaped */
static int
rua_parse(struct span value, struct arena *arena, struct tlsrpt_record *out)
{
	while (value.n && out->n < TLSRPT_TARGETS_MAX) {
		int err = target_parse(
		    span_trim(span_cut(&value, ',')), arena, &out->targets[out->n]);
		if (err == E_LIMIT)
			return err;
		out->n += err == E_OK;
	}
	return E_OK;
}

int
tlsrpt_record(const struct dns_record *txt, size_t n, struct arena *arena,
    struct tlsrpt_record *out)
{
	struct span fields, name, value;
	int err = txt_fields(txt, n, "v=TLSRPTv1", &fields);
	*out = (struct tlsrpt_record){.n = 0};
	while (err == E_OK && (err = txt_field_next(&fields, &name, &value)) == E_OK)
		if (span_eqs(name, "rua"))
			err = rua_parse(value, arena, out);
	if (err == E_MORE)
		err = out->n ? E_OK : E_BAD;
	return err;
}
