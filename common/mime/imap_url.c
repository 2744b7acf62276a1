/* SPDX-License-Identifier: ISC */
/* imap_url.c - IMAP URLs taken apart: RFC 5092 11. */
#include "mime/imap_url.h"

#include <string.h>

/* The parameters, in the order in which they may stand. */
enum param { P_UIDVALIDITY, P_UID, P_SECTION, P_PARTIAL, P_EXPIRE, P_URLAUTH, PARAMS };

/* is_level: "/" stands before its ";" */
static const struct {
	const char *name;
	bool is_level;
} params[PARAMS] = {
    [P_UIDVALIDITY] = {"UIDVALIDITY=", false},
    [P_UID] = {"UID=", true},
    [P_SECTION] = {"SECTION=", true},
    [P_PARTIAL] = {"PARTIAL=", true},
    [P_EXPIRE] = {"EXPIRE=", false},
    [P_URLAUTH] = {"URLAUTH=", false},
};

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* bchar, with "%" */
static bool
is_url_char(char c)
{
	return is_alnum(c) || (c && strchr("-._~!$'()*+,&=:@/%", c));
}

static bool
has_only_url_chars(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_url_char(s.p[i]))
			return false;
	return true;
}

static int
hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
decode(struct span s, struct arena *arena, struct span *out)
{
	size_t n = 0;
	*out = s;
	if (!has_only_url_chars(s))
		return E_BAD;
	if (span_find(s, '%') == s.n)
		return E_OK;
	char *to = arena_get(arena, s.n);
	if (!to)
		return E_LIMIT;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			to[n++] = s.p[i];
			continue;
		}
		int high = s.n - i > 2 ? hex_of(s.p[i + 1]) : -1,
		    low = s.n - i > 2 ? hex_of(s.p[i + 2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return E_BAD;
		to[n++] = (char)(high << 4 | low);
		i += 2;
	}
	*out = span_make(to, n);
	return E_OK;
}

static int
number(struct span s, uint64_t most, uint64_t *out)
{
	*out = 0;
	if (s.n == 0)
		return E_BAD;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');
		if (digit > 9 || *out > (most - digit) / 10)
			return E_BAD;
		*out = 10 * *out + digit;
	}
	return E_OK;
}

static int
nz_number32(struct span s, uint32_t *out)
{
	uint64_t n;
	int err = number(s, UINT32_MAX, &n);
	*out = err == E_OK ? (uint32_t)n : 0;
	return err == E_OK && n ? E_OK : E_BAD;
}

/* ---- values ---- */

/* "0.1024", or "512" */
static int
partial_of(struct span s, struct imap_url *out)
{
	size_t dot = span_find(s, '.');
	bool has_octets = dot < s.n;
	out->has_partial = true;
	int err = number(span_head(s, dot), INT64_MAX, &out->from);
	if (err == E_OK && has_octets)
		err = number(span_from(s, dot + 1), INT64_MAX, &out->octets);
	return err == E_OK && has_octets && out->octets == 0 ? E_BAD : err;
}

static int
user_of(struct span s, struct arena *arena, struct imap_url *out)
{
	int err = decode(s, arena, &out->access_user);
	return err == E_OK && s.n == 0 ? E_BAD : err;
}

static int
access_of(struct span s, struct arena *arena, struct imap_url *out)
{
	static const struct span submit = {"submit+", 7}, user = {"user+", 5};
	if (span_istarts(s, submit)) {
		out->access = URL_SUBMIT;
		return user_of(span_from(s, submit.n), arena, out);
	}
	if (span_istarts(s, user)) {
		out->access = URL_USER;
		return user_of(span_from(s, user.n), arena, out);
	}
	out->access = span_ieqs(s, "authuser")    ? URL_AUTHUSER
	              : span_ieqs(s, "anonymous") ? URL_ANONYMOUS
	                                          : URL_NO_ACCESS;
	return out->access == URL_NO_ACCESS ? E_BAD : E_OK;
}

/* access [":" mechanism ":" token]; the whole URL ends here */
static int
urlauth_of(struct span s, struct span url, struct arena *arena, struct imap_url *out)
{
	size_t colon = span_find(s, ':');
	struct span verifier = span_from(s, colon + 1);
	out->rump = span_head(url, url.n - (s.n - colon));
	if (colon < s.n) {
		size_t second = span_find(verifier, ':');
		out->mechanism = span_head(verifier, second);
		out->token = span_from(verifier, second + 1);
		if (out->mechanism.n == 0 || out->token.n == 0 ||
		    !has_only_url_chars(out->mechanism))
			return E_BAD;
		for (size_t i = 0; i < out->token.n; i++)
			if (hex_of(out->token.p[i]) < 0)
				return E_BAD;
	}
	return access_of(span_head(s, colon), arena, out);
}

static int
value_of(enum param param, struct span s, struct span url, struct arena *arena,
    struct imap_url *out)
{
	int err = E_OK;
	switch (param) {
	case P_UIDVALIDITY:
		return nz_number32(s, &out->uidvalidity);
	case P_UID:
		return nz_number32(s, &out->uid);
	case P_SECTION:
		err = decode(s, arena, &out->section);
		return err == E_OK && s.n == 0 ? E_BAD : err;
	case P_PARTIAL:
		return partial_of(s, out);
	case P_EXPIRE:
		out->expire = s;
		return s.n && has_only_url_chars(s) ? E_OK : E_BAD;
	case P_URLAUTH:
		return urlauth_of(s, url, arena, out);
	case PARAMS:
		break;
	}
	return E_BAD;
}

/* ---- the whole ---- */

static enum param
param_of(struct span in)
{
	for (enum param i = 0; i < PARAMS; i++)
		if (span_istarts(in, span_of(params[i].name)))
			return i;
	return PARAMS;
}

/* in begins behind a mailbox, at ";": each parameter at most once, in their order. */
static int
params_of(struct span in, bool is_level, struct span url, struct arena *arena,
    struct imap_url *out)
{
	enum param least = P_UIDVALIDITY;
	bool is_first = true;
	while (in.n) {
		in = span_from(in, 1);
		enum param param = param_of(in);
		if (param == PARAMS || param < least)
			return E_BAD;
		bool may_stand = params[param].is_level == is_level;
		if (!may_stand && !(is_first && out->is_relative && param != P_URLAUTH))
			return E_BAD;
		in = span_from(in, strlen(params[param].name));
		size_t end = span_find(in, ';');
		struct span value = span_head(in, end);
		/* of a URL with a list of messages */
		is_level = end < in.n && span_ends(value, SPAN("/"));
		if (is_level)
			value = span_head(value, value.n - 1);
		int err = value_of(param, value, url, arena, out);
		if (err != E_OK)
			return err;
		in = span_from(in, end);
		least = param + 1;
		is_first = false;
	}
	return E_OK;
}

/* "user;AUTH=*@host:143" */
static int
server_of(struct span s, struct arena *arena, struct imap_url *out)
{
	size_t at = span_rfind(s, '@');
	struct span info = span_head(s, at < s.n ? at : 0);
	out->host = at < s.n ? span_from(s, at + 1) : s;
	out->is_absolute = true;
	size_t semi = span_find(info, ';');
	if (semi < info.n) {
		struct span auth = span_from(info, semi + 1);
		if (!span_istarts(auth, SPAN("AUTH=")) || auth.n == 5)
			return E_BAD;
		out->auth = span_from(auth, 5);
	}
	for (size_t i = 0; i < out->host.n; i++)
		if (!is_alnum(out->host.p[i]) && !strchr("-._~:[]", out->host.p[i]))
			return E_BAD;
	if (out->host.n == 0 || span_find(info, '/') < info.n)
		return E_BAD;
	return decode(span_head(info, semi), arena, &out->user);
}

static int
path_of(struct span in, struct span url, struct arena *arena, struct imap_url *out)
{
	size_t question = span_find(in, '?');
	out->has_search = question < in.n;
	in = span_head(in, question);
	size_t semi = span_find(in, ';');
	struct span mailbox = span_head(in, semi);
	bool is_level = semi < in.n && span_ends(mailbox, SPAN("/"));
	if (is_level)
		mailbox = span_head(mailbox, mailbox.n - 1);
	int err = decode(mailbox, arena, &out->mailbox);
	if (err == E_OK)
		err = params_of(span_from(in, semi), is_level, url, arena, out);
	if (err != E_OK)
		return err;
	bool is_message = out->uid != 0, is_part = out->section.n || out->has_partial;
	if (out->has_search && (is_message || out->mailbox.n == 0))
		return E_BAD;
	if (!out->is_relative && is_part && !is_message)
		return E_BAD;
	if (!out->is_relative && out->mailbox.n == 0 &&
	    (is_message || out->uidvalidity))
		return E_BAD;
	return out->access != URL_NO_ACCESS && !is_message ? E_BAD : E_OK;
}

int
imap_url_parse(struct span text, struct arena *arena, struct imap_url *out)
{
	struct span in = text;
	*out = (struct imap_url){.is_absolute = false};
	if (text.n > IMAP_URL_MAX)
		return E_LIMIT;
	bool has_scheme = span_istarts(in, SPAN("imap:"));
	if (has_scheme)
		in = span_from(in, 5);
	if (span_istarts(in, SPAN("//"))) {
		in = span_from(in, 2);
		size_t slash = span_find(in, '/');
		int err = server_of(span_head(in, slash), arena, out);
		if (err != E_OK)
			return err;
		return path_of(span_from(in, slash + 1), text, arena, out);
	}
	if (has_scheme)
		return E_BAD;
	if (span_istarts(in, SPAN("/")))
		return path_of(span_from(in, 1), text, arena, out);
	/* RFC 3986 4.2: what stands before a ":" would be a scheme */
	if (span_find(in, ':') < span_find(in, '/'))
		return E_BAD;
	out->is_relative = span_istarts(in, SPAN(";"));
	return path_of(in, text, arena, out);
}
