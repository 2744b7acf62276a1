/* SPDX-License-Identifier: ISC */
/* path.c - what stands between MAIL FROM: or RCPT TO: and the end of the line. */
#include "smtpd/path.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/clock.h"
#include "mime/idn.h"
#include "spool/dsn.h"

enum { LITERAL_MAX = 64, LABEL_MAX = 63, HOLDFOR_DIGITS_MAX = 9 };

static bool
is_high(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool
is_atext(char c)
{
	return ch_alnum(c) || is_high(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Dot-string: atoms with single dots between them.  Its length, or 0. */
static size_t
dot_string(struct span s)
{
	size_t n = 0;
	bool is_atom = false;
	for (; n < s.n && (is_atext(s.p[n]) || (s.p[n] == '.' && is_atom)); n++)
		is_atom = s.p[n] != '.';
	return is_atom ? n : 0;
}

/*
 * Quoted-string with its quotes.  Its length, or 0.  HTAB and controls are not in qtextSMTP; what
 * follows a backslash is printable ASCII.
 */
static size_t
quoted_string(struct span s)
{
	size_t n = 1;
	for (; n < s.n && s.p[n] != '"'; n++) {
		if (s.p[n] == '\\' && (++n == s.n || is_high(s.p[n])))
			return 0;
		if (ch_ctl(s.p[n]))
			return 0;
	}
	return n < s.n ? n + 1 : 0;
}

/* Four numbers of one to three digits, up to 255; leading zeros are in the grammar. */
static bool
ipv4_valid(struct span s)
{
	for (unsigned i = 0; i < 4; i++) {
		struct span digits = i < 3 ? span_cut(&s, '.') : s;
		uint64_t number;
		if (digits.n == 0 || digits.n > 3 ||
		    span_u64(digits, 255, &number) != E_OK)
			return false;
	}
	return true;
}

static bool
ipv6_valid(struct span s)
{
	char text[LITERAL_MAX];
	unsigned char address[16];
	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, address) == 1;
}

/* General-address-literal: a tag like a label, a colon, and what is printable but no bracket. */
static bool
general_valid(struct span s)
{
	struct span content = s, tag = span_cut(&content, ':');
	if (tag.n == s.n || tag.n == 0 || content.n == 0 || tag.p[tag.n - 1] == '-')
		return false;
	for (size_t i = 0; i < tag.n; i++)
		if (!ch_alnum(tag.p[i]) && tag.p[i] != '-')
			return false;
	for (size_t i = 0; i < content.n; i++)
		if (ch_ctl(content.p[i]) || is_high(content.p[i]) ||
		    strchr(" [\\]", content.p[i]))
			return false;
	return true;
}

static bool
literal_valid(struct span content)
{
	if (span_istarts(content, SPAN("IPv6:")))
		return ipv6_valid(span_from(content, 5));
	return ipv4_valid(content) || general_valid(content);
}

/* Address literal with its brackets, RFC 5321 4.1.3.  Its length, or 0. */
static size_t
literal(struct span s)
{
	size_t end = span_find(s, ']');
	if (end == s.n)
		return 0;
	return literal_valid(span_head(span_from(s, 1), end - 1)) ? end + 1 : 0;
}

/* Domain: labels with single dots between them; '_' is met in practice.  Its length, or 0. */
static size_t
domain_name(struct span s)
{
	size_t n = 0, label = 0;
	char before = '.';
	bool is_ascii = true;
	for (; n < s.n; n++) {
		char c = s.p[n];
		if (c == '.' ? before == '.' || before == '-'
			     : !(ch_alnum(c) || is_high(c) || c == '_' ||
				   (c == '-' && before != '.')))
			break;
		before = c;
		is_ascii &= !is_high(c);
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX && is_ascii)
			return 0;
	}
	return before != '.' && before != '-' ? n : 0;
}

/* RFC 6531 3.3: U-labels are such as have A-labels.  E_OK, E_BAD, E_LIMIT (these are too long) */
static int
idn_check(struct span domain)
{
	struct buf ascii = {0};
	int err = span_is_ascii(domain) ? E_OK : idn_ascii(domain, &ascii);
	buf_free(&ascii);
	return err;
}

static size_t
domain_or_literal(struct span s)
{
	return s.n && s.p[0] == '[' ? literal(s) : domain_name(s);
}

/* "@a,@b:" in front of the mailbox.  E_OK (also when there is none), E_BAD */
static int
skip_route(struct span *s)
{
	if (!s->n || s->p[0] != '@')
		return E_OK;
	for (;;) {
		size_t n =
		    s->n && s->p[0] == '@' ? domain_or_literal(span_from(*s, 1)) : 0;
		if (n == 0 || n + 1 == s->n)
			return E_BAD;
		char after = s->p[n + 1];
		*s = span_from(*s, n + 2);
		if (after == ':')
			return E_OK;
		if (after != ',')
			return E_BAD;
	}
}

static int
mailbox_parse(struct span *s, struct path *out)
{
	out->is_quoted = s->n && s->p[0] == '"';
	size_t n = out->is_quoted ? quoted_string(*s) : dot_string(*s);
	if (n == 0)
		return E_BAD;
	out->local = span_head(*s, n);
	*s = span_from(*s, n);
	if (s->n && s->p[0] == '@') {
		n = domain_or_literal(span_from(*s, 1));
		if (n == 0)
			return E_BAD;
		out->domain = span_head(span_from(*s, 1), n);
		*s = span_from(*s, n + 1);
	}
	out->has_utf8 = !span_is_ascii(out->local) || !span_is_ascii(out->domain);
	return utf8_valid(out->local) && utf8_valid(out->domain) ? E_OK : E_BAD;
}

/* ---- quoted local parts: "a\b" and "ab" are the same, RFC 5321 4.1.2 ---- */

/* The next octet of what a quoted string stands for; s: behind its first quote. */
static bool
quoted_next(struct span *s, char *out)
{
	size_t at = s->n && s->p[0] == '\\' ? 1 : 0;
	if (s->n <= at || (!at && s->p[0] == '"'))
		return false;
	*out = s->p[at];
	*s = span_from(*s, at + 1);
	return true;
}

/* What a quoted string stands for is no Dot-string. */
static bool
needs_quotes(struct span local)
{
	struct span s = span_from(local, 1);
	bool is_atom = false;
	char c;
	while (quoted_next(&s, &c)) {
		if (!is_atext(c) && !(c == '.' && is_atom))
			return true;
		is_atom = c != '.';
	}
	return !is_atom;
}

static bool
needs_escape(char c)
{
	return c == '"' || c == '\\';
}

static size_t
local_length(const struct path *p)
{
	struct span s = span_from(p->local, 1);
	size_t n = 2;
	char c;
	if (!p->is_quoted)
		return p->local.n;
	bool is_needed = needs_quotes(p->local);
	while (quoted_next(&s, &c))
		n += is_needed && needs_escape(c) ? 2 : 1;
	return is_needed ? n : n - 2;
}

static void
local_put(struct buf *out, const struct path *p)
{
	struct span s = span_from(p->local, 1);
	char c;
	if (!p->is_quoted) {
		buf_span(out, p->local);
		return;
	}
	bool is_needed = needs_quotes(p->local);
	buf_str(out, is_needed ? "\"" : "");
	while (quoted_next(&s, &c)) {
		if (is_needed && needs_escape(c))
			buf_ch(out, '\\');
		buf_ch(out, c);
	}
	buf_str(out, is_needed ? "\"" : "");
}

/* RFC 5321 4.5.3.1.1 to 4.5.3.1.3, of what is stored. */
static int
lengths_check(const struct path *p)
{
	size_t local = local_length(p);
	if (local > PATH_LOCAL_MAX || p->domain.n > PATH_DOMAIN_MAX ||
	    local + p->domain.n + 3 > PATH_MAX_BYTES)
		return E_LIMIT;
	return idn_check(p->domain);
}

int
path_parse(struct span *in, struct path *out)
{
	struct span s = *in;
	*out = (struct path){.local = {"", 0}, .domain = {"", 0}};
	if (!s.n || s.p[0] != '<')
		return E_BAD;
	s = span_from(s, 1);
	if (s.n && s.p[0] == '>')
		out->is_null = true;
	else if (skip_route(&s) != E_OK || mailbox_parse(&s, out) != E_OK)
		return E_BAD;
	if (!s.n || s.p[0] != '>')
		return E_BAD;
	int err = lengths_check(out);
	if (err == E_OK)
		*in = span_from(s, 1);
	return err;
}

void
path_put(struct buf *out, const struct path *p)
{
	local_put(out, p);
	if (p->domain.n) {
		buf_ch(out, '@');
		buf_span(out, p->domain);
	}
}

int
helo_parse(struct span arg)
{
	if (arg.n == 0 || arg.n > HELO_MAX)
		return E_BAD;
	for (size_t i = 0; i < arg.n; i++)
		if (arg.p[i] <= ' ' || arg.p[i] > '~' ||
		    strchr("()<>@,;\\\"", arg.p[i]))
			return E_BAD;
	return E_OK;
}

static size_t
param_name(struct span s)
{
	size_t n = 0;
	while (n < s.n && (ch_alnum(s.p[n]) || (s.p[n] == '-' && n > 0)))
		n++;
	return n <= PARAM_NAME_MAX ? n : 0;
}

static size_t
param_value(struct span s)
{
	size_t n = 0;
	while (n < s.n && !ch_ctl(s.p[n]) && s.p[n] != ' ' && s.p[n] != '=')
		n++;
	return n;
}

int
param_next(struct span *in, struct param *out)
{
	struct span s = span_trim(*in);
	*out = (struct param){.value = {"", 0}};
	if (s.n == 0)
		return E_MORE;
	if (!ch_space(in->p[0]))
		return E_BAD;
	size_t n = param_name(s);
	if (n == 0)
		return E_BAD;
	out->name = span_head(s, n);
	s = span_from(s, n);
	if (s.n && s.p[0] == '=') {
		n = param_value(span_from(s, 1));
		if (n == 0)
			return E_BAD;
		out->has_value = true;
		out->value = span_head(span_from(s, 1), n);
		s = span_from(s, n + 1);
	}
	if (s.n && !ch_space(s.p[0]))
		return E_BAD;
	*in = s;
	return E_OK;
}

static int
take_size(const struct param *p, struct mail_params *out)
{
	int err = span_u64(p->value, UINT64_MAX - 1, &out->size_bytes);
	if (err == E_LIMIT)
		out->size_bytes = UINT64_MAX;
	return err == E_LIMIT ? E_OK : err;
}

static int
take_body(const struct param *p, struct mail_params *out)
{
	out->has_binarymime = span_ieqs(p->value, "BINARYMIME");
	out->has_8bitmime = out->has_binarymime || span_ieqs(p->value, "8BITMIME");
	return out->has_8bitmime || span_ieqs(p->value, "7BIT") ? E_OK : E_DENY;
}

static int
take_smtputf8(const struct param *p, struct mail_params *out)
{
	out->has_smtputf8 = !p->has_value;
	return p->has_value ? E_BAD : E_OK;
}

static int
take_requiretls(const struct param *p, struct mail_params *out)
{
	out->has_requiretls = !p->has_value;
	return p->has_value ? E_BAD : E_OK;
}

static int
take_auth(const struct param *p, struct mail_params *out)
{
	(void)out;
	return p->has_value ? E_OK : E_BAD;
}

static int
take_ret(const struct param *p, struct mail_params *out)
{
	return ret_parse(p->value, &out->ret);
}

static int
take_envid(const struct param *p, struct mail_params *out)
{
	out->envid = p->value;
	return envid_check(p->value);
}

/* RFC 4865 5: one to nine digits, the first of them not 0; either of both parameters. */
static int
take_holdfor(const struct param *p, struct mail_params *out)
{
	uint64_t sec;
	if (p->value.n == 0 || p->value.n > HOLDFOR_DIGITS_MAX ||
	    p->value.p[0] == '0' || out->hold_until_sec ||
	    span_u64(p->value, UINT64_MAX, &sec) != E_OK)
		return E_BAD;
	out->hold_for_sec = (int64_t)sec;
	return E_OK;
}

static int
take_holduntil(const struct param *p, struct mail_params *out)
{
	if (out->hold_for_sec)
		return E_BAD;
	return time3339_parse(p->value, &out->hold_until_sec);
}

static const struct {
	const char *name;
	int (*take)(const struct param *, struct mail_params *);
} mail_known[] = {
    {"SIZE", take_size},
    {"BODY", take_body},
    {"SMTPUTF8", take_smtputf8},
    {"REQUIRETLS", take_requiretls},
    {"AUTH", take_auth},
    {"RET", take_ret},
    {"ENVID", take_envid},
    {"HOLDFOR", take_holdfor},
    {"HOLDUNTIL", take_holduntil},
};

static int
mail_take(const struct param *p, unsigned *seen, struct mail_params *out)
{
	for (unsigned i = 0; i < COUNT(mail_known); i++) {
		if (!span_ieqs(p->name, mail_known[i].name))
			continue;
		if (*seen & (1u << i))
			return E_BAD;
		*seen |= 1u << i;
		return mail_known[i].take(p, out);
	}
	return E_DENY;
}

int
mail_params_parse(struct span in, struct mail_params *out)
{
	unsigned seen = 0;
	struct param p;
	int err;
	*out = (struct mail_params){.envid = {"", 0}};
	while ((err = param_next(&in, &p)) == E_OK)
		if ((err = mail_take(&p, &seen, out)) != E_OK)
			return err;
	return err == E_MORE ? E_OK : err;
}

static int
take_notify(const struct param *p, bool has_smtputf8, struct rcpt_params *out)
{
	(void)has_smtputf8;
	return notify_parse(p->value, &out->notify);
}

static int
take_orcpt(const struct param *p, bool has_smtputf8, struct rcpt_params *out)
{
	out->orcpt = p->value;
	return orcpt_check(p->value, has_smtputf8);
}

static const struct {
	const char *name;
	int (*take)(const struct param *, bool has_smtputf8, struct rcpt_params *);
} rcpt_known[] = {
    {"NOTIFY", take_notify},
    {"ORCPT", take_orcpt},
};

static int
rcpt_take(
    const struct param *p, bool has_smtputf8, unsigned *seen, struct rcpt_params *out)
{
	for (unsigned i = 0; i < COUNT(rcpt_known); i++) {
		if (!span_ieqs(p->name, rcpt_known[i].name))
			continue;
		if (*seen & (1u << i))
			return E_BAD;
		*seen |= 1u << i;
		return rcpt_known[i].take(p, has_smtputf8, out);
	}
	return E_DENY;
}

int
rcpt_params_parse(struct span in, bool has_smtputf8, struct rcpt_params *out)
{
	unsigned seen = 0;
	struct param p;
	int err;
	*out = (struct rcpt_params){.orcpt = {"", 0}};
	while ((err = param_next(&in, &p)) == E_OK)
		if ((err = rcpt_take(&p, has_smtputf8, &seen, out)) != E_OK)
			return err;
	return err == E_MORE ? E_OK : err;
}
