/* SPDX-License-Identifier: ISC */
/* imap_reply.c - responses of an IMAP server, token by token. */
#include "move/imap_reply.h"

#include <string.h>

#include "mime/date.h"
#include "store/store.h"

/* ---- tokens ---- */

/*
 * What ends an atom of any kind in a response.  ']' and '\' are left in: names of flags and
 * sections have them.
 */
static bool
is_atom_char(char ch)
{
	return !ch_ctl(ch) && ch != ' ' && ch != '(' && ch != ')' && ch != '{' &&
	       ch != '"';
}

static int
take_atom(struct span *in, struct span *out)
{
	size_t n = 0;
	while (n < in->n && is_atom_char(in->p[n]))
		n++;
	if (n == 0 || n > IMAP_REPLY_ATOM_MAX)
		return E_BAD;
	*out = span_head(*in, n);
	*in = span_from(*in, n);
	return E_OK;
}

static int
take_number(struct span *in, uint64_t max, uint64_t *out)
{
	size_t n = 0;
	while (n < in->n && ch_digit(in->p[n]))
		n++;
	if (span_u64(span_head(*in, n), max, out) != E_OK)
		return E_BAD;
	*in = span_from(*in, n);
	return E_OK;
}

static int
take_u32(struct span *in, uint32_t *out)
{
	uint64_t n;
	if (take_number(in, UINT32_MAX, &n) != E_OK)
		return E_BAD;
	*out = (uint32_t)n;
	return E_OK;
}

static int
take_quoted(struct span *in, struct arena *a, struct span *out)
{
	size_t i = 1;
	bool is_escaped = false;
	while (i < in->n && in->p[i] != '"') {
		if (in->p[i] == '\r' || in->p[i] == '\n')
			return E_BAD;
		is_escaped |= in->p[i] == '\\';
		i += in->p[i] == '\\' ? 2 : 1;
	}
	if (i >= in->n)
		return E_BAD;
	*out = span_make(in->p + 1, i - 1);
	*in = span_from(*in, i + 1);
	if (!is_escaped)
		return E_OK;
	char *copy = arena_get(a, out->n);
	size_t n = 0;
	for (size_t k = 0; copy && k < out->n; k++) {
		k += out->p[k] == '\\';
		copy[n++] = out->p[k];
	}
	*out = span_make(copy, n);
	return copy ? E_OK : E_BAD;
}

static int
take_literal(struct span *in, struct span *out)
{
	uint64_t n;
	struct span rest = span_from(*in, 1);
	if (take_number(&rest, SIZE_MAX, &n) != E_OK)
		return E_BAD;
	span_take(&rest, '+');
	if (!span_take(&rest, '}') || !span_take(&rest, '\r') ||
	    !span_take(&rest, '\n') || n > rest.n)
		return E_BAD;
	*out = span_head(rest, n);
	*in = span_from(rest, n);
	return E_OK;
}

/* string: quoted, literal, literal8 */
static int
take_string(struct span *in, struct arena *a, struct span *out)
{
	if (in->n && in->p[0] == '"')
		return take_quoted(in, a, out);
	if (in->n > 1 && in->p[0] == '~' && in->p[1] == '{')
		*in = span_from(*in, 1);
	return in->n && in->p[0] == '{' ? take_literal(in, out) : E_BAD;
}

static bool
take_nil(struct span *in)
{
	struct span rest = *in, atom;
	if (take_atom(&rest, &atom) != E_OK || !span_ieqs(atom, "NIL"))
		return false;
	*in = rest;
	return true;
}

static int
take_nstring(struct span *in, struct arena *a, struct span *out)
{
	*out = (struct span){NULL, 0};
	return take_nil(in) ? E_OK : take_string(in, a, out);
}

static int
take_astring(struct span *in, struct arena *a, struct span *out)
{
	bool is_string = in->n && (in->p[0] == '"' || in->p[0] == '{');
	return is_string ? take_string(in, a, out) : take_atom(in, out);
}

/* A value of any kind that we do not read. */
static int
pass_value(struct span *in, struct arena *a)
{
	struct span any;
	unsigned depth = 0;
	do {
		while (depth && span_take(in, ' '))
			continue;
		if (span_take(in, '(')) {
			if (++depth > IMAP_REPLY_DEPTH_MAX)
				return E_BAD;
		} else if (depth && span_take(in, ')')) {
			depth--;
		} else if (take_astring(in, a, &any) != E_OK) {
			return E_BAD;
		}
	} while (depth);
	return E_OK;
}

/* ---- the response ---- */

static const char *const statuses[] = {[IMAP_OK] = "OK",
    [IMAP_NO] = "NO",
    [IMAP_BAD] = "BAD",
    [IMAP_PREAUTH] = "PREAUTH",
    [IMAP_BYE] = "BYE"};

static bool
status_of(struct span word, enum imap_status *out)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (span_ieqs(word, statuses[i])) {
			*out = (enum imap_status)i;
			return true;
		}
	return false;
}

/* "[CODE args] text".  A bracket that is not closed is text: it is for people only. */
static void
read_text(struct span in, struct imap_reply *out)
{
	size_t end = in.n && in.p[0] == '[' ? span_find(in, ']') : in.n;
	if (end < in.n) {
		out->code = span_from(span_head(in, end), 1);
		in = span_from(in, end + 1);
		span_take(&in, ' ');
	}
	out->text = in;
}

static int
read_data(struct span in, struct span word, struct imap_reply *out)
{
	uint64_t n;
	out->kind = IMAP_DATA;
	if (ch_digit(word.p[0])) {
		if (span_u64(word, UINT32_MAX, &n) != E_OK ||
		    take_atom(&in, &word) != E_OK)
			return E_BAD;
		out->number = (uint32_t)n;
		out->has_number = true;
		span_take(&in, ' ');
	}
	out->word = word;
	out->rest = in;
	return E_OK;
}

int
imap_reply_parse(struct span text, struct imap_reply *out)
{
	struct span in = text, first, word;
	*out = (struct imap_reply){.kind = IMAP_STATUS};
	if (span_take(&in, '+')) {
		span_take(&in, ' ');
		out->kind = IMAP_CONTINUE;
		read_text(in, out);
		return E_OK;
	}
	if (take_atom(&in, &first) != E_OK || !span_take(&in, ' ') ||
	    take_atom(&in, &word) != E_OK)
		return E_BAD;
	bool is_more = span_take(&in, ' ');
	if (!is_more && in.n)
		return E_BAD;
	bool is_untagged = span_eqs(first, "*");
	if (!status_of(word, &out->status))
		return is_untagged ? read_data(in, word, out) : E_BAD;
	if (!is_untagged)
		out->tag = first;
	read_text(in, out);
	return E_OK;
}

bool
imap_reply_literal(struct span line, uint64_t *n)
{
	size_t at = span_rfind(line, '{');
	if (line.n < 3 || line.p[line.n - 1] != '}' || at >= line.n - 2)
		return false;
	struct span digits = span_make(line.p + at + 1, line.n - at - 2);
	if (digits.n > 1 && digits.p[digits.n - 1] == '+')
		digits.n--;
	for (size_t i = 0; i < digits.n; i++)
		if (!ch_digit(digits.p[i]))
			return false;
	if (span_u64(digits, INT64_MAX, n) != E_OK)
		*n = UINT64_MAX;
	return true;
}

bool
imap_code_is(struct span code, const char *name)
{
	return span_ieqs(span_cut(&code, ' '), name);
}

bool
imap_code_number(struct span code, const char *name, uint32_t *out)
{
	struct span word = span_cut(&code, ' ');
	return span_ieqs(word, name) && take_u32(&code, out) == E_OK && code.n == 0;
}

/* ---- CAPABILITY ---- */

unsigned
imap_capabilities(struct span words)
{
	static const struct {
		const char *word;
		unsigned bit;
	} all[] = {{"STARTTLS", IMAP_HAS_STARTTLS},
	    {"LOGINDISABLED", IMAP_HAS_LOGINDISABLED}, {"AUTH=PLAIN", IMAP_HAS_PLAIN},
	    {"SASL-IR", IMAP_HAS_SASL_IR}, {"NAMESPACE", IMAP_HAS_NAMESPACE},
	    {"SPECIAL-USE", IMAP_HAS_SPECIAL_USE}, {"LITERAL+", IMAP_HAS_LITERAL_PLUS},
	    {"LIST-EXTENDED", IMAP_HAS_LIST_EXTENDED},
	    {"IMAP4rev2", IMAP_HAS_NAMESPACE | IMAP_HAS_SPECIAL_USE | IMAP_HAS_SASL_IR |
			      IMAP_HAS_LIST_EXTENDED}};

	unsigned bits = 0;
	while (words.n) {
		struct span word = span_cut(&words, ' ');
		for (size_t i = 0; i < COUNT(all); i++)
			if (span_ieqs(word, all[i].word))
				bits |= all[i].bit;
	}
	return bits;
}

/* ---- LIST ---- */

static void
read_attribute(struct span a, struct imap_list *out)
{
	static const char *const uses[] = {"\\All", "\\Archive", "\\Drafts",
	    "\\Flagged", "\\Junk", "\\Sent", "\\Trash"};
	out->is_noselect |= span_ieqs(a, "\\Noselect") || span_ieqs(a, "\\NonExistent");
	out->is_subscribed |= span_ieqs(a, "\\Subscribed");
	for (size_t i = 0; i < COUNT(uses); i++)
		if (span_ieqs(a, uses[i]))
			out->special_use = uses[i];
}

static int
take_delimiter(struct span *in, struct arena *a, char *out)
{
	struct span s;
	if (take_nstring(in, a, &s) != E_OK || s.n > 1)
		return E_BAD;
	*out = s.n ? s.p[0] : '\0';
	return E_OK;
}

/* (\HasNoChildren) "/" name, and extended data that is passed over */
int
imap_list_parse(struct span rest, struct arena *a, struct imap_list *out)
{
	struct span word;
	*out = (struct imap_list){.special_use = ""};
	if (!span_take(&rest, '('))
		return E_BAD;
	while (!span_take(&rest, ')')) {
		if (take_atom(&rest, &word) != E_OK)
			return E_BAD;
		read_attribute(word, out);
		span_take(&rest, ' ');
	}
	if (!span_take(&rest, ' ') ||
	    take_delimiter(&rest, a, &out->delimiter) != E_OK ||
	    !span_take(&rest, ' ') || take_astring(&rest, a, &out->name) != E_OK)
		return E_BAD;
	if (span_take(&rest, ' ') && pass_value(&rest, a) != E_OK)
		return E_BAD;
	return rest.n == 0 ? E_OK : E_BAD;
}

int
imap_namespace_parse(
    struct span rest, struct arena *a, struct span *prefix, char *delimiter)
{
	*prefix = SPAN("");
	*delimiter = '\0';
	if (take_nil(&rest))
		return E_OK;
	if (!span_take(&rest, '(') || !span_take(&rest, '(') ||
	    take_string(&rest, a, prefix) != E_OK || !span_take(&rest, ' ') ||
	    take_delimiter(&rest, a, delimiter) != E_OK)
		return E_BAD;
	return E_OK; /* what else there is, are others' */
}

/* ---- FETCH ---- */

static uint32_t
flag_of(struct span name)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} all[] = {{"\\Seen", FLAG_SEEN}, {"\\Answered", FLAG_ANSWERED},
	    {"\\Flagged", FLAG_FLAGGED}, {"\\Deleted", FLAG_DELETED},
	    {"\\Draft", FLAG_DRAFT}};

	for (size_t i = 0; i < COUNT(all); i++)
		if (span_ieqs(name, all[i].name))
			return all[i].flag;
	return 0;
}

static int
take_flags(struct span *in, struct imap_flags *out)
{
	struct span name;
	*out = (struct imap_flags){.flags = 0};
	if (!span_take(in, '('))
		return E_BAD;
	while (!span_take(in, ')')) {
		if (take_atom(in, &name) != E_OK)
			return E_BAD;
		out->flags |= flag_of(name);
		if (name.p[0] != '\\' && out->n_keywords < IMAP_REPLY_KEYWORDS_MAX)
			out->keywords[out->n_keywords++] = name;
		span_take(in, ' ');
	}
	return E_OK;
}

static int
take_date(struct span *in, struct arena *a, int64_t *out)
{
	struct span text;
	struct date date;
	if (in->n == 0 || in->p[0] != '"' || take_quoted(in, a, &text) != E_OK ||
	    date_imap_parse(text, &date) != E_OK)
		return E_BAD;
	*out = date.unix_sec;
	return E_OK;
}

/* A section may have blanks, parentheses and strings in it: "BODY[HEADER.FIELDS (TO)]<0>". */
static int
take_item_name(struct span *in, struct span *out)
{
	struct span was = *in;
	if (take_atom(in, out) != E_OK)
		return E_BAD;
	if (span_find(*out, '[') < out->n && span_find(*out, ']') == out->n) {
		size_t end = span_find(was, ']');
		if (end == was.n || end > IMAP_REPLY_ATOM_MAX)
			return E_BAD;
		while (++end < was.n && was.p[end] != ' ')
			continue;
		*out = span_head(was, end);
		*in = span_from(was, end);
	}
	return E_OK;
}

static int
take_item(struct span *in, struct arena *a, struct imap_fetch *out)
{
	struct span name;
	int err;
	if (take_item_name(in, &name) != E_OK || !span_take(in, ' '))
		return E_BAD;
	if (span_ieqs(name, "UID")) {
		out->got |= IMAP_GOT_UID;
		err = take_u32(in, &out->uid);
	} else if (span_ieqs(name, "FLAGS")) {
		out->got |= IMAP_GOT_FLAGS;
		err = take_flags(in, &out->flags);
	} else if (span_ieqs(name, "INTERNALDATE")) {
		out->got |= IMAP_GOT_DATE;
		err = take_date(in, a, &out->date_sec);
	} else if (span_ieqs(name, "RFC822.SIZE")) {
		out->got |= IMAP_GOT_SIZE;
		err = take_number(in, INT64_MAX, &out->size_bytes);
	} else if (span_ieqs(name, "BODY[]")) {
		out->got |= IMAP_GOT_BODY;
		err = take_nstring(in, a, &out->body);
	} else if (span_ieqs(name, "BODY[HEADER]")) {
		out->got |= IMAP_GOT_HEAD;
		err = take_nstring(in, a, &out->head);
	} else {
		err = pass_value(in, a);
	}
	return err;
}

int
imap_fetch_parse(struct span rest, struct arena *a, struct imap_fetch *out)
{
	*out = (struct imap_fetch){.got = 0};
	if (!span_take(&rest, '('))
		return E_BAD;
	while (!span_take(&rest, ')')) {
		if (take_item(&rest, a, out) != E_OK)
			return E_BAD;
		span_take(&rest, ' ');
	}
	return rest.n == 0 ? E_OK : E_BAD;
}

/* ---- what a client says ---- */

bool
imap_quoted_put(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0' ||
		    ((unsigned char)s.p[i] & 0x80))
			return false;
	buf_ch(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_ch(out, '\\');
		buf_ch(out, s.p[i]);
	}
	buf_ch(out, '"');
	return true;
}
