/* SPDX-License-Identifier: ISC */
/* delegate_text.c - what is said to a policy server, and what it answers. */
#include "smtpd/policy/delegate.h"

/* ---- questions ---- */

/* clang-format off */
#define ATTRIBUTE_NAME(name, text) text,
/* clang-format on */

static const char *const attributes[] = {DELEGATE_ATTRIBUTES(ATTRIBUTE_NAME)};

static void
put_value(struct buf *out, struct span value)
{
	value = span_head(value, DELEGATE_VALUE_MAX);
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\n' && value.p[i] != '\r' && value.p[i] != '\0')
			buf_ch(out, value.p[i]);
}

void
delegate_put(struct buf *out, const struct span *values)
{
	buf_str(out, "request=smtpd_access_policy\n");
	for (size_t i = 0; i < COUNT(attributes); i++) {
		buf_putf(out, "%s=", attributes[i]);
		put_value(out, values[i]);
		buf_ch(out, '\n');
	}
	buf_ch(out, '\n');
}

/* ---- answers ---- */

enum { NEEDS_TEXT = 1 };

/* clang-format off */
static const struct {
	const char *word;
	enum delegate_action action;
	unsigned code;
	const char *enhanced, *text; /* where it says none */
	unsigned flags;
} actions[] = {
	{"DUNNO",           DELEGATE_DUNNO,           0,   "", "", 0},
	{"OK",              DELEGATE_DUNNO,           0,   "", "", 0},
	{"PERMIT",          DELEGATE_DUNNO,           0,   "", "", 0},
	{"REJECT",          DELEGATE_REFUSE,          554, "5.7.1", "Access denied", 0},
	{"DEFER",           DELEGATE_REFUSE,          450, "4.7.1", "Try again later", 0},
	{"DEFER_IF_REJECT", DELEGATE_DUNNO,           0,   "", "", 0}, /* which nobody does for good, then */
	{"DEFER_IF_PERMIT", DELEGATE_DEFER_IF_PERMIT, 450, "4.7.1", "Try again later", 0},
	{"PREPEND",         DELEGATE_PREPEND,         0,   "", "", NEEDS_TEXT},
	{"HOLD",            DELEGATE_HOLD,            0,   "", "", 0},
	{"DISCARD",         DELEGATE_DISCARD,         0,   "", "", 0},
	{"WARN",            DELEGATE_UNKNOWN,         0,   "", "", 0},
	{"INFO",            DELEGATE_UNKNOWN,         0,   "", "", 0},
};

/* clang-format on */

/* "4.7.1", of the class of the code; what follows it is left in text */
static void
take_enhanced(struct delegate_answer *a)
{
	struct span rest = a->text, word = span_cut(&rest, ' ');
	unsigned dots = 0;
	if (word.n < 5 || word.p[0] != (char)('0' + a->code / 100) || word.p[1] != '.')
		return;
	for (size_t i = 0; i < word.n; i++) {
		if (word.p[i] != '.' && !ch_digit(word.p[i]))
			return;
		dots += word.p[i] == '.';
	}
	if (dots != 2)
		return;
	a->enhanced = word;
	a->text = span_trim(rest);
}

/* A reply of its own: "450 4.7.1 text" */
static bool
is_code(struct span word, unsigned *out)
{
	uint64_t code;
	if (word.n != 3 || span_u64(word, 599, &code) != E_OK || code < 400)
		return false;
	*out = (unsigned)code;
	return true;
}

static void
action_parse(struct span said, struct delegate_answer *out)
{
	out->text = span_trim(said);
	out->word = span_cut(&out->text, ' ');
	out->text = span_head(span_trim(out->text), DELEGATE_TEXT_MAX);
	out->action = DELEGATE_UNKNOWN;
	out->enhanced = span_head(out->text, 0);
	out->is_ok = span_ieqs(out->word, "OK") || span_ieqs(out->word, "PERMIT");
	if (is_code(out->word, &out->code)) {
		out->action = DELEGATE_REFUSE;
		take_enhanced(out);
		return;
	}
	for (size_t i = 0; i < COUNT(actions); i++) {
		if (!span_ieqs(out->word, actions[i].word) ||
		    ((actions[i].flags & NEEDS_TEXT) && !out->text.n))
			continue;
		out->action = actions[i].action;
		out->code = actions[i].code;
		if (out->code)
			take_enhanced(out);
		if (!out->enhanced.n)
			out->enhanced = span_of(actions[i].enhanced);
		if (!out->text.n)
			out->text = span_of(actions[i].text);
	}
}

int
delegate_parse(struct span *in, struct delegate_answer *out)
{
	struct span rest = span_head(*in, DELEGATE_ANSWER_MAX);
	bool has_action = false;
	*out = (struct delegate_answer){0};
	for (;;) {
		size_t end = span_find(rest, '\n');
		if (end == rest.n)
			return in->n > DELEGATE_ANSWER_MAX ? E_LIMIT : E_MORE;
		struct span value = span_head(rest, end);
		rest = span_from(rest, end + 1);
		if (value.n && value.p[value.n - 1] == '\r')
			value.n--;
		if (value.n == 0)
			break;
		if (!span_eqs(span_cut(&value, '='), "action"))
			continue;
		if (has_action)
			return E_BAD;
		has_action = true;
		action_parse(value, out);
	}
	if (!has_action)
		return E_BAD;
	*in = span_from(*in, (size_t)(rest.p - in->p));
	return E_OK;
}
