/* SPDX-License-Identifier: ISC */
/* milter_packet.c - packets of the milter protocol. */
#include "smtpd/policy/milter_packet.h"

#include <arpa/inet.h>
#include <string.h>

enum { LENGTH_BYTES = 4, STAGE_BYTES = 4 };

/* ---- sent ---- */

static void
put_u32(struct buf *out, uint32_t n)
{
	buf_ch(out, (char)(n >> 24));
	buf_ch(out, (char)(n >> 16));
	buf_ch(out, (char)(n >> 8));
	buf_ch(out, (char)n);
}

/* Where it begins; packet_end writes its length when that is known. */
static size_t
packet_begin(struct buf *out, enum milter_command command)
{
	size_t at = out->len;
	put_u32(out, 0);
	buf_ch(out, (char)command);
	return at;
}

static void
packet_end(struct buf *out, size_t at)
{
	if (buf_done(out) == E_OK)
		buf_set_u32(out, at,
		    __builtin_bswap32((uint32_t)(out->len - at - LENGTH_BYTES)));
}

static void
put_string(struct buf *out, struct span s)
{
	while (s.n)
		buf_span(out, span_cut(&s, '\0'));
	buf_ch(out, '\0');
}

void
milter_put_options(struct buf *out)
{
	size_t at = packet_begin(out, MILTER_OPTIONS);
	put_u32(out, MILTER_VERSION);
	put_u32(out, MILTER_ACTIONS);
	put_u32(out, MILTER_PROTOCOL);
	packet_end(out, at);
}

static char
family_of(struct span address)
{
	char text[INET6_ADDRSTRLEN] = {0}, bytes[16];
	if (address.n >= sizeof text)
		return 'U';
	memcpy(text, address.p, address.n);
	return inet_pton(AF_INET, text, bytes) == 1    ? '4'
	       : inet_pton(AF_INET6, text, bytes) == 1 ? '6'
	                                               : 'U';
}

void
milter_put_connect(
    struct buf *out, struct span name, struct span address, uint16_t port)
{
	size_t at = packet_begin(out, MILTER_CONNECT);
	char family = family_of(address);
	put_string(out, name);
	buf_ch(out, family);
	if (family != 'U') {
		buf_ch(out, (char)(port >> 8));
		buf_ch(out, (char)port);
		put_string(out, address);
	}
	packet_end(out, at);
}

void
milter_put_strings(
    struct buf *out, enum milter_command command, const struct span *strings, size_t n)
{
	size_t at = packet_begin(out, command);
	for (size_t i = 0; i < n; i++)
		put_string(out, strings[i]);
	packet_end(out, at);
}

void
milter_put_address(struct buf *out, enum milter_command command, struct span address,
    struct span params)
{
	size_t at = packet_begin(out, command);
	buf_ch(out, '<');
	buf_span(out, address);
	buf_str(out, ">");
	buf_ch(out, '\0');
	while ((params = span_trim(params)).n)
		put_string(out, span_cut(&params, ' '));
	packet_end(out, at);
}

void
milter_put_header(struct buf *out, struct span name, struct span value, bool has_space)
{
	size_t at = packet_begin(out, MILTER_HEADER);
	if (!has_space)
		(void)span_take(&value, ' ');
	put_string(out, name);
	for (size_t i = 0; i < value.n; i++) {
		bool is_line_end =
		    value.p[i] == '\r' && i + 1 < value.n && value.p[i + 1] == '\n';
		if (!is_line_end && value.p[i] != '\0')
			buf_ch(out, value.p[i]);
	}
	buf_ch(out, '\0');
	packet_end(out, at);
}

void
milter_put_bytes(struct buf *out, enum milter_command command, struct span data)
{
	size_t at = packet_begin(out, command);
	buf_span(out, data);
	packet_end(out, at);
}

/* clang-format off */
#define MACRO_ROW(name, text, stages) {text, stages},

/* clang-format on */

static const struct {
	const char *name;
	unsigned stages;
} macros[] = {MILTER_MACROS(MACRO_ROW)};

/* "{mail_addr}" or "mail_addr": filters write both */
static bool
is_name_of(struct span s, const char *name)
{
	struct span n = span_of(name);
	if (n.n > 2 && n.p[0] == '{' && s.n && s.p[0] != '{')
		n = span_make(n.p + 1, n.n - 2);
	return span_eq(s, n);
}

static bool
is_wanted(struct span wanted, enum milter_stage stage, size_t macro)
{
	if (!wanted.p)
		return (macros[macro].stages & 1u << stage) != 0;
	while (wanted.n) {
		size_t n = 0;
		while (n < wanted.n && wanted.p[n] != ' ' && wanted.p[n] != ',')
			n++;
		if (is_name_of(span_head(wanted, n), macros[macro].name))
			return true;
		wanted = span_from(wanted, n < wanted.n ? n + 1 : n);
	}
	return false;
}

void
milter_put_macros(struct buf *out, enum milter_stage stage, struct span wanted,
    const struct span *values)
{
	static const char commands[] = {[MILTER_AT_CONNECT] = MILTER_CONNECT,
	    [MILTER_AT_HELO] = MILTER_HELO,
	    [MILTER_AT_MAIL] = MILTER_MAIL,
	    [MILTER_AT_RCPT] = MILTER_RCPT,
	    [MILTER_AT_DATA] = MILTER_DATA,
	    [MILTER_AT_END] = MILTER_END,
	    [MILTER_AT_HEADER_END] = MILTER_HEADER_END};
	size_t at = packet_begin(out, MILTER_MACRO), n = 0;
	buf_ch(out, commands[stage]);
	for (size_t i = 0; i < COUNT(macros); i++) {
		if (!values[i].n || !is_wanted(wanted, stage, i))
			continue;
		put_string(out, span_of(macros[i].name));
		put_string(out, values[i]);
		n++;
	}
	if (n)
		packet_end(out, at);
	else if (buf_done(out) == E_OK)
		buf_cut(out, at);
}

/* ---- received ---- */

static uint32_t
get_u32(struct span *s)
{
	const unsigned char *p = (const unsigned char *)s->p;
	uint32_t n =
	    (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*s = span_from(*s, 4);
	return n;
}

int
milter_packet_next(struct span *in, struct milter_packet *out)
{
	struct span s = *in;
	if (s.n < LENGTH_BYTES)
		return E_MORE;
	uint32_t n = get_u32(&s);
	if (n == 0)
		return E_BAD;
	if (n > MILTER_PACKET_MAX)
		return E_LIMIT;
	if (s.n < n)
		return E_MORE;
	*out = (struct milter_packet){
	    .kind = s.p[0], .data = span_from(span_head(s, n), 1)};
	*in = span_from(s, n);
	return E_OK;
}

/* One that ends in NUL.  E_OK, E_BAD */
static int
get_string(struct span *s, struct span *out)
{
	size_t n = span_find(*s, '\0');
	if (n == s->n)
		return E_BAD;
	*out = span_head(*s, n);
	*s = span_from(*s, n + 1);
	return E_OK;
}

static int
macros_parse(struct span s, struct milter_options *out)
{
	if (s.n > MILTER_MACROS_BYTES_MAX)
		return E_BAD;
	while (s.n) {
		struct span names;
		if (s.n < STAGE_BYTES)
			return E_BAD;
		uint32_t stage = get_u32(&s);
		if (stage >= MILTER_STAGES || get_string(&s, &names) != E_OK)
			return E_BAD;
		out->macros[stage] = names;
	}
	return E_OK;
}

int
milter_options_parse(const struct milter_packet *p, struct milter_options *out)
{
	struct span s = p->data;
	*out = (struct milter_options){0};
	if (p->kind != MILTER_OPTIONS || s.n < 12)
		return E_BAD;
	out->version = get_u32(&s);
	out->actions = get_u32(&s);
	out->protocol = get_u32(&s);
	if (out->version < MILTER_VERSION_LEAST || out->version > MILTER_VERSION ||
	    (out->actions & ~(uint32_t)MILTER_ACTIONS) ||
	    (out->protocol & ~(uint32_t)MILTER_PROTOCOL))
		return E_BAD;
	/* it may list macros without that it said so before */
	return s.n ? macros_parse(s, out) : E_OK;
}

/* An address, and parameters where the packet goes on. */
static int
address_parse(struct span s, bool has_params, struct milter_answered *out)
{
	int err = get_string(&s, &out->name);
	if (err == E_OK && has_params && s.n)
		err = get_string(&s, &out->value);
	return s.n || out->name.n > MILTER_ADDRESS_MAX ? E_BAD : err;
}

static int
field_parse(struct span s, bool has_index, struct milter_answered *out)
{
	if (has_index && s.n < 4)
		return E_BAD;
	if (has_index)
		out->index = get_u32(&s);
	int err = get_string(&s, &out->name);
	if (err == E_OK)
		err = get_string(&s, &out->value);
	return s.n || !out->name.n ? E_BAD : err;
}

static int
text_only(struct span s, struct milter_answered *out)
{
	int err = get_string(&s, &out->name);
	return s.n ? E_BAD : err;
}

int
milter_answer_parse(const struct milter_packet *p, struct milter_answered *out)
{
	*out = (struct milter_answered){
	    .kind = (enum milter_answer)p->kind, .name = {"", 0}, .value = {"", 0}};
	switch ((enum milter_answer)p->kind) {
	case MILTER_ACCEPT:
	case MILTER_CONTINUE:
	case MILTER_DISCARD:
	case MILTER_CONNECTION_FAIL:
	case MILTER_REJECT:
	case MILTER_SKIP:
	case MILTER_TEMPFAIL:
	case MILTER_SHUTDOWN:
	case MILTER_PROGRESS:
		return p->data.n ? E_BAD : E_OK;
	case MILTER_REPLY:
	case MILTER_QUARANTINE:
		return text_only(p->data, out);
	case MILTER_ADD_RCPT:
	case MILTER_DELETE_RCPT:
		return address_parse(p->data, false, out);
	case MILTER_ADD_RCPT_PARAMS:
	case MILTER_CHANGE_FROM:
		return address_parse(p->data, true, out);
	case MILTER_REPLACE_BODY:
		out->value = p->data;
		return E_OK;
	case MILTER_ADD_HEADER:
		return field_parse(p->data, false, out);
	case MILTER_INSERT_HEADER:
	case MILTER_CHANGE_HEADER:
		return field_parse(p->data, true, out);
	}
	return E_BAD;
}

uint32_t
milter_action_of(enum milter_answer kind)
{
	switch (kind) {
	case MILTER_ADD_HEADER:
	case MILTER_INSERT_HEADER:
		return MILTER_MAY_ADD_HEADERS;
	case MILTER_CHANGE_HEADER:
		return MILTER_MAY_CHANGE_HEADERS;
	case MILTER_REPLACE_BODY:
		return MILTER_MAY_CHANGE_BODY;
	case MILTER_ADD_RCPT:
		return MILTER_MAY_ADD_RCPT;
	case MILTER_ADD_RCPT_PARAMS:
		return MILTER_MAY_ADD_RCPT_PARAMS;
	case MILTER_DELETE_RCPT:
		return MILTER_MAY_DELETE_RCPT;
	case MILTER_CHANGE_FROM:
		return MILTER_MAY_CHANGE_FROM;
	case MILTER_QUARANTINE:
		return MILTER_MAY_QUARANTINE;
	default:
		return 0;
	}
}

/* ---- the text of a reply ---- */

/* Three digits, then a blank, a hyphen or the end. */
static int
code_parse(struct span *line, unsigned *out)
{
	uint64_t code;
	if (line->n < 3 || span_u64(span_head(*line, 3), 599, &code) != E_OK ||
	    code < 400 || (line->n > 3 && line->p[3] != ' ' && line->p[3] != '-'))
		return E_BAD;
	*out = (unsigned)code;
	*line = span_from(*line, line->n > 3 ? 4 : 3);
	return E_OK;
}

/* "5.7.1", of digits and two dots; empty when there is none */
static struct span
take_enhanced(struct span *line)
{
	struct span rest = *line, word = span_cut(&rest, ' ');
	unsigned dots = 0;
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] != '.' && !ch_digit(word.p[i]))
			return span_head(word, 0);
		dots += word.p[i] == '.';
	}
	if (word.n < 5 || dots != 2 || (word.p[0] != '4' && word.p[0] != '5'))
		return span_head(word, 0);
	*line = rest;
	return word;
}

/* Sendmail's filters double each "%". */
static void
put_text(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		buf_ch(out, s.p[i]);
		i += s.p[i] == '%' && i + 1 < s.n && s.p[i + 1] == '%';
	}
}

int
milter_text_parse(struct span text, struct milter_text *out)
{
	*out = (struct milter_text){.enhanced = {"", 0}};
	for (unsigned n = 0; n == 0 || text.n; n++) {
		struct span line = span_cut(&text, '\n');
		unsigned code;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (code_parse(&line, &code) != E_OK || (n && code != out->code)) {
			buf_free(&out->lines);
			return E_BAD;
		}
		struct span enhanced = take_enhanced(&line);
		if (n == 0)
			out->enhanced = enhanced;
		out->code = code;
		if (n < MILTER_REPLY_LINES_MAX) {
			buf_str(&out->lines, n ? "\n" : "");
			put_text(&out->lines, line);
		}
	}
	return E_OK;
}
